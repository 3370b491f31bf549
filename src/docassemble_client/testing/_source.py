"""Interviews written as YAML in the Playground: the small part of the language that tests need."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from docassemble_client._types import BinaryContent, JSONReply, is_object
from docassemble_client.testing._values import TAGS, Undefined, from_python, new_object, to_python
from docassemble_client.testing.interviews import (
    Answers,
    Asked,
    Brought,
    Field,
    Interview,
    Needed,
    NoEndpointError,
    Screen,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNCOUNTED = (
    "metadata",
    "features",
    "modules",
    "imports",
    "objects",
    "images",
    "default screen parts",
)
_LONGEST = 200  # variables one run may seek
_FIELD_KEYS = ("datatype", "required", "default", "choices", "label", "field")


class SourceError(Exception):
    """The text is no interview."""


class _SentError(Exception):
    """Code has called response() or json_response()."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


@frozen
class Block:
    """
    A block of an interview.

    Attributes:
        name: Name the server gives it.
        content: What it says.
        screen: Its screen, if it is a question.
        sets: Variables its code, fields or event define.
    """

    name: str
    content: Mapping[str, Any] = field(repr=False)
    screen: Screen | None
    sets: frozenset[str]

    @property
    def code(self) -> str:
        """Its code, empty if it has none."""
        return str(self.content.get("code", ""))

    @property
    def mandatory(self) -> bool:
        """Whether it is run or asked in any case."""
        return bool(self.content.get("mandatory") or self.content.get("initial"))


@frozen(kw_only=True)
class SourceInterview(Interview):
    """
    An interview written as YAML.

    Attributes:
        blocks: Its blocks.
        objects: Classes of objects by name.
        modules: Modules its code imports.
        pictures: Names of its pictures.
    """

    blocks: tuple[Block, ...] = field(repr=False)
    objects: Mapping[str, str] = field(factory=dict[str, str])
    modules: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """Class by variable, empty for one that is no object."""
        found = dict.fromkeys(sorted(set[str]().union(*(one.sets for one in self.blocks))), "")
        return {**found, **self.objects}

    @property
    def images(self) -> tuple[str, ...]:
        """Names of its pictures."""
        return self.pictures

    @property
    def screens(self) -> list[Screen]:
        """All its screens."""
        return [one.screen for one in self.blocks if one.screen is not None]

    def name_of(self, screen: Screen) -> str:
        """Name of the block of a screen."""
        return next(one.name for one in self.blocks if one.screen is screen)

    def run(self, answers: Answers, answered: set[str]) -> Needed | Asked | Brought:
        """Run its mandatory blocks in order, and what they need."""
        return _Run(self, answers, {}).mandatory(answered)

    def act(
        self, action: str, answers: Answers, arguments: Mapping[str, Any]
    ) -> Screen | Brought | None:
        """Run an action: what it shows or brings."""
        run = _Run(self, answers, arguments)
        block = next((one for one in self.blocks if action in one.sets), None)
        if block is None:
            return None
        if block.screen is not None:
            return block.screen
        outcome = run.block(block)
        return outcome if isinstance(outcome, Brought) else None


class Tags:
    """The tags of a session, which code can change."""

    def __init__(self, answers: Answers) -> None:
        """
        Show them.

        Args:
            answers: The variables, which keep them.
        """
        self._answers = answers

    def add(self, tag: str) -> None:
        """
        Add one.

        Args:
            tag: The tag.
        """
        self._answers.set(TAGS, [*self._answers.get(TAGS, []), tag])


class _Run:
    """One run of an interview."""

    def __init__(
        self, interview: SourceInterview, answers: Answers, arguments: Mapping[str, Any]
    ) -> None:
        self.interview = interview
        self.answers = answers
        self.arguments = arguments
        self.sought = 0

    def mandatory(self, answered: set[str]) -> Needed | Asked | Brought:
        for block in self.interview.blocks:
            if not block.mandatory or block.name in answered:
                continue
            if block.screen is not None:
                return self.asked(block, block.screen, "")
            outcome = self.block(block)
            if outcome is not None:
                return outcome
            answered.add(block.name)
        message = (
            "Docassemble has finished executing all code blocks marked as initial or mandatory"
        )
        raise NoEndpointError(message)

    def asked(self, block: Block, screen: Screen, variable: str) -> Asked | Needed | Brought:
        """Show a screen, after what its texts need."""
        try:
            self.answers.fill_in(screen.text + screen.subtext)
        except Undefined as missing:
            outcome = self.seek(missing.variable)
            return self.asked(block, screen, variable) if outcome is None else outcome
        return Asked(screen, block.name, (variable,) if variable else ())

    def block(self, block: Block) -> Needed | Asked | Brought | None:
        """Run code to its end; None if it came there."""
        while True:
            try:
                self.execute(block.code)
            except _SentError as sent:
                return Brought(sent.value)
            except (NameError, Undefined) as missing:
                name = missing.name if isinstance(missing, NameError) else missing.variable
                outcome = self.seek(str(name))
                if outcome is not None:
                    return outcome
            else:
                return None

    def seek(self, variable: str) -> Needed | Asked | Brought | None:
        """Look for what defines a variable; None if it is defined now."""
        self.sought += 1
        if self.sought > _LONGEST:
            message = f"infinite loop: {variable} is needed again and again"
            raise RecursionError(message)
        kind = self.interview.objects.get(variable)
        if kind is not None:
            self.answers.set(variable, new_object(kind, variable))
            return None
        for block in reversed(self.interview.blocks):
            if variable in block.sets:
                if block.screen is not None:
                    return self.asked(block, block.screen, variable)
                return self.block(block)
        return Needed(variable)

    def execute(self, code: str) -> None:
        names = {name: to_python(value) for name, value in self.answers.items()}
        tools = self.tools()
        scope: dict[str, Any] = {**tools, **names}
        try:
            exec(compile(code, "<interview>", "exec"), scope)  # noqa: S102 - the developer's own text
        finally:
            for name, value in scope.items():
                if name not in tools and not name.startswith("_"):
                    self.answers.set(name, from_python(value))

    def tools(self) -> dict[str, Any]:
        """Functions of docassemble that code can call."""
        return {
            **{one: import_module(one) for one in self.interview.modules},
            "json_response": _json_response,
            "response": _response,
            "action_argument": self.arguments.get,
            "defined": self.answers.__contains__,
            "session_tags": lambda: Tags(self.answers),
        }


def _json_response(data: Any, response_code: int = 200) -> None:
    raise _SentError(JSONReply(from_python(data), response_code))


def _response(
    response: Any = None,
    *,
    binaryresponse: Any = None,
    content_type: str = "text/plain; charset=utf-8",
    response_code: int = 200,
) -> None:
    content = response if binaryresponse is None else binaryresponse
    content = content if isinstance(content, bytes) else str(content).encode()
    raise _SentError(
        BinaryContent(content=content, content_type=content_type, status=response_code)
    )


def read_source(filename: str, text: bytes) -> SourceInterview:
    """
    Read an interview.

    Args:
        filename: Its file name.
        text: The YAML.

    Returns:
        The interview.

    Raises:
        SourceError: It is none.
    """
    import yaml

    try:
        contents = [one for one in yaml.safe_load_all(text) if is_object(one)]
    except yaml.YAMLError as error:
        raise SourceError(str(error)) from None
    metadata = _merged(contents, "metadata")
    imports = [name for one in contents for name in one.get("imports", [])]
    return SourceInterview(
        filename=filename,
        title=str(metadata.get("title", "")),
        metadata={name: one for name, one in metadata.items() if name not in {"title", "tags"}},
        tags=tuple(str(one) for one in metadata.get("tags", [])),
        privileges=tuple(metadata.get("required privileges", [])),
        blocks=tuple(_blocks(contents)),
        objects={
            name: kind
            for one in contents
            for item in one.get("objects", [])
            for name, kind in item.items()
        },
        modules=tuple(imports),
        pictures=tuple(_merged(contents, "images")),
    )


def _merged(contents: list[dict[str, Any]], key: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for one in contents:
        merged |= one.get(key, {})
    return merged


def _blocks(contents: list[dict[str, Any]]) -> Iterator[Block]:
    counted = (one for one in contents if not any(key in one for key in _UNCOUNTED))
    for number, content in enumerate(counted):
        screen = _screen(content) if "question" in content else None
        sets = {content[key] for key in ("event", "sets") if key in content}
        if screen is not None:
            sets |= {one.variable for one in screen.fields}
        sets |= set(_assigned(str(content.get("code", ""))))
        name = f"ID {content['id']}" if "id" in content else f"Question_{number}"
        yield Block(name, content, screen, frozenset(sets))


def _screen(content: Mapping[str, Any]) -> Screen:
    button = content.get("continue button field", content.get("field"))
    fields = [_field(one) for one in content.get("fields", [])]
    kind, extra = "", {}
    if "yesno" in content:
        kind, fields = "yesno", [Field(content["yesno"], datatype="")]
        extra = {"yesLabel": "Yes", "noLabel": "No"}
    elif button is not None and not fields:
        kind, fields = "settrue", [Field(button, datatype="")]
    elif button is not None:
        extra = {"question_variable_name": button}
    return Screen(
        str(content["question"]).strip(),
        fields,
        subtext=str(content.get("subquestion", "")).strip(),
        kind=kind,
        mandatory=bool(content.get("mandatory")),
        progress=content.get("progress"),
        extra=extra,
    )


def _field(content: Any) -> Field:
    label, variable = content.get("label"), content.get("field")
    for key, value in content.items():
        if key not in _FIELD_KEYS:
            label, variable = key, value
    return Field(
        str(variable),
        str(label),
        datatype=str(content.get("datatype", "text")),
        choices={str(one): one for one in content.get("choices", [])},
        required=bool(content.get("required", True)),
        default=content.get("default"),
    )


def _assigned(code: str) -> Iterator[str]:
    """Names a code assigns to."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise SourceError(str(error)) from None
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield ast.unparse(node)
