"""Runs a real docassemble server on this machine, for the live tests.

It needs neither Docker nor root. Everything is installed from the configured package index, stored
in a cache outside of the checkout, and listens on the loopback interface only.

    from tests.live.server import ensure_running

    server = ensure_running()      # takes seconds; the first time a minute or two
    server.url, server.api_key

It needs Linux or macOS, and Python 3.12 or newer for the server itself. Two environment variables:

DOCASSEMBLE_LIVE_CACHE: Folder of the cache; by default ~/.cache/docassemble-client/live.
DOCASSEMBLE_LIVE_WORKERS: Number of web processes; by default 1. With 2, one process may have
    restarted while the other has not, as on larger servers.
"""

from .errors import LiveServerUnavailable
from .lifecycle import LiveServer, ensure_running, stop
from .paths import DEFAULT_VERSION

__all__ = ["DEFAULT_VERSION", "LiveServer", "LiveServerUnavailable", "ensure_running", "stop"]
