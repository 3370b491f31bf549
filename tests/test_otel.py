"""OpenTelemetry spans: one for each request, none with a secret, none left open."""

from __future__ import annotations

import asyncio
import runpy
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from docassemble_client import (
    AsyncDocassemble,
    BadRequest,
    MaybeSent,
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    Secret,
    WaitEvent,
    otel,
)
from docassemble_client.otel import OpenTelemetryHook
from tests.raw_server import (
    HANG_SECONDS,
    NO_DELAY,
    NO_RETRIES,
    USER,
    Connection,
    check_leaks,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.raw_server import RawServer, Script

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)

REQUEST_FIELDS = {"operation": "users.get_current", "method": "GET", "path": "/api/user"}


class Recorder:
    """A tracer provider that records the exported spans."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self.exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.hook = OpenTelemetryHook(self.provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, oldest first."""
        return list(self.exporter.get_finished_spans())


async def record_call(
    script: Script, recorder: Recorder, call: Any, key: str = "key", **options: Any
) -> None:
    async with (
        asyncio.timeout(HANG_SECONDS),
        serve(script) as server,
        AsyncDocassemble(server.url, key, on_event=recorder.hook, **options) as da,
    ):
        await call(da, server)


async def get_user(da: AsyncDocassemble, _: RawServer) -> None:
    await da.users.get_current()


async def test_a_request_is_a_span_named_after_its_operation() -> None:
    """The span has operation, method, path and status, and no other attribute."""
    recorder = Recorder()

    await record_call(respond_with(make_response(USER)), recorder, get_user)

    (span,) = recorder.spans
    assert (span.name, span.kind) == ("users.get_current", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "docassemble.operation": "users.get_current",
        "http.request.method": "GET",
        "url.path": "/api/user",
        "http.response.status_code": 200,
    }
    assert span.status.status_code is StatusCode.UNSET


async def test_a_request_is_a_child_of_the_current_span() -> None:
    """Concurrent calls have their own parents; a retry is an event of the parent."""
    recorder = Recorder()
    tracer = recorder.provider.get_tracer("test")

    async def call(da: AsyncDocassemble, _: RawServer) -> None:
        async def call_in_span(name: str) -> None:
            with tracer.start_as_current_span(name):
                await da.users.get_current()

        await asyncio.gather(call_in_span("a"), call_in_span("b"))

    script = respond_with(
        make_response(status=503),
        make_response(status=503),
        make_response(USER),
        make_response(USER),
    )
    await record_call(script, recorder, call, retry=NO_DELAY, max_concurrency=1)

    parents = {span.name: span for span in recorder.spans if span.name in {"a", "b"}}
    assert parents.keys() == {"a", "b"}
    children = [span for span in recorder.spans if span.name not in parents]
    assert len(children) == 4
    for parent in parents.values():
        statuses = [
            (child.attributes or {})["http.response.status_code"]
            for child in children
            if child.parent is not None
            and parent.context is not None
            and child.parent.span_id == parent.context.span_id
        ]
        assert sorted(map(str, statuses)) == ["200", "503"]
        (event,) = parent.events
        assert event.name == "docassemble.retry"
        assert dict(event.attributes or {}) == {
            "docassemble.operation": "users.get_current",
            "docassemble.attempt": 1,
            "docassemble.delay": 0.0,
            "error.type": "503",
        }


async def hang_up(connection: Connection) -> None:
    await connection.receive()


@pytest.mark.parametrize(
    ("script", "expected", "error_type", "status"),
    [
        (respond_with(make_response(b'"no"', status=400)), BadRequest, "400", 400),
        (hang_up, MaybeSent, "MaybeSent", None),
    ],
)
async def test_a_failed_request_is_a_failed_span(
    script: Script, expected: type[Exception], error_type: str, status: int | None
) -> None:
    """The error type is the status or the name of the class; the error's text is not recorded."""
    recorder = Recorder()

    with pytest.raises(expected):
        await record_call(script, recorder, get_user, retry=NO_RETRIES)

    (span,) = recorder.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    attributes = span.attributes or {}
    assert attributes["error.type"] == error_type
    assert attributes.get("http.response.status_code") == status
    assert not span.events


async def test_a_cancelled_request_ends_its_span() -> None:
    """No span stays open after a cancelled call."""
    recorder = Recorder()

    async def call(da: AsyncDocassemble, server: RawServer) -> None:
        task = asyncio.create_task(da.users.get_current())
        await server.request_arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await record_call(never_respond, recorder, call)

    (span,) = recorder.spans
    assert (span.attributes or {})["error.type"] == "CancelledError"
    assert not recorder.hook._open_spans


def test_the_number_of_open_spans_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit, the oldest span ends as lost; its response is ignored."""
    monkeypatch.setattr(otel, "MAX_OPEN_SPANS", 2)
    recorder = Recorder()

    for number in range(3):
        recorder.hook(RequestEvent(number=number, **REQUEST_FIELDS))
    (lost,) = recorder.spans
    recorder.hook(ResponseEvent(number=0, status=200, error="", seconds=1.0, **REQUEST_FIELDS))

    assert (lost.attributes or {})["error.type"] == "lost"
    assert len(recorder.spans) == 1
    assert len(recorder.hook._open_spans) == 2


def test_polls_and_pages_are_events_of_the_current_span() -> None:
    """They happen between requests, so they belong to the span of the caller."""
    recorder = Recorder()

    with recorder.provider.get_tracer("test").start_as_current_span("outer"):
        recorder.hook(WaitEvent(operation="server.restart", state="working", polls=2, reason=""))
        recorder.hook(PageEvent(operation="users.list", number=3, item_count=100))

    (span,) = recorder.spans
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        (
            "docassemble.wait",
            {
                "docassemble.operation": "server.restart",
                "docassemble.state": "working",
                "docassemble.polls": 2,
                "docassemble.reason": "",
            },
        ),
        (
            "docassemble.page",
            {
                "docassemble.operation": "users.list",
                "docassemble.page": 3,
                "docassemble.items": 100,
            },
        ),
    ]


def test_events_without_a_current_span_are_dropped() -> None:
    """No span is created for events that are not requests."""
    recorder = Recorder()

    recorder.hook(RetryEvent(operation="users.get_current", attempt=1, reason="503", delay=0.5))

    assert not recorder.spans


async def test_spans_contain_no_secret() -> None:
    """The exported spans contain no key, argument, header, body or URL."""
    recorder = Recorder()
    canary = "canary5ecret"
    cookie = f"Set-Cookie: session={canary}"
    script = respond_with(
        make_response(status=503),
        make_response(USER, cookie),
        make_response(b'{"secret": "%s"}' % canary.encode(), cookie),
        make_response(f'"{canary}"'.encode(), cookie, status=400),
        make_response(b"", f"Location: https://user:{canary}@x.example/?{canary}", status=302),
    )

    async def call(da: AsyncDocassemble, server: RawServer) -> None:
        with recorder.provider.get_tracer("test").start_as_current_span("outer"):
            await da.users.get_current()
            await da.request(
                "POST", "/x", json={"password": canary}, params={"secret": canary},
                headers={"x-own": canary},
            )  # fmt: skip
            while len(server.requests) < 5:
                with pytest.raises(Exception, match=r"400|302"):
                    await da.sessions.get_variables("i.yml", canary, secret=Secret(canary))

    await record_call(script, recorder, call, key=canary, retry=NO_DELAY, max_concurrency=1)

    assert len(recorder.spans) == 6
    assert canary not in "".join(span.to_json() for span in recorder.spans)


def test_the_global_provider_is_the_default() -> None:
    """Without a provider the hook works, and does nothing if none is configured."""
    hook = OpenTelemetryHook()

    hook(RequestEvent(number=1, **REQUEST_FIELDS))
    hook(ResponseEvent(number=1, status=200, error="", seconds=1.0, **REQUEST_FIELDS))

    assert not hook._open_spans


def test_a_missing_opentelemetry_is_reported_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error contains the pip command."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(ModuleNotFoundError, match=r'pip install "docassemble-client\[otel\]"'):
        runpy.run_path(otel.__file__)
