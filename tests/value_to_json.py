"""Converts typed values back to the JSON that the server sent."""

from __future__ import annotations

from typing import Any

import attrs

from docassemble_client import Confidential, Secret


def unstructure(value: Any) -> Any:
    """Convert a value to the JSON that the server sent; absent keys are left out."""
    if attrs.has(type(value)) and not isinstance(value, Secret):
        data: dict[str, Any] = {}
        for field in attrs.fields(type(value)):
            attribute = getattr(value, field.name)
            is_absent = field.default is not attrs.NOTHING and attribute == field.default
            if field.name == "extra":
                data.update(attribute)
            elif not is_absent:
                data[field.metadata.get("wire", field.name)] = unstructure(attribute)
        return data
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, (Confidential, dict)):
        return {name: unstructure(item) for name, item in value.items()}
    return [unstructure(item) for item in value] if isinstance(value, list) else value
