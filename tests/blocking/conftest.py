"""A blocking client of a fake server; and its library: aiohttp, which has none, becomes httpx."""

from __future__ import annotations

from importlib import import_module

import pytest

from docassemble_client import Docassemble, PollPolicy
from docassemble_client.testing import FakeDocument, FakeServer, ScriptedScreen

LETTER = "docassemble.demo:data/questions/letter.yml"


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> str:
    """Name of an HTTP library, which is loaded already: that takes a part of short limits."""
    return import_module(str(request.param)).__name__


@pytest.fixture(autouse=True)
def default_blocking_transport(http: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Make the library of the test run the default of the constructor."""
    defaults = Docassemble.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "transport", "httpx" if http == "aiohttp" else http)
    return defaults


@pytest.fixture
def fake() -> FakeServer:
    """A server with an interview that makes a document."""
    fake = FakeServer(page_size=2)
    fake.add_interview(
        LETTER,
        ScriptedScreen("Name?", ["name"]),
        final=lambda _: ScriptedScreen(
            "Done", documents=[FakeDocument("letter", {"pdf": b"%PDF-"})]
        ),
    )
    return fake


@pytest.fixture
def da(fake: FakeServer) -> Docassemble:
    """A client that polls without delays."""
    return fake.blocking_client(poll=PollPolicy(interval=0))
