"""Test options (`pytest --http httpx2`), settings of property tests, and the clock of tests."""

from __future__ import annotations

import gc
import signal
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from docassemble_client import AsyncDocassemble
from tests.clock import IdleClockLoop, VirtualClockLoop

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping

LIBRARIES = ("httpx", "httpx2", "aiohttp")

# The same examples in each run, no deadline, and no database of failures.
settings.register_profile("tests", derandomize=True, deadline=None, database=None)
settings.register_profile("few", settings.get_profile("tests"), max_examples=20)
settings.load_profile("tests")
# A shell starts jobs in the background with Ctrl+C ignored, and programs of the tests inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# httpcore tries to import it for each lock, and a failing import is slow under pytest.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # makes the import fail immediately


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--http", choices=LIBRARIES, default="httpx", help="the transport of clients in tests"
    )


def pytest_collection_finish() -> None:
    """Exclude what all tests share from garbage collection; to visit it takes most of the time."""
    gc.collect()
    gc.freeze()


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Run async tests on a virtual clock; those marked `sockets` wait for their sockets."""
    # aiohttp has no transport to mock: its tests use a local server.
    uses_aiohttp = item.config.getoption("--http") == "aiohttp"
    has_sockets = uses_aiohttp or item.get_closest_marker("sockets") is not None
    return {"sockets": IdleClockLoop} if has_sockets else {"virtual": VirtualClockLoop}


@pytest.fixture(scope="session")
def http(pytestconfig: pytest.Config) -> str:
    """Name of the HTTP library of clients that do not choose one."""
    return str(pytestconfig.getoption("--http"))


@pytest.fixture(autouse=True)
def default_transport(http: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    """Make that library the default in the signature of the constructor."""
    defaults = AsyncDocassemble.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "transport", http)
    return defaults


@pytest.fixture(autouse=True)
def default_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `asyncio.run` use a clock on which no timeout expires because the machine is busy."""
    monkeypatch.setattr("asyncio.events.new_event_loop", IdleClockLoop)
