"""Ways to the fake server: transport, respx, ASGI, an address of this machine, pytest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from docassemble_client import (
    AsyncDocassemble,
    RetryPolicy,
    TransportError,
    Upload,
)
from docassemble_client.testing import FakeServer
from tests.mock import run

if TYPE_CHECKING:
    from docassemble_client.testing._server.asgi import Message

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"


def test_respx_can_ask_the_fake() -> None:
    """A route of respx takes it as a side effect; what goes elsewhere is its own business."""
    fake = FakeServer()
    headers = {"X-API-Key": fake.api_key}

    async def job() -> tuple[httpx.Response, httpx.Response]:
        async with respx.mock, httpx.AsyncClient() as http:
            respx.route(host="docassemble.test").mock(side_effect=fake.side_effect)
            respx.get("https://example.com/").respond(204)
            user = await http.get("https://docassemble.test/api/user", headers=headers)
            return user, await http.get("https://example.com/")

    user, other = run(job())

    assert user.json()["email"] == fake.admin_email
    assert other.status_code == 204


def test_asgi_application_answers() -> None:
    """Any ASGI server can serve it, and httpx can call it in the process."""
    fake = FakeServer()
    transport = httpx.ASGITransport(fake.asgi)

    async def job() -> None:
        async with AsyncDocassemble(fake.url, fake.api_key, transport=transport) as da:
            s = await da.sessions.start(QUESTIONLESS)
            await da.sessions.set_variables(
                s.i, s.session, secret=s.secret, files={"f": Upload(b"x" * 99, "f.txt")}
            )
            file = await da.files.download(1)
            assert file.content == b"x" * 99

    run(job())


def drive(fake: FakeServer, scope: dict[str, Any], *messages: dict[str, Any]) -> list[Message]:
    """Run the application by hand."""
    waiting = list(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def job() -> None:
        await fake.asgi(scope, receive, send)

    run(job())
    return sent


def test_lifespan_is_answered() -> None:
    """There is nothing to start or stop."""
    sent = drive(
        FakeServer(),
        {"type": "lifespan"},
        {"type": "lifespan.startup"},
        {"type": "lifespan.shutdown"},
    )

    assert [one["type"] for one in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_body_may_come_in_parts_from_nowhere_known() -> None:
    """The parts are put together; without an address the machine's own is taken."""
    fake = FakeServer()
    fake._world.people.keys[0].method = "ip"
    fake._world.people.keys[0].constraints = ["127.0.0.1"]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/stash_data",
        "query_string": b"key=" + fake.api_key.encode(),
        "headers": [(b"content-type", b"application/json")],
    }

    sent = drive(
        fake,
        scope,
        {"type": "http.request", "body": b'{"data":', "more_body": True},
        {"type": "http.request", "body": b" {}}"},
    )

    assert sent[0]["status"] == 200
    assert b"stash_key" in sent[1]["body"]


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_fake_is_served_on_this_machine(transport: Any) -> None:
    """Any HTTP library reaches it; a broken connection is one to it too; then the URL is back."""
    fake = FakeServer()

    async def job(url: str) -> None:
        async with AsyncDocassemble(url, fake.api_key, transport=transport) as da:
            me = await da.users.get_current()
            listed = await da.interviews.list()
            fake.reset("users.get")
            with pytest.raises(TransportError):
                await da.users.get(1, retry=RetryPolicy(attempts=1))

            assert me.id == 1
            assert listed[0].link.startswith(url)

    with fake.serve() as url:
        asyncio.run(job(url))

    assert url.startswith("http://127.0.0.1:")
    assert fake.url == "https://docassemble.test"
