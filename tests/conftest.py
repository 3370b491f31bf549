"""Which HTTP library the tests run on: `pytest --http httpx2`; how properties are tested."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from docassemble_client import AsyncDocassemble
from tests.clock import Loop

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARIES = ("httpx", "httpx2", "aiohttp")

# The same examples each time, however slow the machine is, and no folder for found ones.
settings.register_profile("tests", derandomize=True, deadline=None, database=None)
settings.register_profile("few", settings.get_profile("tests"), max_examples=20)
settings.load_profile("tests")
# httpcore looks for it with every lock, and each time in vain takes long under pytest.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # so that it is not looked for


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--http", choices=LIBRARIES, default="httpx", help="the transport of clients in tests"
    )


@pytest.fixture(scope="session")
def http(pytestconfig: pytest.Config) -> str:
    """Name the library that clients use where a test says nothing else."""
    return str(pytestconfig.getoption("--http"))


@pytest.fixture(autouse=True)
def default_transport(http: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    """Make it the default of the constructor, as it stands in the signature."""
    defaults = AsyncDocassemble.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "transport", http)
    return defaults


@pytest.fixture(autouse=True)
def default_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no limit expire in asyncio.run because the machine is busy."""
    monkeypatch.setattr("asyncio.events.new_event_loop", Loop)
