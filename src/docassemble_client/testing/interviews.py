"""Scripted interviews: their screens, actions and final values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from docassemble_client._checks import MAPPING, TEXT, check_arguments, validate
from docassemble_client._types import JSONInput
from docassemble_client.testing._yaml.variable_expressions import (
    UndefinedName,
    print_value,
    read_variable,
)
from docassemble_client.testing.screens import ScriptedScreen

if TYPE_CHECKING:
    from docassemble_client._types import JSON

_TEMPLATE = re.compile(r"\$\{ *([^}]+?) *\}")


class SessionVariables(Mapping[str, Any]):
    """
    The variables of a session, as an interview's functions see them.

    Reading an undefined variable makes the interview ask for it.
    """

    def __init__(self, variables: dict[str, JSON], *, steps: int = 0) -> None:
        """
        Wrap the variables.

        Args:
            variables: Values by name; `set` changes this dictionary.
            steps: Number of saved steps of the session.
        """
        check_arguments(MAPPING, variables=variables)
        self._variables = variables
        self.steps = steps

    def __getitem__(self, name: str) -> Any:
        """Read a variable, such as client.name or fruit['apple']."""
        return read_variable(self._variables, name)

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except UndefinedName:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def set(self, name: str, value: JSON) -> None:
        """
        Set a variable.

        Args:
            name: Name of the variable, without dots or brackets.
            value: Any JSON value.
        """
        self._variables[name] = value

    def fill_in(self, text: str) -> str:
        """Replace each ${ name } in a text with the variable's value."""
        return _TEMPLATE.sub(lambda match: print_value(self[match[1]]), text)


FinalFunction: TypeAlias = Callable[[SessionVariables], object]
"""Returns the end of an interview: a ScriptedScreen, JSONReply, BinaryContent, bytes or JSON."""
ActionFunction: TypeAlias = Callable[[SessionVariables, Mapping[str, Any]], object]
"""Runs an action with its arguments; returns the same types as FinalFunction, or None."""


@frozen
class NeedVariable:
    """An outcome: the interview needs a variable that no screen asks for."""

    variable: str


@frozen
class TraceStep:
    """
    A step of the interview logic on the way to a screen.

    Attributes:
        reason: The server's description of the step, such as needed or asking.
        text: Code of the block, or the name of the needed variable.
    """

    reason: str
    text: str = ""


@frozen
class ShowScreen:
    """
    An outcome: the interview shows a screen.

    Attributes:
        screen: The screen.
        name: Name of the screen's block.
        event_list: Variables that the screen was asked for.
        trace: Steps that led to the screen.
        source: YAML of the block, if it was written in YAML.
        is_filled_in: Whether the texts of the screen are already filled in.
    """

    screen: ScriptedScreen
    name: str
    event_list: tuple[str, ...] = ()
    trace: tuple[TraceStep, ...] = ()
    source: str = ""
    is_filled_in: bool = False


@frozen
class FinalValue:
    """An outcome: the interview ends with a value."""

    value: object


class NoEndpointError(Exception):
    """The interview has no more screens and no end."""

    def __init__(self) -> None:
        """Create the error with the server's message."""
        super().__init__(
            "Docassemble has finished executing all code blocks marked as initial or mandatory, "
            "and finished asking all questions marked as mandatory (if any).  It is a best "
            "practice to end your interview with a question that says goodbye."
        )


NoEndpointError.__name__ = "DAErrorNoEndpoint"  # the server's messages contain this name


@frozen(kw_only=True)
class ScriptedInterview:
    """
    A scripted interview.

    Attributes:
        filename: File name.
        steps: Screens, or names of required variables that no screen asks for, in order.
        on_demand: Screens that are shown only if one of their variables is read.
        final: Function that returns the end of the interview.
        actions: Functions by action name.
        title: Title.
        metadata: Additional metadata.
        tags: Tags.
        multi_user: Whether answers are stored unencrypted.
        privileges: Privileges that may run the interview; empty if anyone may.
        dispatch: Short name in the dispatch directive; empty if the interview is not listed.
        variables_read: Variables that the final function reads, for interviews.get_data.
    """

    filename: str = field(validator=validate(TEXT))
    steps: tuple[ScriptedScreen | str, ...] = ()
    on_demand: tuple[ScriptedScreen, ...] = ()
    final: FinalFunction | None = None
    actions: Mapping[str, ActionFunction] = field(factory=dict[str, ActionFunction])
    title: str = ""
    metadata: Mapping[str, JSONInput] = field(factory=dict[str, "JSONInput"])
    tags: tuple[str, ...] = ()
    multi_user: bool = False
    privileges: tuple[str, ...] = ()
    dispatch: str = ""
    variables_read: tuple[str, ...] = ()

    @property
    def block_names(self) -> set[str]:
        """Names of the blocks that can be marked as answered."""
        return {self.get_block_name(screen) for screen in self.screens}

    @property
    def variable_classes(self) -> dict[str, str]:
        """Class names by variable; empty for a variable that is not an object."""
        variables = [name for screen in self.screens for name in screen.variables]
        return dict.fromkeys([*variables, *self.undefined_variables], "")

    @property
    def undefined_variables(self) -> list[str]:
        """Required variables that nothing in the interview defines."""
        return [*(step for step in self.steps if isinstance(step, str)), *self.variables_read]

    @property
    def image_names(self) -> tuple[str, ...]:
        """Names of the images."""
        return ()

    @property
    def package(self) -> str:
        """Package of the interview."""
        return self.filename.partition(":")[0]

    @property
    def screens(self) -> list[ScriptedScreen]:
        """All screens."""
        return [*(step for step in self.steps if not isinstance(step, str)), *self.on_demand]

    def get_block_name(self, screen: ScriptedScreen) -> str:
        """Get the name of a screen's block; the server numbers blocks without a name."""
        if screen.name:
            return screen.name
        screens = self.screens
        return f"Question_{screens.index(screen) if screen in screens else len(screens)}"

    def run(
        self, variables: SessionVariables, answered_blocks: set[str]
    ) -> NeedVariable | ShowScreen | FinalValue:
        """
        Run the interview until it needs an answer or ends.

        Args:
            variables: Variables of the session.
            answered_blocks: Names of the mandatory blocks that were answered.

        Returns:
            The next screen, the missing variable or the final value.

        Raises:
            NoEndpointError: The interview has no more screens and no end.
        """
        for step in self.steps:
            if isinstance(step, str):
                if step not in variables:
                    return NeedVariable(step)
            elif (outcome := self._check_screen(step, variables, answered_blocks)) is not None:
                return outcome
        if self.final is None:
            raise NoEndpointError
        try:
            value = self.final(variables)
        except UndefinedName as error:
            return self._ask_on_demand(error.variable)
        if isinstance(value, ScriptedScreen):
            return ShowScreen(value, self.get_block_name(value))
        return FinalValue(value)

    def run_action(
        self, action: str, variables: SessionVariables, arguments: Mapping[str, Any]
    ) -> ScriptedScreen | FinalValue | None:
        """
        Run an action.

        Args:
            action: Name of the action.
            variables: Variables of the session; the action may change them.
            arguments: Arguments of the action.

        Returns:
            The screen or value that the action returned; None if it returned nothing or does not
            exist.
        """
        function = self.actions.get(action)
        value = None if function is None else function(variables, arguments)
        return value if value is None or isinstance(value, ScriptedScreen) else FinalValue(value)

    def _check_screen(
        self, screen: ScriptedScreen, variables: SessionVariables, answered_blocks: set[str]
    ) -> ShowScreen | None:
        """Return the screen if it still has to be answered."""
        name = self.get_block_name(screen)
        missing = [name for name in screen.variables if name not in variables]
        if missing:
            return _ask_for_variable(missing[0], screen, name)
        must_show = screen.mandatory and name not in answered_blocks
        return ShowScreen(screen, name) if must_show else None

    def _ask_on_demand(self, variable: str) -> NeedVariable | ShowScreen:
        for screen in self.on_demand:
            if variable in screen.variables:
                return _ask_for_variable(variable, screen, self.get_block_name(screen))
        return NeedVariable(variable)


def _ask_for_variable(variable: str, screen: ScriptedScreen, name: str) -> ShowScreen:
    """Show a screen because the mandatory final function needs a variable."""
    trace = (TraceStep("mandatory code"), TraceStep("needed", variable))
    return ShowScreen(screen, name, (variable,), trace)
