"""Runs the command line: `python -m docassemble_client` is the same as `dactl`."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_LIBRARIES = ("cyclopts", "rich", "yaml")  # the extra `cli`


def main() -> int:
    """
    Run the command of the process's arguments.

    Returns:
        The exit code.
    """
    if any(find_spec(library) is None for library in _LIBRARIES):
        command = 'pip install "docassemble-client[cli]"'
        sys.stderr.write(f"dactl needs libraries that are not installed. Run: {command}\n")
        return 2
    from docassemble_client.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
