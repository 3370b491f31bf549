"""How a fake server is set up to be like the one whose answers were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

WORLDS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("worlds.yaml").read_text(encoding="utf-8")
)


def set_up(fake: FakeServer, recording: str = "", exchange: int = 0) -> None:
    """
    Set a fake server up as the real one was.

    Args:
        fake: The server.
        recording: Name of the recording's file; none for what all have in common.
        exchange: Before which exchange of it.
    """
    for world in WORLDS:
        if recording.startswith(world["recordings"]) and world.get("before", 0) == exchange:
            fake.config.update(world.get("config", {}))
            for interview in world.get("interviews", ()):
                fake.add_interview(**interview)
            for email in world.get("two factor", ()):
                account = fake._world.people.by_email(email)
                assert account is not None
                account.two_factor = True
