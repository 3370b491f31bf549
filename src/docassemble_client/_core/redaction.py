"""What may be shown of a call: an allow-list, so that nothing new leaks by itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from docassemble_client._types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.operation import Operation

_MASK = "***"
WIRE_LOGS = (
    *(f"{one}.{log}" for one in ("httpcore", "httpcore2") for log in ("http11", "http2", "socks")),
    "hpack.hpack",
    "hpack.table",
)
# Values of these kinds cannot hold a secret; texts can, whatever their name.
_SHOWN = frozenset({"int", "float", "bool"})


def scrub_url(url: str) -> str:
    """Drop what may hold a secret from a URL: user, query and fragment; all, if it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme and not parts.netloc:  # such as mailto:, or http:user@host
        return f"{parts.scheme}:"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def scrub_arguments(
    operation: Operation[Any], arguments: Mapping[str, object]
) -> dict[str, object]:
    """Names of the arguments given, with the values of those kinds that cannot be secret."""
    shown: dict[str, object] = {}
    for param in operation.params:
        value = arguments.get(param.name)
        if value is None or value is UNSET:
            continue
        harmless = param.kind in _SHOWN and not param.sensitive and isinstance(value, (int, float))
        shown[param.name] = value if harmless else _MASK
    return shown


def mask_wire_logs() -> None:
    """
    Let the HTTP library's wire logs tell what happens, but nothing of what is sent and received.

    They write whole headers at DEBUG: keys, locations, and the cookie of every answer, which logs
    in as the key's owner (docassemble.webapp 1.10.14, api/helpers.py, api_verify).
    """
    for name in WIRE_LOGS:
        logging.getLogger(name).addFilter(keep_event)  # once, however often it is added


def keep_event(record: logging.LogRecord) -> bool:
    """Leave of a log record its first word, which names the event; drops no record."""
    record.msg, record.args = f"{record.getMessage().partition(' ')[0]} (masked)", None
    return True
