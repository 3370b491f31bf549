"""The fake server: a docassemble in memory, which answers as the real one does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from docassemble_client.client import AsyncDocassemble
from docassemble_client.testing._server.request_handler import Engine, Outage
from docassemble_client.testing._state.builtin import builtin_interviews
from docassemble_client.testing._state.secrets import alphanumeric
from docassemble_client.testing._state.world import World
from docassemble_client.testing.clock import SystemClock
from docassemble_client.testing.interviews import Interview
from docassemble_client.testing.recordings import RecordedInterview, Recording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import httpx

    from docassemble_client._types import JSONInput
    from docassemble_client.testing._server.asgi import Application
    from docassemble_client.testing._state.files import StoredFile
    from docassemble_client.testing.clock import Clock
    from docassemble_client.testing.interviews import Action, Final, Screen

NEWEST = "1.10.14"


@frozen
class User:
    """
    Somebody the fake server knows.

    Attributes:
        id: Number of the account.
        email: E-mail address.
        password: Password.
        api_key: API key.
    """

    id: int
    email: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


class FakeServer(Engine):
    """
    A docassemble in memory.

    Attributes:
        url: Its address, which its links begin with.
        clock: Its clock.
        admin: The administrator.
        latency: How many seconds every answer takes.
        outage: What happens to requests during a restart: a page with status 503, a refused or a
            lost connection, or waiting until the server is up again.
        received: Requests that were answered, in order.

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
        version: str = NEWEST,
        url: str = "https://docassemble.test",
        clock: Clock | None = None,
        page_size: int = 100,
        latency: float = 0.0,
        restart_seconds: float = 0.0,
        install_seconds: float = 0.0,
        outage: Outage = "unavailable",
    ) -> None:
        """
        Make a server with an administrator, the usual privileges and the demo interviews.

        Args:
            version: Version of docassemble it behaves like.
            url: Its address.
            clock: What it takes the time from; the machine's clock by default.
            page_size: How many items a page of a list has.
            latency: How many seconds every answer takes.
            restart_seconds: How long a restart takes.
            install_seconds: How long an installation takes, without the restart that follows.
            outage: What happens to requests during a restart.
        """
        world = World(
            clock or SystemClock(),
            version=version,
            url=url,
            page_size=page_size,
            restart_seconds=restart_seconds,
            install_seconds=install_seconds,
        )
        super().__init__(world, latency=latency, outage=outage)
        for interview in builtin_interviews():
            self._world.interviews[interview.filename] = interview
        account = self._world.admin
        first = self._world.people.add_key(account.id, "default")
        first.installed = True
        self.admin = User(account.id, account.email, account.password, first.key)

    @property
    def url(self) -> str:
        """Its address."""
        return self._world.url

    @url.setter
    def url(self, url: str) -> None:
        self._world.url = url.rstrip("/")

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
        """The configuration, which can be changed; some directives switch parts off."""
        return self._world.config

    def client(self, user: User | None = None, **options: Any) -> AsyncDocassemble:
        """
        Make a client that reaches this server without a network.

        Args:
            user: Whose key it uses; the administrator's by default.
            options: Arguments of `AsyncDocassemble`.

        Returns:
            The client.
        """
        options = {"transport": self.transport(), **options}
        return AsyncDocassemble(self.url, (user or self.admin).api_key, **options)

    def transport(self) -> httpx.AsyncBaseTransport:
        """Make a transport of httpx that leads here, for the client's `transport`."""
        from docassemble_client.testing._server.transport import FakeTransport

        return FakeTransport(self)

    async def side_effect(self, request: httpx.Request) -> httpx.Response:
        """
        Answer a request of httpx: as a side effect of a route of respx.

        Args:
            request: The request.

        Returns:
            The answer.

        Raises:
            httpx.TransportError: A fault breaks the connection, or the answer comes too late.
        """
        return await self.transport().handle_async_request(request)

    @property
    def asgi(self) -> Application:
        """An ASGI application, for any ASGI server."""
        from docassemble_client.testing._server.asgi import application

        return application(self)

    def serve(self, port: int = 0) -> AbstractContextManager[str]:
        """
        Serve on this machine in a thread, for programs that need a real address.

        Args:
            port: Port; any free one by default.

        Returns:
            A context whose value is the address, which becomes `url` too.
        """
        from docassemble_client.testing._server.serving import serve

        return serve(self, port)

    def add_user(self, email: str, *privileges: str, **profile: str) -> User:
        """
        Add a user with an API key.

        Args:
            email: E-mail address.
            privileges: Names of privileges.
            profile: Such as first_name.

        Returns:
            The user.
        """
        people = self._world.people
        account = people.add(email, alphanumeric(10), list(privileges), **profile)
        key = people.add_key(account.id, "test").key
        return User(account.id, email, account.password, key)

    def add_interview(
        self,
        filename: str,
        *asks: Screen | str,
        final: Final | None = None,
        on_demand: Sequence[Screen] = (),
        actions: Mapping[str, Action] | None = None,
        title: str = "",
        metadata: Mapping[str, JSONInput] | None = None,
        tags: Sequence[str] = (),
        multi_user: bool = False,
        privileges: Sequence[str] = (),
        dispatch: str = "",
    ) -> Interview:
        """
        Add a scripted interview.

        Args:
            filename: Its file name, such as docassemble.demo:data/questions/letter.yml.
            asks: What it needs, in order: screens, or names of variables that no screen asks for.
            final: Makes its end: is given the answers and returns a Screen, JSONReply,
                BinaryContent, bytes or JSON; an answer it reads that is missing is asked for.
            on_demand: Screens that are asked only when a variable of theirs is read.
            actions: Functions by name of the action; each is given the answers and the arguments.
            title: Its title.
            metadata: Further metadata.
            tags: Its tags.
            multi_user: Whether its answers are not encrypted.
            privileges: Of which a user needs one to run it.
            dispatch: Short name under which it is advertised.

        Returns:
            The interview.
        """
        interview = Interview(
            filename=filename,
            asks=asks,
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
        self._world.interviews[filename] = interview
        return interview

    def add_recording(self, recording: Recording) -> Interview:
        """
        Play an interview back as a `Recorder` has recorded it.

        A session comes from screen to screen when what led on in the recording is sent, be it
        with other values; what was never sent leaves it where it is. An interview that is put into
        the Playground is played back too if its text is the recorded one.

        Args:
            recording: The recording.

        Returns:
            The interview.
        """
        interview = RecordedInterview.of(recording)
        self._world.interviews[recording.filename] = interview
        if recording.source:
            self._world.recorded[recording.source.encode()] = recording
        return interview

    def add_recordings(self, folder: str | Path) -> list[Interview]:
        """
        Play all interviews back that `Recorder.save` has written.

        Args:
            folder: Where they are.

        Returns:
            The interviews.

        Raises:
            ValueError: A JSON file there is no recording.
        """
        paths = sorted(Path(folder).glob("*.json"))
        texts = [path.read_text(encoding="utf-8") for path in paths]
        return [self.add_recording(Recording.from_json(text)) for text in texts]

    def add_package(self, name: str, version: str) -> None:
        """
        Offer a package, which can then be installed.

        Args:
            name: Its name.
            version: Its version.
        """
        self._world.packages.offered[name] = version

    def add_file(self, filename: str, content: bytes, *, private: bool = False) -> StoredFile:
        """
        Store a file that belongs to no session.

        Args:
            filename: Its name.
            content: The bytes.
            private: Whether only privileged users may see it.

        Returns:
            The file with its number.
        """
        return self._world.files.add(filename, content, private=private)
