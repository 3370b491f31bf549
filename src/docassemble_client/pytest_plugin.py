"""pytest fixtures: an in-memory docassemble, and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
    from docassemble_client.config import PollPolicy, RetryPolicy

    return fake_docassemble.client(
        poll=PollPolicy(interval=0.0), retry=RetryPolicy(initial_delay=0.0)
    )
