"""Arbitrary arguments of every operation can be parsed back from its request."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docassemble_client import AsyncDocassemble, Secret, Upload
from docassemble_client.errors import DocassembleError
from docassemble_client.operations import OPERATIONS
from tests.mock import MockServer

if TYPE_CHECKING:
    import httpx

    from docassemble_client.operation import Operation, Param

BASE = "/prefix"
TEXT = st.text(max_size=12)
KEY = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=8).map(repr)
NAME = st.builds(
    "{}.{}[{}]".format,
    st.sampled_from(["a", "größe", "_internal"]),
    st.text("xyz_0", min_size=1, max_size=4).map("y{}".format),
    st.integers() | st.sampled_from(["i", "a.b", "None"]) | KEY,
) | st.sampled_from(["a", "b.c", "größe"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FILE = st.builds(
    Upload,
    st.binary(max_size=60) | st.just(b"\r\n--x\r\n"),
    st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="%"), min_size=1),
)
FIELD = NAME.filter(lambda name: "%" not in name)
ARGUMENT = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXT,
    "int": st.integers(),
    "bool": st.booleans(),
    "secret": TEXT | TEXT.map(Secret),
}


def build_values(param: Param) -> st.SearchStrategy[Any]:
    """Build a strategy for the values of a parameter."""
    if param.values:
        return st.sampled_from(param.values)
    if param.location == "path":
        return st.integers(min_value=0)
    container, _, inner = param.kind.partition("[")
    item = NAME if param.variable_name else SCALARS.get(inner.removesuffix("]") or container, FILE)
    names = ARGUMENT.filter(lambda name: name not in param.reserved) if param.spread else TEXT
    containers = {
        "list": st.lists(item, max_size=4),
        "map": st.dictionaries(names, item, max_size=4),
        "object": st.dictionaries(item if param.variable_name else TEXT, JSON, max_size=4),
        "files": st.lists(FILE, min_size=1, max_size=3),
        "file_map": st.dictionaries(FIELD, FILE | st.lists(FILE, max_size=2), max_size=3),
    }
    return containers.get(container, item)


@st.composite
def draw_arguments(draw: st.DrawFn, operation: Operation[Any]) -> dict[str, Any]:
    """Draw arguments that satisfy the rules of an operation."""
    arguments = {
        param.name: draw(build_values(param), label=param.name)
        for param in operation.params
        if param.required or param.location == "path" or draw(st.booleans())
    }
    params = {param.name: param for param in operation.params}
    for rule in operation.requires:
        chosen = draw(st.sampled_from(rule.names))
        arguments[chosen] = draw(build_values(params[chosen]).filter(is_not_blank), label=chosen)
        for name in rule.names:
            if rule.exactly_one and name != chosen:
                arguments.pop(name, None)
    return arguments


def is_not_blank(value: object) -> bool:
    """Whether the server does not treat the value as missing."""
    text = value.reveal() if isinstance(value, Secret) else value
    return not isinstance(text, str) or bool(text.strip())


def to_json_value(value: Any) -> Any:
    """Convert a value to JSON."""
    if isinstance(value, Secret):
        return value.reveal()
    return int(value) if isinstance(value, bool) else value


def parse_parts(request: httpx.Request) -> list[tuple[str, str | None, bytes]]:
    """Parse a multipart body as a server does: name, file name and content of each field."""
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=")
    first, *middle, last = (b"\r\n" + request.content).split(f"\r\n--{boundary}".encode())
    assert (first, last) == (b"", b"--\r\n")
    fields = []
    for part in middle:
        head, _, content = part.partition(b"\r\n\r\n")
        line = head.decode().split("\r\n")[1]
        names = re.fullmatch(
            r'Content-Disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?', line
        )
        assert names is not None
        name, filename = names.groups()
        fields.append((unescape(name), filename and unescape(filename), content))
    return fields


def unescape(text: str) -> str:
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def parse_text(text: str, value: Any) -> Any:
    """Parse a text of a query or form as the type of the value."""
    return text if isinstance(value, str) else json.loads(text)


async def capture_call(call: str, arguments: dict[str, Any]) -> httpx.Request:
    """Make a call, ignore its error and return its request."""
    mock = MockServer(lambda _: (418, None))
    tag, _, name = call.partition(".")

    async with AsyncDocassemble(mock.url + BASE, "key", transport=mock.transport) as da:
        with pytest.raises(DocassembleError, match="418"):
            await getattr(getattr(da, tag), name)(**arguments)

    (request,) = mock.requests
    return request


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=settings().max_examples * 3 // 10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_a_request_parses_back_to_its_arguments(name: str, data: st.DataObject) -> None:
    """Query, JSON, form, files and path contain exactly the arguments, under their wire names."""
    operation = OPERATIONS[name]
    arguments = data.draw(draw_arguments(operation), label="arguments")

    request = await capture_call(name, arguments)

    params = [param for param in operation.params if param.name in arguments]
    query = dict(
        parse_qsl(request.url.query.decode(), keep_blank_values=True, strict_parsing=False)
    )
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", BASE + operation.path)
    path = re.fullmatch(pattern, request.url.raw_path.decode().partition("?")[0])
    assert path is not None
    has_files = request.headers.get("content-type", "").startswith("multipart/")
    fields = parse_parts(request) if has_files else []
    form = {field: content.decode() for field, filename, content in fields if filename is None}
    files = [(field, filename, content) for field, filename, content in fields if filename]
    body = json.loads(request.content) if request.content and not has_files else {}
    expected_files = []
    for param in params:
        value = to_json_value(arguments[param.name])
        if param.location == "path":
            assert unquote(path[param.name]) == str(value)
        elif param.spread:
            assert {key: query.pop(key) for key in value} == value
        elif param.location == "query":
            assert parse_text(query.pop(param.wire), value) == value
        elif param.location == "body" and has_files:
            assert parse_text(form.pop(param.wire), value) == value
        elif param.location == "body":
            content = body.pop(param.wire)
            assert (json.loads(content) if param.json_text else content) == value
        elif param.location == "file":
            by_field = value if isinstance(value, dict) else {param.wire: value}
            expected_files += [
                (field, upload.filename, upload.content)
                for field, uploads in by_field.items()
                for upload in (uploads if isinstance(uploads, list) else [uploads])
            ]
    assert (query, form, body) == ({}, {}, {})
    assert files == expected_files


FREE = st.dictionaries(TEXT.filter(lambda name: name != "key"), JSON, max_size=4)


async def capture_request(method: str, path: str, **arguments: Any) -> httpx.Request:
    """Call da.request and return its request."""
    mock = MockServer(lambda _: (200, None))

    async with AsyncDocassemble(mock.url + BASE, "key", transport=mock.transport) as da:
        await da.request(method, path, **arguments)

    (request,) = mock.requests
    return request


def build_expected(values: dict[str, Any]) -> dict[str, Any]:
    return {name: to_json_value(value) for name, value in values.items() if value is not None}


@given(params=FREE, body=JSON.filter(lambda value: not isinstance(value, dict)) | FREE)
async def test_a_free_request_parses_back_to_its_arguments(
    params: dict[str, Any], body: Any
) -> None:
    """da.request sends parameters and JSON unchanged; None omits a parameter."""
    request = await capture_request("POST", "/x", params=params, json=body)

    query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
    assert {name: parse_text(text, params[name]) for name, text in query.items()} == build_expected(
        params
    )
    assert json.loads(request.content) == body


@given(data=FREE, content=st.binary(max_size=20))
async def test_a_free_form_parses_back_to_its_arguments(
    data: dict[str, Any], content: bytes
) -> None:
    """da.request sends form fields beside files unchanged; None omits a field."""
    data = {name.replace("%", ""): value for name, value in data.items()}
    data.pop("key", None)

    request = await capture_request(
        "POST", "/x", data=data, files={"file": Upload(content, "a.txt")}
    )

    *fields, file = parse_parts(request)
    form = {name: parse_text(text.decode(), data[name]) for name, _, text in fields}
    assert form == build_expected(data)
    assert file == ("file", "a.txt", content)


@given(path=st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12))
async def test_a_free_path_is_sent_unchanged(path: str) -> None:
    """A path without query, fragment, dot segments and control characters is quoted once."""
    path = "/v1.0/" + re.sub(r"[?#%.]", "", path)

    request = await capture_request("GET", path)

    assert unquote(request.url.raw_path.decode()) == BASE + path
