"""Prepares docs/guide/client.md: the profiles of its TOML block."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docassemble_client._profiles import get_config_path

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

_PAGE = Path(__file__).parents[2] / "docs/guide/client.md"


def prepare_server(_: FakeServer) -> None:
    """Write the file with the profiles."""
    text = _PAGE.read_text(encoding="utf-8")
    get_config_path().parent.mkdir(exist_ok=True)
    get_config_path().write_text(text.partition("```toml\n")[2].partition("```")[0])
    get_config_path().chmod(0o600)
