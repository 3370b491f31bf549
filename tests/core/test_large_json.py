"""Large JSON is parsed in short steps, to the same values and errors as in one."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import AsyncDocassemble, DecodeError, RequestTimeout, Timeouts
from docassemble_client._core import large_json
from docassemble_client._core.deserialize import deserialize, deserialize_in_steps
from docassemble_client._core.json_codec import decode_json
from docassemble_client._core.large_json import parse_in_steps
from docassemble_client.operations import OPERATIONS
from tests.core.responses import JSON_TYPE, SAFE, make_response
from tests.raw_server import KEY, USER

if TYPE_CHECKING:
    from collections.abc import Generator

TEXTS = ["", "x" * 90, 'é\n"\\', "€"]
SCALARS: list[Any] = [1, -2.5e10, 1e-9, True, None, 10**30, *TEXTS]
API_KEY = {"name": "a", "last_four": "abcd", "method": "none", "constraints": []}
DAMAGE = ["", ",", "]", "}", "[", '"', " ", "1", "x", ":", "{"]


def parse(text: str) -> tuple[Any, int]:
    """Return the value and the number of steps."""
    steps: Generator[None, None, Any] = parse_in_steps(text)
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value, count
        count += 1


def make_value(generator: random.Random, depth: int = 0) -> Any:
    kind = generator.random()
    if depth < 5 and kind < 0.6:
        values = [make_value(generator, depth + 1) for _ in range(generator.randrange(6))]
        return values if kind < 0.3 else {f'k{n}"\\': value for n, value in enumerate(values)}
    return generator.choice(SCALARS)


def parse_value(text: str) -> Any:
    return parse(text)[0]


def decode_text(text: str) -> Any:
    return decode_json(text.encode())


def read_outcome(parse_text: Any, text: str) -> Any:
    try:
        return repr(parse_text(text))
    except ValueError:
        return ValueError


@pytest.mark.parametrize("length", [64, 100, 300])
def test_a_document_has_the_same_value_in_any_window(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a document that is damaged has the same outcome."""
    monkeypatch.setattr(large_json, "STEP_LENGTH", length)
    generator = random.Random(length)  # noqa: S311 - not a secret
    for _ in range(1000):
        text = json.dumps(make_value(generator), indent=generator.choice([None, 1]))
        if generator.random() < 0.5:
            position = generator.randrange(len(text) + 1)
            end = position + generator.randrange(2)
            text = text[:position] + generator.choice(DAMAGE) + text[end:]
        assert read_outcome(parse_value, text) == read_outcome(decode_text, text), text


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (json.dumps({"items": [{"id": n, "name": "x" * 90} for n in range(5000)]}), 5),
        ("[" + "[]," * 100_000 + "[]]", 4),
        ("[" * 500 + "1," * 100_000 + "1" + "]" * 500, 500),
        (" " * 100_000 + "[" + " " * 100_000 + "]", 1),
    ],
    ids=["items", "empty lists", "nested", "blanks"],
)
def test_a_long_value_takes_many_steps(text: str, steps: int) -> None:
    """No step parses more than a window."""
    value, count = parse(text)

    assert value == json.loads(text)
    assert count >= steps


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        ('["' + "x" * 70_000 + '",') * 1200,
        "1" * 70_000 + " ",
        '{"a" 1' + " " * 70_000,
    ],
)
def test_a_long_document_that_is_not_valid_is_an_error(text: str) -> None:
    """Also one that is nested too deeply."""
    with pytest.raises(ValueError, match=r"JSON|nested|xpecting"):
        parse(text)


def respond(content: bytes) -> httpx.MockTransport:
    headers = {"content-type": "application/json"}
    return httpx.MockTransport(lambda _: httpx.Response(200, content=content, headers=headers))


async def test_a_large_response_lets_other_tasks_run_and_the_total_limit_end_it() -> None:
    """Decoding is part of the call."""
    items = b",".join([b"[]"] * 1_000_000)
    async with AsyncDocassemble("http://x", KEY, transport=respond(b'{"items":[' + items)) as da:
        with pytest.raises((RequestTimeout, DecodeError)):
            await da.users.list(timeout=Timeouts(total=0.01)).pages().__anext__()


async def test_a_large_response_has_the_same_value() -> None:
    """A name of 400 KB, in a response that is decoded in steps."""
    name = "x" * 400_000
    content = json.dumps([name]).encode()
    async with AsyncDocassemble("http://x", KEY, transport=respond(content)) as da:
        assert await da.privileges.list() == [name]


async def test_a_large_file_is_not_json() -> None:
    """It is returned as it is."""
    content = b"[" * 400_000
    async with AsyncDocassemble("http://x", KEY, transport=respond(content)) as da:
        assert (await da.files.download(17)).content == content
        with pytest.raises(DecodeError, match="not valid JSON"):
            await da.privileges.list()


DEEP = "[" * 30_000 + "]" * 30_000


@pytest.mark.parametrize(
    "text",
    [
        "[" + "1," * 200_000,
        f"[1,{DEEP}," + "1," * 99_999 + "1]",
        "[" + "1," * 99_999 + f"{DEEP},1]",
        *("[" + "1," * 99_999 + '"' + "x" * blanks + f'",{DEEP},1]' for blanks in (20_000, 40_000)),
    ],
    ids=range(5),
)
def test_a_large_document_that_is_not_valid_is_refused(text: str) -> None:
    """It is cut off after a comma, or one of its items is nested too deeply."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text does not matter
        parse(text)


def test_a_large_response_without_json_is_one_step() -> None:
    """There is nothing to parse."""
    response = make_response(200, b"x" * 300_000, "text/markdown")
    steps = deserialize_in_steps(OPERATIONS["files.convert_to_markdown"], SAFE, response)

    with pytest.raises(StopIteration) as stop:
        next(steps)

    assert stop.value.value == deserialize(OPERATIONS["files.convert_to_markdown"], SAFE, response)


def run_steps(operation: str, content: bytes) -> tuple[Any, int]:
    """Return the result, or the text of the error, and the number of steps."""
    steps = deserialize_in_steps(
        OPERATIONS[operation], SAFE, make_response(200, content, JSON_TYPE)
    )
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value, count
        except DecodeError as error:
            return str(error), count
        count += 1


def run_once(operation: str, content: bytes) -> Any:
    """Return the result, or the text of the error, of a single step."""
    response = make_response(200, content, JSON_TYPE)
    try:
        return deserialize(OPERATIONS[operation], SAFE, response)
    except DecodeError as error:
        return str(error)


@pytest.mark.parametrize(
    ("operation", "make_document", "item"),
    [
        ("users.list", lambda items: items, json.loads(USER)),
        ("users.list", lambda items: {"items": items, "next_id": "MQ"}, json.loads(USER)),
        ("api_keys.list", lambda items: items, API_KEY),
    ],
)
@pytest.mark.parametrize("problem", ["", "converted", "wrong"])
def test_a_long_list_is_decoded_in_steps(
    operation: str, make_document: Any, item: Any, problem: str
) -> None:
    """The items, and the error with its path, are those of a single step."""
    items: list[Any] = [dict(item) for _ in range(350)]
    if problem == "converted":
        items[250] = {**items[250], next(iter(items[250])): 7}
    elif problem == "wrong":
        items[250] = "not an object"
    content = json.dumps(make_document(items)).encode()

    result, count = run_steps(operation, content)

    expected = run_once(operation, content)
    if isinstance(expected, str):
        assert "[250]" in expected
        assert result == expected
    else:
        assert getattr(result, "items", result) == getattr(expected, "items", expected)
        assert getattr(result, "next_page_token", None) == getattr(
            expected, "next_page_token", None
        )
        assert count >= 4


@pytest.mark.parametrize("document", [7, {"items": 1, "next_id": None}, {"x": []}, []])
def test_a_document_that_is_no_list_is_one_step(document: Any) -> None:
    """Its result or error is that of a single step."""
    content = json.dumps(document).encode()
    result, _ = run_steps("users.list", content)
    expected = run_once("users.list", content)
    assert getattr(result, "items", result) == getattr(expected, "items", expected)
