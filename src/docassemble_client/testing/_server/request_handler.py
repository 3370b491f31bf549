"""Handles the fake server's requests: faults, routing, authentication and handlers."""

from __future__ import annotations

import logging
from http import HTTPStatus
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from attrs import field, frozen

from docassemble_client._checks import CALLABLE, FLAG, TEXT, Kind, check_arguments
from docassemble_client._concurrency import ThreadLock
from docassemble_client.testing._handlers import HANDLERS
from docassemble_client.testing._server.api_call import ApiCall, describe_error
from docassemble_client.testing._server.head_response import convert_to_head
from docassemble_client.testing._server.messages import (
    ApiRefusal,
    FakeRequest,
    FakeResponse,
    UnhandledError,
    is_error_page,
    make_empty_response,
    make_error_page,
    make_json_response,
    make_options_response,
)
from docassemble_client.testing._server.routes import authenticate, choose_operation, find_route
from docassemble_client.testing._server.web_pages import render_page
from docassemble_client.testing._yaml.yaml_errors import UnsupportedInterview
from docassemble_client.testing.endpoints import Endpoint
from docassemble_client.testing.faults import ConnectionLost, ConnectionRefused, Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._types import JSONInput
    from docassemble_client.operation import Operation
    from docassemble_client.testing._server.routes import Route, RouteMatch
    from docassemble_client.testing._state.server_state import ServerState
    from docassemble_client.testing.endpoints import EndpointHandler

_log = logging.getLogger(__name__)


class _Cors(TypedDict):
    """Whether web pages of other origins may read a response, and the origin of the request."""

    cors: bool
    origin: str


_API = "/api/"
_NO_CORS = _Cors(cors=False, origin="")
_MAX_BODY_BYTES = 16 * 1024 * 1024
_WRONG_METHOD = (
    "MethodNotAllowed: 405 Method Not Allowed: The method is not allowed for the requested URL."
)
_PATH = Kind("a path that begins with a slash", lambda value: str(value).startswith("/"))
Outage = Literal["unavailable", "refused", "lost", "waiting"]
_OUTAGES: Mapping[Outage, Exception | None] = {
    "unavailable": None,
    "waiting": None,  # requests wait; this applies only if a restart begins after the wait
    "refused": ConnectionRefused(),
    "lost": ConnectionLost(),
}


class ResponseTimeout(Exception):  # noqa: N818 - named like the client's timeouts
    """The response is later than the client's timeout."""


@frozen
class ReceivedRequest:
    """
    A request that the fake server has answered.

    Attributes:
        operation: Full name of the operation; empty if the request matches none.
        request: The request.
        status: HTTP status of the response.
    """

    operation: str
    request: FakeRequest = field(repr=False)
    status: int


class RequestHandler:
    """
    Responds to requests.

    Attributes:
        latency: Delay of every response in seconds.
        outage: What happens to requests during a restart. "waiting" delays the response until the
            restart is over, as a server without a proxy does; "unavailable" is a page with status
            503; "refused" and "lost" are connection errors.
        received_requests: Requests that were answered, in order.
    """

    def __init__(self, state: ServerState, *, latency: float, outage: Outage) -> None:
        """
        Create a handler of requests to a server.

        Args:
            state: State of the server.
            latency: Delay of every response in seconds.
            outage: What happens to requests during a restart.
        """
        self.clock = state.clock
        self.latency = latency
        self.outage: Outage = outage
        self.received_requests: list[ReceivedRequest] = []
        self._state = state
        self._faults = Faults()
        # Threads of a blocking client may send requests at the same time.
        self._guard = ThreadLock()
        self._endpoints: list[Endpoint] = []

    @property
    def version(self) -> str:
        """Simulated version of docassemble."""
        return self._state.version

    async def respond(self, request: FakeRequest, *, timeout: float | None = None) -> FakeResponse:
        """
        Respond to a request.

        Args:
            request: The request.
            timeout: Seconds that the client waits for the response; None for no limit.

        Returns:
            The response.

        Raises:
            ConnectionLost: The connection breaks.
            ConnectionRefused: The server accepts no connection.
            ResponseTimeout: The response is later than the timeout.
        """
        match = find_route(request.path, self.version)
        operation = None if match is None else _select_operation(match.route, request)
        operation_id = "" if operation is None else operation.id
        with self._guard:
            fault = self._faults.take(operation_id)
        delay = self.latency + (fault.delay_seconds if fault else 0.0)
        await self._sleep(delay, timeout)
        while self.outage == "waiting" and self._state.tasks.is_restarting:
            seconds_left = self._state.tasks.restart_seconds_left
            await self._sleep(seconds_left, None if timeout is None else timeout - delay)
            delay += seconds_left
        with self._guard:
            if fault is not None and fault.processed and not self._state.tasks.is_restarting:
                self._handle(request, operation, match)
            response = self._simulate_failure(fault)
            if response is None:
                response = self._handle(request, operation, match)
            self.received_requests.append(ReceivedRequest(operation_id, request, response.status))
        return response

    async def _sleep(self, seconds: float, timeout: float | None) -> None:
        if timeout is not None and seconds > timeout:
            await self.clock.sleep(timeout)
            raise ResponseTimeout
        # Sleep even for 0 seconds: a client that calls in a loop must yield to other tasks.
        await self.clock.sleep(seconds)

    def _simulate_failure(self, fault: Fault | None) -> FakeResponse | None:
        """Raise or return the failure of a fault or restart; None if there is none."""
        if fault is not None and fault.error is not None:
            raise fault.error
        if fault is not None and fault.response is not None:
            return fault.response.with_server_headers(self.clock.now())
        if not self._state.tasks.is_restarting:
            return None
        error = _OUTAGES[self.outage]
        if error is not None:
            raise error
        unavailable = HTTPStatus.SERVICE_UNAVAILABLE
        response = make_error_page(unavailable, unavailable.phrase)
        return response.with_server_headers(self.clock.now(), cors=False)

    def _handle(
        self, request: FakeRequest, operation: Operation[Any] | None, match: RouteMatch | None
    ) -> FakeResponse:
        try:
            if match is None:
                return self._handle_other_path(request)
            return self._handle_call(request, operation, match)
        except UnhandledError as error:
            page = make_error_page(HTTPStatus.NOT_IMPLEMENTED, describe_error(error))
            return page.with_server_headers(self.clock.now(), cookie=token_hex(16), cors=False)

    def _handle_other_path(self, request: FakeRequest) -> FakeResponse:
        """Respond by an endpoint of a package, or by a web page."""
        now = self.clock.now()
        response = self._call_endpoint(request)
        if response is not None:
            return response.with_server_headers(now)
        page = render_page(self._state, request) or make_error_page(HTTPStatus.NOT_FOUND)
        return page.with_server_headers(now, cors=False)

    def _handle_call(
        self, request: FakeRequest, operation: Operation[Any] | None, match: RouteMatch
    ) -> FakeResponse:
        now = self.clock.now()
        origin = request.headers.get("origin", "")
        cors = _Cors(cors=match.route.path.startswith(_API), origin=origin)
        if request.method == "OPTIONS":
            return make_options_response(match.route.methods).with_server_headers(now, **cors)
        user = authenticate(self._state, request)
        cookie = token_hex(16) if user else ""
        if operation is None:
            page = make_error_page(HTTPStatus.METHOD_NOT_ALLOWED, _WRONG_METHOD)
            return page.with_server_headers(now, cookie=token_hex(16), cors=False)
        if len(request.content) > _MAX_BODY_BYTES:
            page = make_error_page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return page.with_server_headers(now, cors=False)
        call = ApiCall(self._state, operation, request, match.path_values, user)
        response = _call_handler(call)
        if request.method == "HEAD":
            response = convert_to_head(response, match.route.path)
        cookie = cookie if operation.auth else ""
        if is_error_page(response):
            cors = _NO_CORS
        return response.with_server_headers(now, cookie=cookie, **cors)

    def _call_endpoint(self, request: FakeRequest) -> FakeResponse | None:
        """Respond by an endpoint of a package; return None if no endpoint has the path."""
        for endpoint in reversed(self._endpoints):
            path_values = endpoint.match_path(request.path)
            if path_values is None or endpoint.method != request.method:
                continue
            user = authenticate(self._state, request)
            if user is None and not endpoint.is_public:
                return make_json_response("Access denied.", HTTPStatus.FORBIDDEN)
            return endpoint.respond(request, path_values, user.account.email if user else "")
        return None

    def fail(
        self,
        operation: str = "*",
        *,
        status: int = HTTPStatus.SERVICE_UNAVAILABLE,
        times: int | None = 1,
        body: JSONInput = None,
        headers: Mapping[str, str] | None = None,
        processed: bool = False,
    ) -> None:
        """
        Respond to the next requests with an error.

        Args:
            operation: Full name of the operation, such as users.get; * for every operation.
            status: HTTP status.
            times: Number of requests; None for all.
            body: JSON body; an HTML page by default.
            headers: Additional headers, such as Retry-After.
            processed: Whether the server processes the request nevertheless.
        """
        response = (
            make_error_page(status, HTTPStatus(status).phrase)
            if body is None
            else make_json_response(body, status)
        )
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        response = FakeResponse(status, response.content, {**response.headers, **lower})
        self._faults.add(Fault(operation, times, response, processed=processed))

    def drop_connection(
        self,
        operation: str = "*",
        *,
        times: int | None = 1,
        sent: bool = True,
        processed: bool = False,
    ) -> None:
        """
        Drop the connection of the next requests.

        Args:
            operation: Full name of the operation; * for every operation.
            times: Number of requests; None for all.
            sent: Whether the request was sent before; if not, the connection is refused.
            processed: Whether the server processes the request, so that only the response is lost.
        """
        error = ConnectionLost() if sent or processed else ConnectionRefused()
        self._faults.add(Fault(operation, times, error=error, processed=processed))

    def delay(self, operation: str = "*", *, seconds: float, times: int | None = 1) -> None:
        """
        Delay the next responses; the client may time out.

        Args:
            operation: Full name of the operation; * for every operation.
            seconds: Delay in seconds.
            times: Number of requests; None for all.
        """
        self._faults.add(Fault(operation, times, delay_seconds=seconds))

    def corrupt_response(
        self,
        operation: str = "*",
        *,
        content: bytes = b'{"half of a response',
        content_type: str = "application/json",
        times: int | None = 1,
        processed: bool = False,
    ) -> None:
        """
        Respond with status 200 and a body that the client cannot decode.

        Args:
            operation: Full name of the operation; * for every operation.
            content: Body; truncated JSON by default.
            content_type: Content type.
            times: Number of requests; None for all.
            processed: Whether the server processes the request nevertheless.
        """
        response = FakeResponse(HTTPStatus.OK, content, {"content-type": content_type})
        self._faults.add(Fault(operation, times, response, processed=processed))

    def add_endpoint(
        self, method: str, path: str, handler: EndpointHandler, *, public: bool = False
    ) -> None:
        """
        Add an endpoint of an installed package, for `AsyncDocassemble.request`.

        Args:
            method: HTTP method, such as GET.
            path: Path, such as /al/api/v1/dashboard/jobs/{job}; names in braces match one part
                of a path. Endpoints of docassemble's own API keep their responses.
            handler: Function that gets an `EndpointRequest` and returns JSON, a JSONReply with a
                status, BinaryContent, bytes, or None for an empty response.
            public: Whether it needs no API key.

        Raises:
            UsageError: An argument has the wrong type, or the path does not begin with a slash.
        """
        check_arguments(TEXT, method=method)
        check_arguments(_PATH, path=path)
        check_arguments(CALLABLE, handler=handler)
        check_arguments(FLAG, public=public)
        self._endpoints.append(Endpoint(method.upper(), path, handler, public))

    def clear_faults(self) -> None:
        """Remove all pending faults."""
        self._faults.clear()


def _select_operation(route: Route, request: FakeRequest) -> Operation[Any] | None:
    candidates = route.find_operations(request.method)
    return choose_operation(candidates, request) if candidates else None


def _call_handler(call: ApiCall) -> FakeResponse:
    """Run the handler of an operation."""
    try:
        if call.operation.auth and call.authenticated_user is None:
            call.deny()
        result = HANDLERS[call.operation.id](call)
    except ApiRefusal as refusal:
        return refusal.response
    except UnsupportedInterview as error:
        _log.warning("%s", error)  # errors of the client do not show unknown texts
        return make_json_response(str(error), HTTPStatus.NOT_IMPLEMENTED)
    except Exception as error:
        # Like the server: an unhandled exception becomes a page with status 501.
        if not isinstance(error, UnhandledError):
            _log.debug("%s: %s", call.operation.id, type(error).__name__, exc_info=True)
        return make_error_page(HTTPStatus.NOT_IMPLEMENTED, describe_error(error))
    if isinstance(result, FakeResponse):
        return result
    return make_empty_response() if result is None else make_json_response(result)
