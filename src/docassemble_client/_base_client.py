"""Base class of the client: settings, lifetime, namespaces, requests, and waiting for tasks."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack

import docassemble_client
from docassemble_client._checks import AWAITABLE, CALLABLE, COUNT, SECONDS, TEXT, check_arguments
from docassemble_client._client_lifetime import ClientLifetime
from docassemble_client._client_options import (
    ClientOptions,
    Headers,
    Settings,
    SharedState,
    check_header_source,
    check_hook,
    check_transport,
)
from docassemble_client._concurrency import run_callback
from docassemble_client._core.messages import capture_responses
from docassemble_client._core.retry import RetryBudget
from docassemble_client._http.adapter import HTTPXTransport
from docassemble_client._types import UNSET, JSONInput, Unset
from docassemble_client.api import Namespaces
from docassemble_client.config import (
    DEFAULT_TIMEOUTS,
    PollPolicy,
    RetryPolicy,
    Secret,
    Timeout,
    Timeouts,
    check_api_key,
    check_url,
)
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from docassemble_client._core.executor import Executor

T = TypeVar("T")


class BaseClient(ClientLifetime, Namespaces):
    """A client without the workflows; see `AsyncDocassemble`."""

    def __init__(
        self,
        base_url: str,
        api_key: str | Secret,
        *,
        timeout: Timeout = DEFAULT_TIMEOUTS,
        retry: RetryPolicy | None = None,
        retry_budget: RetryBudget | None = None,
        max_concurrency: int = 100,
        max_response_size: int | None = None,
        transport: Literal["httpx", "httpx2", "aiohttp"] | HTTPXTransport = "httpx",
        verify: bool | str | ssl.SSLContext = True,
        cert: str | tuple[str, str] | None = None,
        proxy: str | None = None,
        public_url: str | None = None,
        headers: Headers | None = None,
        poll: PollPolicy | None = None,
        cleanup_timeout: float | None = 30.0,
        on_event: Callable[[docassemble_client.Event], object] | None = None,
    ) -> None:
        """
        Create a client; no request is sent yet.

        Args:
            base_url: URL of the server, with its scheme, and its path if it has one.
            api_key: The API key; sent in a header, never shown.
            timeout: Seconds for each wait (connect, read, write, pool), or `Timeouts`; None for no
                limit.
            retry: When and how often a failed request is sent again.
            retry_budget: Limits the retries of all calls together; clients can share one.
            max_concurrency: Maximum number of requests at the same time; others wait.
            max_response_size: Maximum number of bytes of a response in memory (default 64 MiB);
                downloads to disk have their own limit.
            transport: HTTP library (httpx2 and aiohttp are extras to be installed), or any
                asynchronous transport of httpx or httpx2. Such a transport ignores `verify`,
                `cert` and `proxy`, and you close it yourself.
            verify: Whether to verify the server's certificate; or a file or folder with trusted
                certificates, or your own SSL context.
            cert: Client certificate: a file, or a pair of files (certificate, key).
            proxy: URL of a proxy; by default the proxy of the environment.
            public_url: URL under which users reach the server, if base_url is internal; links for
                users are built with it.
            headers: Headers of every request, for example for a proxy, or a function that returns
                them for each request; never shown. They cannot replace the API key.
            poll: How often tasks are polled.
            cleanup_timeout: Maximum seconds that `aclose` waits for the clean-up of workflows that
                were cancelled; None for no limit.
            on_event: Function that is called with each event. It must return quickly; exceptions
                that it raises are logged.

        Raises:
            UsageError: An argument is invalid.
        """
        check_transport(transport)
        check_arguments(COUNT, max_concurrency=max_concurrency)
        check_arguments(TEXT, optional=True, proxy=proxy)
        check_arguments(COUNT, optional=True, max_response_size=max_response_size)
        check_arguments(SECONDS, optional=True, cleanup_timeout=cleanup_timeout)
        self._set_up(
            SharedState(
                check_url(base_url, "base_url"),
                None if public_url is None else check_url(public_url, "public_url"),
                retry_budget=retry_budget,
                max_concurrency=max_concurrency,
                max_response_size=max_response_size,
                transport=transport,
                verify=verify,
                cert=cert,
                proxy=None if proxy is None else Secret(proxy),
                cleanup_timeout=cleanup_timeout,
            ),
            Settings(
                api_key=check_api_key(api_key),
                timeouts=Timeouts.from_value(timeout),
                retry=RetryPolicy() if retry is None else retry,
                poll=PollPolicy() if poll is None else poll,
                headers=check_header_source(headers),
                on_event=check_hook(on_event),
            ),
        )

    def _set_up(self, shared: SharedState, settings: Settings, *, is_view: bool = False) -> None:
        super().__init__(self._get_executor)
        self._shared = shared
        self._settings = settings
        self._is_view = is_view
        self._executor: Executor | None = None

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """
        Create a client from the environment variables DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY.

        DOCASSEMBLE_PUBLIC_URL sets `public_url`, if it is set.

        Args:
            options: Optional arguments of the constructor, such as timeout, retry or transport.

        Returns:
            The client.

        Raises:
            UsageError: A variable is not set or is invalid.
        """
        from docassemble_client._environment import read_environment

        url, api_key, public_url = read_environment()
        options.setdefault("public_url", public_url)
        return cls(url, api_key, **options)

    @classmethod
    def from_profile(cls, name: str | None = None, **options: Unpack[ClientOptions]) -> Self:
        """
        Create a client from a profile in config.toml, in the user's folder for configuration.

        A profile has a URL, and a key: `api_key`, `api_key_env` or `api_key_command`.

        Args:
            name: Name; by default the one in DOCASSEMBLE_PROFILE, or the file's `default`.
            options: Optional arguments of the constructor, such as timeout or retry.

        Returns:
            The client.

        Raises:
            UsageError: The profile is missing or invalid, or other users can read the file.
            OSError: The file cannot be read.
        """
        from docassemble_client._profiles import read_profiles

        profile = read_profiles().get(name)
        options.setdefault("public_url", profile.public_url)
        return cls(profile.url, profile.fetch_api_key(), **options)

    def with_options(
        self,
        *,
        timeout: Timeout | Unset = UNSET,
        retry: RetryPolicy | None = None,
        headers: Headers | None = None,
        on_event: Callable[[docassemble_client.Event], object] | Unset | None = UNSET,
    ) -> Self:
        """
        Create a view of this client with other settings.

        A view shares the connections, the concurrency limit and the retry budget. Closing it does
        not close the client.

        Args:
            timeout: Seconds for each wait, or `Timeouts`; None for no limit.
            retry: When and how often a failed request is sent again.
            headers: Headers in addition to those of the client, which they replace.
            on_event: Function that is called with each event, instead of the client's; None for no
                function.

        Returns:
            The view.

        Raises:
            UsageError: An argument is invalid.
        """
        changes: dict[str, Any] = {}
        if timeout is not UNSET:
            changes["timeouts"] = Timeouts.from_value(timeout)
        if retry is not None:
            changes["retry"] = retry
        if headers is not None:
            changes["headers"] = (*self._settings.headers, *check_header_source(headers))
        if on_event is not UNSET:
            changes["on_event"] = check_hook(on_event)
        return self._make_view(changes)

    def as_key(self, api_key: str | Secret) -> Self:
        """
        Create a view of this client that acts as the owner of another API key.

        A view shares the connections and the concurrency limit.

        Args:
            api_key: The API key.

        Returns:
            The view.

        Raises:
            UsageError: The key is invalid.
        """
        return self._make_view({"api_key": check_api_key(api_key)})

    def _make_view(self, changes: dict[str, Any]) -> Self:
        view = object.__new__(type(self))
        # A subclass may have attributes; the namespaces belong to this client.
        vars(view).update({k: v for k, v in vars(self).items() if k not in vars(Namespaces)})
        view._set_up(self._shared, self._settings.replace(changes), is_view=True)
        return view

    async def with_response(self, call: Awaitable[T]) -> docassemble_client.CallResult[T]:
        """
        Await a call, and return its value together with its response.

        Args:
            call: Any call of this client, such as `da.users.get(9)`.

        Returns:
            The value with its (last) response. The content of a file is only in the value.

        Raises:
            DocassembleError: The call failed.

        Example:
            ```python
            result = await da.with_response(da.users.get_current())
            print(result.status, result.headers["date"], result.value.email)
            ```
        """
        from docassemble_client.responses import CallResult

        check_arguments(AWAITABLE, call=call)
        with capture_responses() as responses:
            value = await call
        if not responses:
            message = "the awaitable made no call"
            hint = "Pass the call itself, such as da.users.get(9), not a task that runs already"
            raise UsageError(message, hint=hint)
        response = responses[-1]
        return CallResult(
            value=value,
            status=response.status,
            headers=response.headers,
            content=response.content,
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, JSONInput] | None = None,
        json: JSONInput | Unset = UNSET,
        data: Mapping[str, JSONInput] | None = None,
        files: Mapping[str, docassemble_client.FileInput | Sequence[docassemble_client.FileInput]]
        | None = None,
        safe: bool = False,
        timeout: Timeout | Unset = UNSET,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> docassemble_client.Response:
        """
        Call an endpoint that no operation covers, such as the API of an installed package.

        Args:
            method: HTTP method.
            path: Path below the base URL, beginning with a slash, without a query.
            params: Query parameters; lists and objects are sent as JSON, None is left out.
            json: JSON body.
            data: Text fields of a form, as for `params`; it is multipart if there are `files`.
            files: File fields of a multipart body.
            safe: Whether the request may be retried even if the server may have processed it.
            timeout: Seconds, or `Timeouts`, for this call; None for no limit.
            retry: Retry policy for this call instead of the client's.
            headers: Further headers of the request; they replace those of the client.

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
            params={} if params is None else params,
            json=json,
            data={} if data is None else data,
            files={} if files is None else files,
            headers=headers or {},
            safe=safe,
        )
        return await self._get_executor().request(request, timeout=timeout, retry=retry)

    async def wait_for_task(
        self,
        task: docassemble_client.TaskHandle | str | None,
        *,
        timeout: float | None = 600.0,
        on_progress: Callable[[docassemble_client.TaskEvent], object] | None = None,
        poll: PollPolicy | None = None,
    ) -> docassemble_client.TaskResult | None:
        """
        Wait until a task has ended and its result is verified, also across a server restart.

        If you cancel the wait, the task continues on the server.

        Args:
            task: Result of an operation, its token (`TaskHandle.to_token`), or None if there is
                no task.
            timeout: Seconds for the whole wait; None for no limit.
            on_progress: Function or coroutine function, called with an event after each poll.
            poll: How often to poll, instead of the client's policy.

        Returns:
            The result of the task; None if there is no task.

        Raises:
            TaskFailed: The task failed; `log` is the log of pip.
            TaskTimeout: The task did not end in time; wait again with the error's `handle`.
            TaskLost: The server does not know the task.
            UsageError: The token is damaged or has an unsupported version.
        """
        check_arguments(CALLABLE, optional=True, on_progress=on_progress)
        if task is None:
            return None
        wait = self._get_executor().prepare_wait(task, timeout=timeout, poll=poll)
        while wait.result is None:
            event = await wait.next_event()
            if on_progress is not None:
                await run_callback(on_progress, event)
        return wait.result

    async def watch_task(
        self,
        task: docassemble_client.TaskHandle | str | None,
        *,
        timeout: float | None = 600.0,
        poll: PollPolicy | None = None,
    ) -> AsyncGenerator[docassemble_client.TaskEvent]:
        """
        Wait as `wait_for_task` does, and yield an event after each poll.

        Args:
            task: As in `wait_for_task`, which raises the same errors.
            timeout: Seconds for the whole wait; None for no limit.
            poll: How often to poll, instead of the client's policy.

        Yields:
            An event after each poll; the state of the last one is completed.
        """
        if task is None:
            return
        wait = self._get_executor().prepare_wait(task, timeout=timeout, poll=poll)
        while wait.result is None:
            yield await wait.next_event()

    def _get_executor(self) -> Executor:
        if self._executor is None:
            self._executor = self._shared.make_executor(self._settings)
        return self._executor
