"""
Spans for OpenTelemetry: pass an `OpenTelemetryHook` as `on_event`.

Needs the extra: `pip install "docassemble-client[otel]"`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

try:
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, StatusCode
except ModuleNotFoundError as missing:
    message = 'docassemble_client.otel needs: pip install "docassemble-client[otel]"'
    raise ModuleNotFoundError(message, name=missing.name) from None

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

_MOST_OPEN = 10_000
_LOST = "lost"


class OpenTelemetryHook:
    """
    Makes one span of each request, and span events of retries, waits and pages.

    A request's span is a child of the span it is made in, and ends when the headers of the answer
    have come or none did. It is named after the operation and has the attributes
    `docassemble.operation`, `http.request.method`, `url.path`, `http.response.status_code` and
    `error.type`: nothing that was sent, and no address. Retries, waits and pages lie between
    requests, so they are events of the span around the call, if there is one.

    One hook can serve several clients.

    Example:
        ```python
        AsyncDocassemble(url, key, on_event=OpenTelemetryHook())
        ```
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        """
        Make a hook.

        Args:
            tracer_provider: Where spans go; by default the program's own provider.
        """
        self._tracer = trace.get_tracer(
            "docassemble_client", __version__, tracer_provider=tracer_provider
        )
        self._open: dict[int, Span] = {}

    def __call__(self, event: Event) -> None:
        """
        Take an event.

        Args:
            event: What the client tells.
        """
        if isinstance(event, RequestEvent):
            self._begin(event)
        elif isinstance(event, ResponseEvent):
            self._end(event)
        else:
            name, attributes = _described(event)
            trace.get_current_span().add_event(f"docassemble.{name}", attributes)

    def _begin(self, event: RequestEvent) -> None:
        if len(self._open) >= _MOST_OPEN:
            # An answer is told of in any case; but were it not, nothing must pile up.
            _finish(self._open.pop(next(iter(self._open))), _LOST)
        self._open[event.number] = self._tracer.start_span(
            event.operation,
            kind=SpanKind.CLIENT,
            attributes={
                "docassemble.operation": event.operation,
                "http.request.method": event.method,
                "url.path": event.path,
            },
        )

    def _end(self, event: ResponseEvent) -> None:
        span = self._open.pop(event.number, None)
        if span is None:
            return
        error = event.error
        if event.status is not None:
            span.set_attribute("http.response.status_code", event.status)
            if event.status >= HTTPStatus.BAD_REQUEST:
                error = str(event.status)
        _finish(span, error)


def _finish(span: Span, error: str) -> None:
    if error:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)
    span.end()


def _described(
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
            "docassemble.detail": event.detail,
        }
    return "page", attributes | {
        "docassemble.page": event.number,
        "docassemble.items": event.items,
    }
