"""Spans of OpenTelemetry: one for each request, none with a secret, none forgotten."""

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
    AT_ONCE,
    ONCE,
    PATIENCE,
    USER,
    Connection,
    answering,
    reply,
    serve,
    silent,
    tidy,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.raw_server import RawServer, Script

go_direct = pytest.fixture(autouse=True)(tidy)

WHERE = {"operation": "users.get_current", "method": "GET", "path": "/api/user"}


class Recorder:
    """A tracer provider that keeps what is exported."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self.exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.hook = OpenTelemetryHook(self.provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, oldest first."""
        return list(self.exporter.get_finished_spans())


def calling(script: Script, recorder: Recorder, call: Any, key: str = "key", **more: Any) -> None:
    async def play() -> None:
        async with (
            serve(script) as server,
            AsyncDocassemble(server.url, key, on_event=recorder.hook, **more) as da,
        ):
            await call(da, server)

    asyncio.run(asyncio.wait_for(play(), PATIENCE))


async def get_user(da: AsyncDocassemble, _: RawServer) -> None:
    await da.users.get_current()


def test_a_request_is_one_span_named_after_its_operation() -> None:
    """The span says operation, method, path and status, and nothing else."""
    recorder = Recorder()

    calling(answering(reply(USER)), recorder, get_user)

    (span,) = recorder.spans
    assert (span.name, span.kind) == ("users.get_current", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "docassemble.operation": "users.get_current",
        "http.request.method": "GET",
        "url.path": "/api/user",
        "http.response.status_code": 200,
    }
    assert span.status.status_code is StatusCode.UNSET


def test_a_request_is_a_child_of_the_span_around_its_call() -> None:
    """Concurrent calls each find their own parent; a retry is an event of it."""
    recorder = Recorder()
    tracer = recorder.provider.get_tracer("test")

    async def call(da: AsyncDocassemble, _: RawServer) -> None:
        async def one(name: str) -> None:
            with tracer.start_as_current_span(name):
                await da.users.get_current()

        await asyncio.gather(one("a"), one("b"))

    script = answering(reply(status=503), reply(status=503), reply(USER), reply(USER))
    calling(script, recorder, call, retry=AT_ONCE, max_concurrency=1)

    parents = {span.name: span for span in recorder.spans if span.name in {"a", "b"}}
    assert parents.keys() == {"a", "b"}
    children = [span for span in recorder.spans if span.name not in parents]
    assert len(children) == 4
    for parent in parents.values():
        inside = [
            (child.attributes or {})["http.response.status_code"]
            for child in children
            if child.parent is not None
            and parent.context is not None
            and child.parent.span_id == parent.context.span_id
        ]
        assert sorted(map(str, inside)) == ["200", "503"]
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
    ("script", "expected", "kind", "status"),
    [
        (answering(reply(b'"no"', status=400)), BadRequest, "400", 400),
        (hang_up, MaybeSent, "MaybeSent", None),
    ],
)
def test_a_failed_request_is_a_failed_span(
    script: Script, expected: type[Exception], kind: str, status: int | None
) -> None:
    """The error's type is the status or the name of its class; its text is not told."""
    recorder = Recorder()

    with pytest.raises(expected):
        calling(script, recorder, get_user, retry=ONCE)

    (span,) = recorder.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    attributes = span.attributes or {}
    assert attributes["error.type"] == kind
    assert attributes.get("http.response.status_code") == status
    assert not span.events


def test_a_cancelled_request_ends_its_span() -> None:
    """Nothing stays open when a call is given up."""
    recorder = Recorder()

    async def call(da: AsyncDocassemble, server: RawServer) -> None:
        task = asyncio.create_task(da.users.get_current())
        await server.arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    calling(silent, recorder, call)

    (span,) = recorder.spans
    assert (span.attributes or {})["error.type"] == "CancelledError"
    assert not recorder.hook._open


def test_what_is_never_answered_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more open requests than can be the oldest is ended as lost; its answer means nothing."""
    monkeypatch.setattr(otel, "_MOST_OPEN", 2)
    recorder = Recorder()

    for number in range(3):
        recorder.hook(RequestEvent(number=number, **WHERE))
    (lost,) = recorder.spans
    recorder.hook(ResponseEvent(number=0, status=200, error="", seconds=1.0, **WHERE))

    assert (lost.attributes or {})["error.type"] == "lost"
    assert len(recorder.spans) == 1
    assert len(recorder.hook._open) == 2


def test_waits_and_pages_are_events_of_the_span_around() -> None:
    """They lie between requests, so they belong to whoever waits or walks."""
    recorder = Recorder()

    with recorder.provider.get_tracer("test").start_as_current_span("outer"):
        recorder.hook(WaitEvent(operation="server.restart", state="working", polls=2, detail=""))
        recorder.hook(PageEvent(operation="users.list", number=3, items=100))

    (span,) = recorder.spans
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        (
            "docassemble.wait",
            {
                "docassemble.operation": "server.restart",
                "docassemble.state": "working",
                "docassemble.polls": 2,
                "docassemble.detail": "",
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


def test_without_a_span_around_such_events_are_dropped() -> None:
    """No span is made up for what is no request."""
    recorder = Recorder()

    recorder.hook(RetryEvent(operation="users.get_current", attempt=1, reason="503", delay=0.5))

    assert not recorder.spans


def test_no_secret_is_in_any_span() -> None:
    """Neither key nor arguments, headers, bodies or addresses are found in what is exported."""
    recorder = Recorder()
    canary = "canary5ecret"
    cookie = f"Set-Cookie: session={canary}"
    script = answering(
        reply(status=503),
        reply(USER, cookie),
        reply(b'{"secret": "%s"}' % canary.encode(), cookie),
        reply(f'"{canary}"'.encode(), cookie, status=400),
        reply(b"", f"Location: https://user:{canary}@x.example/?{canary}", status=302),
    )

    async def call(da: AsyncDocassemble, server: RawServer) -> None:
        with recorder.provider.get_tracer("test").start_as_current_span("outer"):
            await da.users.get_current()
            await da.request(
                "POST", "/x", json={"password": canary}, params={"secret": canary},
                headers={"x-own": canary},
            )  # fmt: skip
            while len(server.received) < 5:
                with pytest.raises(Exception, match=r"400|302"):
                    await da.sessions.get_variables("i.yml", canary, secret=Secret(canary))

    calling(script, recorder, call, key=canary, retry=AT_ONCE, max_concurrency=1)

    assert len(recorder.spans) == 6
    assert canary not in "".join(span.to_json() for span in recorder.spans)


def test_the_programs_own_provider_is_the_default() -> None:
    """Without a provider given, the hook works, and does nothing where none is set up."""
    hook = OpenTelemetryHook()

    hook(RequestEvent(number=1, **WHERE))
    hook(ResponseEvent(number=1, status=200, error="", seconds=1.0, **WHERE))

    assert not hook._open


def test_the_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who imports the module without OpenTelemetry is told what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(ModuleNotFoundError, match=r'pip install "docassemble-client\[otel\]"'):
        runpy.run_path(otel.__file__)
