"""Any arguments, of every operation: the request parses back to the same values."""

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
from tests.mock import Mock, run

if TYPE_CHECKING:
    import httpx

    from docassemble_client.operation import Operation, Param

BASE = "/prefix"
TEXT = st.text(max_size=12)
# What the server runs as Python has no line breaks, nor any character that looks like one.
NAME = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=8
).filter(lambda one: bool(one.strip()) and one != "key")
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
FIELD = NAME.filter(lambda one: "%" not in one)
ARGUMENT = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXT,
    "int": st.integers(),
    "bool": st.booleans(),
    "secret": TEXT | TEXT.map(Secret),
}


def values(param: Param) -> st.SearchStrategy[Any]:
    """Any value the parameter takes."""
    if param.values:
        return st.sampled_from(param.values)
    if param.place == "path":
        return st.integers(min_value=0)
    container, _, inner = param.kind.partition("[")
    one = NAME if param.variable_name else SCALARS.get(inner.removesuffix("]") or container, FILE)
    names = ARGUMENT.filter(lambda name: name not in param.reserved) if param.spread else TEXT
    shapes = {
        "list": st.lists(one, max_size=4),
        "map": st.dictionaries(names, one, max_size=4),
        "object": st.dictionaries(one if param.variable_name else TEXT, JSON, max_size=4),
        "files": st.lists(FILE, min_size=1, max_size=3),
        "file_map": st.dictionaries(FIELD, FILE | st.lists(FILE, max_size=2), max_size=3),
    }
    return shapes.get(container, one)


@st.composite
def arguments(draw: st.DrawFn, operation: Operation[Any]) -> dict[str, Any]:
    """Arguments that keep to the rules of an operation."""
    given = {
        param.name: draw(values(param), label=param.name)
        for param in operation.params
        if param.required or param.place == "path" or draw(st.booleans())
    }
    params = {param.name: param for param in operation.params}
    for rule in operation.requires:
        chosen = draw(st.sampled_from(rule.names))
        given[chosen] = draw(values(params[chosen]).filter(shows), label=chosen)
        for name in rule.names:
            if rule.exactly_one and name != chosen:
                given.pop(name, None)
    return given


def shows(value: object) -> bool:
    """Whether the server takes it for something."""
    text = value.reveal() if isinstance(value, Secret) else value
    return not isinstance(text, str) or bool(text.strip())


def plain(value: Any) -> Any:
    """What JSON has for a value."""
    if isinstance(value, Secret):
        return value.reveal()
    return int(value) if isinstance(value, bool) else value


def parts(request: httpx.Request) -> list[tuple[str, str | None, bytes]]:
    """Fields of a multipart body as a server reads them: name, file name, content."""
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=")
    first, *middle, last = (b"\r\n" + request.content).split(f"\r\n--{boundary}".encode())
    assert (first, last) == (b"", b"--\r\n")
    found = []
    for part in middle:
        head, _, content = part.partition(b"\r\n\r\n")
        line = head.decode().split("\r\n")[1]
        names = re.fullmatch(
            r'Content-Disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?', line
        )
        assert names is not None
        name, filename = names.groups()
        found.append((unescaped(name), filename and unescaped(filename), content))
    return found


def unescaped(text: str) -> str:
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def read(text: str, value: Any) -> Any:
    """Read a text of a query or form back as something of the value's type."""
    return text if isinstance(value, str) else json.loads(text)


def sent(call: str, given: dict[str, Any]) -> httpx.Request:
    """Make a call, whatever comes of it; the request it makes."""
    mock = Mock(lambda _: (418, None))
    tag, _, name = call.partition(".")

    async def use() -> None:
        async with AsyncDocassemble(mock.url + BASE, "key", transport=mock.http) as da:
            with pytest.raises(DocassembleError, match="418"):
                await getattr(getattr(da, tag), name)(**given)

    run(use())
    (request,) = mock.requests
    return request


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=settings().max_examples * 3 // 10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_request_parses_back_to_its_arguments(name: str, data: st.DataObject) -> None:
    """Query, JSON, form, files and path hold each argument, under its wire name, and no other."""
    operation = OPERATIONS[name]
    given_ = data.draw(arguments(operation), label="arguments")

    request = sent(name, given_)

    left = {param.name: param for param in operation.params if param.name in given_}
    query = dict(
        parse_qsl(request.url.query.decode(), keep_blank_values=True, strict_parsing=False)
    )
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", BASE + operation.path)
    path = re.fullmatch(pattern, request.url.raw_path.decode().partition("?")[0])
    assert path is not None
    has_files = request.headers.get("content-type", "").startswith("multipart/")
    fields = parts(request) if has_files else []
    form = {field: content.decode() for field, filename, content in fields if filename is None}
    files = [(field, filename, content) for field, filename, content in fields if filename]
    body = json.loads(request.content) if request.content and not has_files else {}
    expected_files = []
    for param in left.values():
        value = plain(given_[param.name])
        if param.place == "path":
            assert unquote(path[param.name]) == str(value)
        elif param.spread:
            assert {one: query.pop(one) for one in value} == value
        elif param.place == "query":
            assert read(query.pop(param.wire), value) == value
        elif param.place == "body" and has_files:
            assert read(form.pop(param.wire), value) == value
        elif param.place == "body":
            one = body.pop(param.wire)
            assert (json.loads(one) if param.json_text else one) == value
        elif param.place == "file":
            by_field = value if isinstance(value, dict) else {param.wire: value}
            expected_files += [
                (field, upload.filename, upload.content)
                for field, uploads in by_field.items()
                for upload in (uploads if isinstance(uploads, list) else [uploads])
            ]
    assert (query, form, body) == ({}, {}, {})
    assert files == expected_files


FREE = st.dictionaries(TEXT.filter(lambda one: one != "key"), JSON, max_size=4)


def freely(method: str, path: str, **given: Any) -> httpx.Request:
    """Make a call that no operation describes; the request it makes."""
    mock = Mock(lambda _: (200, None))

    async def use() -> None:
        async with AsyncDocassemble(mock.url + BASE, "key", transport=mock.http) as da:
            await da.request(method, path, **given)

    run(use())
    (request,) = mock.requests
    return request


def expected(values: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in values.items() if value is not None}


@given(params=FREE, body=JSON.filter(lambda one: not isinstance(one, dict)) | FREE)
def test_a_free_request_parses_back_to_its_arguments(params: dict[str, Any], body: Any) -> None:
    """Parameters and JSON of the escape hatch come as they are; None leaves a parameter out."""
    request = freely("POST", "/x", params=params, json=body)

    query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
    assert {name: read(text, params[name]) for name, text in query.items()} == expected(params)
    assert json.loads(request.content) == body


@given(data=FREE, content=st.binary(max_size=20))
def test_a_free_form_parses_back_to_its_arguments(data: dict[str, Any], content: bytes) -> None:
    """So do the fields beside files, where None leaves one out too."""
    data = {name.replace("%", ""): value for name, value in data.items()}
    data.pop("key", None)

    request = freely("POST", "/x", data=data, files={"file": Upload(content, "a.txt")})

    *fields, file = parts(request)
    form = {name: read(text.decode(), data[name]) for name, _, text in fields}
    assert form == expected(data)
    assert file == ("file", "a.txt", content)


@given(path=st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12))
def test_a_free_path_comes_as_it_is(path: str) -> None:
    """What is no query, fragment or control character stands in the path, quoted once."""
    path = "/" + path.replace("?", "").replace("#", "").replace("%", "")

    request = freely("GET", path)

    assert unquote(request.url.raw_path.decode()) == BASE + path
