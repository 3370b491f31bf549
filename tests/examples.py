"""The examples of the specification, as arguments of calls."""

from __future__ import annotations

from typing import Any

from docassemble_client import Upload


def argument(value: Any) -> Any:
    """Turn the specification's way to write a file into one."""
    if isinstance(value, dict) and set(value) == {"filename", "content"}:
        return Upload(value["content"].encode(), value["filename"])
    if isinstance(value, dict):
        return {name: argument(one) for name, one in value.items()}
    return [argument(one) for one in value] if isinstance(value, list) else value
