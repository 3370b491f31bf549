"""Ways to reach a fake server: respx, ASGI, a local port."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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

if TYPE_CHECKING:
    from docassemble_client.testing._server.asgi import Message

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"


async def test_a_respx_route_can_use_the_fake_server_as_side_effect() -> None:
    """Other routes are not affected."""
    fake = FakeServer()
    headers = {"X-API-Key": fake.api_key}

    async with respx.mock, httpx.AsyncClient() as http:
        respx.route(host="docassemble.test").mock(side_effect=fake.side_effect)
        respx.get("https://example.com/").respond(204)
        user = await http.get("https://docassemble.test/api/user", headers=headers)
        unrelated = await http.get("https://example.com/")

    assert user.json()["email"] == fake.admin_email
    assert unrelated.status_code == 204


def test_a_blocking_program_can_use_a_respx_route_to_the_fake_server() -> None:
    """`httpx.Client` receives responses and simulated failures, too."""
    fake = FakeServer()
    fake.drop_connection("users.create")

    with respx.mock, httpx.Client(headers={"X-API-Key": fake.api_key}) as http:
        respx.route(host="docassemble.test").mock(side_effect=fake.side_effect)
        user = http.get("https://docassemble.test/api/user")
        with pytest.raises(httpx.RemoteProtocolError):
            http.post("https://docassemble.test/api/user/new", json={"username": "a@b.example"})

    assert user.json()["email"] == fake.admin_email


async def test_httpx_can_call_the_asgi_application() -> None:
    """Any ASGI server can serve it, too."""
    fake = FakeServer()
    transport = httpx.ASGITransport(fake.asgi)

    async with AsyncDocassemble(fake.url, fake.api_key, transport=transport) as da:
        s = await da.sessions.start(QUESTIONLESS)
        await da.sessions.set_variables(
            s.i, s.session, secret=s.secret, files={"f": Upload(b"x" * 99, "f.txt")}
        )
        file = await da.files.download(1)
        assert file.content == b"x" * 99


async def run_application(
    fake: FakeServer, scope: dict[str, Any], *messages: dict[str, Any]
) -> list[Message]:
    """Run the ASGI application with the messages of a client."""
    pending = list(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        return pending.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await fake.asgi(scope, receive, send)
    return sent


async def test_lifespan_messages_are_acknowledged() -> None:
    """ASGI servers require this."""
    sent = await run_application(
        FakeServer(),
        {"type": "lifespan"},
        {"type": "lifespan.startup"},
        {"type": "lifespan.shutdown"},
    )

    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_a_body_may_arrive_in_chunks_from_an_unknown_address() -> None:
    """The chunks are joined; the address is then 127.0.0.1."""
    fake = FakeServer()
    fake._state.users.keys[0].method = "ip"
    fake._state.users.keys[0].constraints = ["127.0.0.1"]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/stash_data",
        "query_string": b"key=" + fake.api_key.encode(),
        "headers": [(b"content-type", b"application/json")],
    }

    sent = await run_application(
        fake,
        scope,
        {"type": "http.request", "body": b'{"data":', "more_body": True},
        {"type": "http.request", "body": b" {}}"},
    )

    assert sent[0]["status"] == 200
    assert b"stash_key" in sent[1]["body"]


@pytest.mark.sockets
@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_the_fake_server_can_be_served_on_a_local_port(transport: Any) -> None:
    """Any HTTP library can reach it; simulated failures break the connection."""
    fake = FakeServer()

    with fake.serve() as url:
        async with AsyncDocassemble(url, fake.api_key, transport=transport) as da:
            me = await da.users.get_current()
            interviews = await da.interviews.list()
            fake.drop_connection("users.get")
            with pytest.raises(TransportError):
                await da.users.get(1, retry=RetryPolicy(attempts=1))

            assert me.id == 1
            assert interviews[0].link.startswith(url)

    assert url.startswith("http://127.0.0.1:")
    assert fake.url == "https://docassemble.test"


def test_a_served_fake_server_accepts_connections_at_once() -> None:
    """Programs that do not retry can connect as soon as `serve` returns."""
    with FakeServer().serve() as url:
        address = urlsplit(url)
        connection = socket.create_connection((address.hostname, address.port), timeout=60)

    connection.close()
