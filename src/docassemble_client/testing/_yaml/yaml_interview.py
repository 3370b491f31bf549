"""Runs interviews written in YAML as the real server does, or refuses them by name and line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import field, frozen

from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.testing._yaml.variable_expressions import (
    TAGS_VARIABLE,
    DateText,
    UndefinedName,
)
from docassemble_client.testing._yaml.yaml_blocks import Block, read_block, read_metadata
from docassemble_client.testing._yaml.yaml_documents import assemble_document
from docassemble_client.testing._yaml.yaml_expressions import BUILTINS, MAKO, Code
from docassemble_client.testing._yaml.yaml_source import Source, is_node_mapping
from docassemble_client.testing.interviews import (
    FinalValue,
    NeedVariable,
    NoEndpointError,
    ScriptedInterview,
    SessionVariables,
    ShowScreen,
    TraceStep,
)
from docassemble_client.testing.screens import FakeDocument, ScriptedScreen

if TYPE_CHECKING:
    from docassemble_client.testing._yaml.yaml_blocks import Question

_MAX_LOOPS = 500  # as on the server: runs from the beginning, and attempts to define a variable
_MAX_DEPTH = 500
_SCALARS = (str, int, float, type(None))


class SourceError(Exception):
    """The interview cannot end; the server's messages contain another name of the class."""


SourceError.__name__ = "DASourceError"


def _describe_circularity(variables: Iterable[str]) -> SourceError:
    names = ", ".join(variables)
    return SourceError(f"There appears to be a circularity.  Variables involved: {names}.")


@frozen(kw_only=True)
class YAMLInterview(ScriptedInterview):
    """
    An interview written in YAML.

    Attributes:
        blocks: Blocks.
    """

    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def variable_classes(self) -> dict[str, str]:
        """Class names by variable; empty, as no variable is an object."""
        return dict.fromkeys(
            sorted({name for block in self.blocks for name in block.defined_variables}), ""
        )

    @property
    def block_names(self) -> set[str]:
        """Names of the blocks that can be marked as answered."""
        return {block.name for block in self.blocks}

    def run(
        self, variables: SessionVariables, answered_blocks: set[str]
    ) -> NeedVariable | ShowScreen | FinalValue:
        """Run the mandatory blocks in order, and the blocks that they need."""
        return _InterviewRun(self, variables, {}).run_mandatory_blocks(answered_blocks)

    def run_action(
        self, action: str, variables: SessionVariables, arguments: Mapping[str, Any]
    ) -> ScriptedScreen | FinalValue | None:
        """Run an action and return its screen or value."""
        blocks = [block for block in self.blocks if action in block.defined_variables]
        if not blocks:
            return None
        run, block = _InterviewRun(self, variables, arguments), blocks[-1]
        if block.question is not None:
            if block.question.has_expressions:
                block.node.refuse("an action that asks a question with expressions")
            return run.make_screen(block, block.question)
        if not block.is_event:
            block.node.refuse("an action that runs code without 'event'")
        outcome = run.run_event(block)
        if isinstance(outcome, NeedVariable):
            block.node.refuse("an action that needs a variable without a definition")
        if not isinstance(outcome, ShowScreen):
            return outcome
        for other in self.blocks:
            # The caller would take this end for the value of the action.
            if other.code is not None and other.code.ends_run and not other.is_event:
                block.node.refuse("an action that asks a question before the interview responds")
        return None


class _RunEnded(Exception):  # noqa: N818 - not an error
    """Code has called response() or json_response()."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class _InterviewRun:
    """One run of an interview, as in `assemble` and `askfor` of docassemble.base.parse."""

    def __init__(
        self, interview: YAMLInterview, variables: SessionVariables, arguments: Mapping[str, Any]
    ) -> None:
        self.interview = interview
        self.variables = variables
        self.arguments = arguments
        self.trace: list[TraceStep] = []
        self.tried: dict[str, set[str]] = {}  # blocks that need the variable
        self.stack: set[str] = set()

    def run_mandatory_blocks(
        self, answered_blocks: set[str]
    ) -> NeedVariable | ShowScreen | FinalValue:
        """Run the blocks from the beginning until a screen is shown, whenever one is undefined."""
        sought: dict[str, None] = {}
        for _ in range(_MAX_LOOPS):
            self.tried.clear()
            self.stack.clear()
            try:
                return self._run_blocks(answered_blocks)
            except _RunEnded as end:
                return FinalValue(end.value)
            except UndefinedName as error:
                sought[error.variable] = None
                outcome = self.define_variable(error.variable)
                if outcome is not None:
                    return outcome
        raise _describe_circularity(sought)

    def _run_blocks(self, answered_blocks: set[str]) -> ShowScreen:
        for block in self.interview.blocks:
            if not block.is_initial and (not block.is_mandatory or block.name in answered_blocks):
                continue
            screen = self._run_block(block, "", block.reason)
            if screen is not None:
                return screen
            if not block.is_initial:
                answered_blocks.add(block.name)
        raise NoEndpointError

    def run_event(self, block: Block) -> NeedVariable | ShowScreen | FinalValue | None:
        """Run the code of an event; None if it completes."""
        sought: dict[str, None] = {}
        for _ in range(_MAX_LOOPS):
            try:
                self._run_block(block, "", "running")
            except _RunEnded as end:
                return FinalValue(end.value)
            except UndefinedName as error:
                sought[error.variable] = None
                outcome = self.define_variable(error.variable)
                if outcome is not None:
                    return outcome
            else:
                return None
        raise _describe_circularity(sought)

    def _run_block(self, block: Block, variable: str, reason: str) -> ShowScreen | None:
        """Run the code of a block, or fill in the texts of its question."""
        self.trace.append(TraceStep(reason, block.source))
        if block.code is not None:
            self.evaluate(block.code)
        if block.question is None:
            return None
        screen = self.make_screen(block, block.question)
        self.trace.pop()  # the server's trace does not contain the step that shows the screen
        event_list = (variable,) if variable else ()
        return ShowScreen(
            screen,
            block.name,
            event_list,
            tuple(self.trace),
            source=block.source,
            is_filled_in=True,
        )

    def define_variable(
        self, variable: str, depth: int = 0
    ) -> NeedVariable | ShowScreen | FinalValue | None:
        """Run or ask the blocks that define a variable; None if the run can continue."""
        if depth > _MAX_DEPTH:
            names = ", ".join(sorted(self.stack))
            message = f"There appears to be an infinite loop.  Variables in stack are {names}."
            raise SourceError(message)
        self.trace.append(TraceStep("needed", variable))
        blocks = [
            block
            for block in reversed(self.interview.blocks)
            if variable in block.defined_variables
        ]
        for _ in range(_MAX_LOOPS):
            try:
                return self._try_blocks(variable, blocks)
            except _RunEnded as end:
                return FinalValue(end.value)
            except _NestedName as error:
                if error.variable in self.tried:
                    self.stack.add(variable)
                self.tried.setdefault(error.variable, set()).add(error.block)
                outcome = self.define_variable(error.variable, depth + 1)
                if outcome is not None or (variable in self.variables):
                    return outcome
        message = f"Infinite loop detected while looking for {variable}"
        raise SourceError(message)

    def _try_blocks(self, variable: str, blocks: list[Block]) -> NeedVariable | ShowScreen | None:
        was_skipped = False
        for block in blocks:
            if block.name in self.tried.get(variable, ()):
                was_skipped = True
                continue
            try:
                reason = "running" if block.question is None else "asking"
                screen = self._run_block(block, variable, reason)
            except UndefinedName as error:
                raise _NestedName(error.variable, block.name) from None
            if screen is not None:
                return screen
            if block.is_event or variable in self.variables:
                return None
        if was_skipped:
            stack = self.stack or "set()"
            message = f"Infinite loop: {variable} already looked for, where stack is {stack}"
            raise SourceError(message)
        return NeedVariable(variable)

    def make_screen(self, block: Block, question: Question) -> ScriptedScreen:
        """Fill in the texts of a question, in the order of the server."""
        heading, text = question.texts
        texts = (heading.render(self.evaluate).rstrip(), "")
        extra = question.extra
        if text is not None:
            texts = (texts[0], text.render(self.evaluate).rstrip())
            extra = {**extra, "subquestionText": texts[1]}
        return ScriptedScreen(
            texts[0],
            subtext=texts[1],
            fields=[texts.render(self.evaluate) for texts in question.fields],
            kind=question.kind,
            name=block.name,
            mandatory=block.is_mandatory,
            documents=self._make_documents(question),
            extra=extra,
        )

    def _make_documents(self, question: Question) -> list[FakeDocument]:
        attachment = question.attachment
        if attachment is None:
            return []
        questions = [other.question for other in self.interview.blocks if other.question]
        number = [other for other in questions if other.attachment].index(question)
        variable = f"_internal['docvar'][{number}]"
        return [assemble_document(attachment, variable, self.variables, self.evaluate)]

    def evaluate(self, code: Code) -> object:
        """Run code, or return the value of an expression."""
        values = {name: self._read_value(name, code) for name in self.variables}
        scope: dict[str, Any] = {
            "__builtins__": BUILTINS,
            "defined": self.variables.__contains__,
            "action_argument": partial(self._read_argument, code),
            "json_response": _json_response,
            "response": partial(self._respond, code),
            "session_tags": lambda: SessionTags(self.variables, self.interview.tags),
            **values,
        }
        try:
            return eval(code.compiled, scope)  # noqa: S307 - checked by yaml_expressions
        except NameError as error:
            raise UndefinedName(str(error.name)) from None
        finally:
            for name in code.assigned:
                if name in scope:
                    self.variables.set(name, self._check_value(scope[name], code))

    def _read_value(self, name: str, code: Code) -> object:
        value = self.variables[name]
        return self._check_value(value, code) if name in code.computed else value

    def _read_argument(self, code: Code, name: str) -> object:
        return self._check_value(self.arguments.get(name), code)

    def _check_value(self, value: Any, code: Code) -> Any:
        """Refuse values that the server might treat differently."""
        is_supported = isinstance(value, _SCALARS) and not isinstance(value, DateText)
        if not is_supported or (isinstance(value, float) and not math.isfinite(value)):
            code.node.refuse("computing with dates, objects, lists, mappings and infinity")
        return value

    def _respond(
        self,
        code: Code,
        text: Any,
        *,
        content_type: Any = "text/plain; charset=utf-8",
        response_code: Any = 200,
    ) -> NoReturn:
        for value in (text, content_type):
            if not isinstance(value, str) or MAKO.search(value):
                code.node.refuse("response() without a text, or with Mako in the text")
        content = BinaryContent(
            content=text.encode(), content_type=content_type, status=response_code
        )
        raise _RunEnded(content)


def _json_response(data: Any, response_code: int = 200) -> NoReturn:
    raise _RunEnded(JSONReply(data, response_code))


class _NestedName(Exception):  # noqa: N818 - not an error
    """Running or asking a block needs another variable."""

    def __init__(self, variable: str, block: str) -> None:
        super().__init__(variable)
        self.variable = variable
        self.block = block


class SessionTags:
    """The tags of a session, which code can change."""

    def __init__(self, variables: SessionVariables, tags: tuple[str, ...]) -> None:
        self._variables = variables
        if TAGS_VARIABLE not in variables:
            variables.set(TAGS_VARIABLE, [*tags])

    def add(self, tag: str) -> None:
        """
        Add a tag.

        Args:
            tag: The tag.
        """
        self._variables.set(TAGS_VARIABLE, [*self._variables[TAGS_VARIABLE], tag])


def read_yaml_interview(filename: str, content: bytes) -> YAMLInterview:
    """
    Read an interview.

    Args:
        filename: File name of the interview.
        content: The YAML.

    Returns:
        The interview.

    Raises:
        InterviewSyntaxError: The real server refuses the interview as well.
        UnsupportedInterview: A part of the interview is not supported.
    """
    metadata: dict[str, Any] = {}
    blocks: list[Block] = []
    for source in Source(filename).read_blocks(content):
        if is_node_mapping(source.node.value) and "metadata" in source.node.value:
            metadata |= read_metadata(source.node)
        else:
            block = read_block(source, len(blocks))
            if any(block.name == other.name for other in blocks):
                block.node.refuse("several blocks with the same id")
            blocks.append(block)
    title = str(metadata.pop("title", "")).strip()
    tags = metadata.pop("tags", ())
    return YAMLInterview(
        filename=filename,
        title=title,
        metadata=metadata,
        tags=tuple(tags),
        privileges=tuple(metadata.get("required privileges", ())),
        blocks=tuple(blocks),
    )
