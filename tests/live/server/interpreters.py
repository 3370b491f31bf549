"""Finding a Python that can run the server, which needs a newer one than this client does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import uv

from .errors import LiveServerUnavailable

_OLDEST = (3, 12)
_PREFERRED = ((3, 12), (3, 13), (3, 14))
_QUESTION = (
    "import os, sys; print(*sys.version_info[:2], "
    "os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable), sep='\\n')"
)


def find_python() -> Path:
    """Return the interpreter that suits the server best.

    Every candidate is really run, because a name on PATH proves nothing: a pyenv shim exists for
    every version that pyenv knows, and fails for those that are not activated.

    Raises:
        LiveServerUnavailable: No Python of at least 3.12 was found.
    """
    found: dict[tuple[int, int], Path] = {}
    tried: list[str] = []
    for candidate in _candidates():
        answer = _version_of(candidate)
        tried.append(f"{candidate} ({'.'.join(map(str, answer[0])) if answer else 'does not run'})")
        if answer and answer[0] >= _OLDEST:
            found.setdefault(*answer)
            if answer[0] == _PREFERRED[0]:
                break
    for version in (*_PREFERRED, *sorted(found)):
        if version in found:
            return found[version]
    message = (
        "The live docassemble server needs Python 3.12 or newer, and none was found on this "
        f"machine. Tried: {', '.join(tried)}; and `uv python find`. Install one (for example "
        "`uv python install 3.12`, or the package python3.12 of the system) and start again; the "
        "live tests are the only ones that need it."
    )
    raise LiveServerUnavailable(message)


def _candidates() -> Iterator[str]:
    yield sys.executable
    names = [f"python{major}.{minor}" for major, minor in _PREFERRED]
    for name in (*names, "python3"):
        path = shutil.which(name)
        if path:
            yield path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(path) for path in sorted(pyenv.glob("versions/*/bin/python")))
    for name in names:
        answer = subprocess.run(
            [uv.find_uv_bin(), "python", "find", "--no-project", name.removeprefix("python")],
            # Tests do not install software behind the user's back.
            env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode == 0:
            yield answer.stdout.strip()


def _version_of(python: str) -> tuple[tuple[int, int], Path] | None:
    try:
        # -I: neither the current folder nor PYTHON* variables may change the answer.
        answer = subprocess.run(
            [python, "-I", "-c", _QUESTION], capture_output=True, text=True, timeout=20, check=True
        ).stdout.splitlines()
        return (int(answer[0]), int(answer[1])), Path(answer[2])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
