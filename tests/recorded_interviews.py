"""Recordings of interviews from live tests, for the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from docassemble_client.testing import Recorder, Recording
from docassemble_client.testing._server.messages import FakeRequest, parse_query
from tests.recording import FOLDER, decode_content, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.recording import RecordedExchange

URL = "https://da.example.com"


def load_recorded_interviews() -> Iterator[Recording]:
    """Build recordings from the live tests of the example interviews."""
    for scenario in read_all(FOLDER / "examples").values():
        recorder = Recorder(scenario.server)
        for exchange in scenario.exchanges:
            if exchange.response is not None:
                recorder.record(
                    build_request(exchange),
                    exchange.status,
                    exchange.response_type,
                    exchange.response,
                    url=URL,
                )
        yield from recorder.recordings.values()


def build_request(recorded: RecordedExchange) -> FakeRequest:
    """Build the request of an exchange, as the fake server receives it."""
    parts = recorded.request.get("parts", ())
    body: dict[str, Any] = {}
    if "json" in recorded.request:
        body["json"] = recorded.request["json"]
    if parts:
        body["data"] = {part["name"]: part["text"] for part in parts if "filename" not in part}
        body["files"] = [
            (part["name"], (part["filename"], decode_content(part), part["type"]))
            for part in parts
            if "filename" in part
        ]
    request = httpx.Request(recorded.method, f"{URL}{recorded.target}", **body)
    return FakeRequest(
        method=request.method,
        path=request.url.path,
        query=parse_query(request.url.query),
        headers=dict(request.headers),
        content=request.read(),
    )
