"""Recordings of interviews on a real server, and how the fake server replays them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import Attribute, asdict, define, field, frozen

from docassemble_client._header_params import parse_media_type
from docassemble_client._types import JSON
from docassemble_client.testing.interviews import (
    FinalValue,
    NeedVariable,
    ScriptedInterview,
    ShowScreen,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Placeholders of values that belong to a single session, server or user.
SESSION_PLACEHOLDER = "{{session}}"
SECRET_PLACEHOLDER = "{{secret}}"  # noqa: S105 - not a secret
INTERVIEW_PLACEHOLDER = "{{interview}}"
SERVER_PLACEHOLDER = "{{server}}"
HOST_PLACEHOLDER = "{{host}}"
EMAIL_PLACEHOLDER = "{{email}}"
_FORMAT_VERSION = 1
_JSON = "application/json"
_UNDEFINED_VARIABLE = "undefined_variable"
_BASE_NAME = re.compile(r"\w+")


@frozen(kw_only=True)
class RecordedReply:
    """
    A recorded response of the server.

    Values that belong to a single session, server or user are replaced by {{session}}, {{secret}},
    {{interview}}, {{server}}, {{host}} and {{email}}.

    Attributes:
        status: HTTP status.
        content_type: Content type.
        json: JSON body.
        text: Other text body.
        base64: Binary body, encoded as Base64.
    """

    status: int = 200
    content_type: str = _JSON
    json: JSON = None
    text: str = field(default="", repr=False)
    base64: str = field(default="", repr=False)

    @classmethod
    def from_response(cls, status: int, content_type: str, content: bytes) -> RecordedReply:
        """
        Create a reply from a response.

        Args:
            status: HTTP status.
            content_type: Content type.
            content: The body.

        Returns:
            The reply.
        """
        if parse_media_type(content_type) == _JSON:
            return cls(status=status, json=json.loads(content))
        try:
            return cls(status=status, content_type=content_type, text=content.decode())
        except UnicodeDecodeError:
            encoded = base64.b64encode(content).decode()
            return cls(status=status, content_type=content_type, base64=encoded)

    @property
    def content(self) -> bytes:
        """The body, formatted like the server's."""
        if parse_media_type(self.content_type) == _JSON:
            return (json.dumps(self.json, separators=(",", ":"), sort_keys=True) + "\n").encode()
        return base64.b64decode(self.base64) if self.base64 else self.text.encode()

    @property
    def question(self) -> Mapping[str, Any]:
        """JSON of the screen; empty if the reply is not a screen."""
        return self.json if isinstance(self.json, dict) and "questionType" in self.json else {}

    @property
    def saves_session(self) -> bool:
        """Whether the server saves the session; it does not if a variable is undefined."""
        return self.question.get("questionType") != _UNDEFINED_VARIABLE


@define(kw_only=True)
class RecordedAction:
    """
    A recorded action.

    Attributes:
        action: Name of the action.
        arguments: Arguments of the action.
        reply: Reply; None for status 204.
    """

    action: str
    arguments: dict[str, JSON] = field(factory=dict[str, "JSON"])
    reply: RecordedReply | None = None


@define(kw_only=True)
class Transition:
    """
    The change from one screen to the next, and the call that caused it.

    Attributes:
        next_screen: Number of the next screen.
        variables: Variables that were set.
        files: Names of variables that files were uploaded to.
        block: Name of the block that was marked as answered.
    """

    next_screen: int
    variables: dict[str, JSON] = field(factory=dict[str, "JSON"], repr=False)
    files: list[str] = field(factory=list[str])
    block: str = ""

    @property
    def arguments(self) -> dict[str, JSON]:
        """The arguments that a call must send to cause this transition."""
        return combine_arguments(self.variables, self.files, self.block)


def combine_arguments(
    variables: Mapping[str, JSON], files: Iterable[str], block: str
) -> dict[str, JSON]:
    """Combine the arguments of a call in one mapping; files get the value None."""
    question_name: dict[str, JSON] = {f"question_name {block}": True} if block else {}
    return {**variables, **dict.fromkeys(files), **question_name}


@define(kw_only=True)
class RecordedScreen:
    """
    A recorded screen.

    Attributes:
        reply: Response with the screen; None if the screen was not requested.
        variables: Variables of the session at this screen, if they were requested.
        actions: Actions that were run on this screen.
        transitions: Transitions to other screens.
    """

    reply: RecordedReply | None = None
    variables: dict[str, JSON] = field(factory=dict[str, "JSON"], repr=False)
    actions: list[RecordedAction] = field(factory=list[RecordedAction])
    transitions: list[Transition] = field(factory=list[Transition])


@define(kw_only=True)
class Recording:
    """
    A recorded interview, from one or several sessions.

    Attributes:
        filename: File name of the interview.
        server: Version of docassemble.
        encrypted: Whether answers are encrypted.
        source: YAML of the interview, if it was uploaded to the Playground.
        screens: Screens, beginning with the first.
    """

    filename: str
    server: str = ""
    encrypted: bool = True
    source: str = field(default="", repr=False)
    screens: list[RecordedScreen] = field(factory=lambda: [RecordedScreen()])

    def to_json(self) -> str:
        """
        Serialize the recording.

        Returns:
            Indented JSON. It contains the answers that were sent, but no secrets.
        """
        data = {"version": _FORMAT_VERSION, **asdict(self, filter=_should_write)}
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """
        Parse a recording.

        Args:
            text: JSON that `to_json` returned.

        Returns:
            The recording.

        Raises:
            ValueError: The text is not a valid recording, or has an unsupported format version.
        """
        try:
            data = json.loads(text)
            if data.pop("version") != _FORMAT_VERSION:
                message = (
                    f"the recording's format version is not {_FORMAT_VERSION}; record it again"
                )
                raise ValueError(message)
            screens = [_read_screen(screen) for screen in data.pop("screens")]
            return cls(**data, screens=screens)
        except (KeyError, TypeError, AttributeError):
            message = "the text is not a valid recording of an interview"
            raise ValueError(message) from None


def _should_write(attribute: Attribute[Any], value: object) -> bool:
    """Whether a value is written: empty values are omitted, except in the server's JSON."""
    if attribute.name == "json":
        return value is not None
    return value not in (attribute.default, {}, [], "")


def _read_screen(data: dict[str, Any]) -> RecordedScreen:
    actions = [
        RecordedAction(**action | {"reply": _read_reply(action.get("reply"))})
        for action in data.get("actions", [])
    ]
    structured: dict[str, Any] = {
        "reply": _read_reply(data.get("reply")),
        "actions": actions,
        "transitions": [Transition(**transition) for transition in data.get("transitions", [])],
    }
    return RecordedScreen(**{**data, **structured})


def _read_reply(data: dict[str, Any] | None) -> RecordedReply | None:
    return None if data is None else RecordedReply(**data)


@frozen
class ReplayPosition:
    """
    The position of a session in a recording.

    Attributes:
        screen_number: Number of the screen.
        sent_arguments: Arguments that were sent since the last transition.
    """

    screen_number: int = 0
    sent_arguments: Mapping[str, JSON] = field(factory=dict[str, "JSON"], repr=False)


@frozen
class ReplayedReply:
    """An outcome: the interview replays a recorded reply."""

    reply: RecordedReply


Outcome: TypeAlias = NeedVariable | ShowScreen | FinalValue | ReplayedReply
"""The result of running an interview."""


@frozen(kw_only=True)
class RecordedInterview(ScriptedInterview):
    """
    An interview that is replayed from a recording.

    Attributes:
        recording: The recording.
    """

    recording: Recording = field(repr=False)

    @classmethod
    def from_recording(cls, recording: Recording, filename: str = "") -> RecordedInterview:
        """
        Create an interview from a recording.

        Args:
            recording: The recording.
            filename: File name; that of the recording by default.

        Returns:
            The interview.
        """
        titles = (
            str(question["title"]) for question in _iter_questions(recording) if "title" in question
        )
        return cls(
            filename=filename or recording.filename,
            title=next(titles, ""),
            multi_user=not recording.encrypted,
            recording=recording,
        )

    @property
    def variable_classes(self) -> dict[str, str]:
        """Class names by variable; always empty because a recording does not contain them."""
        defined = {name for screen in self.recording.screens for name in screen.variables}
        return dict.fromkeys(defined | _find_set_variables(self.recording), "")

    @property
    def block_names(self) -> set[str]:
        """Names of the blocks that were shown."""
        return {str(question["questionName"]) for question in _iter_questions(self.recording)}

    def get_defined_variables(self, position: ReplayPosition) -> dict[str, JSON]:
        """Get the variables that the interview itself, not a call, has defined at a position."""
        variables = self.recording.screens[position.screen_number].variables
        set_by_calls = _find_set_variables(self.recording)
        return {name: value for name, value in variables.items() if name not in set_by_calls}

    def find_next_position(
        self,
        position: ReplayPosition,
        variables: Mapping[str, JSON],
        files: Iterable[str],
        block: str,
    ) -> ReplayPosition:
        """
        Find the position after a call.

        A transition recorded with the same values takes precedence over one with other values.
        Variables that were never recorded do not change the screen. Answers to several screens
        pass through all of them.

        Args:
            position: Position before the call.
            variables: Variables that the call sets.
            files: Names of variables that files are uploaded to.
            block: Name of the block that is marked as answered.

        Returns:
            The new position.
        """
        number = position.screen_number
        sent = {**position.sent_arguments, **combine_arguments(variables, files, block)}
        while candidates := [
            transition
            for transition in self.recording.screens[number].transitions
            if transition.arguments.keys() <= sent.keys()
        ]:
            best = max(candidates, key=lambda transition: _count_matches(transition, sent))
            number = best.next_screen
            if not best.arguments:
                break
            sent = {name: value for name, value in sent.items() if name not in best.arguments}
        return ReplayPosition(number, sent)

    def replay_screen(self, position: ReplayPosition) -> ReplayedReply:
        """
        Get the recorded screen at a position.

        Raises:
            LookupError: The screen was not requested when the interview was recorded.
        """
        reply = self.recording.screens[position.screen_number].reply
        if reply is None:
            message = "this screen was not requested when the interview was recorded"
            raise LookupError(message)
        return ReplayedReply(reply)

    def replay_action(
        self, position: ReplayPosition, action: str, arguments: Mapping[str, Any]
    ) -> ReplayedReply | None:
        """Get the recorded reply of an action, preferably one with the same arguments."""
        candidates = [
            recorded
            for recorded in self.recording.screens[position.screen_number].actions
            if recorded.action == action
        ]
        best = max(candidates, key=lambda recorded: recorded.arguments == arguments, default=None)
        return None if best is None or best.reply is None else ReplayedReply(best.reply)


def _iter_questions(recording: Recording) -> Iterator[Mapping[str, Any]]:
    for screen in recording.screens:
        if screen.reply is not None and "questionName" in screen.reply.question:
            yield screen.reply.question


def _count_matches(transition: Transition, sent: Mapping[str, JSON]) -> tuple[int, int]:
    """Count the arguments with the recorded value, and all arguments."""
    arguments = transition.arguments
    return sum(sent[name] == value for name, value in arguments.items()), len(arguments)


def _find_set_variables(recording: Recording) -> set[str]:
    """Find the base names of variables that calls have set, at least in part."""
    transitions = [item for screen in recording.screens for item in screen.transitions]
    names = [name for item in transitions for name in (*item.variables, *item.files)]
    return {match[0] for name in names if (match := _BASE_NAME.match(name))}
