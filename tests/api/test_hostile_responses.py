"""Arbitrary responses to every operation result in a value or a documented error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.__main__ import read
from docassemble_client import AsyncDocassemble, Download, Paginator, TaskHandle
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import DocassembleError
from docassemble_client.operations import OPERATIONS
from tests.examples import build_argument
from tests.mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from docassemble_client.operation import Operation

SPEC = read(Path(__file__).parents[2] / "spec")
EXAMPLES = {operation.full_name: operation.example for operation in SPEC.operations}
SECRET = "hunter2"
JSON_TYPE = "application/json"
TIMEOUT = 30.0  # seconds for a list or a task

CHARSETS = ["", "utf-8", "UTF-16", "latin-1", "hex", "idna", "punycode", "undefined", "\x00", "ä"]
TYPES = st.one_of(
    st.just(JSON_TYPE),
    st.sampled_from(["text/html", "text/plain", "application/octet-stream", "", ";", "a/b/c"]),
    st.sampled_from(CHARSETS).map(lambda charset: f"{JSON_TYPE}; charset={charset}"),
    st.sampled_from(CHARSETS).map(lambda charset: f"text/plain; charset={charset}"),
    st.text(max_size=20),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-encoding": st.sampled_from(["gzip", "deflate", "br", "gzip, gzip", "x", ""]),
        "content-length": st.sampled_from(["0", "-1", "5", "99999999999999999999", "x"]),
        "content-disposition": st.text(max_size=30).map(
            lambda name: f'attachment; filename="{name}"'
        ),
        "date": st.text(max_size=30) | st.just("Thu, 01 Jan 1970 00:00:00 GMT"),
        "location": st.text(max_size=30) | st.just(f"https://u:{SECRET}@x/?{SECRET}"),
        "retry-after": st.sampled_from(["1", "1e9", "-1", "9" * 400, "Thu, 01 Jan 1970", "٣"]),
        "set-cookie": st.just(f"session={SECRET}"),
    },
)
STATUSES = st.sampled_from([200] * 8 + [201, 204, 206, 302, 400, 403, 404, 429, 500, 503])
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**30), 1e300])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.just(SECRET) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def mutate(draw: st.DrawFn, value: Any) -> Any:
    """Replace, remove or repeat parts of an example value."""
    if draw(st.integers(0, 7)) == 0:
        return draw(VALUES)
    if isinstance(value, dict):
        removed = draw(st.integers(0, 3)) == 0 and value and draw(st.sampled_from(sorted(value)))
        return {name: draw(mutate(item)) for name, item in value.items() if name != removed}
    if isinstance(value, list):
        return [draw(mutate(item)) for item in value] * draw(st.sampled_from([1, 1, 0, 2]))
    return value


def draw_bodies(name: str) -> st.SearchStrategy[bytes]:
    """Draw bodies between garbage and nearly valid responses of the operation."""
    value = EXAMPLES[name]["response"].get("json")
    content = json.dumps(value).encode()
    return st.one_of(
        mutate(value).map(lambda mutated: json.dumps(mutated).encode()),
        VALUES.map(lambda random: json.dumps(random).encode()),
        st.integers(0, len(content)).map(lambda size: content[:size]),
        st.binary(max_size=60),
        st.sampled_from(
            [b"[" * 5000, b'{"a":' * 5000, b"1" * 5000, b"\xef\xbb\xbf{}", b"\x1f\x8b\x08"]
        ),
    )


async def use_operation(da: AsyncDocassemble, operation: Operation[Any]) -> None:
    """Call an operation and use its result as a user would."""
    arguments = build_argument(EXAMPLES[operation.id].get("arguments", {}))
    call = getattr(getattr(da, operation.tag), operation.name)(**arguments)
    if isinstance(call, Paginator):
        async for _ in call.items(max_items=5, prefetch=True):
            pass
        return
    result = await call
    if isinstance(call, Download):
        assert result.text is not None
    if isinstance(result, TaskHandle):
        assert TaskHandle.from_token(result.to_token()) == result
        await da.wait_for_task(result, timeout=TIMEOUT)


async def run_and_catch(call: Coroutine[Any, Any, None]) -> DocassembleError | None:
    """Run a call and return its error, if it raises one of the client's own."""
    try:
        await call
    except DocassembleError as error:
        return error
    return None


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_any_response_is_a_result_or_a_documented_error(
    name: str, data: st.DataObject
) -> None:
    """Any bytes lead to a result or a documented error, without a hang or a secret in the text."""

    def respond(request: httpx.Request) -> httpx.Response:
        del request
        content_type = data.draw(TYPES, label="type")
        headers = {"content-type": content_type, **data.draw(HEADERS, label="headers")}
        raw = [(key.encode(), value.encode("utf-8", "replace")) for key, value in headers.items()]
        content = data.draw(draw_bodies(name), label="body")
        status = data.draw(STATUSES, label="status")
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(content))

    async def use_client() -> None:
        options: dict[str, Any] = {
            "timeout": Timeouts(total=TIMEOUT),
            "retry": RetryPolicy(attempts=2),
        }
        mock = MockServer(respond)
        async with AsyncDocassemble(mock.url, "key", transport=mock.transport, **options) as da:
            await use_operation(da, OPERATIONS[name])

    error = await run_and_catch(use_client())

    assert SECRET not in f"{error} {error!r}"
