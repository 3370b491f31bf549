"""Answers the screens of an interview until it ends."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NoReturn, Protocol

from attrs import evolve

from docassemble_client._checks import (
    COUNT,
    TEXT_MAPPING,
    TEXT_MAPPING_OR_FUNCTION,
    check_arguments,
)
from docassemble_client._concurrency import sleep
from docassemble_client.errors import APIError
from docassemble_client.models import Question, SessionReply, UndefinedVariable
from docassemble_client.workflows.errors import (
    InterviewStuck,
    InvalidAnswer,
    MissingAnswer,
)
from docassemble_client.workflows.interviews.answer_digest import compute_digest
from docassemble_client.workflows.interviews.answer_source import AnswerSource
from docassemble_client.workflows.interviews.chosen_objects import (
    copy_object_choice,
    is_defined,
    is_object_choice,
)
from docassemble_client.workflows.interviews.failure import (
    is_interview_failure,
    make_interview_failed,
    make_variables_error,
)
from docassemble_client.workflows.interviews.file_links import find_file_links
from docassemble_client.workflows.interviews.list_collection import fill_rows
from docassemble_client.workflows.interviews.missing import MISSING
from docassemble_client.workflows.interviews.policy_values import (
    POLICY,
    choose_value,
    has_unusable_default,
)
from docassemble_client.workflows.interviews.screen import Screen
from docassemble_client.workflows.interviews.screen_buttons import (
    find_exit_buttons,
    get_code_buttons,
    get_end_type,
    is_end_with_buttons,
    is_exit,
)
from docassemble_client.workflows.interviews.screen_field import MACHINE_LEARNING
from docassemble_client.workflows.interviews.screen_filler import ChooseValue, fill_screen
from docassemble_client.workflows.interviews.text_format import PLAIN_TEXT, TEXT_FORMAT, TextFormat
from docassemble_client.workflows.interviews.transcript import Transcript, TranscriptStep

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from docassemble_client._types import JSON
    from docassemble_client.workflows.interviews.answer_source import Answers
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.missing import Missing
    from docassemble_client.workflows.interviews.policy_values import AnswerPolicy
    from docassemble_client.workflows.interviews.screen_field import ScreenField
    from docassemble_client.workflows.interviews.screen_filler import FilledScreen

# An interview may delete a variable and ask for it again.
_MAX_ANSWERS_PER_VARIABLE = 2


class RunnableSession(Protocol):
    """The methods of a session that `InterviewRunner` calls."""

    async def question(self) -> SessionReply:
        """Get the current question."""
        ...

    async def answer(self, answers: Mapping[str, Answer], /) -> SessionReply | None:
        """Set variables and get the next question."""
        ...

    async def go_back(self) -> SessionReply | None:
        """Undo the last step."""
        ...

    async def set_variables(
        self, variables: Mapping[str, Answer], /, *, question: bool
    ) -> SessionReply | None:
        """Set variables that answer no question, and run the interview."""
        ...

    async def variables(self) -> Mapping[str, JSON]:
        """Get all variables."""
        ...


class InterviewRunner:
    """Runs one session to its end; created by `InterviewSession.run`."""

    def __init__(
        self,
        session: RunnableSession,
        answers: Answers | None,
        *,
        initial: Mapping[str, Answer] | None = None,
        policy: AnswerPolicy,
        max_steps: int,
        text_format: TextFormat = PLAIN_TEXT,
    ) -> None:
        check_arguments(TEXT_MAPPING_OR_FUNCTION, optional=True, answers=answers)
        check_arguments(TEXT_MAPPING, optional=True, initial=initial)
        check_arguments(POLICY, policy=policy)
        check_arguments(TEXT_FORMAT, text_format=text_format)
        check_arguments(COUNT, max_steps=max_steps)
        self._session = session
        self._source = AnswerSource(answers)
        self._initial = initial or {}
        self._policy = policy
        self._max_steps = max_steps
        self._text_format = text_format
        self._steps: list[TranscriptStep] = []
        self._document_screens: list[Question] = []
        self._reply: SessionReply | None = None
        self._answer_counts: Counter[str] = Counter()
        self._unsaved_answers: dict[str, Answer] = {}
        self._answered_names: set[str] = set()
        self._generated_names: dict[str, None] = {}
        # Digests, because answers may be large files.
        self._seen_steps: set[str] = set()
        self._digest_salt = secrets.token_bytes(16)
        self._requests: Counter[tuple[str, ...]] = Counter()

    async def run(self) -> Transcript:
        """Answer screens until the interview ends."""
        if self._initial:
            # If the interview needs a variable that no question sets, the server saves nothing.
            self._unsaved_answers = dict(self._initial)
            await self._receive(self._session.set_variables(self._initial, question=True))
        else:
            await self._receive(self._session.question())
        for _ in range(self._max_steps):
            reply = self._reply
            if isinstance(reply, UndefinedVariable):
                await self._answer_undefined_variable(reply.variable)
                continue
            if not isinstance(reply, Question):
                return self._make_transcript("response")
            screen = Screen(reply)
            if reply.attachments or any(find_file_links(reply)):
                self._document_screens.append(reply)
            if screen.is_final:
                return self._make_transcript(get_end_type(reply))
            if screen.reload_after and not (screen.fields or screen.button_variable):
                await sleep(screen.reload_after)
                await self._receive(self._session.question())
                continue
            self._unsaved_answers = {}
            if get_code_buttons(screen) is None:
                await self._answer_screen(screen)
            elif end_type := await self._press_button(screen):
                self._reply = reply
                return self._make_transcript(end_type)
        message = "the interview has more steps than max_steps"
        hint = "Increase max_steps, or check the transcript for a loop"
        raise self._stuck_error(message, hint)

    async def _receive(self, call: Awaitable[SessionReply | None]) -> None:
        try:
            self._reply = await call
        except APIError as error:
            if not is_interview_failure(error):
                raise
            raise make_interview_failed(error, self._make_transcript()) from error

    async def _answer_screen(self, screen: Screen) -> None:
        """Answer a screen, with variables that it does not set but the interview looks for."""
        filled = self._fill(screen, partial(self._choose_value, screen))
        if filled.missing:
            self._raise_missing_answer(filled.missing[0], screen)
        answers = await self._copy_chosen_objects(filled)
        extra_answers, is_progress = self._find_requested_answers(screen)
        if screen.button_variable:
            answers[screen.button_variable] = True
            self._source.use_button_answer(screen.button_variable)
        self._generated_names.update(dict.fromkeys(sorted(filled.policy_names)))
        await self._send(
            answers | extra_answers,
            screen.question,
            is_progress=filled.is_progress or is_progress,
        )

    async def _press_button(self, screen: Screen) -> str:
        """Press a button without a variable; return the end type if the interview is over."""
        question = screen.question
        is_end = is_end_with_buttons(screen)
        exits = find_exit_buttons(question) or ()

        def choose(buttons: ScreenField) -> Answer | Missing:
            choices = tuple(item for n, item in enumerate(buttons.choices) if n not in exits)
            return (
                MISSING if is_end else self._choose_value(screen, evolve(buttons, choices=choices))
            )

        filled = self._fill(screen, choose)
        if filled.missing and is_end:
            return "buttons"
        if filled.missing:
            self._raise_missing_answer(filled.missing[0], screen)
        await self._send(filled.answers, question, is_progress=filled.is_progress)
        if not isinstance(self._reply, Question) or not is_exit(self._reply):
            self._generated_names.update(dict.fromkeys(filled.policy_names))
            return ""
        if not filled.policy_names:
            return self._reply.question_type
        # Take it back: a person who opens the session would leave it, or lose all answers.
        del self._steps[-1]
        await self._receive(self._session.go_back())
        return "buttons"

    def _fill(self, screen: Screen, choose: ChooseValue) -> FilledScreen:
        find_answer = partial(self._source.get_answer, screen)
        try:
            if screen.list_name:
                filled = fill_rows(screen, self._source, choose, self._text_format)
            else:
                filled = fill_screen(screen, screen.fields, find_answer, choose, self._text_format)
            filled.raise_problems(screen.question.question_name)
        except InvalidAnswer as error:
            error.transcript = self._make_transcript()
            raise
        return filled

    def _choose_value(self, screen: Screen, field: ScreenField) -> Answer | Missing:
        value = choose_value(field, self._policy)
        if value is not MISSING:
            self._check_spelling(field.name, screen)
        return value

    def _check_spelling(self, name: str, screen: Screen) -> None:
        """Refuse to choose a value if the caller's answer may only be misspelled."""
        names = {field.name for field in screen.fields}
        similar = [item for item in self._source.find_misspelled_names(name) if item not in names]
        if similar:
            message = (
                f"the policy would choose an answer for {name!r}, but {similar[0]!r} is unused"
            )
            hint = "Correct the name of the answer, or add an answer for both"
            raise MissingAnswer(
                message,
                hint=hint,
                transcript=self._make_transcript(),
                variable=name,
                question=screen.question.question_name,
                similar_names=tuple(similar),
            )

    async def _copy_chosen_objects(self, filled: FilledScreen) -> dict[str, Answer]:
        answers = dict(filled.answers)
        choices = {
            name: value
            for name, value in answers.items()
            if name in filled.fields and is_object_choice(filled.fields[name], value)
        }
        needed = [name for name, value in choices.items() if value] or filled.empty_objects
        variables: Mapping[str, JSON] = {}
        if needed:
            variables = await self._get_variables(needed[0])
        copies = {name: copy_object_choice(value, variables) for name, value in choices.items()}
        undefined = [name for name in filled.empty_objects if not is_defined(variables, name)]
        return answers | copies | dict.fromkeys(undefined)

    async def _get_variables(self, name: str) -> Mapping[str, JSON]:
        try:
            return await self._session.variables()
        except APIError as error:
            if not is_interview_failure(error):
                raise
            hint = f"Answer {name!r} with a DAObject, which needs no variables"
            purpose = f"the choice of {name!r}"
            raise make_variables_error(error, self._make_transcript(), purpose, hint) from error

    def _find_requested_answers(self, screen: Screen) -> tuple[dict[str, Answer], bool]:
        """Find answers to variables that the interview looks for and validation code would set."""
        question = screen.question
        requested = screen.requested_variables
        key = (question.question_name, *requested)
        self._requests[key] += 1
        answers: dict[str, Answer] = {}
        is_progress = False
        for name in requested:
            if screen.sets_variable(name):
                continue
            if self._source.is_function and self._requests[key] == 1:
                continue
            answer = self._source.get_variable_answer(name)
            if answer is not MISSING:
                answers[name] = answer.value
                is_progress = is_progress or answer.is_progress
        return answers, is_progress

    async def _answer_undefined_variable(self, name: str) -> None:
        """
        Set a variable that no question asks for, together with the answers not saved so far.

        No policy has a value: in a browser, the interview fails here.
        """
        answer = self._source.get_variable_answer(name)
        if answer is MISSING:
            self._raise_missing_answer(name)
        self._answer_counts[name] += not answer.is_progress
        if self._answer_counts[name] > _MAX_ANSWERS_PER_VARIABLE:
            message = f"the interview still needs {name!r}, which no question asks for"
            hint = "Check whether the interview deletes the variable, or needs another type"
            raise self._stuck_error(message, hint)
        await self._send({name: answer.value}, None, is_progress=answer.is_progress)

    async def _send(
        self, answers: dict[str, Answer], question: Question | None, *, is_progress: bool
    ) -> None:
        name = question.question_name if question else ""
        text = question.question_text if question else ""
        # The number of answered variables shows progress, even if a question is repeated.
        step = f"{name}\n{text}\n{len(self._answered_names)}\n" + compute_digest(
            answers, self._digest_salt
        )
        self._answered_names.update(answers)
        if question is not None and not is_progress:
            if step in self._seen_steps:
                raise self._repeated_question_error(question)
            self._seen_steps.add(step)
        self._steps.append(TranscriptStep(question=name, text=text, answers=answers))
        self._unsaved_answers.update(answers)
        await self._receive(self._session.answer(self._unsaved_answers))

    def _make_transcript(self, end_type: str = "") -> Transcript:
        return Transcript(
            steps=tuple(self._steps),
            end_type=end_type,
            final=self._reply,
            document_screens=tuple(self._document_screens),
            unused=tuple(name for name in self._source.unused if name not in self._initial),
            generated_answers=tuple(self._generated_names),
        )

    def _raise_missing_answer(
        self, field: ScreenField | str, screen: Screen | None = None
    ) -> NoReturn:
        name = field if isinstance(field, str) else field.name
        question = screen.question.question_name if screen else ""
        datatype = "" if isinstance(field, str) else field.datatype
        similar = self._source.find_similar_names(name)
        message = f"there is no answer for {name!r}"
        hint = "Add it to the answers, or pass policy= to generate a value (see AnswerPolicy)"
        if screen:
            message += f" of question {question!r}"
        else:
            message += ", which no question asks for"
            hint = "Add it to the answers. In a browser, the interview fails here"
        if not isinstance(field, str) and field.is_custom:
            is_model = datatype in MACHINE_LEARNING
            message += f", a field of the {'' if is_model else 'custom '}datatype {datatype}"
            value = "a DAObject of class DAModel with its prediction"
            value = value if is_model else "the value that the datatype's transform() returns"
            hint = f"Add {value}; no policy generates it"
        elif not isinstance(field, str) and has_unusable_default(field):
            message += ", whose default a browser refuses, or the client cannot read"
        if similar:
            names = ", ".join(map(repr, similar))
            hint = f"Check the names of your unused answers {names}, or add an answer"
        raise MissingAnswer(
            message,
            hint=hint,
            transcript=self._make_transcript(),
            variable=name,
            question=question,
            datatype=datatype,
            similar_names=similar,
        )

    def _repeated_question_error(self, question: Question) -> InterviewStuck:
        message = f"question {question.question_name!r} is asked again after the same answer"
        hint = "Check whether the question accepts this answer"
        screen = Screen(question)
        for name in screen.requested_variables[:1]:
            if screen.sets_variable(name):
                message += f"; the interview looks for {name!r}, which a field of this screen sets"
            else:
                message += f"; the interview looks for {name!r}, which no field of this screen sets"
                hint = f"Add {name!r} to the answers: the API does not run validation code"
        return self._stuck_error(message, hint)

    def _stuck_error(self, message: str, hint: str) -> InterviewStuck:
        return InterviewStuck(message, hint=hint, transcript=self._make_transcript())
