"""The recorder's transport."""

from __future__ import annotations

import gzip
import json

import httpx

from docassemble_client.testing import Recorder
from tests.mock import run

LETTER = "docassemble.mine:data/questions/letter.yml"


def test_the_recorder_does_not_change_responses() -> None:
    """Compressed responses, responses to other calls and errors reach the client unchanged."""
    recorder = Recorder()
    body = json.dumps({"i": LETTER, "session": "S", "encrypted": False})
    compressed = gzip.compress(body.encode())

    def respond(request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        if request.url.path == "/api/session/new":
            return httpx.Response(200, content=compressed, headers=headers)
        return httpx.Response(404, json="no")

    async def job() -> tuple[httpx.Response, httpx.Response]:
        transport = recorder.transport(httpx.MockTransport(respond))
        async with httpx.AsyncClient(transport=transport) as http:
            start = await http.get("https://da.example.com/api/session/new")
            await http.get("https://da.example.com/api/session?session=S")
            return start, await http.get("https://da.example.com/api/user")

    start, not_found = run(job())

    assert start.json()["session"] == "S"
    assert not_found.status_code == 404
    assert recorder.recordings.keys() == {LETTER}
    assert isinstance(Recorder().transport(), httpx.AsyncBaseTransport)
