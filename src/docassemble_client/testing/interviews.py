"""Scripted interviews: what they need, ask and bring."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from docassemble_client._types import JSONInput
from docassemble_client.testing._yaml.variable_expressions import (
    Undefined,
    read_variable,
    to_python,
)

if TYPE_CHECKING:
    from docassemble_client._types import JSON

TEMPORARY = "Question_Temp"  # name of a screen that code has made
_TEMPLATE = re.compile(r"\$\{ *([^}]+?) *\}")


class Answers(Mapping[str, Any]):
    """
    The variables of a session, as a script sees them.

    To read one that is not defined makes the interview ask for it.
    """

    def __init__(self, variables: dict[str, JSON]) -> None:
        """
        Show the variables.

        Args:
            variables: The variables by name.
        """
        self._variables = variables

    def __getitem__(self, name: str) -> Any:
        """Read a variable, such as client.name or fruit['apple']."""
        return read_variable(self._variables, name)

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except Undefined:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def set(self, name: str, value: JSON) -> None:
        """
        Set a variable from an action.

        Args:
            name: Its name, without dots or brackets.
            value: Any JSON value.
        """
        self._variables[name] = value

    def fill_in(self, text: str) -> str:
        """Put variables into a text, in which each stands as ${ name }."""
        return _TEMPLATE.sub(lambda match: str(to_python(self[match[1]])), text)


Final: TypeAlias = Callable[[Answers], object]
"""Brings the end of an interview: a Screen, JSONReply, BinaryContent, bytes, or JSON."""
Action: TypeAlias = Callable[[Answers, Mapping[str, Any]], object]
"""Runs an action with its arguments: brings what Final may, or None for nothing."""


@frozen
class Field:
    """
    A field of a screen.

    Attributes:
        variable: Variable it sets.
        label: Its label; the variable by default.
        datatype: Kind of the value.
        choices: What can be chosen: value by label.
        required: Whether it must be answered.
        default: Value to start with.
        extra: Further keys of its JSON.
    """

    variable: str
    label: str = ""
    datatype: str = "text"
    choices: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"])
    required: bool = True
    default: JSONInput = None
    extra: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"], kw_only=True)


@frozen
class Document:
    """
    A document an interview makes.

    Attributes:
        name: Name to show, of which the file name is made.
        content: The files by extension, such as pdf and docx.
        variable: Variable that would hold it.
    """

    name: str
    content: Mapping[str, bytes] = field(repr=False)
    variable: str = ""


def _as_fields(given: Iterable[Field | str]) -> tuple[Field, ...]:
    return tuple(one if isinstance(one, Field) else Field(one) for one in given)


def _as_documents(given: Iterable[Document]) -> tuple[Document, ...]:
    return tuple(given)


@frozen
class Screen:
    """
    A question.

    Attributes:
        text: Heading; ${ name } stands for a variable.
        fields: Its fields, or just the variables they set.
        subtext: Text below the heading.
        kind: Kind of the screen; fields or deadend by default.
        name: Name of the block; one is made by default.
        mandatory: Whether the block is mandatory, so that its name must come with the answer.
        documents: Documents it offers.
        progress: How far the progress bar is, if it says so.
        extra: Further keys of its JSON, which win.
    """

    text: str
    fields: tuple[Field, ...] = field(default=(), converter=_as_fields)
    subtext: str = field(default="", kw_only=True)
    kind: str = field(default="", kw_only=True)
    name: str = field(default="", kw_only=True)
    mandatory: bool = field(default=False, kw_only=True)
    documents: tuple[Document, ...] = field(default=(), kw_only=True, converter=_as_documents)
    progress: float | None = field(default=None, kw_only=True)
    extra: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"], kw_only=True)

    @property
    def code(self) -> str:
        """The block that asks it, as the author of the interview could write it."""
        fields = "".join(
            f"  - {one.label or one.variable}: {one.variable}\n" for one in self.fields
        )
        texts = {"question": self.text, "subquestion": self.subtext}
        blocks = "".join(f"{name}: |\n  {text}\n" for name, text in texts.items() if text)
        return blocks + (f"fields:\n{fields}" if fields else "")


@frozen
class Needed:
    """A variable the interview needs and no screen asks for."""

    variable: str


@frozen
class Stage:
    """
    A stage on the way to a screen.

    Attributes:
        reason: What the server did, in its own words.
        text: The code it ran or asked, or the name of the variable it needed.
    """

    reason: str
    text: str = ""


@frozen
class Asked:
    """
    A screen, and what led to it.

    Attributes:
        screen: The screen.
        name: Name of its block.
        event_list: What it defines.
        trace: How the interview came to ask it.
    """

    screen: Screen
    name: str
    event_list: tuple[str, ...] = ()
    trace: tuple[Stage, ...] = ()


@frozen
class Brought:
    """What the interview brings at its end."""

    value: object


class NoEndpointError(Exception):
    """The interview has nothing more to ask and no end."""

    def __init__(self) -> None:
        """Say so in the server's words."""
        super().__init__(
            "Docassemble has finished executing all code blocks marked as initial or mandatory, "
            "and finished asking all questions marked as mandatory (if any).  It is a best "
            "practice to end your interview with a question that says goodbye."
        )


NoEndpointError.__name__ = "DAErrorNoEndpoint"  # as the server calls it in its message


@frozen(kw_only=True)
class Interview:
    """
    A scripted interview.

    Attributes:
        filename: Its file name.
        asks: What it needs, in order: screens, or variables that no screen asks for.
        on_demand: Screens that are asked only when a variable of theirs is read.
        final: Makes its end.
        actions: What its actions do, by name.
        title: Its title.
        metadata: Further metadata.
        tags: Its tags.
        multi_user: Whether its answers are not encrypted.
        privileges: Of which a user needs one to run it; none means anybody may.
        dispatch: Short name under which it is advertised; empty if it is not.
        reads: Variables its end reads, for interviews.get_data.
    """

    filename: str
    asks: tuple[Screen | str, ...] = ()
    on_demand: tuple[Screen, ...] = ()
    final: Final | None = None
    actions: Mapping[str, Action] = field(factory=dict[str, Action])
    title: str = ""
    metadata: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"])
    tags: tuple[str, ...] = ()
    multi_user: bool = False
    privileges: tuple[str, ...] = ()
    dispatch: str = ""
    reads: tuple[str, ...] = ()

    @property
    def block_names(self) -> set[str]:
        """Names of its blocks that can be marked as answered."""
        return {self.name_of(one) for one in self.screens}

    @property
    def names(self) -> dict[str, str]:
        """Class by variable, empty for one that is no object."""
        asked = [one.variable for screen in self.screens for one in screen.fields]
        return dict.fromkeys([*asked, *self.undefined], "")

    @property
    def undefined(self) -> list[str]:
        """Variables it needs and nothing in it defines."""
        return [*(one for one in self.asks if isinstance(one, str)), *self.reads]

    @property
    def images(self) -> tuple[str, ...]:
        """Names of its pictures."""
        return ()

    @property
    def package(self) -> str:
        """Package it belongs to."""
        return self.filename.partition(":")[0]

    @property
    def screens(self) -> list[Screen]:
        """All its screens."""
        return [*(one for one in self.asks if isinstance(one, Screen)), *self.on_demand]

    def name_of(self, screen: Screen) -> str:
        """Name of a block, which the server numbers where it has none."""
        if screen.name:
            return screen.name
        known = self.screens
        return f"Question_{known.index(screen) if screen in known else len(known)}"

    def run(self, answers: Answers, answered: set[str]) -> Needed | Asked | Brought:
        """
        Run it as far as it goes.

        Args:
            answers: The variables.
            answered: Names of the mandatory blocks that were answered.

        Returns:
            What it needs next, or what it brings.

        Raises:
            NoEndpointError: There is nothing more to ask and no end.
        """
        for ask in self.asks:
            if isinstance(ask, str):
                if ask not in answers:
                    return Needed(ask)
            elif (asked := self._ask(ask, answers, answered)) is not None:
                return asked
        if self.final is None:
            raise NoEndpointError
        try:
            value = self.final(answers)
        except Undefined as missing:
            return self._seek(missing.variable)
        if isinstance(value, Screen):
            return Asked(value, self.name_of(value))
        return Brought(value)

    def act(
        self, action: str, answers: Answers, arguments: Mapping[str, Any]
    ) -> Screen | Brought | None:
        """
        Run an action.

        Args:
            action: Its name.
            answers: The variables, which it may change.
            arguments: Its arguments.

        Returns:
            What it shows or brings; None if nothing, and if there is no such action.
        """
        work = self.actions.get(action)
        value = None if work is None else work(answers, arguments)
        return value if value is None or isinstance(value, Screen) else Brought(value)

    def _ask(self, screen: Screen, answers: Answers, answered: set[str]) -> Asked | None:
        name = self.name_of(screen)
        for one in screen.fields:
            if one.variable not in answers:
                return _needing(one.variable, screen, name)
        return Asked(screen, name) if screen.mandatory and name not in answered else None

    def _seek(self, variable: str) -> Needed | Asked:
        for screen in self.on_demand:
            if any(one.variable == variable for one in screen.fields):
                return _needing(variable, screen, self.name_of(screen))
        return Needed(variable)


def _needing(variable: str, screen: Screen, name: str) -> Asked:
    """Ask for a variable that the end of the interview, which is mandatory, needs."""
    trace = (Stage("mandatory code"), Stage("needed", variable))
    return Asked(screen, name, (variable,), trace)
