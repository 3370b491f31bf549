"""The library of the blocking clients; aiohttp, which has none, is replaced by httpx."""

from __future__ import annotations

from importlib import import_module

import pytest

from docassemble_client import Docassemble


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
