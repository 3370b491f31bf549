"""
OpenTelemetry spans of requests: pass an `OpenTelemetryHook` as `on_event`.

Needs the extra: `pip install "docassemble-client[otel]"`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

try:
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, StatusCode
except ModuleNotFoundError as error:
    message = 'docassemble_client.otel needs: pip install "docassemble-client[otel]"'
    raise ModuleNotFoundError(message, name=error.name) from None

from docassemble_client._version import __version__
from docassemble_client.events import (
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    WaitEvent,
)

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from docassemble_client.events import Event

__all__ = ["OpenTelemetryHook"]

MAX_OPEN_SPANS = 10_000
_LOST = "lost"


class OpenTelemetryHook:
    """
    Records a span for each request, and span events for retries, task polls and pages.

    A request's span is a child of the current span. It ends when the headers of the response
    arrive or the request fails. It is named after the operation and has the attributes
    `docassemble.operation`, `http.request.method`, `url.path`, `http.response.status_code` and
    `error.type`. It contains no server address and no data. Retries, polls and pages happen
    between requests, so they are added as events to the current span, if there is one.

    One hook can serve several clients.

    Example:
        ```python
        AsyncDocassemble(url, key, on_event=OpenTelemetryHook())
        ```
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        """
        Create a hook.

        Args:
            tracer_provider: Provider that receives the spans; by default the global one.
        """
        self._tracer = trace.get_tracer(
            "docassemble_client", __version__, tracer_provider=tracer_provider
        )
        self._open_spans: dict[int, Span] = {}

    def __call__(self, event: Event) -> None:
        """
        Record an event.

        Args:
            event: An event of the client.
        """
        if isinstance(event, RequestEvent):
            self._start_span(event)
        elif isinstance(event, ResponseEvent):
            self._end_span(event)
        else:
            name, attributes = _describe_event(event)
            trace.get_current_span().add_event(f"docassemble.{name}", attributes)

    def _start_span(self, event: RequestEvent) -> None:
        if len(self._open_spans) >= MAX_OPEN_SPANS:
            # Every request gets a ResponseEvent; the cap only guards against a leak.
            _end_with_status(self._open_spans.pop(next(iter(self._open_spans))), _LOST)
        self._open_spans[event.number] = self._tracer.start_span(
            event.operation,
            kind=SpanKind.CLIENT,
            attributes={
                "docassemble.operation": event.operation,
                "http.request.method": event.method,
                "url.path": event.path,
            },
        )

    def _end_span(self, event: ResponseEvent) -> None:
        span = self._open_spans.pop(event.number, None)
        if span is None:
            return
        error = event.error
        if event.status is not None:
            span.set_attribute("http.response.status_code", event.status)
            if event.status >= HTTPStatus.BAD_REQUEST:
                error = str(event.status)
        _end_with_status(span, error)


def _end_with_status(span: Span, error: str) -> None:
    if error:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)
    span.end()


def _describe_event(
    event: RetryEvent | WaitEvent | PageEvent,
) -> tuple[str, dict[str, AttributeValue]]:
    attributes: dict[str, AttributeValue] = {"docassemble.operation": event.operation}
    if isinstance(event, RetryEvent):
        return "retry", attributes | {
            "docassemble.attempt": event.attempt,
            "docassemble.delay": event.delay,
            "error.type": event.reason,
        }
    if isinstance(event, WaitEvent):
        return "wait", attributes | {
            "docassemble.state": event.state,
            "docassemble.polls": event.polls,
            "docassemble.reason": event.reason,
        }
    return "page", attributes | {
        "docassemble.page": event.number,
        "docassemble.items": event.item_count,
    }
