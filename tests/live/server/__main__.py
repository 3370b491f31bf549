"""Command line: `python -m tests.live.server start|stop|status|exec|supervise`.

`exec COMMAND ...` starts a server if needed and runs the command with DOCASSEMBLE_URL and
DOCASSEMBLE_API_KEY set. No command shows the key.
"""

import argparse
import os
import sys
from typing import NoReturn

from . import DEFAULT_VERSION, LiveServerUnavailable, ensure_running, stop
from .errors import ServiceError
from .lifecycle import get_status, supervise
from .paths import get_layout


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    description = (__doc__ or "").partition("\n\n")[2]
    parser = argparse.ArgumentParser(prog="python -m tests.live.server", description=description)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("start", "start the server if needed; build it the first time"),
        ("stop", "stop it (all versions by default)"),
        ("status", "show the status (of all versions by default)"),
        ("exec", "run a command with the server's address and key in its environment"),
        ("supervise", "run a built server in the foreground (used by start)"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--version", metavar="VERSION")
        if name == "exec":
            command.add_argument("program", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    options = parser.parse_args(arguments)
    try:
        if options.command == "exec":
            _exec(options.version, options.program or parser.error("exec needs a command"))
        return _COMMANDS[options.command](options.version)
    except (LiveServerUnavailable, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1


def _start(version: str | None) -> int:
    server = ensure_running(version or DEFAULT_VERSION)
    print(server.url)
    print(get_layout(server.version).state_file)
    return 0


def _exec(version: str | None, program: list[str]) -> NoReturn:
    server = ensure_running(version or DEFAULT_VERSION)
    variables = {"DOCASSEMBLE_URL": server.url, "DOCASSEMBLE_API_KEY": server.api_key}
    os.execvpe(program[0], program, {**os.environ, **variables})


def _stop(version: str | None) -> int:
    for name in stop(version):
        print(f"{name}: stopped")
    return 0


def _status(version: str | None) -> int:
    for name, text in get_status(version).items():
        print(f"{name}: {text}")
    return 0


def _supervise(version: str | None) -> int:
    supervise(version or DEFAULT_VERSION)
    return 0


_COMMANDS = {"start": _start, "stop": _stop, "status": _status, "supervise": _supervise}

if __name__ == "__main__":
    sys.exit(main())
