"""Sends recorded requests to a fake server and compares the responses."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
from attrs import frozen

from docassemble_client._header_params import parse_media_type
from docassemble_client.testing import FakeServer, ManualClock
from tests.recorded_interviews import load_recorded_interviews
from tests.recording import RecordedExchange, decode_content
from tests.sanitise import filter_configuration, make_stand_in
from tests.testing.server_setups import set_up_server
from tests.testing.shape import find_differences, get_shape
from tests.testing.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing import Recording
    from tests.recording import Scenario

FIRST_ERROR_STATUS = 400
_URL = "https://da.example.com"
_CONFIGURATION = "server.get_config"
_TASK_SECONDS = 0.01  # duration of a restart or an installation
_PAUSE_SECONDS = 0.05  # between two requests, unless a task was still running


@frozen
class ReplayedExchange:
    """
    A replayed exchange.

    Attributes:
        scenario: Name of the recording's file.
        number: Index of the exchange in the recording.
        recorded: The recorded exchange.
        differences: Differences of the fake server's response.
    """

    scenario: str
    number: int
    recorded: RecordedExchange
    differences: tuple[str, ...]


async def replay(name: str, scenario: Scenario) -> list[ReplayedExchange]:
    """
    Replay the exchanges of a recording in order, on a new fake server.

    Args:
        name: Name of the recording's file.
        scenario: The recording.

    Returns:
        The exchanges whose response was recorded.
    """
    server = ReplayServer(name)
    exchanges: list[ReplayedExchange] = []
    for number, recorded in enumerate(scenario.exchanges):
        differences = await server.replay_exchange(number, recorded)
        if recorded.response is not None:
            exchanges.append(ReplayedExchange(name, number, recorded, tuple(differences)))
    return exchanges


class ReplayServer:
    """A fake server in the state of the recorded one, with a translation of its names."""

    def __init__(self, name: str) -> None:
        """
        Create a server for a recording.

        Args:
            name: Name of the recording's file.
        """
        self._name = name
        self._clock = ManualClock()
        self._fake = FakeServer(
            url=_URL,
            clock=self._clock,
            restart_seconds=_TASK_SECONDS,
            install_seconds=_TASK_SECONDS,
        )
        for recording in find_replayed_interviews():
            self._fake.add_recording(recording)
        admin = self._fake.admin
        # The recorder learns both first.
        known = {make_stand_in(32, "A"): admin.api_key, make_stand_in(20, "B"): admin.password}
        self._translation = Translation(known)
        self._transport = self._fake.transport()

    async def replay_exchange(self, number: int, recorded: RecordedExchange) -> list[str]:
        """Send a request and list the differences of the response."""
        set_up_server(self._fake, self._name, number)
        if b'"working"' not in (recorded.response or b""):
            self._clock.advance(_PAUSE_SECONDS)
        response = await self._transport.handle_async_request(self._make_request(recorded))
        content = await response.aread()
        return list(self._find_differences(recorded, response, content))

    def _make_request(self, recorded: RecordedExchange) -> httpx.Request:
        url = _URL + self._translation.translate_target(recorded.target)
        key = self._translation.translate_text(recorded.key)
        headers = {**recorded.headers, **({"x-api-key": key} if key else {})}
        body: dict[str, Any] = {}
        if "json" in recorded.request:
            body["json"] = self._translation.translate_value(recorded.request["json"])
        elif "parts" in recorded.request:
            body["files"] = [self._make_part(part) for part in recorded.request["parts"]]
        return httpx.Request(recorded.method, url, headers=headers, **body)

    def _make_part(self, part: dict[str, Any]) -> tuple[str, tuple[str | None, bytes, str | None]]:
        content = decode_content(part)
        if "text" in part:
            content = self._translation.translate_value(part["text"], part["name"]).encode()
        return part["name"], (part.get("filename"), content, part.get("type"))

    def _find_differences(
        self, recorded: RecordedExchange, response: httpx.Response, content: bytes
    ) -> Iterator[str]:
        status, content_type = response.status_code, response.headers.get("content-type", "")
        if status != recorded.status:
            yield f"status {status} instead of {recorded.status}: {content.decode()[:200]}"
        elif parse_media_type(content_type) != parse_media_type(recorded.response_type):
            yield f"{content_type} instead of {recorded.response_type}"
        elif parse_media_type(content_type) == "application/json":
            yield from self._compare_json(recorded, _parse_json(content))
        elif recorded.status >= FIRST_ERROR_STATUS:
            yield from self._compare_text(recorded.body["text"], content.decode())

    def _compare_json(self, recorded: RecordedExchange, actual: Any) -> Iterator[str]:
        expected = _parse_json(recorded.response or b"")
        if recorded.operation == _CONFIGURATION and isinstance(actual, dict):
            actual = filter_configuration(actual)
        self._translation.learn(expected, actual)
        is_error = recorded.status >= FIRST_ERROR_STATUS
        if is_error and isinstance(expected, str) and isinstance(actual, str):
            yield from self._compare_text(expected, actual)
        else:
            is_cut = "cut" in recorded.body
            yield from find_differences(get_shape(expected), get_shape(actual), cut=is_cut)

    def _compare_text(self, expected: str, actual: str) -> Iterator[str]:
        if expected.lstrip().startswith("<!") and actual.lstrip().startswith("<!"):
            return
        if self._translation.translate_text(expected).strip() != actual.strip():
            yield f"the text {actual[:300]!r} instead of {expected[:300]!r}"


@cache
def find_replayed_interviews() -> list[Recording]:
    """Find docassemble's example interviews that the fake server has only as recordings."""
    scripted = FakeServer()._state.interviews
    return [
        recording
        for recording in load_recorded_interviews()
        if not recording.source and recording.filename not in scripted
    ]


def _parse_json(content: bytes) -> Any:
    """Parse JSON; an interview may declare any content as JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return None
