"""Recorded interviews: what a real server answered, step by step, played back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import Attribute, asdict, define, field, frozen

from docassemble_client._types import JSON, media_type
from docassemble_client.testing.interviews import Asked, Brought, Interview, Needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What stands for what belongs to one session, server or user only.
SESSION = "{{session}}"
SECRET = "{{secret}}"  # noqa: S105 - stands for one
INTERVIEW = "{{interview}}"
SERVER = "{{server}}"
EMAIL = "{{email}}"
_VERSION = 1
_JSON = "application/json"
_UNDEFINED = "undefined_variable"
_ROOT = re.compile(r"\w+")


@frozen(kw_only=True)
class RecordedReply:
    """
    What the server answered.

    What belongs to one session only is a placeholder in it: {{session}}, {{secret}},
    {{interview}}, {{server}} and {{email}}.

    Attributes:
        status: HTTP status.
        type: Content type.
        json: The JSON, exactly as it was sent.
        text: Other text.
        base64: What is no text.
    """

    status: int = 200
    type: str = _JSON
    json: JSON = None
    text: str = field(default="", repr=False)
    base64: str = field(default="", repr=False)

    @classmethod
    def of(cls, status: int, content_type: str, content: bytes) -> RecordedReply:
        """
        Take what was sent.

        Args:
            status: HTTP status.
            content_type: Content type.
            content: The body.

        Returns:
            It as a reply.
        """
        if media_type(content_type) == _JSON:
            return cls(status=status, json=json.loads(content))
        try:
            return cls(status=status, type=content_type, text=content.decode())
        except UnicodeDecodeError:
            encoded = base64.b64encode(content).decode()
            return cls(status=status, type=content_type, base64=encoded)

    @property
    def content(self) -> bytes:
        """The body, written as the server does."""
        if media_type(self.type) == _JSON:
            return (json.dumps(self.json, separators=(",", ":"), sort_keys=True) + "\n").encode()
        return base64.b64decode(self.base64) if self.base64 else self.text.encode()

    @property
    def question(self) -> Mapping[str, Any]:
        """The screen it shows; nothing if it is none."""
        return self.json if isinstance(self.json, dict) and "questionType" in self.json else {}

    @property
    def saves(self) -> bool:
        """Whether the server saves the session with it: not where a variable is missing."""
        return self.question.get("questionType") != _UNDEFINED


@define(kw_only=True)
class RecordedAction:
    """
    An action that was run.

    Attributes:
        action: Its name.
        arguments: Its arguments.
        reply: What it brought; None if nothing.
    """

    action: str
    arguments: dict[str, JSON] = field(factory=dict[str, "JSON"])
    reply: RecordedReply | None = None


@define(kw_only=True)
class Lead:
    """
    What was sent for a screen, and where it led.

    Attributes:
        to: Number of the next screen.
        variables: The variables.
        files: Variables that were sent files.
        block: Name of the block that was marked as answered.
    """

    to: int
    variables: dict[str, JSON] = field(factory=dict[str, "JSON"], repr=False)
    files: list[str] = field(factory=list[str])
    block: str = ""

    @property
    def demands(self) -> dict[str, JSON]:
        """All that must be sent to be led there."""
        return demands(self.variables, self.files, self.block)


def demands(variables: Mapping[str, JSON], files: Iterable[str], block: str) -> dict[str, JSON]:
    """Say what a call sends as one mapping, of which the values of files do not matter."""
    marked: dict[str, JSON] = {f"question_name {block}": True} if block else {}
    return {**variables, **dict.fromkeys(files), **marked}


@define(kw_only=True)
class RecordedScreen:
    """
    A screen at one point of an interview.

    Attributes:
        reply: What the server answered; None where nobody looked.
        variables: The interview's variables there, if they were read.
        actions: Actions that were run there.
        leads: What was sent there.
    """

    reply: RecordedReply | None = None
    variables: dict[str, JSON] = field(factory=dict[str, "JSON"], repr=False)
    actions: list[RecordedAction] = field(factory=list[RecordedAction])
    leads: list[Lead] = field(factory=list[Lead])


@define(kw_only=True)
class Recording:
    """
    An interview as one or several sessions have shown it.

    Attributes:
        filename: Its file name.
        server: Version of docassemble.
        encrypted: Whether its answers are encrypted.
        source: Its text, where it was put into the Playground.
        screens: Its screens, the first one first.
    """

    filename: str
    server: str = ""
    encrypted: bool = True
    source: str = field(default="", repr=False)
    screens: list[RecordedScreen] = field(factory=lambda: [RecordedScreen()])

    def to_json(self) -> str:
        """
        Write it as text.

        Returns:
            JSON made to be read in a diff; it holds the answers that were given, and no secret.
        """
        data = {"version": _VERSION, **asdict(self, filter=_is_told)}
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """
        Read it back.

        Args:
            text: What `to_json` wrote.

        Returns:
            The recording.

        Raises:
            ValueError: It is no recording, or one of another version.
        """
        try:
            data = json.loads(text)
            if data.pop("version") != _VERSION:
                message = "the recording has another version than this client understands (1)"
                raise ValueError(message)
            screens = [_screen(one) for one in data.pop("screens")]
            return cls(**data, screens=screens)
        except (KeyError, TypeError, AttributeError):
            message = "this is no recording of an interview"
            raise ValueError(message) from None


def _is_told(attribute: Attribute[Any], value: object) -> bool:
    """Whether a value is written: what is empty is not, unless the server sent just that."""
    if attribute.name == "json":
        return value is not None
    return value not in (attribute.default, {}, [], "")


def _screen(data: dict[str, Any]) -> RecordedScreen:
    actions = [
        RecordedAction(**one | {"reply": _reply(one.get("reply"))})
        for one in data.get("actions", [])
    ]
    leads = [Lead(**one) for one in data.get("leads", [])]
    changed: dict[str, Any] = {
        "reply": _reply(data.get("reply")),
        "actions": actions,
        "leads": leads,
    }
    return RecordedScreen(**{**data, **changed})


def _reply(data: dict[str, Any] | None) -> RecordedReply | None:
    return None if data is None else RecordedReply(**data)


@frozen
class Place:
    """Where a session is in a recording: the number of the screen, and what was sent for it."""

    number: int = 0
    sent: Mapping[str, JSON] = field(factory=dict[str, "JSON"], repr=False)


@frozen
class Played:
    """An answer that was recorded."""

    reply: RecordedReply


Outcome: TypeAlias = Needed | Asked | Brought | Played
"""What an interview comes to at a step."""


@frozen(kw_only=True)
class RecordedInterview(Interview):
    """
    An interview that is played back.

    Attributes:
        recording: The recording.
    """

    recording: Recording = field(repr=False)

    @classmethod
    def of(cls, recording: Recording, filename: str = "") -> RecordedInterview:
        """
        Make it of a recording.

        Args:
            recording: The recording.
            filename: File name, if it has another one now.

        Returns:
            The interview.
        """
        titles = (str(one["title"]) for one in _questions(recording) if "title" in one)
        return cls(
            filename=filename or recording.filename,
            title=next(titles, ""),
            multi_user=not recording.encrypted,
            recording=recording,
        )

    @property
    def names(self) -> dict[str, str]:
        """Class by variable, which a recording does not tell."""
        own = {name for one in self.recording.screens for name in one.variables}
        return dict.fromkeys(own | set(_roots(self.recording)), "")

    @property
    def block_names(self) -> set[str]:
        """Names of the blocks that were shown."""
        return {str(one["questionName"]) for one in _questions(self.recording)}

    def defined(self, place: Place) -> dict[str, JSON]:
        """Variables that the interview itself, and no call, has defined there."""
        found = self.recording.screens[place.number].variables
        return {name: one for name, one in found.items() if name not in _roots(self.recording)}

    def follow(
        self, place: Place, variables: Mapping[str, JSON], files: Iterable[str], block: str
    ) -> Place:
        """
        Find where it leads to what was sent.

        What was sent with the same values leads before what was sent with others; what was never
        sent leads nowhere. Answers to several screens at once lead through all of them.

        Args:
            place: Where the session is.
            variables: Variables as they are sent.
            files: Variables that are sent files.
            block: Name of the block that is marked as answered.

        Returns:
            The place there.
        """
        number, sent = place.number, {**place.sent, **demands(variables, files, block)}
        while leads := [
            one for one in self.recording.screens[number].leads if one.demands.keys() <= sent.keys()
        ]:
            lead = max(leads, key=lambda one: _fits(one.demands, sent))
            number = lead.to
            if not lead.demands:
                break
            sent = {name: one for name, one in sent.items() if name not in lead.demands}
        return Place(number, sent)

    def shown(self, place: Place) -> Played:
        """
        Show a screen.

        Raises:
            LookupError: Nobody looked at it when it was recorded.
        """
        reply = self.recording.screens[place.number].reply
        if reply is None:
            message = "nobody looked at this screen when the interview was recorded"
            raise LookupError(message)
        return Played(reply)

    def acted(self, place: Place, action: str, arguments: Mapping[str, Any]) -> Played | None:
        """Bring what an action brought there, with the same arguments if it was run with them."""
        known = [
            one for one in self.recording.screens[place.number].actions if one.action == action
        ]
        best = max(known, key=lambda one: one.arguments == arguments, default=None)
        return None if best is None or best.reply is None else Played(best.reply)


def _questions(recording: Recording) -> Iterator[Mapping[str, Any]]:
    for screen in recording.screens:
        if screen.reply is not None and "questionName" in screen.reply.question:
            yield screen.reply.question


def _fits(demands: Mapping[str, JSON], sent: Mapping[str, JSON]) -> tuple[int, int]:
    return sum(sent[name] == value for name, value in demands.items()), len(demands)


def _roots(recording: Recording) -> set[str]:
    """Variables that calls have set, also a part of."""
    leads = [lead for screen in recording.screens for lead in screen.leads]
    names = [name for lead in leads for name in (*lead.variables, *lead.files)]
    return {match[0] for name in names if (match := _ROOT.match(name))}
