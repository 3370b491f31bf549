"""Serve a fake server: `python -m docassemble_client.testing --port 8000`."""

from __future__ import annotations

import argparse
import socket
from typing import TYPE_CHECKING, get_args

import uvicorn

from docassemble_client._environment import KEY_VARIABLE, URL_VARIABLE
from docassemble_client.testing._server.request_handler import Outage
from docassemble_client.testing.server import LATEST_VERSION, FakeServer

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Serve until interrupted.

    Args:
        arguments: Command-line arguments; those of the process by default.
    """
    parser = argparse.ArgumentParser(
        prog="python -m docassemble_client.testing",
        description="Serve an in-memory docassemble. All data is lost when it stops. "
        "Playground interviews run as Python code, so do not expose it to untrusted users.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8000, help="port; 0 for a free port (default: %(default)s)"
    )
    parser.add_argument(
        "--version",
        default=LATEST_VERSION,
        help="simulated version of docassemble (default: %(default)s)",
    )
    parser.add_argument(
        "--restart-seconds",
        type=float,
        default=3.0,
        help="duration of a restart (default: %(default)s)",
    )
    parser.add_argument(
        "--install-seconds",
        type=float,
        default=3.0,
        help="duration of a package installation (default: %(default)s)",
    )
    parser.add_argument(
        "--outage",
        choices=get_args(Outage),
        default="waiting",
        help="what happens to requests during a restart: they wait, get a page with status 503, "
        "or their connection is refused or lost (default: %(default)s)",
    )
    parser.add_argument("--recordings", help="folder of recorded interviews to replay")
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= _MAX_PORT:
        parser.exit(2, f"the port must be a number from 0 to {_MAX_PORT}\n")
    port = options.port or _find_free_port(options.host)
    fake = FakeServer(
        version=options.version,
        url=f"http://{options.host}:{port}",
        restart_seconds=options.restart_seconds,
        install_seconds=options.install_seconds,
        outage=options.outage,
    )
    if options.recordings:
        fake.add_recordings(options.recordings)
    print(f"export {URL_VARIABLE}={fake.url} {KEY_VARIABLE}={fake.api_key}", flush=True)
    uvicorn.run(
        fake.asgi,
        host=options.host,
        port=port,
        log_level="warning",
        server_header=False,  # the responses have their own
        date_header=False,
    )


def _find_free_port(host: str) -> int:
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    main()
