"""Converts responses to typed values: tolerant by default, strict in tests."""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_origin

from docassemble_client._core.error_mapping import StructureError, decode_error
from docassemble_client._core.json_codec import decode_document, decode_json
from docassemble_client._core.messages import parse_http_date
from docassemble_client._header_params import decode_text, parse_media_type
from docassemble_client._types import UNSET, NeedsSlowPath
from docassemble_client.operation import DiscriminatedUnion, Result
from docassemble_client.pagination import Page

if TYPE_CHECKING:
    from collections.abc import Generator

    from docassemble_client._core.messages import RawResponse, Request
    from docassemble_client._types import JSON, Unset
    from docassemble_client.operation import Decoder, Operation, Paging

T = TypeVar("T")

STEP_ITEMS = 100
_JSON = "application/json"
_INVALID_JSON = "the response is not valid JSON"
_strict: ContextVar[bool] = ContextVar("docassemble_client_strict", default=False)


@contextmanager
def strict_mode() -> Generator[None]:
    """Make unknown keys and converted types an error within this block."""
    token = _strict.set(True)
    try:
        yield
    finally:
        _strict.reset(token)


def deserialize(
    operation: Operation[T],
    request: Request,
    response: RawResponse,
    data: JSON | Unset = UNSET,
) -> T:
    """
    Convert a successful response to the result of the operation.

    Args:
        operation: The operation.
        request: The request.
        response: The response.
        data: Its JSON, if it was parsed already.

    Returns:
        The result.

    Raises:
        DecodeError: The response is not one that the operation returns.
    """
    try:
        value = _deserialize(operation, request, response, data)
    except StructureError as error:
        raise decode_error(request, response, str(error)) from None
    # The annotations and results of the table are generated from the same specification.
    return cast("T", value)


def deserialize_in_steps(
    operation: Operation[T], request: Request, response: RawResponse
) -> Generator[None, None, T]:
    """
    Convert a large response, as `deserialize` does.

    Yields:
        After each step, which takes a few milliseconds.
    """
    from docassemble_client._core.large_json import parse_in_steps  # few responses are large

    result = operation.find_result(response.status)
    media_type = parse_media_type(response.content_type)
    if result is None or media_type != _JSON or not (result.type is not None or result.task):
        return deserialize(operation, request, response)
    try:
        data = yield from parse_in_steps(decode_document(response.content))
    except ValueError:
        raise decode_error(request, response, _INVALID_JSON) from None
    yield
    paging = operation.paging
    path = f"$.{paging.items}" if paging and isinstance(data, dict) else "$"
    long_list = data.get(paging.items) if paging and isinstance(data, dict) else data
    if not isinstance(long_list, list) or not (paging or get_origin(result.json) is list):
        return deserialize(operation, request, response, data)
    items: list[Any] = []
    try:
        for start in range(0, len(long_list), STEP_ITEMS):
            piece = long_list[start : start + STEP_ITEMS]
            try:
                items += _structure_list(paging, result, piece, path)
            except StructureError as error:
                raise StructureError(_shift_indexes(str(error), path, start)) from None
            yield
        value = _make_page(paging, data, items) if paging else items
    except StructureError as error:
        raise decode_error(request, response, str(error)) from None
    return cast("T", value)


def _structure_list(paging: Paging | None, result: Result, data: JSON, path: str) -> list[Any]:
    if paging:
        return _structure_items(data, result, path)
    items: list[Any] = structure(data, result.json, path, result.decode)
    return items


def _shift_indexes(message: str, path: str, offset: int) -> str:
    """Make the indexes in the paths of a part of a list those of the whole list."""
    pattern = rf"(@ {re.escape(path)}\[)([0-9]+)"
    return re.sub(pattern, lambda match: f"{match[1]}{int(match[2]) + offset}", message)


def _deserialize(
    operation: Operation[Any], request: Request, response: RawResponse, data: JSON | Unset
) -> object:
    result = operation.find_result(response.status)
    media_type = parse_media_type(response.content_type)
    if result is None:
        if not all(known.is_empty for known in operation.results.values()):
            message = f"status {response.status} is not a known status of this operation"
            raise StructureError(message)
        if media_type == "text/html" and response.content:
            # Such as the login page of a proxy, which did not forward the request.
            message = (
                f"the response is an HTML page (status {response.status}), expected no content"
            )
            raise StructureError(message)
        return None
    if result.is_empty:
        return None
    if media_type == _JSON and (result.type is not None or result.task):
        data = parse_json(response.content) if data is UNSET else data
        return _deserialize_json(operation, result, request, response, data)
    if result.text:
        return decode_text(response.content, response.content_type)
    if result.binary:
        from docassemble_client._filenames import parse_filename
        from docassemble_client.responses import BinaryContent

        return BinaryContent(
            content=response.content,
            content_type=response.content_type,
            filename=parse_filename(response.headers),
            status=response.status,
        )
    message = f"the response is {media_type or 'of no media type'}, not JSON"
    raise StructureError(message)


def parse_json(content: bytes) -> JSON:
    """Parse JSON; NaN, infinity and excessive nesting are refused."""
    try:
        return decode_json(content)
    except ValueError:
        # The original error contains the document.
        raise StructureError(_INVALID_JSON) from None


def _deserialize_json(
    operation: Operation[Any], result: Result, request: Request, response: RawResponse, data: JSON
) -> object:
    if result.task:
        if not isinstance(data, dict) or not isinstance(task_id := data.get("task_id"), str):
            message = "the response has no task_id"
            raise StructureError(message)
        from docassemble_client.tasks import TaskHandle  # few operations start tasks

        return TaskHandle(
            id=task_id,
            kind=result.task,
            operation=operation.id,
            started_at=parse_http_date(response.headers.get("date", "")),
            package=request.package,
            expected_state=operation.package_check.expected_state
            if operation.package_check and request.package
            else "",
        )
    if operation.paging:
        return _deserialize_page(operation.paging, result, data)
    if isinstance(result.json, DiscriminatedUnion):
        return _deserialize_union(result.json, result.decode, response, data)
    return structure(data, result.json, decode=result.decode)


def _deserialize_page(paging: Paging, result: Result, data: JSON) -> Page[Any]:
    if isinstance(data, list):
        return _make_page(paging, data, _structure_items(data, result, "$"))
    if not isinstance(data, dict) or paging.items not in data:
        message = "the response is not a page of a list"
        raise StructureError(message)
    items = _structure_items(data[paging.items], result, f"$.{paging.items}")
    return _make_page(paging, data, items)


def _make_page(paging: Paging, data: JSON, items: list[Any]) -> Page[Any]:
    if not isinstance(data, dict):  # servers before 1.2 send the whole list at once
        return Page(items=items, next_page_token=None)
    if _strict.get() and data.keys() != {paging.items, paging.next}:
        message = f"expected a page with {paging.items} and {paging.next} only"
        raise StructureError(message)
    next_page_token = data.get(paging.next)
    if next_page_token is not None and not isinstance(next_page_token, str):
        next_page_token = structure(next_page_token, str, f"$.{paging.next}")
    if paging.after and next_page_token is not None and items:
        # A page token of the server is the Base64 of an ID, without padding.
        last_id = str(getattr(items[-1], paging.after))
        next_page_token = b64encode(last_id.encode()).decode().rstrip("=")
    return Page(items=items, next_page_token=next_page_token)


def _structure_items(data: JSON, result: Result, path: str) -> list[Any]:
    decode = partial(_decode_items, result.decode) if result.decode else None
    items: list[Any] = structure(data, list[result.json], path, decode)  # type: ignore[name-defined]  # a run-time type
    return items


def _decode_items(decode: Decoder, data: JSON) -> list[Any]:
    if type(data) is not list:
        raise NeedsSlowPath
    return [decode(item) for item in data]


def _deserialize_union(
    union: DiscriminatedUnion, decode: Decoder | None, response: RawResponse, data: JSON
) -> object:
    discriminator = data.get(union.key) if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(discriminator, str):
        type_ = union.cases.get(discriminator, union.default)
        try:
            return structure(data, type_, decode=decode)
        except StructureError:
            if _strict.get() or union.second_key in data:
                raise
    # An interview may use the same key in its own JSON.
    from docassemble_client.responses import JSONReply

    return JSONReply(data, response.status)


def structure(data: JSON, type_: Any, path: str = "$", decode: Decoder | None = None) -> Any:
    """
    Convert the JSON at a path of the response to a type.

    Args:
        data: The JSON.
        type_: The type.
        path: The path.
        decode: Function that decodes exact JSON of the type.

    Returns:
        The value.

    Raises:
        StructureError: The JSON does not match; the message contains paths, but no values.
    """
    strict = _strict.get()
    if decode and not strict:
        try:
            return decode(data)
        except (NeedsSlowPath, KeyError, RecursionError):
            pass  # the slow path converts types and reports errors
    from docassemble_client._core.structure import structure_with_cattrs

    return structure_with_cattrs(data, type_, path, strict=strict)
