"""What may be shown of a call: an allow-list, so that nothing new leaks by itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from docassemble_client._types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._operation import Operation

_MASK = "***"
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


class CookieFilter(logging.Filter):
    """
    Takes session cookies out of the HTTP library's own debug log.

    Every answer of docassemble sets a cookie that logs in as the key's owner
    (docassemble.webapp 1.10.14, api/helpers.py, api_verify), and httpcore logs all headers.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the whole message where it speaks of a cookie; never drops a record."""
        if "cookie" in record.getMessage().lower():
            record.msg, record.args = (
                f"{str(record.msg).split(' ')[0]} (masked: holds a cookie)",
                None,
            )
        return True
