"""Removes secrets from URLs and arguments. An allow-list decides what may be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from docassemble_client._types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.operation import Operation

_MASK = "***"
# Values of these types cannot contain a secret; any text can.
_HARMLESS_TYPES = frozenset({"int", "float", "bool"})


def redact_url(url: str) -> str:
    """Remove the user, query and fragment of a URL; return "" if the URL is not valid."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme and not parts.netloc:  # such as mailto:, or http:user@host
        return f"{parts.scheme}:"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def redact_arguments(
    operation: Operation[Any], arguments: Mapping[str, object]
) -> dict[str, object]:
    """Return the names of the passed arguments; mask values that may be secret."""
    shown: dict[str, object] = {}
    for param in operation.params:
        value = arguments.get(param.name)
        if value is None or value is UNSET:
            continue
        is_harmless = (
            param.kind in _HARMLESS_TYPES
            and not param.sensitive
            and isinstance(value, (int, float))
        )
        shown[param.name] = value if is_harmless else _MASK
    return shown
