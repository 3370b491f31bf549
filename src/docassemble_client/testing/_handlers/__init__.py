"""What the fake server does: one function for each operation, found by the operation's name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docassemble_client.testing._server.call import Call


def _handlers() -> Mapping[str, Callable[[Call], object]]:
    """
    Find the function of each operation: `users_get` in the module `users` for users.get.

    Raises:
        AttributeError: An operation has none.
    """
    found: dict[str, Callable[[Call], object]] = {}
    for operation in OPERATIONS.values():
        module = import_module(f"{__name__}.{operation.tag}")
        found[operation.id] = getattr(module, f"{operation.tag}_{operation.name}")
    return found


HANDLERS = _handlers()
