"""Records interviews on a real server, so that the fake server can replay them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from docassemble_client._types import is_json_object, is_mapping
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing._server.masking import Masks
from docassemble_client.testing.recordings import (
    EMAIL_PLACEHOLDER,
    HOST_PLACEHOLDER,
    INTERVIEW_PLACEHOLDER,
    SECRET_PLACEHOLDER,
    SERVER_PLACEHOLDER,
    SESSION_PLACEHOLDER,
    RecordedAction,
    RecordedReply,
    RecordedScreen,
    Recording,
    Transition,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from docassemble_client.testing._server.messages import FakeRequest

_SYSTEM_VARIABLES = {"_internal", "nav", "url_args"}  # the fake server sets these itself
_PLAYGROUND = re.compile(r"docassemble\.playground[0-9]+[A-Za-z0-9]*:(.+)")
_SUCCESS = range(200, 300)
_RECORDED_OPERATIONS = (
    "playground.upload_files",
    "sessions.start",
    "sessions.get_question",
    "sessions.set_variables",
    "sessions.go_back",
    "sessions.get_variables",
    "sessions.run_action",
)


@define
class _Session:
    """A session that is being recorded."""

    recording: Recording
    masks: Masks = field(repr=False)
    path: list[int] = field(factory=lambda: [0])  # numbers of the screens so far

    @property
    def screen(self) -> RecordedScreen:
        return self.recording.screens[self.path[-1]]

    def record(self, operation: str, call: _RecordedCall, raw_reply: RecordedReply | None) -> None:
        """Record a successful call."""
        reply = None if raw_reply is None else self._insert_placeholders(raw_reply)
        match operation:
            case "sessions.get_variables":
                data = reply.json if reply else None
                variables = data if is_json_object(data) else {}
                self.screen.variables = {
                    name: value
                    for name, value in variables.items()
                    if name not in _SYSTEM_VARIABLES
                }
            case "sessions.run_action":
                recorded = RecordedAction(
                    action=call.get_text("action"),
                    arguments=self.masks.apply(call.get_mapping("arguments")),
                    reply=reply,
                )
                self.screen.actions.append(recorded)
                if not call.get_flag("read_only"):
                    self._move_to(self.path[-1], call)
            case "sessions.set_variables":
                self._record_transition(call, reply)
            case "sessions.go_back":
                self.path = self.path[:-1] or self.path
                self._record_screen(reply)
            case _:
                self._record_screen(reply)

    def _record_screen(self, reply: RecordedReply | None) -> None:
        if self.screen.reply is None:
            self.screen.reply = reply

    def _record_transition(self, call: _RecordedCall, reply: RecordedReply | None) -> None:
        """Record a transition and move to the next screen if the server saves the session."""
        screens = self.recording.screens
        new_transition = Transition(
            next_screen=len(screens),
            variables=self.masks.apply(call.get_mapping("variables")),
            files=call.get_files(),
            block=call.get_text("question_name"),
        )
        same_transitions = [
            item for item in self.screen.transitions if item.arguments == new_transition.arguments
        ]
        if not same_transitions:
            self.screen.transitions.append(new_transition)
            screens.append(RecordedScreen())
        original_path = self.path
        self._move_to((same_transitions or [new_transition])[0].next_screen, call)
        self._record_screen(reply)
        if reply is not None and not reply.saves_session:
            self.path = original_path

    def _move_to(self, screen_number: int, call: _RecordedCall) -> None:
        """Move to a screen in a new step, or in the current step if the call overwrites it."""
        previous = self.path[:-1] if call.get_flag("overwrite") else self.path
        self.path = [*previous, screen_number]

    def _insert_placeholders(self, reply: RecordedReply) -> RecordedReply:
        """Replace values that belong to the session, the server or its user."""
        anchor = _get_nested(reply.question, "menu", "top", "anchor")
        if isinstance(anchor, str) and "@" in anchor:
            self.masks.add_text(anchor, EMAIL_PLACEHOLDER)
        content = self.masks.apply_to_bytes(base64.b64decode(reply.base64))
        return evolve(
            reply,
            json=self.masks.apply(reply.json),
            text=self.masks.apply(reply.text),
            base64=base64.b64encode(content).decode(),
        )


class Recorder:
    """
    Records interview sessions that a client runs on a real server.

    Recordings contain the screens and the answers that you send. Use fictitious answers, and never
    commit recordings of real clients. Recordings do not contain the API key, session secrets, the
    host of the server and the e-mail address of the key's owner, in any spelling. The recorder asks
    the server for this address.

    Attributes:
        recordings: Recordings by file name of the interview. Several sessions of one interview are
            merged into one recording.

    Example:
        ```python
        recorder = Recorder()
        async with AsyncDocassemble.from_env(transport=recorder.transport()) as da:
            async with da.interview("docassemble.mine:data/questions/letter.yml").session() as s:
                await s.question()
                await s.answer({"name": "Ada"})
        recorder.save("tests/recordings")
        ```
    """

    def __init__(self, version: str = "") -> None:
        """
        Create a recorder.

        Args:
            version: Version of the server, for information.
        """
        self.recordings: dict[str, Recording] = {}
        self._version = version
        self._sessions: dict[str, _Session] = {}
        self._sources: dict[str, str] = {}

    def transport(self, inner: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncBaseTransport:
        """
        Create a transport that records the requests it sends.

        Args:
            inner: Transport that sends the requests, which you close; by default a new one that
                keeps no connection open.

        Returns:
            The transport, for the client's `transport` argument.
        """
        from docassemble_client.testing._server.transport import RecordingTransport

        return RecordingTransport(self, inner)

    def save(self, folder: str | Path) -> list[Path]:
        """
        Write a JSON file for each interview; `FakeServer.add_recordings` reads them.

        Args:
            folder: Path of the folder; created if missing.

        Returns:
            Paths of the files.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths: list[Path] = []
        for filename, recording in self.recordings.items():
            name = re.sub(r"\W+", "-", filename.removesuffix(".yml")).strip("-")
            path = folder / f"{name}.json"
            path.write_text(recording.to_json(), encoding="utf-8")
            paths.append(path)
        return paths

    def should_record(self, path: str) -> bool:
        """Whether requests to a path are recorded."""
        return path in _OPERATIONS_BY_PATH

    def record(
        self,
        request: FakeRequest,
        status: int,
        content_type: str,
        content: bytes,
        *,
        url: str,
        address: str = "",
        email: str = "",
    ) -> None:
        """
        Record a request and its response.

        Args:
            request: The request.
            status: Status of the response.
            content_type: Content type of the response.
            content: Body of the response.
            url: URL of the server.
            address: IP address of the server; empty if it is unknown.
            email: E-mail address of the API key's owner; empty if it is unknown.
        """
        operation = _OPERATIONS_BY_PATH.get(request.path, {}).get(request.method, "")
        if not operation or status not in _SUCCESS:
            return
        call = _RecordedCall(request)
        reply = (
            None if status == 204 else RecordedReply.from_response(status, content_type, content)
        )
        if operation == "playground.upload_files":
            self._record_sources(request)
        elif operation == "sessions.start" and reply is not None:
            masks = Masks()
            masks.add_text(email, EMAIL_PLACEHOLDER)
            masks.add_text(request.headers.get("x-api-key", ""), SECRET_PLACEHOLDER)
            masks.add_server(url, address, url_mask=SERVER_PLACEHOLDER, host_mask=HOST_PLACEHOLDER)
            self._start_session(reply.json, masks)
        elif (session := self._sessions.get(call.get_text("session"))) is not None:
            session.record(operation, call, reply)

    def _record_sources(self, request: FakeRequest) -> None:
        for file in request.body.files:
            self._sources[file.filename] = file.content.decode(errors="replace")

    def _start_session(self, reply: Any, masks: Masks) -> None:
        filename, session_id = str(reply["i"]), str(reply["session"])
        recording = self.recordings.get(filename)
        playground_file = _PLAYGROUND.fullmatch(filename)
        source = self._sources.get(playground_file[1], "") if playground_file else ""
        if playground_file:
            masks.add_text(filename, INTERVIEW_PLACEHOLDER)  # changes with the next upload
        masks.add_text(session_id, SESSION_PLACEHOLDER)
        masks.add_text(str(reply.get("secret") or ""), SECRET_PLACEHOLDER)
        source = masks.apply(source)
        if recording is None or recording.source != source:
            recording = self.recordings[filename] = Recording(
                filename=filename,
                server=self._version,
                encrypted=bool(reply["encrypted"]),
                source=source,
            )
        self._sessions[session_id] = _Session(recording, masks)


class _RecordedCall:
    """The arguments of a recorded call."""

    def __init__(self, request: FakeRequest) -> None:
        data = request.query if request.method == "GET" else request.body.data
        self._data: Mapping[str, Any] = data if is_mapping(data) else {}
        self._request = request

    def get_mapping(self, name: str) -> dict[str, Any]:
        """Get a mapping, sent as JSON or as encoded JSON."""
        value = self._data.get(name, {})
        if not is_json_object(value):
            value = json.loads(value)
        return value if is_json_object(value) else {}

    def get_text(self, name: str) -> str:
        """Get a text; empty if it was not sent."""
        return str(self._data.get(name) or "")

    def get_flag(self, name: str) -> bool:
        """Get a boolean."""
        return self.get_text(name) not in {"", "0"}

    def get_files(self) -> list[str]:
        """Get the names of the variables that files are uploaded to."""
        names = self.get_mapping("file_variables")
        files = self._request.body.files
        return list(dict.fromkeys(names.get(file.name, file.name) for file in files))


def _get_nested(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if is_mapping(value) else None
    return value


_OPERATIONS_BY_PATH: dict[str, dict[str, str]] = {}
for _name in _RECORDED_OPERATIONS:
    _OPERATIONS_BY_PATH.setdefault(OPERATIONS[_name].path, {})[OPERATIONS[_name].method] = _name
