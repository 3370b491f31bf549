"""pytest fixtures: an in-memory docassemble, and clients of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from docassemble_client.blocking import Docassemble
    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


@pytest.fixture
def fake_docassemble() -> FakeServer:
    """Create an in-memory docassemble without delays; see `FakeServer`."""
    # pytest imports this module in every run, so it must import fast.
    from docassemble_client.testing import FakeServer

    return FakeServer(page_size=10)


@pytest.fixture
def docassemble(fake_docassemble: FakeServer) -> AsyncDocassemble:
    """Create a client of `fake_docassemble` as its administrator; you need not close it."""
    return fake_docassemble.client(**_disable_delays())


@pytest.fixture
def blocking_docassemble(fake_docassemble: FakeServer) -> Docassemble:
    """Create a blocking client of `fake_docassemble`, as `docassemble` does."""
    return fake_docassemble.blocking_client(**_disable_delays())


def _disable_delays() -> dict[str, Any]:
    """Return options of a client that polls and retries without delay."""
    from docassemble_client.config import PollPolicy, RetryPolicy

    return {"poll": PollPolicy(interval=0.0), "retry": RetryPolicy(initial_delay=0.0)}
