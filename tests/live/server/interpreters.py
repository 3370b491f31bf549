"""Finds a Python for the server, which needs a newer version than the client."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import uv

from .errors import LiveServerUnavailable

_MIN_VERSION = (3, 12)
_PREFERRED_VERSIONS = ((3, 12), (3, 13), (3, 14))
_VERSION_PROGRAM = (
    "import os, sys; print(*sys.version_info[:2], "
    "os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable), sep='\\n')"
)


def find_python() -> Path:
    """Find the most suitable interpreter for the server.

    Every candidate is run, because a name on PATH proves nothing: pyenv has shims for all its
    versions, and those of inactive versions fail.

    Raises:
        LiveServerUnavailable: No Python 3.12 or newer was found.
    """
    paths: dict[tuple[int, int], Path] = {}
    tried: list[str] = []
    for candidate in _find_candidates():
        result = _get_version(candidate)
        tried.append(f"{candidate} ({'.'.join(map(str, result[0])) if result else 'does not run'})")
        if result and result[0] >= _MIN_VERSION:
            paths.setdefault(*result)
            if result[0] == _PREFERRED_VERSIONS[0]:
                break
    for version in (*_PREFERRED_VERSIONS, *sorted(paths)):
        if version in paths:
            return paths[version]
    message = (
        "The live docassemble server needs Python 3.12 or newer, which was not found. "
        f"Tried: {', '.join(tried)}; and `uv python find`. Install it (for example with "
        "`uv python install 3.12`, or the system's package python3.12) and start again. Only the "
        "live tests need it."
    )
    raise LiveServerUnavailable(message)


def _find_candidates() -> Iterator[str]:
    yield sys.executable
    names = [f"python{major}.{minor}" for major, minor in _PREFERRED_VERSIONS]
    for name in (*names, "python3"):
        path = shutil.which(name)
        if path:
            yield path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(path) for path in sorted(pyenv.glob("versions/*/bin/python")))
    for name in names:
        process = subprocess.run(
            [uv.find_uv_bin(), "python", "find", "--no-project", name.removeprefix("python")],
            # Tests do not install software without asking.
            env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode == 0:
            yield process.stdout.strip()


def _get_version(python: str) -> tuple[tuple[int, int], Path] | None:
    try:
        # -I ignores the current folder and PYTHON* variables.
        lines = subprocess.run(
            [python, "-I", "-c", _VERSION_PROGRAM],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout.splitlines()
        return (int(lines[0]), int(lines[1])), Path(lines[2])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
