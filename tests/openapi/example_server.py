"""A fake server with the users, sessions and files that the examples of the specification name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from docassemble_client import Upload
from docassemble_client.testing import FakeServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeUser

_USER_ID = 22
_FILE_NUMBER = 17
INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"
_SCREEN = "docassemble.base:data/questions/examples/text-field.yml"


class ExampleServer:
    """
    A fake server that can be reset, as an ASGI application.

    Attributes:
        fake: The server.
        values: What its examples are called on this server.
    """

    def __init__(self) -> None:
        self.fake = FakeServer()
        self.values: dict[str, str] = {}

    def reset(self) -> None:
        """Start again with a new server; not inside of an event loop."""
        asyncio.run(self.prepare())

    async def prepare(self) -> None:
        """Start again with a new server."""
        self.fake = fake = FakeServer()
        fake.add_package("docassemble.benefits", "0.3.1")
        while fake.add_file("file.pdf", b"%PDF-1.7").number < _FILE_NUMBER:
            pass
        count = 0
        while (user := fake.add_user(f"user{count}@example.com", "user")).id < _USER_ID - 1:
            count += 1
        user = fake.add_user("ada@example.com", "user")
        assert user.id == _USER_ID
        self.values = await _create_values(fake, user)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Respond to a request."""
        await self.fake.asgi(scope, receive, send)

    def localize(self, arguments: object) -> Any:
        """Replace the values of examples by those of this server."""
        if isinstance(arguments, dict):
            values = self._choose_values(arguments)
            return {name: self._replace(value, values) for name, value in arguments.items()}
        return arguments

    def _choose_values(self, arguments: Mapping[str, Any]) -> Mapping[str, str]:
        """Choose the session of the interview, or the stash, that the arguments are about."""
        if "stash_key" in arguments:
            return self.values | {"exampleSecret123": self.values["stash secret"]}
        if arguments.get("i") == _SCREEN:
            return self.values | {
                "exampleSession0000000000000000001": self.values["screen session"],
                "exampleSecret123": self.values["screen secret"],
            }
        return self.values

    def _replace(self, value: object, values: Mapping[str, str]) -> object:
        if isinstance(value, list):
            return [self._replace(item, values) for item in value]
        return values.get(value, value) if isinstance(value, str) else value


async def _create_values(fake: FakeServer, user: FakeUser) -> dict[str, str]:
    """Create what the examples use; return what it is called on this server."""
    async with fake.client() as da:
        await da.playground.create_project("benefits")
        await da.playground.create_project("benefits", user_id=user.id)
        await da.playground.upload_files(
            [Upload(b"question: Hello\n", "intake.yml")], project="benefits", folder="questions"
        )
        stash = await da.stash.store({"favorite_fruit": "apple"})
        session, secret = await _start_session(da, INTERVIEW)
        await da.sessions.set_variables(
            INTERVIEW, session, secret=secret, variables={"favorite_number": 7}
        )
        screen_session, screen_secret = await _start_session(da, _SCREEN)
        return {
            "docassemble.demo:data/questions/questions.yml": INTERVIEW,
            "exampleSession0000000000000000001": session,
            "exampleSession0000000000000000AB": session,
            "exampleSecret123": secret,
            "screen session": screen_session,
            "screen secret": screen_secret,
            "exampleStashKey1": stash.stash_key,
            "stash secret": stash.secret.reveal(),
            "exampleApiKey0000000000000005dEf": user.api_key,
            "exampleApiKey0000000000000009aBc": (await da.api_keys.create("first")).reveal(),
            "example-password": user.password,
        }


async def _start_session(da: AsyncDocassemble, i: str) -> tuple[str, str]:
    session = await da.sessions.start(i)
    assert session.secret is not None
    return session.session, session.secret.reveal()
