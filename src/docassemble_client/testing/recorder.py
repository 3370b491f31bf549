"""Records interviews of a real server, to be played back by the fake one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from docassemble_client._types import is_mapping, is_object
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing.recordings import (
    EMAIL,
    INTERVIEW,
    SECRET,
    SERVER,
    SESSION,
    Lead,
    RecordedAction,
    RecordedReply,
    RecordedScreen,
    Recording,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from docassemble_client.testing._server.messages import Incoming

_OWN = {"_internal", "nav", "url_args"}  # docassemble's variables, which the fake server has itself
_PLAYGROUND = re.compile(r"docassemble\.playground[0-9]+[A-Za-z0-9]*:(.+)")
_SUCCESS = range(200, 300)
_NOTED = (
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
    names: dict[str, str] = field(repr=False)  # placeholders by what they stand for
    path: list[int] = field(factory=lambda: [0])  # numbers of the screens it has come through

    @property
    def screen(self) -> RecordedScreen:
        return self.recording.screens[self.path[-1]]

    def note(self, operation: str, said: _Said, answer: RecordedReply | None) -> None:
        """Note a call that succeeded."""
        reply = None if answer is None else self._nameless(answer)
        match operation:
            case "sessions.get_variables":
                found = reply.json if reply else None
                known = found if is_object(found) else {}
                self.screen.variables = {n: v for n, v in known.items() if n not in _OWN}
            case "sessions.run_action":
                action, arguments = said.text("action"), said.mapping("arguments")
                noted = RecordedAction(action=action, arguments=arguments, reply=reply)
                self.screen.actions.append(noted)
                if not said.flag("read_only"):
                    self._save(self.path[-1], said)
            case "sessions.set_variables":
                self._lead(said, reply)
            case "sessions.go_back":
                self.path = self.path[:-1] or self.path
                self._show(reply)
            case _:
                self._show(reply)

    def _show(self, reply: RecordedReply | None) -> None:
        if self.screen.reply is None:
            self.screen.reply = reply

    def _lead(self, said: _Said, reply: RecordedReply | None) -> None:
        """Go on to the next screen; not where the server does not save the session."""
        screens = self.recording.screens
        lead = Lead(
            to=len(screens),
            variables=said.mapping("variables"),
            files=said.files(),
            block=said.text("question_name"),
        )
        known = [one for one in self.screen.leads if one.demands == lead.demands]
        if not known:
            self.screen.leads.append(lead)
            screens.append(RecordedScreen())
        before = self.path
        self._save((known or [lead])[0].to, said)
        self._show(reply)
        if reply is not None and not reply.saves:
            self.path = before

    def _save(self, number: int, said: _Said) -> None:
        """Be at a screen with the next step, or with this one if it is overwritten."""
        before = self.path[:-1] if said.flag("overwrite") else self.path
        self.path = [*before, number]

    def _nameless(self, reply: RecordedReply) -> RecordedReply:
        """Put placeholders for what belongs to the session, the server or its user only."""
        anchor = _dig(reply.question, "menu", "top", "anchor")
        if isinstance(anchor, str) and "@" in anchor:
            self.names.setdefault(anchor, EMAIL)
        content = reply.content
        for one, name in self.names.items():
            content = content.replace(json.dumps(one)[1:-1].encode(), name.encode())
        return RecordedReply.of(reply.status, reply.type, content)


class Recorder:
    """
    Records the sessions of interviews that a client runs on a real server.

    What is recorded is made to be committed. It holds the screens and the answers that were given,
    so answer with made-up data; the API key, secrets of sessions, the address of the server and
    the e-mail address of the key's owner are left out.

    Attributes:
        recordings: What was recorded, by the file name of the interview. Further sessions of one
            interview add the screens to which other answers lead.

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
        Record nothing yet.

        Args:
            version: Version of the server, to be noted.
        """
        self.recordings: dict[str, Recording] = {}
        self._version = version
        self._sessions: dict[str, _Session] = {}
        self._sources: dict[str, str] = {}

    def transport(self, inner: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncBaseTransport:
        """
        Make a transport that records what it carries.

        Args:
            inner: What carries it; httpx itself by default.

        Returns:
            The transport, for the `transport` of a client.
        """
        from docassemble_client.testing._server.transport import RecordingTransport

        return RecordingTransport(self, inner)

    def save(self, folder: str | Path) -> list[Path]:
        """
        Write a file for each interview, which `FakeServer.add_recordings` reads.

        Args:
            folder: Where to; it is made if it is missing.

        Returns:
            The files.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        written: list[Path] = []
        for filename, recording in self.recordings.items():
            name = re.sub(r"\W+", "-", filename.removesuffix(".yml")).strip("-")
            path = folder / f"{name}.json"
            path.write_text(recording.to_json(), encoding="utf-8")
            written.append(path)
        return written

    def wants(self, path: str) -> bool:
        """Whether a request to this path may be one of an interview."""
        return path in _PATHS

    def note(
        self, request: Incoming, status: int, content_type: str, content: bytes, *, url: str
    ) -> None:
        """
        Note an exchange.

        Args:
            request: The request.
            status: Status of the answer.
            content_type: Its content type.
            content: Its body.
            url: Address of the server.
        """
        operation = _PATHS.get(request.path, {}).get(request.method, "")
        if not operation or status not in _SUCCESS:
            return
        said = _Said(request)
        reply = None if status == 204 else RecordedReply.of(status, content_type, content)
        if operation == "playground.upload_files":
            self._note_sources(request)
        elif operation == "sessions.start" and reply is not None:
            self._start(reply.json, {url: SERVER, request.headers.get("x-api-key", ""): SECRET})
        elif (session := self._sessions.get(said.text("session"))) is not None:
            session.note(operation, said, reply)

    def _note_sources(self, request: Incoming) -> None:
        for file in request.body.files:
            self._sources[file.filename] = file.content.decode(errors="replace")

    def _start(self, begun: Any, names: dict[str, str]) -> None:
        filename, key = str(begun["i"]), str(begun["session"])
        recording = self.recordings.get(filename)
        in_playground = _PLAYGROUND.fullmatch(filename)
        source = self._sources.get(in_playground[1], "") if in_playground else ""
        if in_playground:
            names[filename] = INTERVIEW  # another one when it is put there again
        if recording is None or recording.source != source:
            recording = self.recordings[filename] = Recording(
                filename=filename,
                server=self._version,
                encrypted=bool(begun["encrypted"]),
                source=source,
            )
        names |= {key: SESSION, str(begun.get("secret") or ""): SECRET}
        self._sessions[key] = _Session(recording, {one: names[one] for one in names if one})


class _Said:
    """The arguments of a call."""

    def __init__(self, request: Incoming) -> None:
        data = request.query if request.method == "GET" else request.body.data
        self._data: Mapping[str, Any] = data if is_mapping(data) else {}
        self._request = request

    def mapping(self, name: str) -> dict[str, Any]:
        """Read an argument that is a mapping, as JSON or as its text."""
        value = self._data.get(name, {})
        if not is_object(value):
            value = json.loads(value)
        return value if is_object(value) else {}

    def text(self, name: str) -> str:
        """Read an argument that is a text."""
        return str(self._data.get(name) or "")

    def flag(self, name: str) -> bool:
        """Read an argument that is true or false."""
        return self.text(name) not in {"", "0"}

    def files(self) -> list[str]:
        """Variables that are sent files."""
        names = self.mapping("file_variables")
        return list(
            dict.fromkeys(names.get(one.name, one.name) for one in self._request.body.files)
        )


def _dig(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if is_mapping(value) else None
    return value


_PATHS: dict[str, dict[str, str]] = {}
for _one in _NOTED:
    _PATHS.setdefault(OPERATIONS[_one].path, {})[OPERATIONS[_one].method] = _one
