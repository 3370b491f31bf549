"""Pages of lists."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docassemble_client.operation import Paging
    from docassemble_client.testing._server.api_call import ApiCall

_DEFAULT_PAGE_SIZE = 100  # items
_PAGES_SINCE = "1.2.0"


def _get_paging(call: ApiCall) -> Paging:
    assert call.operation.paging is not None  # noqa: S101 - only lists are paginated
    return call.operation.paging


def read_position(call: ApiCall) -> int:
    """Read the position from the page token; an invalid token means 0, as on the server."""
    token = call.get_text(_get_paging(call).page_param) or ""
    try:
        return max(0, int(base64.b64decode(token + "=" * (-len(token) % 4))))
    except (ValueError, binascii.Error):
        return 0


def make_page(call: ApiCall, numbered_items: Sequence[tuple[int, object]]) -> object:
    """
    Build a page of items.

    Args:
        call: The call.
        numbered_items: Items with their numbers, from the requested position on.

    Returns:
        The page; before docassemble 1.2.0, a list of all items.
    """
    paging = _get_paging(call)
    limit: Any = call.state.config.get("pagination limit", _DEFAULT_PAGE_SIZE)
    size = int(limit)
    if call.state.is_older_than(_PAGES_SINCE):
        return [item for _, item in numbered_items]
    items = numbered_items[:size]
    token = None
    if len(numbered_items) > size:
        token = base64.b64encode(str(items[-1][0]).encode()).decode().rstrip("=")
    return {paging.items: [item for _, item in items], paging.next: token}
