"""Any answer at all, to every operation: a result, or an error that the documentation names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.__main__ import read
from docassemble_client import AsyncDocassemble, Download, Paginator, TaskHandle, Upload
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import DocassembleError
from docassemble_client.operations import OPERATIONS
from tests.mock import Mock, run

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from docassemble_client.operation import Operation

SPEC = read(Path(__file__).parents[2] / "spec")
EXAMPLES = {one.full_name: one.example for one in SPEC.operations}
SECRET = "hunter2"
JSON_TYPE = "application/json"
# At most this long, a walk or wait through hostile answers goes on.
PATIENCE = 30.0

CHARSETS = ["", "utf-8", "UTF-16", "latin-1", "hex", "idna", "punycode", "undefined", "\x00", "ä"]
TYPES = st.one_of(
    st.just(JSON_TYPE),
    st.sampled_from(["text/html", "text/plain", "application/octet-stream", "", ";", "a/b/c"]),
    st.sampled_from(CHARSETS).map(lambda one: f"{JSON_TYPE}; charset={one}"),
    st.sampled_from(CHARSETS).map(lambda one: f"text/plain; charset={one}"),
    st.text(max_size=20),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-encoding": st.sampled_from(["gzip", "deflate", "br", "gzip, gzip", "x", ""]),
        "content-length": st.sampled_from(["0", "-1", "5", "99999999999999999999", "x"]),
        "content-disposition": st.text(max_size=30).map(
            lambda one: f'attachment; filename="{one}"'
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
def changed(draw: st.DrawFn, value: Any) -> Any:
    """The value of an example, with some of it replaced, lost or repeated."""
    if draw(st.integers(0, 7)) == 0:
        return draw(VALUES)
    if isinstance(value, dict):
        lost = draw(st.integers(0, 3)) == 0 and value and draw(st.sampled_from(sorted(value)))
        return {name: draw(changed(one)) for name, one in value.items() if name != lost}
    if isinstance(value, list):
        return [draw(changed(one)) for one in value] * draw(st.sampled_from([1, 1, 0, 2]))
    return value


def bodies(name: str) -> st.SearchStrategy[bytes]:
    """Bodies from rubbish to nearly what the operation brings."""
    value = EXAMPLES[name]["response"].get("json")
    whole = json.dumps(value).encode()
    return st.one_of(
        changed(value).map(lambda one: json.dumps(one).encode()),
        VALUES.map(lambda one: json.dumps(one).encode()),
        st.integers(0, len(whole)).map(lambda size: whole[:size]),
        st.binary(max_size=60),
        st.sampled_from(
            [b"[" * 5000, b'{"a":' * 5000, b"1" * 5000, b"\xef\xbb\xbf{}", b"\x1f\x8b\x08"]
        ),
    )


def argument(value: Any) -> Any:
    """Turn the specification's way to write a file into one."""
    if isinstance(value, dict) and set(value) == {"filename", "content"}:
        return Upload(value["content"].encode(), value["filename"])
    if isinstance(value, dict):
        return {name: argument(one) for name, one in value.items()}
    return [argument(one) for one in value] if isinstance(value, list) else value


async def carried(da: AsyncDocassemble, operation: Operation[Any]) -> None:
    """Call an operation, and do with what it brings all that a user would."""
    arguments = argument(EXAMPLES[operation.id].get("arguments", {}))
    call = getattr(getattr(da, operation.tag), operation.name)(**arguments)
    if isinstance(call, Paginator):
        async for _ in call.items(limit=5, prefetch=True):
            pass
        return
    result = await call
    if isinstance(call, Download):
        assert result.text is not None
    if isinstance(result, TaskHandle):
        assert TaskHandle.from_token(result.to_token()) == result
        await da.wait_for_task(result, timeout=PATIENCE)


def failure(call: Coroutine[Any, Any, None]) -> DocassembleError | None:
    """How a call failed, if so; nothing but the client's own errors is caught."""
    try:
        run(call)
    except DocassembleError as error:
        return error
    return None


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_answer_is_a_result_or_a_documented_error(name: str, data: st.DataObject) -> None:
    """Whatever bytes come: no other exception, no endless wait, and nothing secret in the text."""

    def answer(request: httpx.Request) -> httpx.Response:
        del request
        kind = data.draw(TYPES, label="type")
        headers = {"content-type": kind, **data.draw(HEADERS, label="headers")}
        raw = [(one.encode(), two.encode("utf-8", "replace")) for one, two in headers.items()]
        content = data.draw(bodies(name), label="body")
        status = data.draw(STATUSES, label="status")
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(content))

    async def use() -> None:
        settings_: dict[str, Any] = {
            "timeout": Timeouts(total=PATIENCE),
            "retry": RetryPolicy(attempts=2),
        }
        mock = Mock(answer)
        async with AsyncDocassemble(mock.url, "key", transport=mock.http, **settings_) as da:
            await carried(da, OPERATIONS[name])

    error = failure(use())

    assert SECRET not in f"{error} {error!r}"
