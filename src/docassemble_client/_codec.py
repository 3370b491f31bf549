"""Turns answers into typed values: tolerant in use, strict in tests."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from math import isfinite
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

import attrs
from cattrs import Converter, transform_error
from cattrs.cols import (
    list_structure_factory,
    mapping_structure_factory,  # pyright: ignore[reportUnknownVariableType]  # untyped there
)
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_structure_fn, override

from docassemble_client._exact import Inexact, exact
from docassemble_client._jsontext import parse
from docassemble_client._judge import undecodable
from docassemble_client._operation import OneOf, Result
from docassemble_client._types import (
    BinaryContent,
    JSONReply,
    Unset,
    decode_text,
    is_list,
    is_object,
    media_type,
)
from docassemble_client._wire import http_date
from docassemble_client.config import Confidential, Secret
from docassemble_client.pagination import Page
from docassemble_client.tasks import TaskHandle
from docassemble_client.transfer import filename_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from docassemble_client._operation import Operation, Paging
    from docassemble_client._types import JSON
    from docassemble_client._wire import Reply, Request

    Hook: TypeAlias = Callable[[Any, Any], Any]

T = TypeVar("T")

_strict: ContextVar[bool] = ContextVar("docassemble_client_strict", default=False)
_LONGEST_PLACE = 200
_JSON_NAMES: dict[type, str] = {dict: "an object", list: "a list"}
_CONTAINERS: tuple[object, ...] = (list, dict)
_UNIONS: tuple[object, ...] = (Union, UnionType)
_NOTHING = Result()


@contextmanager
def strict() -> Generator[None]:
    """Within it, an unknown key and any other type than expected are errors."""
    token = _strict.set(True)
    try:
        yield
    finally:
        _strict.reset(token)


class _Mismatch(Exception):  # noqa: N818 - internal, becomes a DecodeError
    """What is wrong with a value, without showing it."""

    @classmethod
    def expected(cls, kind: type, value: object) -> Self:
        return cls(f"expected {_JSON_NAMES.get(kind, kind.__name__)}, got {type(value).__name__}")


def decode(operation: Operation[T], request: Request, reply: Reply) -> T:
    """
    Make the typed result of a successful reply.

    Args:
        operation: The operation.
        request: What was sent.
        reply: What came.

    Returns:
        What the operation promises.

    Raises:
        DecodeError: The reply is something else.
    """
    try:
        value = _decode(operation, request, reply)
    except _Mismatch as error:
        raise undecodable(request, reply, str(error)) from None
    # The table's annotations and its results are printed from one place of the specification.
    return cast("T", value)


def _decode(operation: Operation[Any], request: Request, reply: Reply) -> object:
    result = operation.result(reply.status)
    if result is None:
        if all(one == _NOTHING for one in operation.results.values()):
            return None
        message = f"status {reply.status} is none this operation is known to answer with"
        raise _Mismatch(message)
    media = media_type(reply.content_type)
    if result == _NOTHING:
        return None
    expects_json = result.json is not None or result.task
    if expects_json and media == "application/json":
        return _value(operation, result, request, reply)
    if result.text:
        return decode_text(reply.content, reply.content_type)
    if result.binary:
        return BinaryContent(
            content=reply.content,
            content_type=reply.content_type,
            filename=filename_of(reply.headers),
            status=reply.status,
        )
    message = f"the answer is {media or 'of no stated type'} where JSON was expected"
    raise _Mismatch(message)


def parse_json(content: bytes) -> JSON:
    """Read JSON; not a number, infinity and absurd nesting are refused."""
    try:
        return parse(content)
    except ValueError:
        # The original error carries the document.
        message = "the answer is not valid JSON"
        raise _Mismatch(message) from None


def _value(operation: Operation[Any], result: Result, request: Request, reply: Reply) -> object:
    data = parse_json(reply.content)
    if result.task:
        if not isinstance(data, dict) or not isinstance(task := data.get("task_id"), str):
            message = "the answer holds no task_id"
            raise _Mismatch(message)
        return TaskHandle(
            id=task,
            kind=result.task,
            operation=operation.id,
            started=http_date(reply.headers.get("date", "")),
            target=request.target,
            expects=operation.verify.expects if operation.verify and request.target else "",
        )
    if operation.paging:
        return _page(operation.paging, result, data)
    if isinstance(result.json, OneOf):
        return _one_of(result.json, reply, data)
    return structure(data, result.json)


def _page(paging: Paging, result: Result, data: JSON) -> Page[Any]:
    if isinstance(data, list):  # servers before 1.2 send the whole list at once
        return Page(items=structure(data, list[result.json]), next_id=None)  # type: ignore[name-defined]  # a run-time type
    if not isinstance(data, dict) or paging.items not in data:
        message = "the answer is no page of a list"
        raise _Mismatch(message)
    if _strict.get() and data.keys() != {paging.items, paging.next}:
        message = f"expected a page of {paging.items} and {paging.next} only"
        raise _Mismatch(message)
    items = structure(data[paging.items], list[result.json], f"$.{paging.items}")  # type: ignore[name-defined]  # a run-time type
    next_id = structure(data.get(paging.next), str | None, f"$.{paging.next}")
    if paging.after and next_id is not None and items:
        # The server's tokens are the Base64 of a number, without padding.
        last = str(getattr(items[-1], paging.after))
        next_id = b64encode(last.encode()).decode().rstrip("=")
    return Page(items=items, next_id=next_id)


def _one_of(choice: OneOf, reply: Reply, data: JSON) -> object:
    kind = data.get(choice.key) if isinstance(data, dict) else None
    if not isinstance(kind, str):
        return JSONReply(data, reply.status)
    try:
        return structure(data, choice.cases.get(kind, choice.default))
    except _Mismatch:
        if _strict.get():
            raise
        # An interview may use the same key in JSON of its own.
        return JSONReply(data, reply.status)


def structure(data: JSON, kind: Any, place: str = "$") -> Any:
    """
    Make a value of this type of JSON, which stands at this place of the answer.

    Raises:
        _Mismatch: It does not fit; the message names the places, not the values.
    """
    if not _strict.get():
        try:
            return exact(kind)(data)
        except (Inexact, KeyError, RecursionError):
            pass  # the long way, which knows more and can say what is wrong
    try:
        return _converter(_strict.get()).structure(data, kind)
    except (BaseValidationError, _Mismatch) as error:
        places = transform_error(error, place, format_exception=_describe)
        # A place names the server's own keys, of any length.
        places = [
            one if len(one) <= _LONGEST_PLACE else one[:_LONGEST_PLACE] + "…" for one in places
        ]
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""  # noqa: PLR2004
        message = "the answer does not fit: " + "; ".join(places[:3]) + more
        raise _Mismatch(message) from None


def _describe(error: BaseException, _type: type | None) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error) if isinstance(error, _Mismatch) else "not understood"


@cache
def _converter(be_strict: bool) -> Converter:
    converter = Converter(detailed_validation=True)
    for kind in (str, int, float, bool):
        converter.register_structure_hook(kind, _scalar(kind, be_strict=be_strict))
    converter.register_structure_hook(Secret, _secret)
    converter.register_structure_hook(Confidential, _confidential)
    register = converter.register_structure_hook_factory
    register(_is_container, partial(_container, converter=converter))
    register(_is_union, partial(_union, converter=converter))
    register(attrs.has, partial(_model, converter=converter, be_strict=be_strict))
    return converter


def _scalar(kind: type, *, be_strict: bool) -> Hook:
    def structure_scalar(value: Any, _: Any) -> Any:
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return value
        if be_strict or is_object(value) or is_list(value):
            raise _Mismatch.expected(kind, value)
        if value is None:
            return None
        try:
            converted = kind(value)
        except (ValueError, OverflowError):
            raise _Mismatch.expected(kind, value) from None
        changed = (kind is bool or isinstance(value, float)) and converted != value
        if (changed and kind is not str) or (kind is float and not isfinite(converted)):
            raise _Mismatch.expected(kind, value)
        return converted

    return structure_scalar


def _secret(value: Any, _: Any) -> Secret:
    if not isinstance(value, str):
        raise _Mismatch.expected(str, value)
    return Secret(value)


def _confidential(value: Any, _: Any) -> Confidential:
    if not is_object(value):
        raise _Mismatch.expected(dict, value)
    return Confidential(value)


def _is_container(kind: Any) -> bool:
    return get_origin(kind) in _CONTAINERS


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in _UNIONS


def _container(kind: Any, converter: Converter) -> Hook:
    origin = get_origin(kind)
    hook: Hook = (
        list_structure_factory(kind, converter)
        if origin is list
        else mapping_structure_factory(kind, converter)
    )

    def structure_container(value: Any, _: Any) -> Any:
        if not isinstance(value, origin):
            raise _Mismatch.expected(origin, value)
        return hook(value, kind)

    return structure_container


def _union(kind: Any, converter: Converter) -> Hook:
    """A value, null, or absent; texts of an open enumeration pass whatever they are."""
    members = [one for one in get_args(kind) if one not in {NoneType, Unset}]
    named = [one for one in members if get_origin(one) is Literal]
    inner: Any = str if named else members[0]
    nullable = NoneType in get_args(kind)

    def structure_union(value: Any, _: Any) -> Any:
        if value is None and nullable:
            return None
        return converter.structure(value, inner)

    return structure_union


def _model(kind: type, converter: Converter, *, be_strict: bool) -> Hook:
    attrs.resolve_types(kind)
    fields = {field.name: field for field in attrs.fields(kind) if field.name != "extra"}
    wires = {name: field.metadata.get("wire", name) for name, field in fields.items()}
    known = frozenset(wires.values())
    # None as default stands for absent: such a key may be left out but not be null.
    never_null = frozenset(wires[name] for name, field in fields.items() if field.default is None)
    overrides: dict[str, Any] = {name: override(rename=wire) for name, wire in wires.items()}
    overrides["extra"] = override(omit=True)
    base = cast("Hook", make_dict_structure_fn(kind, converter, **overrides))

    def structure_model(value: Any, _: Any) -> Any:
        if not is_object(value):
            raise _Mismatch.expected(dict, value)
        unknown = value.keys() - known
        if be_strict and unknown:
            message = f"unknown keys {', '.join(sorted(unknown))}"
            raise _Mismatch(message)
        if be_strict and any(value.get(name, ...) is None for name in never_null):
            message = "null for a key that is only ever left out"
            raise _Mismatch(message)
        model = base(value, kind)
        if unknown:
            extra = {name: value[name] for name in sorted(unknown)}
            return attrs.evolve(model, extra=extra)
        return model

    return structure_model
