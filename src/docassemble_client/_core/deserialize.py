"""Turns answers into typed values: tolerant in use, strict in tests."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from docassemble_client._core.error_mapping import undecodable
from docassemble_client._core.exact import Inexact, Mismatch, exact
from docassemble_client._core.json_codec import parse
from docassemble_client._core.messages import http_date
from docassemble_client._types import decode_text, media_type
from docassemble_client.operation import OneOf, Result

if TYPE_CHECKING:
    from collections.abc import Generator

    from docassemble_client._core.messages import Reply, Request
    from docassemble_client._types import JSON
    from docassemble_client.operation import Operation, Paging
    from docassemble_client.pagination import Page

T = TypeVar("T")

_strict: ContextVar[bool] = ContextVar("docassemble_client_strict", default=False)
_NOTHING = Result()


@contextmanager
def strict() -> Generator[None]:
    """Within it, an unknown key and any other type than expected are errors."""
    token = _strict.set(True)
    try:
        yield
    finally:
        _strict.reset(token)


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
    except Mismatch as error:
        raise undecodable(request, reply, str(error)) from None
    # The table's annotations and its results are printed from one place of the specification.
    return cast("T", value)


def _decode(operation: Operation[Any], request: Request, reply: Reply) -> object:
    result = operation.result(reply.status)
    media = media_type(reply.content_type)
    if result is None:
        if any(one != _NOTHING for one in operation.results.values()):
            message = f"status {reply.status} is none this operation is known to answer with"
            raise Mismatch(message)
        if media == "text/html" and reply.content:
            # Such as the login page of a proxy, which did nothing of what was asked for.
            message = f"the answer is a page (status {reply.status}) where nothing was expected"
            raise Mismatch(message)
        return None
    if result == _NOTHING:
        return None
    expects_json = result.of is not None or result.task
    if expects_json and media == "application/json":
        return _value(operation, result, request, reply)
    if result.text:
        return decode_text(reply.content, reply.content_type)
    if result.binary:
        from docassemble_client.responses import BinaryContent  # noqa: PLC0415 - few calls bring it
        from docassemble_client.transfer import filename_of  # noqa: PLC0415 - as above

        return BinaryContent(
            content=reply.content,
            content_type=reply.content_type,
            filename=filename_of(reply.headers),
            status=reply.status,
        )
    message = f"the answer is {media or 'of no stated type'} where JSON was expected"
    raise Mismatch(message)


def parse_json(content: bytes) -> JSON:
    """Read JSON; not a number, infinity and absurd nesting are refused."""
    try:
        return parse(content)
    except ValueError:
        # The original error carries the document.
        message = "the answer is not valid JSON"
        raise Mismatch(message) from None


def _value(operation: Operation[Any], result: Result, request: Request, reply: Reply) -> object:
    data = parse_json(reply.content)
    if result.task:
        if not isinstance(data, dict) or not isinstance(task := data.get("task_id"), str):
            message = "the answer holds no task_id"
            raise Mismatch(message)
        from docassemble_client.tasks import TaskHandle  # noqa: PLC0415 - few calls begin a task

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
    from docassemble_client.pagination import Page  # noqa: PLC0415 - only lists have pages

    if isinstance(data, list):  # servers before 1.2 send the whole list at once
        return Page(items=structure(data, list[result.json]), next_id=None)  # type: ignore[name-defined]  # a run-time type
    if not isinstance(data, dict) or paging.items not in data:
        message = "the answer is no page of a list"
        raise Mismatch(message)
    if _strict.get() and data.keys() != {paging.items, paging.next}:
        message = f"expected a page of {paging.items} and {paging.next} only"
        raise Mismatch(message)
    items = structure(data[paging.items], list[result.json], f"$.{paging.items}")  # type: ignore[name-defined]  # a run-time type
    next_id = structure(data.get(paging.next), str | None, f"$.{paging.next}")
    if paging.after and next_id is not None and items:
        # The server's tokens are the Base64 of a number, without padding.
        last = str(getattr(items[-1], paging.after))
        next_id = b64encode(last.encode()).decode().rstrip("=")
    return Page(items=items, next_id=next_id)


def _one_of(choice: OneOf, reply: Reply, data: JSON) -> object:
    kind = data.get(choice.key) if isinstance(data, dict) else None
    if isinstance(kind, str):
        try:
            return structure(data, choice.cases.get(kind, choice.default))
        except Mismatch:
            if _strict.get():
                raise
    from docassemble_client.responses import JSONReply  # noqa: PLC0415 - few calls bring it

    # An interview may use the same key in JSON of its own.
    return JSONReply(data, reply.status)


def structure(data: JSON, kind: Any, place: str = "$") -> Any:
    """
    Make a value of this type of JSON, which stands at this place of the answer.

    Raises:
        Mismatch: It does not fit; the message names the places, not the values.
    """
    be_strict = _strict.get()
    if not be_strict:
        try:
            return exact(kind)(data)
        except (Inexact, KeyError, RecursionError):
            pass  # the long way, which knows more and can say what is wrong
    from docassemble_client._core.structure import convert  # noqa: PLC0415 - most never need it

    return convert(data, kind, place, be_strict=be_strict)
