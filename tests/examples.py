"""Converts examples of the specification to arguments of calls."""

from __future__ import annotations

from typing import Any

from docassemble_client import Upload


def build_argument(value: Any) -> Any:
    """Convert an example value; `{filename, content}` becomes an upload."""
    if isinstance(value, dict) and set(value) == {"filename", "content"}:
        return Upload(value["content"].encode(), value["filename"])
    if isinstance(value, dict):
        return {name: build_argument(item) for name, item in value.items()}
    return [build_argument(item) for item in value] if isinstance(value, list) else value
