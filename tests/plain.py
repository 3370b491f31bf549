"""Typed values turned back into what the server sent."""

from __future__ import annotations

from typing import Any

import attrs

from docassemble_client import Confidential, Page, Secret


def plain(value: Any) -> Any:
    """What the server must have sent for this value; absent keys are left out again."""
    if attrs.has(type(value)) and not isinstance(value, (Page, Secret)):
        found: dict[str, Any] = {}
        for field in attrs.fields(type(value)):
            one = getattr(value, field.name)
            absent = field.default is not attrs.NOTHING and one == field.default
            if field.name == "extra":
                found.update(one)
            elif not absent:
                found[field.metadata.get("wire", field.name)] = plain(one)
        return found
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, (Confidential, dict)):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value
