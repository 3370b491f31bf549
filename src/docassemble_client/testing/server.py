"""The fake server: an in-memory docassemble that responds like a real one."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

import docassemble_client.blocking as blocking
from docassemble_client._checks import COUNT, SECONDS, TEXT, Kind, check_arguments
from docassemble_client._concurrency import is_blocking
from docassemble_client.client import AsyncDocassemble
from docassemble_client.testing._server.request_handler import Outage, RequestHandler
from docassemble_client.testing._state.builtin import make_builtin_interviews
from docassemble_client.testing._state.guide_interviews import make_guide_interviews
from docassemble_client.testing._state.secrets import generate_alphanumeric
from docassemble_client.testing._state.server_state import ServerState
from docassemble_client.testing.clock import SystemClock
from docassemble_client.testing.interviews import ScriptedInterview
from docassemble_client.testing.recordings import RecordedInterview, Recording

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from contextlib import AbstractContextManager

    import httpx

    from docassemble_client._types import JSONInput
    from docassemble_client.testing._server.asgi import Application
    from docassemble_client.testing._server.transport import FakeTransport
    from docassemble_client.testing._state.files import StoredFile
    from docassemble_client.testing.clock import Clock
    from docassemble_client.testing.interviews import ActionFunction, FinalFunction
    from docassemble_client.testing.screens import ScriptedScreen

LATEST_VERSION = "1.10.14"
_CLOCK = Kind("a clock with now() and sleep()", lambda value: hasattr(value, "now"))


@cache
def _make_interviews() -> dict[str, ScriptedInterview]:
    """Make the interviews of every fake server by file name, once, as they never change."""
    interviews = (*make_builtin_interviews(), *make_guide_interviews())
    return {interview.filename: interview for interview in interviews}


@frozen
class FakeUser:
    """
    A user of the fake server.

    Attributes:
        id: ID of the account.
        email: E-mail address.
        password: Password.
        api_key: API key.
    """

    id: int
    email: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


class FakeServer(RequestHandler):
    """
    An in-memory docassemble.

    Attributes:
        url: URL of the server; its links begin with it.
        clock: Clock.
        admin: The administrator.
        latency: Delay of every response in seconds.
        outage: What happens to requests during a restart. "waiting" delays the response until the
            restart is over, as a server without a proxy does; "unavailable" is a page with status
            503; "refused" and "lost" are connection errors.
        received_requests: Requests that were answered, in order.

    Example:
        ```python
        fake = FakeServer()
        async with fake.client() as da:
            me = await da.users.get_current()
        ```
    """

    def __init__(
        self,
        *,
        version: str = LATEST_VERSION,
        url: str = "https://docassemble.test",
        clock: Clock | None = None,
        page_size: int = 100,
        latency: float = 0.0,
        restart_seconds: float = 0.0,
        install_seconds: float = 0.0,
        outage: Outage = "waiting",
    ) -> None:
        """
        Create a server with an administrator, the default privileges and the demo interviews.

        Args:
            version: Version of docassemble to simulate; the latest supported one by default.
            url: URL of the server.
            clock: Clock; the system clock by default.
            page_size: Number of items per page of a list.
            latency: Delay of every response in seconds.
            restart_seconds: Duration of a restart in seconds.
            install_seconds: Duration of a package installation in seconds, without the restart.
            outage: What happens to requests during a restart; see the attribute.
        """
        check_arguments(TEXT, version=version, url=url, outage=outage)
        check_arguments(_CLOCK, optional=True, clock=clock)
        check_arguments(COUNT, page_size=page_size)
        check_arguments(
            SECONDS,
            latency=latency,
            restart_seconds=restart_seconds,
            install_seconds=install_seconds,
        )
        state = ServerState(
            clock or SystemClock(),
            version=version,
            url=url,
            page_size=page_size,
            restart_seconds=restart_seconds,
            install_seconds=install_seconds,
        )
        super().__init__(state, latency=latency, outage=outage)
        self._state.interviews |= _make_interviews()
        account = self._state.admin
        api_key = self._state.users.add_key(account.id, "default")
        api_key.created_at_setup = True
        self.admin = FakeUser(account.id, account.email, account.password, api_key.key)

    @property
    def url(self) -> str:
        """URL of the server."""
        return self._state.url

    @url.setter
    def url(self, url: str) -> None:
        self._state.url = url.rstrip("/")

    @property
    def api_key(self) -> str:
        """The administrator's API key."""
        return self.admin.api_key

    @property
    def admin_email(self) -> str:
        """The administrator's e-mail address."""
        return self.admin.email

    @property
    def admin_password(self) -> str:
        """The administrator's password."""
        return self.admin.password

    @property
    def config(self) -> dict[str, Any]:
        """The configuration; you can change it, for example to disable features."""
        return self._state.config

    def client(self, user: FakeUser | None = None, **options: Any) -> AsyncDocassemble:
        """
        Create a client that reaches this server without a network.

        Args:
            user: User whose API key the client sends; the administrator by default.
            options: Arguments of `AsyncDocassemble`.

        Returns:
            The client.
        """
        options = {"transport": self.transport(), **options}
        return AsyncDocassemble(self.url, (user or self.admin).api_key, **options)

    def blocking_client(self, user: FakeUser | None = None, **options: Any) -> blocking.Docassemble:
        """
        Create a blocking client that reaches this server without a network; threads can share it.

        Args:
            user: User whose API key the client sends; the administrator by default.
            options: Arguments of `Docassemble`.

        Returns:
            The client.
        """
        options = {"transport": self.transport(), **options}
        return blocking.Docassemble(self.url, (user or self.admin).api_key, **options)

    def transport(self) -> FakeTransport:
        """
        Create an httpx transport to this server, for the `transport` argument of a client.

        Returns:
            The transport, for `AsyncDocassemble` and `Docassemble`.
        """
        from docassemble_client.testing._server.transport import FakeTransport

        return FakeTransport(self)

    def side_effect(
        self, request: httpx.Request
    ) -> httpx.Response | Coroutine[Any, Any, httpx.Response]:
        """
        Respond to an httpx request; use it as the `side_effect` of a respx route.

        Args:
            request: The request.

        Returns:
            In a coroutine, an awaitable response for `httpx.AsyncClient`; elsewhere and in a
            blocking client, a response for `httpx.Client`.

        Raises:
            httpx.TransportError: A fault breaks the connection, or the read timeout expires.
        """
        if is_blocking():
            return self.transport().handle_request(request)
        response = self.transport().handle_async_request(request)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(response)
        return response

    @property
    def asgi(self) -> Application:
        """The server as an ASGI application."""
        from docassemble_client.testing._server.asgi import make_application

        return make_application(self)

    def serve(self, port: int = 0) -> AbstractContextManager[str]:
        """
        Serve on a local port, for programs that need a real URL.

        The server runs in a background thread.

        Args:
            port: Port; a free port by default.

        Returns:
            A context manager that returns the URL; inside it, `url` has the same value.
        """
        from docassemble_client.testing._server.local_server import serve

        return serve(self, port)

    def add_user(self, email: str, *privileges: str, **profile: str) -> FakeUser:
        """
        Add a user with an API key.

        Args:
            email: E-mail address.
            privileges: Names of privileges.
            profile: Profile fields, such as first_name.

        Returns:
            The user.
        """
        users = self._state.users
        account = users.add(email, generate_alphanumeric(10), list(privileges), **profile)
        key = users.add_key(account.id, "test").key
        return FakeUser(account.id, email, account.password, key)

    def add_interview(
        self,
        filename: str,
        *steps: ScriptedScreen | str,
        final: FinalFunction | None = None,
        on_demand: Sequence[ScriptedScreen] = (),
        actions: Mapping[str, ActionFunction] | None = None,
        title: str = "",
        metadata: Mapping[str, JSONInput] | None = None,
        tags: Sequence[str] = (),
        multi_user: bool = False,
        privileges: Sequence[str] = (),
        dispatch: str = "",
    ) -> ScriptedInterview:
        """
        Add a scripted interview.

        Args:
            filename: File name, such as docassemble.demo:data/questions/letter.yml.
            steps: Screens, or names of required variables that no screen asks for, in order.
            final: Function that gets the variables and returns the end: a ScriptedScreen,
                JSONReply, BinaryContent, bytes or JSON. If it reads an undefined variable, the
                interview asks for it.
            on_demand: Screens that are shown only if one of their variables is read.
            actions: Functions by action name; they get the variables and the arguments.
            title: Title.
            metadata: Additional metadata.
            tags: Tags.
            multi_user: Whether answers are stored unencrypted.
            privileges: Privileges that may run the interview; everyone by default.
            dispatch: Short name in the dispatch directive; not listed by default.

        Returns:
            The interview.
        """
        interview = ScriptedInterview(
            filename=filename,
            steps=steps,
            on_demand=tuple(on_demand),
            final=final,
            actions=actions or {},
            title=title,
            metadata=metadata or {},
            tags=tuple(tags),
            multi_user=multi_user,
            privileges=tuple(privileges),
            dispatch=dispatch,
        )
        self._state.interviews[filename] = interview
        return interview

    def add_recording(self, recording: Recording) -> ScriptedInterview:
        """
        Replay an interview that a `Recorder` has recorded.

        A session moves to the next screen if the recorded variables are set, even with other
        values. Variables that were never recorded do not move it. An interview that you upload to
        the Playground is also replayed if its text is the recorded one.

        Args:
            recording: The recording.

        Returns:
            The interview.
        """
        interview = RecordedInterview.from_recording(recording)
        self._state.interviews[recording.filename] = interview
        if recording.source:
            self._state.recordings[recording.source.encode()] = recording
        return interview

    def add_recordings(self, folder: str | Path) -> list[ScriptedInterview]:
        """
        Replay all interviews that `Recorder.save` has written to a folder.

        Args:
            folder: Path of the folder.

        Returns:
            The interviews.

        Raises:
            ValueError: A JSON file in the folder is not a valid recording.
        """
        paths = sorted(Path(folder).glob("*.json"))
        texts = [path.read_text(encoding="utf-8") for path in paths]
        return [self.add_recording(Recording.from_json(text)) for text in texts]

    def add_package(self, name: str, version: str) -> None:
        """
        Make a package available for installation, by its name or from a Git repository.

        Args:
            name: Name of the package.
            version: Version of the package.
        """
        self._state.packages.available[name] = version

    def add_file(self, filename: str, content: bytes, *, private: bool = False) -> StoredFile:
        """
        Store a file outside of any session.

        Args:
            filename: Name of the file.
            content: The bytes.
            private: Whether only privileged users may download it.

        Returns:
            The file, with its number.
        """
        return self._state.files.add(filename, content, private=private)
