"""Servers with scripted outcomes, and calls of a client to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.mock import MockServer
from tests.raw_server import USER

if TYPE_CHECKING:
    from tests.mock import MockResponse

GOOD_USER: MockResponse = (200, json.loads(USER))


def make_server(*outcomes: MockResponse) -> MockServer:
    """Create a server with these outcomes; the last one remains."""
    remaining = list(outcomes)
    return MockServer(lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0])
