"""The types of the public API are complete and contain no Any."""

from __future__ import annotations

import inspect
import re
import typing
from typing import TYPE_CHECKING, NamedTuple

import cattrs
import pytest

import docassemble_client
from docassemble_client import AsyncDocassemble, JSONReply, TaskHandle
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANY = re.compile(r"\b(Any|Incomplete|Unknown)\b")


def _public_classes() -> dict[str, type]:
    client = AsyncDocassemble("https://da.example.com", "key")
    namespaces = {
        operation.tag: type(getattr(client, operation.tag)) for operation in OPERATIONS.values()
    }
    public = {name: getattr(docassemble_client, name) for name in dir(docassemble_client)}
    return namespaces | {name: value for name, value in public.items() if inspect.isclass(value)}


CLASSES = _public_classes()
NAMED_TUPLES = [cls for cls in CLASSES.values() if hasattr(cls, "_fields")]


def _iter_annotations(cls: type) -> Iterator[tuple[str, object]]:
    """Yield every public attribute, argument and result with its annotation."""
    for base in cls.__mro__:
        if not base.__module__.startswith("docassemble_client"):
            continue
        for name, annotation in vars(base).get("__annotations__", {}).items():
            if not name.startswith("_"):
                yield name, annotation
        for name, member in vars(base).items():
            is_private = name.startswith("_") and not name.endswith("__")
            function = getattr(member, "__func__", member)
            for attribute in ("fget", "func"):  # of a property and a cached property
                function = getattr(member, attribute, function)
            if inspect.isfunction(function) and not is_private:
                yield from (
                    (f"{name}({argument})", annotation)
                    for argument, annotation in function.__annotations__.items()
                )


@pytest.mark.parametrize("name", CLASSES)
def test_no_public_annotation_contains_any(name: str) -> None:
    """Type checkers know every attribute, argument and result."""
    untyped = {
        member: annotation
        for member, annotation in _iter_annotations(CLASSES[name])
        if _ANY.search(str(annotation))
    }

    assert untyped == {}


@pytest.mark.parametrize("cls", NAMED_TUPLES, ids=lambda cls: cls.__name__)
def test_fields_of_named_tuples_have_types(cls: type[NamedTuple]) -> None:
    """`cattrs` and `inspect` do not resolve forward references."""
    forward = {
        name
        for name, annotation in cls.__annotations__.items()
        if isinstance(annotation, (str, typing.ForwardRef))
    }

    assert forward == ({"data"} if cls is JSONReply else set())  # JSON is Any at run time


def test_a_task_handle_can_be_stored_with_cattrs() -> None:
    """Cattrs restores each field with its type."""
    handle = TaskHandle("abc", "restart", "server.restart", 1.5)

    assert cattrs.structure(cattrs.unstructure(handle), TaskHandle) == handle


@pytest.mark.parametrize("name", CLASSES)
def test_annotations_of_every_callable_can_be_resolved(name: str) -> None:
    """`typing.get_type_hints` needs no names from you."""
    cls = CLASSES[name]
    callables: list[object] = [cls]
    for base in cls.__mro__:
        if base.__module__.startswith("docassemble_client"):
            members = {
                name: getattr(member, "__func__", member)
                for name, member in vars(base).items()
                if not name.startswith("_") or name == "__init__"
            }
            callables += [member for member in members.values() if inspect.isfunction(member)]

    for value in callables:
        hints = typing.get_type_hints(value)
        assert not [hint for hint in hints.values() if isinstance(hint, (str, typing.ForwardRef))]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=str)
def test_every_call_has_timeout_retry_and_headers_last(
    operation: docassemble_client.Operation[object],
) -> None:
    """All other arguments come first."""
    function = getattr(CLASSES[operation.tag], operation.name)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    names = [parameter.name for parameter in parameters]

    assert names[-3:] == ["timeout", "retry", "headers"]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[-3:])
    assert names[:-3] == [param.name for param in operation.params]


def test_a_raw_request_has_timeout_retry_and_headers_last() -> None:
    """As the calls of operations."""
    parameters = list(inspect.signature(AsyncDocassemble.request).parameters)

    assert parameters[-3:] == ["timeout", "retry", "headers"]
