"""The scratch folder: databases and uploads of one run, where PostgreSQL can get at them.

PostgreSQL refuses to run as root, so as root it runs under another account. That account cannot
look below the home folder of root (mode 0700), where the cache usually is. Opening that folder to
everybody is not for a test harness to do; so the data, and as root a copy of PostgreSQL's programs,
live in a folder of their own below the system's temporary folder. It holds nothing of value: the
next start makes a fresh copy of the template.
"""

import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import LiveServerUnavailable

_PREFIX = "docassemble-live-"
_ACCOUNTS = ("postgres", "nobody")
_LONGEST = 53  # characters of the parent, as the path of a socket must stay below about 100


@dataclass(frozen=True)
class Account:
    """The account that PostgreSQL runs under instead of root."""

    user: int
    group: int


def database_account() -> Account | None:
    """Return the account for PostgreSQL, or None to run it under our own.

    Raises:
        LiveServerUnavailable: We are root, and there is no ordinary account to switch to.
    """
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    message = (
        "The live docassemble server cannot be started as root, because PostgreSQL refuses to run "
        f"as root and this machine has none of the accounts {', '.join(_ACCOUNTS)} to switch to. "
        "Start it as an ordinary user."
    )
    raise LiveServerUnavailable(message)


def make_scratch() -> Path:
    """Make a new scratch folder.

    Raises:
        LiveServerUnavailable: The system's temporary folder will not do.
    """
    parent = Path(tempfile.gettempdir())
    is_open = os.geteuid() != 0 or _is_open(parent.resolve())
    if len(os.fsencode(parent)) > _LONGEST or not is_open:
        message = (
            f"The live docassemble server cannot keep its databases below {parent}: the path must "
            "be short, and as root every user must be able to enter it, because PostgreSQL runs "
            "under another account then. Set TMPDIR to such a folder."
        )
        raise LiveServerUnavailable(message)
    scratch = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    if os.geteuid() == 0:
        # The account of PostgreSQL must get through to its data, but need not list it.
        scratch.chmod(0o711)
    return scratch


def remove_scratch(scratch: Path) -> None:
    """Remove a scratch folder; anything that does not look like one is left alone."""
    if scratch.name.startswith(_PREFIX):
        shutil.rmtree(scratch, ignore_errors=True)


def give_to(folder: Path, account: Account | None) -> None:
    """Make an account the owner of a folder and of all that is in it."""
    if account is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.user, account.group, follow_symlinks=False)


def _is_open(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
