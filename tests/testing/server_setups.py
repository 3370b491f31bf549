"""Configures a fake server like the real server that was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

SETUPS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("server_setups.yaml").read_text(encoding="utf-8")
)


def set_up_server(fake: FakeServer, recording: str = "", exchange: int = 0) -> None:
    """
    Configure a fake server.

    Args:
        fake: The server.
        recording: Name of the recording's file; the common setup by default.
        exchange: Index of the next exchange in the recording.
    """
    for setup in SETUPS:
        if recording.startswith(setup["recordings"]) and setup.get("before", 0) == exchange:
            fake.config.update(setup.get("config", {}))
            for interview in setup.get("interviews", ()):
                fake.add_interview(**interview)
            for email in setup.get("two factor", ()):
                account = fake._state.users.find_by_email(email)
                assert account is not None
                account.two_factor = True
