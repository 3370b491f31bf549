"""Options of a client, which its views change or share."""

# Annotations are evaluated here: strings, typing would compile each of them. Those with Event are
# strings: they load it when they are resolved.
import ssl
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypedDict, cast

import docassemble_client
from docassemble_client._checks import CALLABLE, Kind, check_arguments, is_kind_of
from docassemble_client._cleanup import CleanupTasks
from docassemble_client._concurrency import (
    ThreadLock,
    create_task,
    is_blocking,
    wait_despite_cancellation,
)
from docassemble_client._core.messages import check_headers
from docassemble_client._core.retry import RetryBudget
from docassemble_client._core.session_locks import SessionLocks
from docassemble_client._http.adapter import HTTPXTransport
from docassemble_client.config import (
    POLL,
    RETRY,
    Confidential,
    PollPolicy,
    RetryPolicy,
    Secret,
    Timeout,
    Timeouts,
)
from docassemble_client.errors import CleanupFailed, UsageError

if TYPE_CHECKING:
    from docassemble_client._core.executor import Executor
    from docassemble_client._http.connections import Connections

_LIBRARIES = ("httpx", "httpx2", "aiohttp")
_BLOCKING_LIBRARIES = ("httpx", "httpx2")

Headers: TypeAlias = Mapping[str, str] | Callable[[], Mapping[str, str]]
"""Headers of every request, or a function that returns them for each request."""


class ClientOptions(TypedDict, total=False):
    """The optional settings of a client; see `AsyncDocassemble`."""

    timeout: Timeout
    retry: RetryPolicy | None
    retry_budget: RetryBudget | None
    max_concurrency: int
    max_response_size: int | None
    transport: Literal["httpx", "httpx2", "aiohttp"] | HTTPXTransport
    verify: bool | str | ssl.SSLContext
    cert: str | tuple[str, str] | None
    proxy: str | None
    public_url: str | None
    headers: Headers | None
    poll: PollPolicy | None
    cleanup_timeout: float | None
    on_event: "Callable[[docassemble_client.Event], object] | None"


class Settings:
    """Settings that a view can replace."""

    def __init__(
        self,
        *,
        api_key: Secret,
        timeouts: Timeouts,
        retry: RetryPolicy,
        poll: PollPolicy,
        headers: tuple[Headers, ...],
        on_event: "Callable[[docassemble_client.Event], object] | None",
    ) -> None:
        """Check the policies."""
        check_arguments(RETRY, retry=retry)
        check_arguments(POLL, poll=poll)
        self.api_key = api_key
        self.timeouts = timeouts
        self.retry = retry
        self.poll = poll
        self.headers = headers
        self.on_event = on_event

    def replace(self, changes: dict[str, Any]) -> Self:
        """Return settings that differ in some of them."""
        return type(self)(**{**vars(self), **changes})


class SharedState:
    """State that a client shares with its views; the first call creates the connections."""

    def __init__(self, base_url: str, public_url: str | None, **options: Any) -> None:
        kind = Kind("a RetryBudget", is_kind_of(RetryBudget))
        check_arguments(kind, optional=True, retry_budget=options["retry_budget"])
        self.base_url = base_url
        self.public_url = public_url
        self.budget: RetryBudget = options.pop("retry_budget") or RetryBudget()
        self.session_locks = SessionLocks()
        self.cleanup = CleanupTasks()
        self._cleanup_timeout: float | None = options.pop("cleanup_timeout")
        self._options = options
        self._connections: Connections | None = None
        self._guard = ThreadLock()

    def get_connections(self) -> "Connections":
        with self._guard:  # threads can share a blocking client
            if self._connections is None:
                from docassemble_client._http.connections import Connections

                self._connections = Connections(self.base_url, **self._options)
            return self._connections

    def make_executor(self, settings: Settings) -> "Executor":
        # Imported here: the HTTP library and the models are the heavy part.
        from docassemble_client._core.executor import Executor
        from docassemble_client._http.transport import Transport

        transport = Transport(
            self.get_connections(),
            settings.api_key,
            headers=settings.headers,
            on_event=settings.on_event,
        )
        return Executor(
            transport,
            timeouts=settings.timeouts,
            retry=settings.retry,
            poll=settings.poll,
            budget=self.budget,
            session_locks=self.session_locks,
        )

    async def aclose(self) -> None:
        """Wait for the clean-up, at most its timeout, and close the connections."""
        connections = self.get_connections()
        if connections.is_closed:
            return
        connections.bind_to_loop()
        await wait_despite_cancellation(create_task(self._close(connections)))
        if leftovers := self.cleanup.take_leftovers():
            raise CleanupFailed.from_leftovers(leftovers)

    async def _close(self, connections: "Connections") -> None:
        try:
            await self.cleanup.aclose(self._cleanup_timeout)
        finally:
            await connections.aclose()


def check_transport(transport: object) -> None:
    libraries: tuple[str, ...] = _LIBRARIES
    kind, method = "an asynchronous", "handle_async_request"
    if is_blocking():
        # aiohttp needs an event loop.
        libraries = _BLOCKING_LIBRARIES
        kind, method = "a blocking", "handle_request"
    is_library = isinstance(transport, str) and transport in libraries
    if not is_library and not hasattr(transport, method):
        names = ", ".join(map(repr, libraries))
        message = f"transport must be {names}, or {kind} transport of httpx or httpx2"
        raise UsageError(message)
    # httpx is always installed.
    if is_library and transport != "httpx" and not _is_installed(str(transport)):
        message = f"transport={transport!r} needs a package that is not installed"
        hint = f'Install it: pip install "docassemble-client[{transport}]"'
        raise UsageError(message, hint=hint)


def _is_installed(library: str) -> bool:
    from importlib.util import find_spec  # loaded only for the other libraries

    return find_spec(library) is not None


def check_header_source(headers: Headers | None) -> tuple[Headers, ...]:
    if headers is None:
        return ()
    if not callable(headers):
        return (cast("Mapping[str, str]", Confidential(check_headers(headers))),)
    if _is_coroutine_function(headers):
        message = "headers must be a mapping or a function, not a coroutine function"
        raise UsageError(
            message, hint="Refresh the headers in a background task, and return the current ones"
        )
    return (headers,)


def check_hook(
    on_event: "Callable[[docassemble_client.Event], object] | None",
) -> "Callable[[docassemble_client.Event], object] | None":
    check_arguments(CALLABLE, optional=True, on_event=on_event)
    if _is_coroutine_function(on_event):
        message = "on_event must be a function, not a coroutine function"
        raise UsageError(message, hint="Call asyncio.create_task() in it to run async code")
    return on_event


def _is_coroutine_function(value: object) -> bool:
    """Whether calling it returns a coroutine; also an instance with such a `__call__`."""
    return iscoroutinefunction(value) or iscoroutinefunction(getattr(value, "__call__", None))  # noqa: B004 - of an instance
