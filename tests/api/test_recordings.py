"""Recorded responses of real servers, replayed through the client without a server."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import (
    APIError,
    AsyncDocassemble,
    BinaryContent,
    JSONReply,
    Page,
    Response,
    RetryPolicy,
    TaskHandle,
)
from docassemble_client._core.deserialize import strict_mode
from docassemble_client._core.error_hints import fill_in_privileges
from docassemble_client._header_params import parse_media_type
from docassemble_client.errors import get_error_class
from docassemble_client.operations import OPERATIONS, STATUS_HINTS
from tests.mock import MockServer
from tests.operation_coverage import count_successes, find_known_error, find_unproven_errors
from tests.recording import FOLDER, RecordedExchange, decode_content, parse_parts, read_all
from tests.replay import repeat_call
from tests.secret_detection import find_secrets
from tests.value_to_json import unstructure

if TYPE_CHECKING:
    from collections.abc import Iterator

ONCE = RetryPolicy(attempts=1)
SCENARIOS = read_all()
EXCHANGES = [exchange for scenario in SCENARIOS.values() for exchange in scenario.exchanges]
COMPLETE = [exchange for exchange in EXCHANGES if exchange.response is not None]
IS_ERROR = 400


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly: unknown fields and other types fail."""
    with strict_mode():
        yield


async def replay_exchanges(
    exchanges: list[RecordedExchange],
) -> list[tuple[RecordedExchange, Any, httpx.Request]]:
    """Repeat the calls against the recorded responses."""
    responses = iter(exchanges)

    def respond(_: httpx.Request) -> httpx.Response:
        recorded = next(responses)
        headers = {"content-type": recorded.response_type} if recorded.response_type else {}
        return httpx.Response(recorded.status, content=recorded.response, headers=headers)

    mock = MockServer(respond)

    async def repeat_calls() -> list[Any]:
        async with AsyncDocassemble(mock.url, "key", transport=mock.transport, retry=ONCE) as da:
            return [await catch_api_error(da, recorded) for recorded in exchanges]

    return list(zip(exchanges, await repeat_calls(), mock.requests, strict=True))


async def catch_api_error(da: AsyncDocassemble, recorded: RecordedExchange) -> Any:
    """Repeat a call; return its result or its error."""
    try:
        return await repeat_call(da, recorded)
    except APIError as error:
        return error


def read_request_body(request: httpx.Request) -> Any:
    """Read the body of a request in the format of recordings; files as bytes."""
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/"):
        return sorted(parse_parts(content_type, request.content))
    return json.loads(request.content) if request.content else None


def read_recorded_body(recorded: RecordedExchange) -> Any:
    parts = recorded.request.get("parts")
    if parts is None:
        return recorded.request.get("json")
    return sorted(
        (part["name"], part.get("filename"), part.get("type", ""), decode_content(part))
        for part in parts
    )


def unstructure_result(result: Any) -> Any:
    """Convert a result to the content that the server sent."""
    if isinstance(result, Page):
        items = [unstructure(item) for item in result.items]
        return {"items": items, "next_id": result.next_page_token}
    if isinstance(result, (BinaryContent, Response)):
        return result.content
    if isinstance(result, JSONReply):
        return result.data
    return {"task_id": result.id} if isinstance(result, TaskHandle) else unstructure(result)


def read_recorded_response(recorded: RecordedExchange, result: Any) -> Any:
    """Read the recorded response in the format of the result."""
    content = recorded.response or b""
    if isinstance(result, (BinaryContent, Response)):
        return content
    if result is None:
        return None
    if parse_media_type(recorded.response_type) != "application/json":
        return content.decode()
    value = json.loads(content)
    return {"task_id": value["task_id"]} if isinstance(result, TaskHandle) else value


@pytest.mark.parametrize("name", SCENARIOS)
async def test_recorded_calls_can_be_repeated(name: str) -> None:
    """The recorded arguments produce the recorded request, and no data of the response is lost."""
    exchanges = [ex for ex in SCENARIOS[name].exchanges if ex.response is not None]

    for recorded, result, request in await replay_exchanges(exchanges):
        assert (request.method, request.url.raw_path.decode()) == (
            recorded.method,
            recorded.target,
        )
        assert read_request_body(request) == read_recorded_body(recorded)
        if isinstance(result, APIError):
            assert recorded.status >= IS_ERROR
            assert type(result) is get_error_class(recorded.status)
            known = find_known_error(recorded) if recorded.operation in OPERATIONS else None
            hint = known.hint if known else STATUS_HINTS.get(recorded.status, "")
            operation = OPERATIONS.get(recorded.operation)
            assert result.hint == fill_in_privileges(hint, operation)
        else:
            assert recorded.status < IS_ERROR
            assert unstructure_result(result) == read_recorded_response(recorded, result)


def test_there_are_at_least_400_exchanges() -> None:
    """At least 400 exchanges can be replayed."""
    assert len(COMPLETE) >= 400


def test_every_operation_has_a_recorded_success() -> None:
    """A real server returned a success for each operation."""
    assert OPERATIONS.keys() - count_successes(COMPLETE).keys() == set()


def test_every_documented_error_is_recorded_or_exempt() -> None:
    """Each known error of each operation was recorded, or a reason explains why not."""
    assert find_unproven_errors(COMPLETE) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_recordings_contain_no_secret(name: str) -> None:
    """No file contains a key, cookie, password, secret or path of a machine."""
    recording = (FOLDER / name).read_text(encoding="utf-8")
    encoded = re.findall(r'"base64": "(.*)"', recording)
    files = [base64.b64decode(content).decode("latin-1") for content in encoded]

    texts = [re.sub(r'"base64": ".*"', "", recording), *files]

    assert [secret for text in texts for secret in find_secrets(text)] == []
