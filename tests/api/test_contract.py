"""Every operation, from its example in the specification: what is sent and what is made of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import attrs
import httpx
import pytest
import respx

from codegen.__main__ import read
from docassemble_client import (
    AsyncDocassemble,
    BinaryContent,
    Confidential,
    Download,
    JSONReply,
    Page,
    Paginator,
    Secret,
    TaskHandle,
    Upload,
)
from docassemble_client._codec import strict
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from codegen.ir import Operation as Described

BASE = "https://da.example.com/prefix"
KEY = "exampleApiKey0123456789ABCDEFGHI"
SPEC = read(Path(__file__).parents[2] / "spec")
DESCRIBED = {one.full_name: one for one in SPEC.operations}


def _argument(value: Any) -> Any:
    """Turn the specification's way to write a file into one."""
    if isinstance(value, dict) and set(value) == {"filename", "content"}:
        return Upload(value["content"].encode(), value["filename"])
    if isinstance(value, dict):
        return {name: _argument(one) for name, one in value.items()}
    return [_argument(one) for one in value] if isinstance(value, list) else value


def _reply(operation: Described) -> httpx.Response:
    response = operation.example["response"]
    headers = dict(response.get("headers", {}))
    if "json" in response:
        content = json.dumps(response["json"]).encode() + b"\n"
        headers["content-type"] = "application/json"
    else:
        content = response.get("text", "").encode()
        headers["content-type"] = response.get("content_type", "text/html; charset=utf-8")
    return httpx.Response(response["status"], headers=headers, content=content)


async def _call(operation: Described) -> Any:
    arguments = _argument(operation.example.get("arguments", {}))
    async with AsyncDocassemble(BASE, KEY) as client:
        method = getattr(getattr(client, operation.tag), operation.name)
        return await method(**arguments)


def _parts(request: httpx.Request) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Fields and files of a multipart body, read by the standard library's own parser."""
    kind = request.headers["content-type"]
    parsed = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.content)
    form: dict[str, str] = {}
    files: list[dict[str, str]] = []
    parts = parsed.get_payload()
    assert isinstance(parts, list)
    for part in parts:
        assert isinstance(part, Message)
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        filename = part.get_filename()
        if filename is None:
            form[name] = payload.decode()
        else:
            files.append({"field": name, "filename": filename, "content": payload.decode()})
    return form, files


def _plain(value: Any) -> Any:
    """What the server must have sent for this value; absent keys are left out again."""
    if attrs.has(type(value)) and not isinstance(value, (Page, Secret)):
        plain: dict[str, Any] = {}
        for field in attrs.fields(type(value)):
            one = getattr(value, field.name)
            absent = field.default is not attrs.NOTHING and one == field.default
            if field.name == "extra":
                plain.update(one)
            elif not absent:
                plain[field.metadata.get("wire", field.name)] = _plain(one)
        return plain
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, (Confidential, dict)):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(params=["strict", "loose"])
def decoding(request: pytest.FixtureRequest) -> Any:
    return strict() if request.param == "strict" else nullcontext()


@pytest.mark.parametrize("name", OPERATIONS)
def test_sends_what_its_example_says(name: str) -> None:
    """Method, URL, encoding, headers and body are those of the example, byte for byte."""
    operation = DESCRIBED[name]
    expected = operation.example.get("request", {})
    with respx.mock(base_url="https://da.example.com", using="httpcore") as router:
        route = router.route().mock(return_value=_reply(operation))

        asyncio.run(_call(operation))

    request = route.calls.last.request
    assert request.method == operation.method
    assert request.url.path == "/prefix" + expected.get("path", operation.path)
    query = parse_qsl(request.url.query.decode(), keep_blank_values=True, strict_parsing=False)
    assert dict(query) == expected.get("query", {})
    assert len(query) == len(expected.get("query", {}))
    assert request.headers.get("x-api-key") == (KEY if operation.auth else None)
    assert "cookie" not in request.headers
    assert request.headers["user-agent"].startswith("docassemble-client/")
    if "files" in expected:
        assert _parts(request) == (expected.get("form", {}), expected["files"])
    elif operation.method in {"POST", "PATCH"}:
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == expected.get("json", {})
    else:
        assert request.content == b""
        assert "content-type" not in request.headers


@pytest.mark.parametrize("name", OPERATIONS)
def test_makes_of_the_answer_what_it_promises(name: str, decoding: Any) -> None:
    """The example's answer becomes the typed result, and nothing of it is lost."""
    operation = DESCRIBED[name]
    response = operation.example["response"]
    with respx.mock(using="httpcore") as router, decoding:
        router.route().mock(return_value=_reply(operation))

        result = asyncio.run(_call(operation))

    if isinstance(result, TaskHandle):
        assert result == TaskHandle(
            id=response["json"]["task_id"], kind=operation.task, operation=name
        )
    elif isinstance(result, Page):
        assert {"items": [_plain(one) for one in result.items], "next_id": result.next_id} == (
            response["json"]
        )
    elif isinstance(result, BinaryContent):
        assert result.content == response["text"].encode()
        assert result.status == response["status"]
    elif isinstance(result, JSONReply):
        assert (result.data, result.status) == (response["json"], response["status"])
    elif result is None:
        assert response["status"] == 204
    elif "json" in response:
        assert _plain(result) == response["json"]
    else:
        assert result == response["text"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_wrong_arguments_are_refused_when_called(name: str) -> None:
    """An unknown keyword is a TypeError at the call, so no typing error travels to the server."""
    operation = OPERATIONS[name]
    client = AsyncDocassemble(BASE, KEY)
    method = getattr(getattr(client, operation.tag), operation.name)

    with pytest.raises(TypeError):
        method(no_such_argument=1)


def test_every_operation_of_the_design_is_in_the_table() -> None:
    """The table has the described operations, each reached under its name, and no others."""
    assert list(OPERATIONS) == [one.full_name for one in SPEC.operations]
    assert len(OPERATIONS) == 74
    for name, operation in OPERATIONS.items():
        assert operation.id == str(operation) == name


def test_all_documented_pairs_have_an_operation() -> None:
    """Each of the 63 documented method and path pairs is the call of an operation."""
    documented = next(one for one in SPEC.sources if one.title == "Public API documentation")
    calls = {f"{one.method} {one.path}" for one in OPERATIONS.values()}

    pairs = {call for _, call, _, _, _ in documented.entries}

    assert len(pairs) == 63
    assert pairs <= calls


def test_lists_and_files_are_awaitable_objects() -> None:
    """A paged list is a Paginator and a file a Download before anything is sent."""
    client = AsyncDocassemble(BASE, KEY)

    assert isinstance(client.users.list(), Paginator)
    assert isinstance(client.files.download(17), Download)
