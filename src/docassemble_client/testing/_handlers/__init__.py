"""Handlers of the fake server: one function per operation, found by the operation's name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docassemble_client.testing._server.api_call import ApiCall


def _find_handlers() -> Mapping[str, Callable[[ApiCall], object]]:
    """
    Find the handler of each operation: `users_get` in the module `users` for users.get.

    Raises:
        AttributeError: An operation has no handler.
    """
    handlers: dict[str, Callable[[ApiCall], object]] = {}
    for operation in OPERATIONS.values():
        module = import_module(f"{__name__}.{operation.tag}")
        handlers[operation.id] = getattr(module, f"{operation.tag}_{operation.name}")
    return handlers


HANDLERS = _find_handlers()
