"""Runs interviews written in YAML; supports the small part of the language that tests need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from docassemble_client._types import is_json_object
from docassemble_client.testing._yaml.objects import make_object
from docassemble_client.testing._yaml.variable_expressions import (
    UndefinedName,
    from_python,
    to_python,
)
from docassemble_client.testing._yaml.yaml_blocks import Block, InterviewSyntaxError, read_blocks
from docassemble_client.testing._yaml.yaml_functions import RunEnded, make_functions
from docassemble_client.testing.interviews import (
    FinalValue,
    NeedVariable,
    NoEndpointError,
    ScriptedInterview,
    SessionVariables,
    ShowScreen,
    TraceStep,
)

if TYPE_CHECKING:
    from docassemble_client.testing.interviews import ScriptedScreen

_MAX_DEFINITIONS = 200  # per run


@frozen(kw_only=True)
class YAMLInterview(ScriptedInterview):
    """
    An interview written in YAML.

    Attributes:
        blocks: Blocks.
        objects: Class names by name of the object.
        modules: Modules that the interview imports.
        images: Names of the images.
    """

    blocks: tuple[Block, ...] = field(repr=False)
    objects: Mapping[str, str] = field(factory=dict[str, str])
    modules: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def variable_classes(self) -> dict[str, str]:
        """Class names by variable; empty for a variable that is not an object."""
        names = {name for block in self.blocks for name in block.defined_variables}
        return {**dict.fromkeys(sorted(names), ""), **self.objects}

    @property
    def image_names(self) -> tuple[str, ...]:
        """Names of the images."""
        return self.images

    @property
    def screens(self) -> list[ScriptedScreen]:
        """All screens."""
        return [block.screen for block in self.blocks if block.screen is not None]

    def get_block_name(self, screen: ScriptedScreen) -> str:
        """Get the name of a screen's block."""
        return next(block.name for block in self.blocks if block.screen is screen)

    def run(
        self, variables: SessionVariables, answered_blocks: set[str]
    ) -> NeedVariable | ShowScreen | FinalValue:
        """Run the mandatory blocks in order, and the blocks that they need."""
        return _InterviewRun(self, variables, {}).run_mandatory_blocks(answered_blocks)

    def run_action(
        self, action: str, variables: SessionVariables, arguments: Mapping[str, Any]
    ) -> ScriptedScreen | FinalValue | None:
        """Run an action and return its screen or value."""
        run = _InterviewRun(self, variables, arguments)
        block = next((block for block in self.blocks if action in block.defined_variables), None)
        if block is None:
            return None
        if block.screen is not None:
            return block.screen
        outcome = run.run_block(block)
        return outcome if isinstance(outcome, FinalValue) else None


class _InterviewRun:
    """One run of an interview."""

    def __init__(
        self, interview: YAMLInterview, variables: SessionVariables, arguments: Mapping[str, Any]
    ) -> None:
        self.interview = interview
        self.variables = variables
        self.arguments = arguments
        self.definition_count = 0
        self.trace: list[TraceStep] = []

    def run_mandatory_blocks(
        self, answered_blocks: set[str]
    ) -> NeedVariable | ShowScreen | FinalValue:
        for block in self.interview.blocks:
            if not block.is_mandatory or block.name in answered_blocks:
                continue
            self.trace.append(TraceStep(block.reason, block.text))
            if block.screen is not None:
                return self.show_screen(block, block.screen, "")
            outcome = self.run_block(block)
            if outcome is not None:
                return outcome
            if not block.is_initial:
                answered_blocks.add(block.name)
        raise NoEndpointError

    def show_screen(
        self, block: Block, screen: ScriptedScreen, variable: str
    ) -> ShowScreen | NeedVariable | FinalValue:
        """Show a screen, after defining the variables in its texts."""
        try:
            self.variables.fill_in(screen.text + screen.subtext)
        except UndefinedName as error:
            outcome = self.define_variable(error.variable)
            return self.show_screen(block, screen, variable) if outcome is None else outcome
        # The server's trace does not contain the step that asks the screen itself.
        if self.trace[-1:] and self.trace[-1].text == block.text:
            self.trace.pop()
        event_list = (variable,) if variable else ()
        return ShowScreen(screen, block.name, event_list, tuple(self.trace))

    def run_block(self, block: Block) -> NeedVariable | ShowScreen | FinalValue | None:
        """Run the code of a block; None if it completes."""
        while True:
            try:
                self.execute_code(block.code)
            except RunEnded as end:
                if isinstance(end.outcome, ShowScreen):
                    return evolve(end.outcome, trace=tuple(self.trace))
                return end.outcome
            except (NameError, UndefinedName) as error:
                name = error.name if isinstance(error, NameError) else error.variable
                outcome = self.define_variable(str(name))
                if outcome is not None:
                    return outcome
            else:
                return None

    def define_variable(self, variable: str) -> NeedVariable | ShowScreen | FinalValue | None:
        """Run the block that defines a variable; None if the variable is then defined."""
        self.definition_count += 1
        if self.definition_count > _MAX_DEFINITIONS:
            message = f"infinite loop: {variable} is needed repeatedly"
            raise RecursionError(message)
        self.trace.append(TraceStep("needed", variable))
        class_name = self.interview.objects.get(variable)
        if class_name is not None:
            self.variables.set(variable, make_object(class_name, variable))
            return None
        for block in reversed(self.interview.blocks):
            if variable in block.defined_variables:
                if block.screen is not None:
                    self.trace.append(TraceStep("asking", block.text))
                    return self.show_screen(block, block.screen, variable)
                self.trace.append(TraceStep("running", block.text))
                return self.run_block(block)
        return NeedVariable(variable)

    def execute_code(self, code: str) -> None:
        variables = {name: to_python(value) for name, value in self.variables.items()}
        functions = make_functions(
            self.variables, self.arguments, self.interview.modules, self.interview.tags
        )
        scope: dict[str, Any] = {**functions, **variables}
        try:
            exec(compile(code, "<interview>", "exec"), scope)  # noqa: S102 - the developer's own code
        finally:
            for name, value in scope.items():
                if name not in functions and not name.startswith("_"):
                    self.variables.set(name, from_python(value))


def read_yaml_interview(filename: str, text: bytes) -> YAMLInterview:
    """
    Parse an interview.

    Args:
        filename: File name of the interview.
        text: The YAML.

    Returns:
        The interview.

    Raises:
        InterviewSyntaxError: The text is not valid YAML, or its code is not valid Python.
    """
    import yaml

    try:
        contents = [content for content in yaml.safe_load_all(text) if is_json_object(content)]
    except yaml.YAMLError as error:
        raise InterviewSyntaxError(str(error)) from None
    metadata = _merge_blocks(contents, "metadata")
    imports = [name for content in contents for name in content.get("imports", [])]
    return YAMLInterview(
        filename=filename,
        title=str(metadata.get("title", "")),
        metadata={name: value for name, value in metadata.items() if name not in {"title", "tags"}},
        tags=tuple(str(tag) for tag in metadata.get("tags", [])),
        privileges=tuple(metadata.get("required privileges", [])),
        blocks=tuple(read_blocks(contents)),
        objects={
            name: class_name
            for content in contents
            for item in content.get("objects", [])
            for name, class_name in item.items()
        },
        modules=tuple(imports),
        images=tuple(_merge_blocks(contents, "images")),
    )


def _merge_blocks(contents: list[dict[str, Any]], key: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for content in contents:
        merged |= content.get(key, {})
    return merged
