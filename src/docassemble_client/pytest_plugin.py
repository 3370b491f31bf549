"""Fixtures of pytest: a docassemble in memory, and a client on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


@pytest.fixture
def fake_docassemble() -> FakeServer:
    """A new docassemble in memory, in which nothing takes time; see `FakeServer`."""
    # Not on the import path: pytest imports this module in every run.
    from docassemble_client.testing import FakeServer  # noqa: PLC0415

    return FakeServer(page_size=10)


@pytest.fixture
def docassemble(fake_docassemble: FakeServer) -> AsyncDocassemble:
    """A client of `fake_docassemble`, as its administrator; there is nothing to close."""
    from docassemble_client.config import RetryPolicy  # noqa: PLC0415
    from docassemble_client.tasks import PollPolicy  # noqa: PLC0415

    return fake_docassemble.client(poll=PollPolicy(interval=0.0), retry=RetryPolicy(initial_delay=0.0))
