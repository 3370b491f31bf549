"""The types of the public API: complete, and without Any."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

import docassemble_client
from docassemble_client import AsyncDocassemble
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANY = re.compile(r"\b(Any|Incomplete|Unknown)\b")


def _public_classes() -> dict[str, type]:
    client = AsyncDocassemble("https://da.example.com", "key")
    namespaces = {one.tag: type(getattr(client, one.tag)) for one in OPERATIONS.values()}
    named = {name: getattr(docassemble_client, name) for name in dir(docassemble_client)}
    return namespaces | {name: one for name, one in named.items() if inspect.isclass(one)}


CLASSES = _public_classes()


def _written(kind: type) -> Iterator[tuple[str, object]]:
    """Everything a user can read or call, with its annotations as they are written."""
    for base in kind.__mro__:
        if not base.__module__.startswith("docassemble_client"):
            continue
        for name, annotation in vars(base).get("__annotations__", {}).items():
            if not name.startswith("_"):
                yield name, annotation
        for name, member in vars(base).items():
            private = name.startswith("_") and not name.endswith("__")
            function = getattr(member, "fget", getattr(member, "__func__", member))
            if inspect.isfunction(function) and not private:
                yield from (
                    (f"{name}({argument})", annotation)
                    for argument, annotation in function.__annotations__.items()
                )


@pytest.mark.parametrize("name", CLASSES)
def test_no_public_signature_holds_any(name: str) -> None:
    """Checkers know every attribute, argument and result; nothing they are told means nothing."""
    loose = {
        place: annotation
        for place, annotation in _written(CLASSES[name])
        if _ANY.search(str(annotation))
    }

    assert loose == {}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=str)
def test_every_call_takes_timeout_and_retry_last(
    operation: docassemble_client.Operation[object],
) -> None:
    """Each call has the same two last arguments, and those it needs first."""
    function = getattr(CLASSES[operation.tag], operation.name)
    parameters = list(inspect.signature(function).parameters.values())[1:]

    assert [one.name for one in parameters[-2:]] == ["timeout", "retry"]
    assert all(one.kind is one.KEYWORD_ONLY for one in parameters[-2:])
    assert [one.name for one in parameters[:-2]] == [one.name for one in operation.params]
