"""Requests and results of every operation, from its example in the specification."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
import respx

import docassemble_client
from codegen.__main__ import read
from docassemble_client import (
    AsyncDocassemble,
    BinaryContent,
    Download,
    JSONReply,
    Page,
    Paginator,
    TaskHandle,
)
from docassemble_client._core.deserialize import strict_mode
from docassemble_client._names import normalize_package_name
from docassemble_client.operations import OPERATIONS
from tests.examples import build_argument
from tests.raw_server import ReceivedRequest, check_leaks, make_response, respond_with, serve
from tests.value_to_json import unstructure

if TYPE_CHECKING:
    from codegen.ir import Operation as Described

BASE = "https://da.example.com/prefix"
KEY = "exampleApiKey0123456789ABCDEFGHI"
SPEC = read(Path(__file__).parents[2] / "spec")
MOCKED = {"httpx": "httpcore", "httpx2": "httpcore2"}
DESCRIBED = {operation.full_name: operation for operation in SPEC.operations}


def _build_response(operation: Described) -> tuple[int, dict[str, str], bytes]:
    response = operation.example["response"]
    headers = dict(response.get("headers", {}))
    if "json" in response:
        content = json.dumps(response["json"]).encode() + b"\n"
        headers["content-type"] = "application/json"
    else:
        content = response.get("text", "").encode()
        headers["content-type"] = response.get("content_type", "text/html; charset=utf-8")
    return response["status"], headers, content


async def _call(operation: Described, base_url: str = BASE) -> Any:
    arguments = build_argument(operation.example.get("arguments", {}))
    async with AsyncDocassemble(base_url, KEY) as client:
        method = getattr(getattr(client, operation.tag), operation.name)
        return await method(**arguments)


async def _call_loopback(operation: Described) -> tuple[Any, ReceivedRequest]:
    """Make the call of an example to a server on loopback."""
    status, headers, content = _build_response(operation)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    async with serve(respond_with(make_response(content, *lines, status=status))) as server:
        result = await _call(operation, f"{server.url}/prefix")
    return result, server.requests[0]


async def _call_example(operation: Described, http: str) -> tuple[Any, ReceivedRequest]:
    """Make the call of an example; return its result and its request."""
    if http == "aiohttp":
        return await _call_loopback(operation)
    status, headers, content = _build_response(operation)
    with respx.mock(using=MOCKED[http]) as router:
        response = httpx.Response(status, headers=headers, content=content)
        route = router.route(host="da.example.com").mock(return_value=response)
        result = await _call(operation)
    request = route.calls.last.request
    target = request.url.raw_path.decode()
    return result, ReceivedRequest(request.method, target, dict(request.headers), request.content)


@pytest.fixture(params=["strict", "loose"])
def decoding(request: pytest.FixtureRequest) -> Any:
    return strict_mode() if request.param == "strict" else nullcontext()


check_leaks_fixture = pytest.fixture(autouse=True)(check_leaks)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_request_matches_the_example(name: str, http: str) -> None:
    """Method, URL, encoding, headers and body match the example, byte for byte."""
    operation = DESCRIBED[name]
    expected = operation.example.get("request", {})

    _, request = await _call_example(operation, http)

    url = urlsplit(request.target)
    assert request.method == operation.method
    assert unquote(url.path) == "/prefix" + expected.get("path", operation.path)
    query = parse_qsl(url.query, keep_blank_values=True, strict_parsing=False)
    assert dict(query) == expected.get("query", {})
    assert len(query) == len(expected.get("query", {}))
    assert request.headers.get("x-api-key") == (KEY if operation.auth else None)
    assert "cookie" not in request.headers
    assert request.headers["user-agent"].startswith("docassemble-client/")
    if "files" in expected:
        parts = request.parse_parts()
        form = {field: content.decode() for field, file, content in parts if file is None}
        files = [
            {"field": field, "filename": file, "content": content.decode()}
            for field, file, content in parts
            if file is not None
        ]
        assert (form, files) == (expected.get("form", {}), expected["files"])
    elif operation.method in {"POST", "PATCH"}:
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.body) == expected.get("json", {})
    else:
        assert request.body == b""
        assert "content-type" not in request.headers


@pytest.mark.parametrize("name", OPERATIONS)
async def test_result_matches_the_example(name: str, http: str, decoding: Any) -> None:
    """The example's response becomes the typed result, and no data is lost."""
    operation = DESCRIBED[name]
    response = operation.example["response"]

    with decoding:
        result, _ = await _call_example(operation, http)

    if isinstance(result, TaskHandle):
        check = operation.package_check
        package = operation.example["arguments"].get(check["package"]) if check else None
        assert result._asdict() == {
            "id": response["json"]["task_id"],
            "kind": operation.task,
            "operation": name,
            "started_at": None,
            "package": normalize_package_name(package or ""),
            "expected_state": check["expected_state"] if check and package else "",
        }
    elif isinstance(result, Page):
        items = [unstructure(item) for item in result.items]
        assert {"items": items, "next_id": result.next_page_token} == response["json"]
    elif isinstance(result, BinaryContent):
        assert result.content == response["text"].encode()
        assert result.status == response["status"]
    elif isinstance(result, JSONReply):
        assert (result.data, result.status) == (response["json"], response["status"])
    elif result is None:
        assert response["status"] == 204
    elif "json" in response:
        assert unstructure(result) == response["json"]
    else:
        assert result == response["text"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_unknown_arguments_raise_type_error(name: str) -> None:
    """A misspelt argument fails immediately and is not sent."""
    operation = OPERATIONS[name]
    client = AsyncDocassemble(BASE, KEY)
    method = getattr(getattr(client, operation.tag), operation.name)

    with pytest.raises(TypeError):
        method(no_such_argument=1)


def test_table_contains_every_operation() -> None:
    """The table has exactly the described operations, each under its full name."""
    assert list(OPERATIONS) == list(DESCRIBED)
    assert len(OPERATIONS) == 74
    for name, operation in OPERATIONS.items():
        assert operation.id == str(operation) == name


def test_every_documented_endpoint_has_an_operation() -> None:
    """Each of the 63 documented endpoints is the call of an operation."""
    calls = {f"{operation.method} {operation.path}" for operation in OPERATIONS.values()}

    endpoints = {entry["call"] for entry in SPEC.sources["documentation"]["entries"]}

    assert len(endpoints) == 63
    assert endpoints <= calls


def test_workflows_that_calls_refer_to_exist() -> None:
    """Each workflow after "See also" is a method of a public class."""
    names = {name for operation in SPEC.operations for name in operation.see_also}

    assert "AsyncDocassemble.deploy" in names
    for name in names:
        class_name, _, method = name.partition(".")
        assert callable(getattr(getattr(docassemble_client, class_name), method)), name


def test_lists_and_files_are_awaitable_objects() -> None:
    """A list is a Paginator and a file a Download before a request is sent."""
    client = AsyncDocassemble(BASE, KEY)

    assert isinstance(client.users.list(), Paginator)
    assert isinstance(client.files.download(17), Download)
