"""The recorder's transport."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from docassemble_client import AsyncDocassemble
from docassemble_client.testing import Recorder
from tests.raw_server import KEY, USER, make_response, respond_with, serve

LETTER = "docassemble.mine:data/questions/letter.yml"


async def test_the_recorder_does_not_change_responses() -> None:
    """Compressed responses, responses to other calls and errors reach the client unchanged."""
    recorder = Recorder()
    body = json.dumps({"i": LETTER, "session": "S", "encrypted": False})
    compressed = gzip.compress(body.encode())

    def respond(request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        if request.url.path == "/api/session/new":
            return httpx.Response(200, content=compressed, headers=headers)
        return httpx.Response(404, json="no")

    transport = recorder.transport(httpx.MockTransport(respond))
    async with httpx.AsyncClient(transport=transport) as http:
        start = await http.get("https://da.example.com/api/session/new")
        await http.get("https://da.example.com/api/session?session=S")
        not_found = await http.get("https://da.example.com/api/user")

    assert start.json()["session"] == "S"
    assert not_found.status_code == 404
    assert recorder.recordings.keys() == {LETTER}


@pytest.mark.sockets
async def test_the_recorders_own_transport_keeps_no_connection_open() -> None:
    """The client does not close a transport that it is given, and you need not close this one."""
    async with (
        serve(respond_with(make_response(USER))) as server,
        AsyncDocassemble(server.url, KEY, transport=Recorder().transport()) as da,
    ):
        await da.users.get_current()
        await server.wait_all_closed()
