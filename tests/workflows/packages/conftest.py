"""The server of the tests of packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workflows.package_files import make_slow_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which installations and restarts take time."""
    return make_slow_server()
