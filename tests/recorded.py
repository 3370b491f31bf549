"""Interviews that the live tests have recorded, as the fake server plays them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from docassemble_client.testing import Recorder, Recording
from docassemble_client.testing._server.messages import Incoming, first_of
from tests.recording import FOLDER, content_of, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.recording import Recorded

URL = "https://da.example.com"


def recorded_interviews() -> Iterator[Recording]:
    """Make recordings of what the example interviews have answered."""
    for scenario in read_all(FOLDER / "examples").values():
        recorder = Recorder(scenario.server)
        for one in scenario.exchanges:
            if one.response is not None:
                recorder.note(as_request(one), one.status, one.response_type, one.response, url=URL)
        yield from recorder.recordings.values()


def as_request(recorded: Recorded) -> Incoming:
    """Make the request of an exchange again, as a server sees it."""
    parts = recorded.request.get("parts", ())
    body: dict[str, Any] = {}
    if "json" in recorded.request:
        body["json"] = recorded.request["json"]
    if parts:
        body["data"] = {one["name"]: one["text"] for one in parts if "filename" not in one}
        body["files"] = [
            (one["name"], (one["filename"], content_of(one), one["type"]))
            for one in parts
            if "filename" in one
        ]
    request = httpx.Request(recorded.method, f"{URL}{recorded.target}", **body)
    return Incoming(
        method=request.method,
        path=request.url.path,
        query=first_of(request.url.query),
        headers=dict(request.headers),
        content=request.read(),
    )
