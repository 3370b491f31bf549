"""Interviews written as YAML in the Playground: the small part of the language that tests need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from docassemble_client._types import is_object
from docassemble_client.testing._yaml.objects import new_object
from docassemble_client.testing._yaml.variable_expressions import Undefined, from_python, to_python
from docassemble_client.testing._yaml.yaml_blocks import Block, SourceError, blocks_of
from docassemble_client.testing._yaml.yaml_functions import Sent, functions
from docassemble_client.testing.interviews import (
    Answers,
    Asked,
    Brought,
    Interview,
    Needed,
    NoEndpointError,
    Stage,
)

if TYPE_CHECKING:
    from docassemble_client.testing.interviews import Screen

_LONGEST = 200  # variables one run may seek


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


class _Run:
    """One run of an interview."""

    def __init__(
        self, interview: SourceInterview, answers: Answers, arguments: Mapping[str, Any]
    ) -> None:
        self.interview = interview
        self.answers = answers
        self.arguments = arguments
        self.sought = 0
        self.trace: list[Stage] = []

    def mandatory(self, answered: set[str]) -> Needed | Asked | Brought:
        for block in self.interview.blocks:
            if not block.mandatory or block.name in answered:
                continue
            self.trace.append(Stage(block.reason, block.text))
            if block.screen is not None:
                return self.asked(block, block.screen, "")
            outcome = self.block(block)
            if outcome is not None:
                return outcome
            if not block.initial:
                answered.add(block.name)
        raise NoEndpointError

    def asked(self, block: Block, screen: Screen, variable: str) -> Asked | Needed | Brought:
        """Show a screen, after what its texts need."""
        try:
            self.answers.fill_in(screen.text + screen.subtext)
        except Undefined as missing:
            outcome = self.seek(missing.variable)
            return self.asked(block, screen, variable) if outcome is None else outcome
        # The server leaves out that it tried to ask what it then asks.
        if self.trace[-1:] and self.trace[-1].text == block.text:
            self.trace.pop()
        event_list = (variable,) if variable else ()
        return Asked(screen, block.name, event_list, tuple(self.trace))

    def block(self, block: Block) -> Needed | Asked | Brought | None:
        """Run code to its end; None if it came there."""
        while True:
            try:
                self.execute(block.code)
            except Sent as sent:
                if isinstance(sent.outcome, Asked):
                    return evolve(sent.outcome, trace=tuple(self.trace))
                return sent.outcome
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
        self.trace.append(Stage("needed", variable))
        kind = self.interview.objects.get(variable)
        if kind is not None:
            self.answers.set(variable, new_object(kind, variable))
            return None
        for block in reversed(self.interview.blocks):
            if variable in block.sets:
                if block.screen is not None:
                    self.trace.append(Stage("asking", block.text))
                    return self.asked(block, block.screen, variable)
                self.trace.append(Stage("running", block.text))
                return self.block(block)
        return Needed(variable)

    def execute(self, code: str) -> None:
        names = {name: to_python(value) for name, value in self.answers.items()}
        tools = functions(self.answers, self.arguments, self.interview.modules, self.interview.tags)
        scope: dict[str, Any] = {**tools, **names}
        try:
            exec(compile(code, "<interview>", "exec"), scope)  # noqa: S102 - the developer's own text
        finally:
            for name, value in scope.items():
                if name not in tools and not name.startswith("_"):
                    self.answers.set(name, from_python(value))


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
        blocks=tuple(blocks_of(contents)),
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
