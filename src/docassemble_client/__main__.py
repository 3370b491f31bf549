"""Runs the command line: `python -m docassemble_client` is the same as `dactl`."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

_LIBRARIES = ("cyclopts", "rich", "yaml")  # the extra `cli`
_STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}


def main() -> int:
    """
    Run the command of the process's arguments.

    Returns:
        The exit code.
    """
    for name, mode in _STREAMS.items():
        if getattr(sys, name) is None:  # closed by the caller, as in `dactl doctor 2>&-`
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - kept open
            setattr(sys, name, stream)
    if any(find_spec(library) is None for library in _LIBRARIES):
        command = 'pip install "docassemble-client[cli]"'
        sys.stderr.write(f"dactl needs libraries that are not installed. Run: {command}\n")
        return 2
    try:
        from docassemble_client.cli.app import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while the modules are loaded
        return 130


if __name__ == "__main__":
    sys.exit(main())
