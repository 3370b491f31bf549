"""A real docassemble server on this machine, for the live tests.

Without Docker and without root: everything comes from the package index that is configured on the
machine, is kept in a cache outside the checkout, and listens on the loopback interface only.

    from tests.live.server import ensure_running

    server = ensure_running()      # seconds if it is built, a minute or two the first time
    server.url, server.api_key

It needs Linux or macOS and, for the server itself, some Python from 3.12 on. Two variables change
it: DOCASSEMBLE_LIVE_CACHE is the folder of the cache (default ~/.cache/docassemble-client/live),
and DOCASSEMBLE_LIVE_WORKERS the number of web processes (default 1; the second one shows what a
client must expect of a bigger server, such as a restart that is over for one of them only).
"""

from .errors import LiveServerUnavailable
from .lifecycle import LiveServer, ensure_running, stop
from .paths import DEFAULT_VERSION

__all__ = ["DEFAULT_VERSION", "LiveServer", "LiveServerUnavailable", "ensure_running", "stop"]
