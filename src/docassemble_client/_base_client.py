"""Base class of the client: settings, lifetime, namespaces, requests, and waiting for tasks."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NoReturn, Self, TypedDict, Unpack
from urllib.parse import urlsplit

from docassemble_client._http.adapter import HTTPXTransport
from docassemble_client._types import UNSET, JSONInput, Unset
from docassemble_client.api import Namespaces
from docassemble_client.config import PollPolicy, RetryPolicy, Secret, Timeout, Timeouts
from docassemble_client.errors import UsageError
from docassemble_client.events import Event
from docassemble_client.responses import Response
from docassemble_client.tasks import TaskEvent, TaskHandle, TaskResult
from docassemble_client.transfer import FileInput

if TYPE_CHECKING:
    from docassemble_client._core.executor import Executor

URL_VARIABLE = "DOCASSEMBLE_URL"
KEY_VARIABLE = "DOCASSEMBLE_API_KEY"
_LIBRARIES = ("httpx", "httpx2", "aiohttp")


class ClientOptions(TypedDict, total=False):
    """The optional settings of a client; see `BaseClient`."""

    timeout: Timeout
    retry: RetryPolicy | None
    max_concurrency: int
    transport: Literal["httpx", "httpx2", "aiohttp"] | HTTPXTransport
    verify: bool | str | ssl.SSLContext
    cert: str | tuple[str, str] | None
    proxy: str | None
    public_url: str | None
    poll: PollPolicy | None
    on_event: Callable[[Event], object] | None


class BaseClient(Namespaces):
    """A client without the workflows; see `AsyncDocassemble`."""

    def __init__(
        self,
        base_url: str,
        api_key: str | Secret,
        *,
        timeout: Timeout = 60.0,
        retry: RetryPolicy | None = None,
        max_concurrency: int = 100,
        transport: Literal["httpx", "httpx2", "aiohttp"] | HTTPXTransport = "httpx",
        verify: bool | str | ssl.SSLContext = True,
        cert: str | tuple[str, str] | None = None,
        proxy: str | None = None,
        public_url: str | None = None,
        poll: PollPolicy | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        """
        Create a client; no request is sent yet.

        Args:
            base_url: URL of the server, with its scheme, and its path if it has one.
            api_key: The API key; sent in a header, never shown.
            timeout: Seconds for each wait (connect, read, write), or `Timeouts`; None for no
                limit.
            retry: When and how often a failed request is sent again.
            max_concurrency: Maximum number of requests at the same time; others wait.
            transport: HTTP library (httpx2 and aiohttp are extras to be installed), or any
                asynchronous transport of httpx or httpx2. Such a transport ignores `verify`,
                `cert` and `proxy`.
            verify: Whether to verify the server's certificate; or a file or folder with trusted
                certificates, or your own SSL context.
            cert: Client certificate: a file, or a pair of files (certificate, key).
            proxy: URL of a proxy; by default the proxy of the environment.
            public_url: URL under which users reach the server, if base_url is internal; links for
                users are built with it.
            poll: How often tasks are polled.
            on_event: Called with each event (request, response, retry, wait, page). It must return
                quickly; exceptions that it raises are logged.

        Raises:
            UsageError: An argument is invalid.
        """
        super().__init__(self._get_executor)
        self._base_url = check_url(base_url, "base_url")
        self._public_url = None if public_url is None else check_url(public_url, "public_url")
        self._api_key = _check_api_key(api_key)
        _check_transport(transport)
        if type(max_concurrency) is not int or max_concurrency < 1:
            message = "max_concurrency must be a whole number from 1"
            raise UsageError(message)
        self._timeouts = _check_timeouts(timeout)
        self._retry = retry or RetryPolicy()
        self._max_concurrency = max_concurrency
        self._transport = transport
        self._verify = verify
        self._cert = cert
        self._proxy = proxy
        self._poll = poll
        self._on_event = on_event
        self._executor: Executor | None = None

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """
        Create a client from the environment variables DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY.

        Args:
            options: Optional arguments of the constructor, such as timeout, retry or transport.

        Returns:
            The client.

        Raises:
            UsageError: A variable is not set or is invalid.
        """
        missing = [name for name in (URL_VARIABLE, KEY_VARIABLE) if not os.environ.get(name)]
        if missing:
            message = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
            hint = "Set the environment variables, or pass base_url and api_key"
            raise UsageError(message, hint=hint)
        return cls(os.environ[URL_VARIABLE], os.environ[KEY_VARIABLE], **options)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, JSONInput] | None = None,
        json: JSONInput | Unset = UNSET,
        data: Mapping[str, JSONInput] | None = None,
        files: Mapping[str, FileInput | Sequence[FileInput]] | None = None,
        headers: Mapping[str, str] | None = None,
        safe: bool = False,
        timeout: Timeout | Unset = UNSET,
        retry: RetryPolicy | None = None,
    ) -> Response:
        """
        Call an endpoint that no operation covers, such as the API of an installed package.

        Authentication, errors and retries work as in every other call.

        Args:
            method: HTTP method.
            path: Path below the base URL, beginning with a slash, without a query.
            params: Query parameters; lists and objects are sent as JSON, None is left out.
            json: JSON body.
            data: Text fields of a multipart body; only with `files`.
            files: File fields of a multipart body.
            headers: Additional headers.
            safe: Whether the request may be retried even if the server may have processed it.
            timeout: Seconds, or `Timeouts`, for this call; None for no limit.
            retry: Retry policy for this call instead of the client's.

        Returns:
            The response, if its status is a success.

        Raises:
            UsageError: An argument is invalid; no request was sent.
            TransportError: No response arrived.
            APIError: The server responded with an error.
        """
        from docassemble_client._core.serialize import serialize_request

        request = serialize_request(
            method,
            path,
            params=params or {},
            json=json,
            data=data or {},
            files=files or {},
            headers=headers or {},
            safe=safe,
        )
        return await self._get_executor().request(request, timeout=timeout, retry=retry)

    async def wait_for_task(
        self,
        task: TaskHandle | str | None,
        *,
        timeout: float | None = 600.0,
        on_progress: Callable[[TaskEvent], object] | None = None,
        poll: PollPolicy | None = None,
    ) -> TaskResult | None:
        """
        Wait until a task has ended and its result is verified, also across a server restart.

        If you cancel the wait, the task continues on the server.

        Args:
            task: Result of an operation, its token (`TaskHandle.to_token`), or None if there is
                no task.
            timeout: Seconds for the whole wait; None for no limit.
            on_progress: Called with an event after each poll.
            poll: How often to poll, instead of the client's policy.

        Returns:
            The result of the task; None if there is no task.

        Raises:
            TaskFailed: The task failed; `log` is the log of pip.
            TaskTimeout: The task did not end in time; wait again with the error's `handle`.
            TaskLost: The server does not know the task.
            UsageError: The token is damaged or has an unsupported version.
        """
        result: TaskResult | None = None
        if task is not None:
            async with aclosing(self._watch(task, timeout, poll)) as events:
                async for event in events:
                    if not isinstance(event, TaskEvent):
                        result = event
                    elif on_progress is not None:
                        on_progress(event)
        return result

    async def watch_task(
        self,
        task: TaskHandle | str | None,
        *,
        timeout: float | None = 600.0,
        poll: PollPolicy | None = None,
    ) -> AsyncGenerator[TaskEvent]:
        """
        Wait as `wait_for_task` does, and yield an event after each poll.

        Args:
            task: As in `wait_for_task`.
            timeout: As in `wait_for_task`.
            poll: As in `wait_for_task`.

        Yields:
            An event after each poll; the state of the last one is completed.

        Raises:
            TaskError: As in `wait_for_task`.
            UsageError: As in `wait_for_task`.
        """
        if task is not None:
            async with aclosing(self._watch(task, timeout, poll)) as events:
                async for event in events:
                    if isinstance(event, TaskEvent):
                        yield event

    def _watch(
        self, task: TaskHandle | str, timeout: float | None, poll: PollPolicy | None
    ) -> AsyncGenerator[TaskEvent | TaskResult]:
        handle = TaskHandle.from_token(task) if isinstance(task, str) else task
        return self._get_executor().watch(handle, timeout=timeout, poll=poll)

    @property
    def base_url(self) -> str:
        """URL of the server that this client uses."""
        return self._base_url

    @property
    def public_url(self) -> str | None:
        """URL of the server for users, or None."""
        return self._public_url

    async def aclose(self) -> None:
        """Close all connections; the client cannot be used afterwards."""
        await self._get_executor().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __reduce__(self) -> NoReturn:
        message = (
            "a client cannot be pickled or copied: it holds connections and the API key."
            " Create one in each process, for example with AsyncDocassemble.from_env()"
        )
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base_url!r})"

    def _get_executor(self) -> Executor:
        if self._executor is None:
            # Imported here: the HTTP library, the converter and the models are the heavy part.
            from docassemble_client._core.executor import Executor
            from docassemble_client._http.transport import Transport

            transport = Transport(
                self._base_url,
                self._api_key,
                transport=self._transport,
                verify=self._verify,
                cert=self._cert,
                proxy=self._proxy,
                max_concurrency=self._max_concurrency,
                on_event=self._on_event,
            )
            self._executor = Executor(
                transport, timeout=self._timeouts, retry=self._retry, poll=self._poll
            )
        return self._executor


def _check_transport(transport: object) -> None:
    is_library = isinstance(transport, str) and transport in _LIBRARIES
    if not is_library and not hasattr(transport, "handle_async_request"):
        names = ", ".join(map(repr, _LIBRARIES))
        message = f"transport must be {names}, or an asynchronous transport of httpx or httpx2"
        raise UsageError(message)
    # httpx is always installed.
    if is_library and transport != "httpx" and find_spec(str(transport)) is None:
        message = f"transport={transport!r} needs a package that is not installed"
        hint = f'Install it: pip install "docassemble-client[{transport}]"'
        raise UsageError(message, hint=hint)


def _has_unprintable(text: str) -> bool:
    """Whether the text contains whitespace, control characters or lone surrogates."""
    return any(
        character <= " " or character == "\x7f" or "\ud800" <= character <= "\udfff"
        for character in text
    )


def check_url(url: str, name: str) -> str:
    hint = "Pass the URL of the server, such as https://da.example.com"
    if not url or not url.strip():
        message = f"{name} is empty"
        raise UsageError(message, hint=hint)
    if _has_unprintable(url):
        message = f"{name} contains whitespace or a control character"
        raise UsageError(message, hint=hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The original error may contain the URL.
        message = f"{name} has an invalid host or port"
        raise UsageError(message, hint=hint) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        message = f"{name} needs a scheme (http:// or https://), a host and a valid port"
        raise UsageError(message, hint=hint)
    # Also if it is empty: the path of the request would become part of it.
    if "?" in url or "#" in url or "@" in parts.netloc:
        message = f"{name} must not contain a user, query or fragment"
        raise UsageError(message, hint=hint)
    return url.rstrip("/")


def _check_timeouts(timeout: Timeout) -> Timeouts:
    try:
        return Timeouts.from_value(timeout)
    except (TypeError, ValueError):
        message = "timeout must be a number of seconds, Timeouts or None"
        raise UsageError(message) from None


def _check_api_key(api_key: str | Secret) -> Secret:
    key = api_key.reveal() if isinstance(api_key, Secret) else api_key
    if not key:
        message = "api_key is empty"
        raise UsageError(message, hint="Create an API key on the user's profile page")
    if _has_unprintable(key) or not key.isascii():
        message = "api_key contains whitespace or a character that is not valid in an API key"
        raise UsageError(message, hint="API keys consist of letters and digits")
    return Secret(key)
