"""What the real server answered, replayed through the client: the models fit it, offline too."""

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
from docassemble_client._core.deserialize import strict
from docassemble_client._types import media_type
from docassemble_client.errors import api_error_class
from docassemble_client.operations import OPERATIONS, STATUS_HINTS
from tests.mock import Mock, run
from tests.plain import plain
from tests.proof import known_error, successes, unproven_errors
from tests.recording import FOLDER, Recorded, content_of, parts_of, read_all
from tests.replay import call
from tests.scanner import findings

if TYPE_CHECKING:
    from collections.abc import Iterator

ONCE = RetryPolicy(attempts=1)
SCENARIOS = read_all()
RECORDED = [one for scenario in SCENARIOS.values() for one in scenario.exchanges]
COMPLETE = [one for one in RECORDED if one.response is not None]
IS_ERROR = 400


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly: an unknown field fails, and so does another type."""
    with strict():
        yield


def replayed(exchanges: list[Recorded]) -> list[tuple[Recorded, Any, httpx.Request]]:
    """Make the calls again, against the answers that were recorded."""
    answers = iter(exchanges)

    def answer(_: httpx.Request) -> httpx.Response:
        recorded = next(answers)
        headers = {"content-type": recorded.response_type} if recorded.response_type else {}
        return httpx.Response(recorded.status, content=recorded.response, headers=headers)

    mock = Mock(answer)

    async def job() -> list[Any]:
        async with AsyncDocassemble(mock.url, "key", transport=mock.http, retry=ONCE) as da:
            return [await outcome(da, recorded) for recorded in exchanges]

    return list(zip(exchanges, run(job()), mock.requests, strict=True))


async def outcome(da: AsyncDocassemble, recorded: Recorded) -> Any:
    """What a call brings: its result or its error."""
    try:
        return await call(da, recorded)
    except APIError as error:
        return error


def sent(request: httpx.Request) -> Any:
    """What a request holds, in the way recordings write it; files by their bytes."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        return sorted(
            (name, filename, kind, content)
            for name, filename, kind, content in parts_of(kind, request.content)
        )
    return json.loads(request.content) if request.content else None


def recorded_body(recorded: Recorded) -> Any:
    parts = recorded.request.get("parts")
    if parts is None:
        return recorded.request.get("json")
    return sorted(
        (one["name"], one.get("filename"), one.get("type", ""), content_of(one)) for one in parts
    )


def given_back(result: Any) -> Any:
    """What the server must have sent for this result."""
    if isinstance(result, Page):
        return {"items": [plain(one) for one in result.items], "next_id": result.next_id}
    if isinstance(result, (BinaryContent, Response)):
        return result.content
    if isinstance(result, JSONReply):
        return result.data
    return {"task_id": result.id} if isinstance(result, TaskHandle) else plain(result)


def answered(recorded: Recorded, result: Any) -> Any:
    """What the server sent, in the shape of the result."""
    content = recorded.response or b""
    if isinstance(result, (BinaryContent, Response)):
        return content
    if result is None:
        return None
    if media_type(recorded.response_type) != "application/json":
        return content.decode()
    value = json.loads(content)
    return {"task_id": value["task_id"]} if isinstance(result, TaskHandle) else value


@pytest.mark.parametrize("name", SCENARIOS)
def test_client_sends_and_reads_again_what_was_recorded(name: str) -> None:
    """The recorded arguments make the recorded request, and nothing of its answer is lost."""
    exchanges = [one for one in SCENARIOS[name].exchanges if one.response is not None]

    for recorded, result, request in replayed(exchanges):
        assert (request.method, request.url.raw_path.decode()) == (
            recorded.method,
            recorded.target,
        )
        assert sent(request) == recorded_body(recorded)
        if isinstance(result, APIError):
            assert recorded.status >= IS_ERROR
            assert type(result) is api_error_class(recorded.status)
            known = known_error(recorded) if recorded.operation in OPERATIONS else None
            assert result.hint == (known.hint if known else STATUS_HINTS.get(recorded.status, ""))
        else:
            assert recorded.status < IS_ERROR
            assert given_back(result) == answered(recorded, result)


def test_recordings_are_many() -> None:
    """At least 400 exchanges can be replayed."""
    assert len(COMPLETE) >= 400


def test_every_operation_succeeded() -> None:
    """Each operation of the table has a successful answer of the real server."""
    assert OPERATIONS.keys() - successes(COMPLETE).keys() == set()


def test_every_documented_error_is_recorded_or_excused() -> None:
    """Each known error of each operation came, or a reason says why it cannot."""
    assert unproven_errors(COMPLETE) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_secret_is_in_a_recording(name: str) -> None:
    """No key, cookie, password, secret or place of a machine is in any file."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    encoded = re.findall(r'"base64": "(.*)"', text)
    files = [base64.b64decode(one).decode("latin-1") for one in encoded]

    texts = [re.sub(r'"base64": ".*"', "", text), *files]

    assert [found for one in texts for found in findings(one)] == []
