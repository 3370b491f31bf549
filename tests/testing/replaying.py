"""Sends the requests of recordings to a fake server, and compares what it answers."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
from attrs import frozen

from docassemble_client._types import media_type
from docassemble_client.testing import FakeServer, ManualClock
from tests.mock import run
from tests.recorded import recorded_interviews
from tests.recording import Recorded, content_of
from tests.sanitise import harmless_configuration, stand_in
from tests.testing.shape import differences, shape_of
from tests.testing.translation import Translation
from tests.testing.worlds import set_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing import Recording
    from tests.recording import Scenario

IS_ERROR = 400
_URL = "https://da.example.com"
_CONFIGURATION = "server.get_config"
_TASK = 0.01  # seconds a restart or an installation takes
_WAIT = 0.05  # seconds between two requests, unless something was still going on


@frozen
class Replayed:
    """
    One exchange, made again.

    Attributes:
        scenario: Name of the recording's file.
        number: Its place in the recording, from 0.
        recorded: What was recorded.
        differences: How the answer of the fake server differs.
    """

    scenario: str
    number: int
    recorded: Recorded
    differences: tuple[str, ...]


def replay(name: str, scenario: Scenario) -> list[Replayed]:
    """
    Make the exchanges of a recording again, in order, on a fresh fake server.

    Args:
        name: Name of its file.
        scenario: The recording.

    Returns:
        Those whose answer was recorded.
    """

    async def job() -> list[Replayed]:
        stage = Stage(name)
        made = [
            Replayed(name, number, recorded, tuple(await stage.exchange(number, recorded)))
            for number, recorded in enumerate(scenario.exchanges)
        ]
        return [one for one in made if one.recorded.response is not None]

    return run(job())


class Stage:
    """A fake server in the state the real one had, and what it calls things."""

    def __init__(self, name: str) -> None:
        """
        Set the stage for a recording.

        Args:
            name: Name of its file.
        """
        self._name = name
        self._clock = ManualClock()
        self._fake = FakeServer(
            url=_URL, clock=self._clock, restart_seconds=_TASK, install_seconds=_TASK
        )
        for recording in played_back():
            self._fake.add_recording(recording)
        admin = self._fake.admin
        # Both are learnt first when a run is recorded.
        known = {stand_in(32, "A"): admin.api_key, stand_in(20, "B"): admin.password}
        self._translation = Translation(known)
        self._transport = self._fake.transport()

    async def exchange(self, number: int, recorded: Recorded) -> list[str]:
        """Send one request again, and tell how the answer differs."""
        set_up(self._fake, self._name, number)
        if b'"working"' not in (recorded.response or b""):
            self._clock.advance(_WAIT)
        answer = await self._transport.handle_async_request(self._request(recorded))
        content = await answer.aread()
        return list(self._differences(recorded, answer, content))

    def _request(self, recorded: Recorded) -> httpx.Request:
        url = _URL + self._translation.target(recorded.target)
        key = self._translation.text(recorded.key)
        headers = {**recorded.headers, **({"x-api-key": key} if key else {})}
        sent: dict[str, Any] = {}
        if "json" in recorded.request:
            sent["json"] = self._translation.value(recorded.request["json"])
        elif "parts" in recorded.request:
            sent["files"] = [self._part(one) for one in recorded.request["parts"]]
        return httpx.Request(recorded.method, url, headers=headers, **sent)

    def _part(self, part: dict[str, Any]) -> tuple[str, tuple[str | None, bytes, str | None]]:
        content = content_of(part)
        if "text" in part:
            content = self._translation.value(part["text"], part["name"]).encode()
        return part["name"], (part.get("filename"), content, part.get("type"))

    def _differences(
        self, recorded: Recorded, answer: httpx.Response, content: bytes
    ) -> Iterator[str]:
        kind = answer.headers.get("content-type", "")
        if answer.status_code != recorded.status:
            yield f"status {answer.status_code} and not {recorded.status}: {content.decode()[:200]}"
        elif media_type(kind) != media_type(recorded.response_type):
            yield f"{kind} and not {recorded.response_type}"
        elif media_type(kind) == "application/json":
            yield from self._of_json(recorded, _json(content))
        elif recorded.status >= IS_ERROR:
            yield from self._of_words(recorded.body["text"], content.decode())

    def _of_json(self, recorded: Recorded, answered: Any) -> Iterator[str]:
        value = _json(recorded.response or b"")
        if recorded.operation == _CONFIGURATION and isinstance(answered, dict):
            answered = harmless_configuration(answered)
        self._translation.learn(value, answered)
        if recorded.status >= IS_ERROR and isinstance(value, str) and isinstance(answered, str):
            yield from self._of_words(value, answered)
        else:
            yield from differences(shape_of(value), shape_of(answered), cut="cut" in recorded.body)

    def _of_words(self, recorded: str, answered: str) -> Iterator[str]:
        pages = recorded.lstrip().startswith("<!"), answered.lstrip().startswith("<!")
        if pages != (True, True) and self._translation.text(recorded).strip() != answered.strip():
            yield f"the words {answered[:300]!r} and not {recorded[:300]!r}"


@cache
def played_back() -> list[Recording]:
    """Examples of docassemble's own, which the fake has only as they were recorded."""
    scripted = FakeServer()._world.interviews
    return [one for one in recorded_interviews() if not one.source and one.filename not in scripted]


def _json(content: bytes) -> Any:
    """Read JSON; an interview may call anything so."""
    try:
        return json.loads(content)
    except ValueError:
        return None
