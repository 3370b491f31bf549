"""The scratch folder: databases and uploads of one run.

PostgreSQL does not run as root, so for root it runs under another account. That account cannot read
the home folder of root, where the cache usually is. The data, and for root a copy of PostgreSQL's
programs, are therefore in a new folder below the system's temporary folder. The folder can be
deleted at any time: the next start copies the template again.
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
_MAX_PARENT_LENGTH = 53  # bytes; the path of a socket must be shorter than about 100


@dataclass(frozen=True)
class Account:
    """The account of PostgreSQL, instead of root."""

    user: int
    group: int


def find_database_account() -> Account | None:
    """Return the account for PostgreSQL; None for the current account.

    Raises:
        LiveServerUnavailable: The current user is root, and no other account was found.
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
        "The live docassemble server cannot be started as root: PostgreSQL does not run as root, "
        f"and the accounts {' and '.join(_ACCOUNTS)} do not exist. Start it as another user."
    )
    raise LiveServerUnavailable(message)


def make_scratch() -> Path:
    """Create a new scratch folder.

    Raises:
        LiveServerUnavailable: The system's temporary folder is not suitable.
    """
    parent = Path(tempfile.gettempdir())
    is_enterable = os.geteuid() != 0 or _is_enterable(parent.resolve())
    if len(os.fsencode(parent)) > _MAX_PARENT_LENGTH or not is_enterable:
        message = (
            f"The live docassemble server cannot keep its databases below {parent}: the path must "
            "be short and, for root, accessible to all users, because PostgreSQL uses another "
            "account. Set TMPDIR to such a folder."
        )
        raise LiveServerUnavailable(message)
    scratch = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    if os.geteuid() == 0:
        # The account of PostgreSQL must be able to enter the folder, but not to list it.
        scratch.chmod(0o711)
    return scratch


def remove_scratch(scratch: Path) -> None:
    """Remove a scratch folder; ignore folders with other names."""
    if scratch.name.startswith(_PREFIX):
        shutil.rmtree(scratch, ignore_errors=True)


def change_owner(folder: Path, account: Account | None) -> None:
    """Change the owner of a folder and its contents."""
    if account is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.user, account.group, follow_symlinks=False)


def _is_enterable(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))
