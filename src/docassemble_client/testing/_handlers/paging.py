"""Pages of lists."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docassemble_client.operation import Paging
    from docassemble_client.testing._server.call import Call

_SIZE = 100  # items of a page, unless the configuration says otherwise
_PAGES_SINCE = "1.2.0"


def _paging(call: Call) -> Paging:
    assert call.operation.paging is not None  # noqa: S101 - only lists come here
    return call.operation.paging


def position(call: Call) -> int:
    """Where to go on; at the beginning if the token cannot be read, as on the server."""
    token = call.text(_paging(call).resume) or ""
    try:
        return max(0, int(base64.b64decode(token + "=" * (-len(token) % 4))))
    except (ValueError, binascii.Error):
        return 0


def page_of(call: Call, found: Sequence[tuple[int, object]]) -> object:
    """
    Make a page of what was found.

    Args:
        call: The call.
        found: Items with their numbers, beginning at the position wanted.

    Returns:
        The page; all of them as a list, from a server before 1.2.0.
    """
    paging = _paging(call)
    limit: Any = call.world.config.get("pagination limit", _SIZE)
    size = int(limit)
    if call.world.before(_PAGES_SINCE):
        return [item for _, item in found]
    items = found[:size]
    token = None
    if len(found) > size:
        token = base64.b64encode(str(items[-1][0]).encode()).decode().rstrip("=")
    return {paging.items: [item for _, item in items], paging.next: token}
