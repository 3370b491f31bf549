"""Interviews in YAML that the fake server runs, refuses as a real server does, or cannot run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_INTERVIEWS: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
)
SUPPORTED: dict[str, str] = _INTERVIEWS["supported"]
REFUSED_BY_DOCASSEMBLE: dict[str, str] = _INTERVIEWS["refused_by_docassemble"]
# Text of the interview, the part that is refused, and its line.
UNSUPPORTED: list[tuple[str, str, int]] = [
    (item["text"], item["part"], item["line"]) for item in _INTERVIEWS["unsupported"]
]
