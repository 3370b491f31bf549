"""The client: its configuration and lifetime."""

from __future__ import annotations

import os
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, NoReturn, TypedDict
from urllib.parse import urlsplit

from docassemble_client._types import UNSET
from docassemble_client.api import Namespaces
from docassemble_client.config import RetryPolicy, Secret, Timeouts
from docassemble_client.errors import UsageError
from docassemble_client.workflows.methods import Jobs

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self, Unpack

    from docassemble_client._core.executor import Executor
    from docassemble_client._http.adapter import AnyTransport
    from docassemble_client._types import JSONInput, Unset
    from docassemble_client.config import Timeout
    from docassemble_client.events import Event
    from docassemble_client.responses import Response
    from docassemble_client.tasks import PollPolicy, TaskEvent, TaskHandle, TaskResult
    from docassemble_client.transfer import FileInput

URL_VARIABLE = "DOCASSEMBLE_URL"
KEY_VARIABLE = "DOCASSEMBLE_API_KEY"
_LIBRARIES = ("httpx", "httpx2", "aiohttp")


class Options(TypedDict, total=False):
    """The settings of a client, all of which have defaults; see `AsyncDocassemble`."""

    timeout: Timeout
    retry: RetryPolicy | None
    max_concurrency: int
    transport: Literal["httpx", "httpx2", "aiohttp"] | AnyTransport
    verify: bool | str | ssl.SSLContext
    cert: str | tuple[str, str] | None
    proxy: str | None
    public_url: str | None
    poll: PollPolicy | None
    on_event: Callable[[Event], object] | None


class AsyncDocassemble(Jobs, Namespaces):
    """
    A client of one docassemble server, acting as the owner of one API key.

    It is cheap to make, connects on first use, and belongs to the event loop that uses it
    first. Use it with `async with`, or call `aclose` when done.

    Example:
        ```python
        async with AsyncDocassemble("https://da.example.com", api_key=KEY) as da:
            me = await da.users.get_current()
        ```
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | Secret,
        *,
        timeout: Timeout = 60.0,
        retry: RetryPolicy | None = None,
        max_concurrency: int = 100,
        transport: Literal["httpx", "httpx2", "aiohttp"] | AnyTransport = "httpx",
        verify: bool | str | ssl.SSLContext = True,
        cert: str | tuple[str, str] | None = None,
        proxy: str | None = None,
        public_url: str | None = None,
        poll: PollPolicy | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        """
        Make a client; nothing is sent yet.

        Args:
            base_url: Address of the server with its scheme, and its path if it has one.
            api_key: The API key; sent in a header, never shown.
            timeout: Seconds for each wait (connect, read, write), or `Timeouts`; None for no
                limit.
            retry: When and how often a failed request is sent again.
            max_concurrency: How many requests are under way at most; others wait their turn.
            transport: Which HTTP library to use (httpx2 and aiohttp are extras to be installed),
                or any asynchronous transport of httpx or httpx2, which then decides about
                certificates and proxies.
            verify: Whether to verify the server's certificate; or a file or folder of
                authorities, or a context of your own.
            cert: Client certificate: a file, or a pair of files (certificate, key).
            proxy: Address of a proxy; by default the environment's.
            public_url: Address under which people reach the server, where base_url is an internal
                one; links that are handed over lead there.
            poll: How often a task is looked at.
            on_event: Called with each event (request, response, retry, wait, page); it must be
                quick, and what it raises is only logged.

        Raises:
            UsageError: An argument cannot work.
        """
        super().__init__(self._start)
        self._base_url = _checked_url(base_url, "base_url")
        self._public_url = None if public_url is None else _checked_url(public_url, "public_url")
        self._api_key = _checked_key(api_key)
        _check_transport(transport)
        if type(max_concurrency) is not int or max_concurrency < 1:
            message = "max_concurrency must be a whole number from 1"
            raise UsageError(message)
        self._timeouts = _checked_timeouts(timeout)
        self._retry = retry or RetryPolicy()
        self._max_concurrency = max_concurrency
        self._transport = transport
        self._verify = verify
        self._cert = cert
        self._proxy = proxy
        self._poll = poll
        self._on_event = on_event
        self._runtime: Executor | None = None

    @classmethod
    def from_env(cls, **options: Unpack[Options]) -> Self:
        """
        Make a client of the environment variables DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY.

        Args:
            options: As in the constructor: timeout, retry, transport, public_url and so on.

        Returns:
            The client.

        Raises:
            UsageError: A variable is not set, or cannot work.
        """
        missing = [name for name in (URL_VARIABLE, KEY_VARIABLE) if not os.environ.get(name)]
        if missing:
            message = f"the environment lacks {' and '.join(missing)}"
            raise UsageError(message, hint="Set it, or pass base_url and api_key")
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
        Call what no operation describes, such as the API of an installed package.

        Authentication, errors and retries are those of every other call.

        Args:
            method: HTTP method.
            path: Path below the base URL, beginning with a slash, without a query.
            params: Query parameters; lists and objects are sent as JSON, None is left out.
            json: JSON body.
            data: Text fields of a multipart body, which goes with files.
            files: File fields of a multipart body.
            headers: Further headers.
            safe: Whether the request may be sent again although the server may have
                processed it.
            timeout: Seconds, or `Timeouts`, for this call; None for no limit.
            retry: Policy for this call instead of the client's.

        Returns:
            The answer, if its status is a success.

        Raises:
            UsageError: An argument is wrong; nothing was sent.
            TransportError: No answer came.
            APIError: The server answered with an error.
        """
        from docassemble_client._core.serialize import encode_request  # noqa: PLC0415 - not on the import path

        request = encode_request(
            method,
            path,
            params=params or {},
            json=json,
            data=data or {},
            files=files or {},
            headers=headers or {},
            safe=safe,
        )
        return await self._start().request(request, timeout=timeout, retry=retry)

    async def wait_for_task(
        self,
        task: TaskHandle | str | None,
        *,
        timeout: float | None = 600.0,
        on_progress: Callable[[TaskEvent], object] | None = None,
        poll: PollPolicy | None = None,
    ) -> TaskResult | None:
        """
        Wait until a task is over and can be believed; survives the restart of the server.

        Cancelling the wait changes nothing on the server.

        Args:
            task: What an operation returned, its token (`TaskHandle.to_token`), or None where
                nothing is to be waited for.
            timeout: Seconds for the whole wait; None for no limit.
            on_progress: Called with an event after each look.
            poll: How often to look, instead of the client's policy.

        Returns:
            What the task brought; None if there was none.

        Raises:
            TaskFailed: The work failed; `log` holds the log of pip.
            TaskTimeout: It was not over in time; wait again with the error's `handle`.
            TaskLost: The server does not know the task.
            UsageError: The token is damaged or of another version.
        """
        from docassemble_client.tasks import TaskEvent  # noqa: PLC0415 - not on the import path

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
        Wait as `wait_for_task` does, and see each look at the task.

        Args:
            task: As there.
            timeout: As there.
            poll: As there.

        Yields:
            An event after each look; the last one's state is completed.

        Raises:
            TaskError: As there.
            UsageError: As there.
        """
        from docassemble_client.tasks import TaskEvent  # noqa: PLC0415 - not on the import path

        if task is not None:
            async with aclosing(self._watch(task, timeout, poll)) as events:
                async for event in events:
                    if isinstance(event, TaskEvent):
                        yield event

    def _watch(
        self, task: TaskHandle | str, timeout: float | None, poll: PollPolicy | None
    ) -> AsyncGenerator[TaskEvent | TaskResult]:
        from docassemble_client.tasks import TaskHandle  # noqa: PLC0415 - not on the import path

        handle = TaskHandle.from_token(task) if isinstance(task, str) else task
        return self._start().watch(handle, timeout=timeout, poll=poll)

    @property
    def base_url(self) -> str:
        """Address of the server, as this client reaches it."""
        return self._base_url

    @property
    def public_url(self) -> str | None:
        """Address of the server, as people reach it, where it was given."""
        return self._public_url

    async def aclose(self) -> None:
        """Close all connections; the client cannot be used any more."""
        await self._start().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __reduce__(self) -> NoReturn:
        message = (
            "a client cannot be pickled or copied: it holds connections, and a key that would"
            " travel with it. Make one in each process, such as AsyncDocassemble.from_env()"
        )
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base_url!r})"

    def _start(self) -> Executor:
        if self._runtime is None:
            # Imported here: the HTTP library, the converter and the models are the heavy part.
            from docassemble_client._core.executor import Executor  # noqa: PLC0415
            from docassemble_client._http.transport import Transport  # noqa: PLC0415

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
            self._runtime = Executor(
                transport, timeout=self._timeouts, retry=self._retry, poll=self._poll
            )
        return self._runtime


def _check_transport(transport: object) -> None:
    known = isinstance(transport, str) and transport in _LIBRARIES
    if not known and not hasattr(transport, "handle_async_request"):
        names = ", ".join(map(repr, _LIBRARIES))
        message = f"transport must be {names}, or an asynchronous transport of httpx or httpx2"
        raise UsageError(message)
    if known and transport != "httpx":  # which comes with this package
        from importlib.util import find_spec  # noqa: PLC0415 - of few clients' interest

        if find_spec(str(transport)) is None:
            message = f"transport={transport!r} needs a package that is not installed"
            hint = f'Install it: pip install "docassemble-client[{transport}]"'
            raise UsageError(message, hint=hint)


def _unprintable(text: str) -> bool:
    """Whether it holds a blank, a control character or half of a surrogate pair."""
    return any(one <= " " or one == "\x7f" or "\ud800" <= one <= "\udfff" for one in text)


def _checked_url(url: str, name: str) -> str:
    hint = "Pass the address of the server, such as https://da.example.com"
    if not url or not url.strip():
        message = f"{name} is empty"
        raise UsageError(message, hint=hint)
    if _unprintable(url):
        message = f"{name} holds a blank or control character"
        raise UsageError(message, hint=hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The original error may carry the address.
        message = f"{name} holds a host or port that cannot be"
        raise UsageError(message, hint=hint) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        message = f"{name} lacks a scheme http:// or https://, a host, or a port that can be"
        raise UsageError(message, hint=hint)
    # An empty query or fragment counts too: what follows it would be no path.
    if "?" in url or "#" in url or "@" in parts.netloc:
        message = f"{name} holds a user, query or fragment"
        raise UsageError(message, hint=hint)
    return url.rstrip("/")


def _checked_timeouts(timeout: Timeout) -> Timeouts:
    try:
        return Timeouts.of(timeout)
    except (TypeError, ValueError):
        message = "timeout must be a number of seconds, Timeouts or None"
        raise UsageError(message) from None


def _checked_key(api_key: str | Secret) -> Secret:
    key = api_key.reveal() if isinstance(api_key, Secret) else api_key
    if not key:
        message = "api_key is empty"
        raise UsageError(message, hint="Make one on the user's profile page of the server")
    if _unprintable(key) or not key.isascii():
        message = "api_key holds a blank, a line break or a character no key has"
        raise UsageError(message, hint="Strip it; keys are letters and digits")
    return Secret(key)
