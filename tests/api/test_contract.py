"""Every operation, from its example in the specification: what is sent and what is made of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import httpx
import pytest
import respx

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
from docassemble_client._core.deserialize import strict
from docassemble_client._core.serialize import normalised
from docassemble_client.operations import OPERATIONS
from tests.examples import argument
from tests.plain import plain
from tests.raw_server import Received, answering, reply, serve, tidy

if TYPE_CHECKING:
    from codegen.ir import Operation as Described

BASE = "https://da.example.com/prefix"
KEY = "exampleApiKey0123456789ABCDEFGHI"
SPEC = read(Path(__file__).parents[2] / "spec")
MOCKED = {"httpx": "httpcore", "httpx2": "httpcore2"}
DESCRIBED = {one.full_name: one for one in SPEC.operations}


def _reply(operation: Described) -> tuple[int, dict[str, str], bytes]:
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
    arguments = argument(operation.example.get("arguments", {}))
    async with AsyncDocassemble(base_url, KEY) as client:
        method = getattr(getattr(client, operation.tag), operation.name)
        return await method(**arguments)


async def _call_raw(operation: Described) -> tuple[Any, Received]:
    """Call a real server on loopback."""
    status, headers, content = _reply(operation)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    async with serve(answering(reply(content, *lines, status=status))) as server:
        result = await _call(operation, f"{server.url}/prefix")
    return result, server.received[0]


def _exchange(operation: Described, http: str) -> tuple[Any, Received]:
    """Make the example's call: what comes of it, and what was sent."""
    if http == "aiohttp":
        return asyncio.run(_call_raw(operation))
    status, headers, content = _reply(operation)
    with respx.mock(using=MOCKED[http]) as router:
        answer = httpx.Response(status, headers=headers, content=content)
        route = router.route(host="da.example.com").mock(return_value=answer)
        result = asyncio.run(_call(operation))
    request = route.calls.last.request
    target = request.url.raw_path.decode()
    return result, Received(request.method, target, dict(request.headers), request.content)


@pytest.fixture(params=["strict", "loose"])
def decoding(request: pytest.FixtureRequest) -> Any:
    return strict() if request.param == "strict" else nullcontext()


go_direct = pytest.fixture(autouse=True)(tidy)


@pytest.mark.parametrize("name", OPERATIONS)
def test_sends_what_its_example_says(name: str, http: str) -> None:
    """Method, URL, encoding, headers and body are those of the example, byte for byte."""
    operation = DESCRIBED[name]
    expected = operation.example.get("request", {})

    _, request = _exchange(operation, http)

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
        form = {part: content.decode() for part, file, content in request.parts() if file is None}
        files = [
            {"field": part, "filename": file, "content": content.decode()}
            for part, file, content in request.parts()
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
def test_makes_of_the_answer_what_it_promises(name: str, http: str, decoding: Any) -> None:
    """The example's answer becomes the typed result, and nothing of it is lost."""
    operation = DESCRIBED[name]
    response = operation.example["response"]

    with decoding:
        result, _ = _exchange(operation, http)

    if isinstance(result, TaskHandle):
        verify = operation.verify or {"target": "", "expects": ""}
        package = operation.example["arguments"].get(verify["target"]) if verify["target"] else ""
        assert attrs.asdict(result) == {
            "id": response["json"]["task_id"],
            "kind": operation.task,
            "operation": name,
            "started": None,
            "target": normalised(package or ""),
            "expects": verify["expects"] if package else "",
        }
    elif isinstance(result, Page):
        assert {"items": [plain(one) for one in result.items], "next_id": result.next_id} == (
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
        assert plain(result) == response["json"]
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
    calls = {f"{one.method} {one.path}" for one in OPERATIONS.values()}

    pairs = {one["call"] for one in SPEC.sources["documentation"]["entries"]}

    assert len(pairs) == 63
    assert pairs <= calls


def test_lists_and_files_are_awaitable_objects() -> None:
    """A paged list is a Paginator and a file a Download before anything is sent."""
    client = AsyncDocassemble(BASE, KEY)

    assert isinstance(client.users.list(), Paginator)
    assert isinstance(client.files.download(17), Download)
