"""A session of an interview that keeps its secret and question, and deletes itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from docassemble_client._base_client import BaseClient
from docassemble_client._checks import FLAG, MAPPING, TEXTS, check_arguments
from docassemble_client._types import JSON, JSONInput
from docassemble_client.config import SECRET, Secret
from docassemble_client.errors import UsageError
from docassemble_client.models import Question, Session, SessionReply, UndefinedVariable
from docassemble_client.transfer import FileInput
from docassemble_client.workflows.interviews.answer_source import Answers
from docassemble_client.workflows.interviews.answers import Answer, check_names, encode_answers
from docassemble_client.workflows.interviews.policy_values import AnswerPolicy
from docassemble_client.workflows.interviews.runner import InterviewRunner
from docassemble_client.workflows.interviews.session_lifetime import (
    SessionCalls,
    end_session,
    start_session,
)
from docassemble_client.workflows.interviews.session_links import create_resume_url
from docassemble_client.workflows.interviews.text_format import PLAIN_TEXT, TextFormat
from docassemble_client.workflows.interviews.transcript import Transcript

T = TypeVar("T")
_CODE_CHOICE_PREFIX = '_internal["answers"]['


class InterviewSession:
    """
    A session of an interview, with its secret and its current question.

    Use it with `async with`. Its requests are sent one at a time, because concurrent answers would
    overwrite each other.
    """

    def __init__(
        self,
        client: BaseClient,
        i: str,
        *,
        secret: str | Secret | None,
        url_args: Mapping[str, str] | None = None,
        keep: bool,
        session_id: str | None = None,
    ) -> None:
        check_arguments(SECRET, optional=True, secret=secret)
        check_arguments(FLAG, keep=keep)
        self._client = client
        self._i = i
        self._caller_secret = Secret(secret) if isinstance(secret, str) else secret
        self._url_args = url_args
        self._existing_id = session_id
        self._session: Session | None = None
        self._current_question: Question | None = None
        self._calls = SessionCalls(client)
        self.keep = keep

    @property
    def i(self) -> str:
        """File name of the interview."""
        return self._i

    @property
    def id(self) -> str:
        """ID of the session."""
        return self._get_session().session

    @property
    def encrypted(self) -> bool:
        """Whether opening the session needs its secret."""
        return self._get_session().encrypted

    @property
    def secret(self) -> Secret | None:
        """Encryption key: yours, or else the one from the server; None if not encrypted."""
        return self._caller_secret or self._get_session().secret

    async def question(self) -> SessionReply:
        """
        Get the current question.

        Returns:
            A question, a variable that no question asks for, or the response that the interview
            returned instead of a question.

        Raises:
            APIError: The interview failed, or the session no longer exists.
        """
        get_question = self._client.sessions.get_question
        call = partial(get_question, self.i, self.id, secret=self.secret)
        return await self._call(call, has_question=True)

    async def answer(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        files: Mapping[str, FileInput | Sequence[FileInput]] | None = None,
        delete: Sequence[str] | None = None,
        overwrite: bool = False,
    ) -> SessionReply | None:
        """
        Set variables, mark the question as answered, and get the next one.

        Only date, time and `DAObject` values are converted on the server. Text that looks like a
        date, and mappings that look like objects, stay as they are: if necessary, they are sent in
        a request of their own, for the same step.

        Args:
            answers: Values by variable, such as {"client.phone": "202-555-3434"}.
            files: Files by variable, in addition to those in `answers`.
            delete: Variables to delete after the others are set.
            overwrite: Whether to replace the current step instead of adding one.

        Returns:
            The next question or other reply; None if the interview returned nothing.

        Raises:
            UsageError: A variable name or value is invalid; no request was sent.
            APIError: The server refused a variable, or the interview failed. Nothing was saved, or
                only the first of two requests.
        """
        call = partial(self._set_variables, answers, files, delete, overwrite=overwrite)
        return await self._call(call, has_question=True)

    async def set_variables(
        self, variables: Mapping[str, Answer], *, question: bool = False
    ) -> SessionReply | None:
        """
        Set variables without answering the question, as a prefilled link does.

        The server checks nothing: questions that would set these variables are not shown, and their
        validation code does not run. By default, the next call of `question` runs the interview.

        Args:
            variables: Values by variable, as for `answer`.
            question: Whether to run the interview now.

        Returns:
            The question or other reply; None without `question`.

        Raises:
            UsageError: A variable name or value is invalid; no request was sent.
            APIError: The server refused a variable, or the interview failed.
        """
        check_arguments(FLAG, question=question)
        call = partial(self._set_variables, variables, question=question, is_answer=False)
        return await self._call(call, has_question=question)

    async def run(
        self,
        answers: Answers | None = None,
        *,
        initial: Mapping[str, Answer] | None = None,
        policy: AnswerPolicy = AnswerPolicy.strict,
        max_steps: int = 200,
        text_format: TextFormat = PLAIN_TEXT,
    ) -> Transcript:
        """
        Answer all screens until the interview ends.

        The keys of a mapping are variables: concrete (children[0].name), for any item
        (children[i].name) or as written in the question (x.name). If the interview asks for a
        variable several times, pass a list: each question takes the next item. To answer with a
        list, wrap it in another list or a `DAList`. For checkboxes, pass the key, list or mapping
        of the checked choices. For buttons that run code, use the ID or name of their question as
        the key, and the label or number of the choice as the answer.

        Answers are checked against their fields. Text for a number, date, time, yes/no or choice
        field becomes the value that a browser's form sets. None leaves a field empty. Objects,
        files, values of custom datatypes, `Raw` values and variables without a field are not
        checked.

        Args:
            answers: Answers by variable, or a function of the field and the question that returns
                the answer or `MISSING`. If no question asks for a variable, the function receives
                the variable's name and None.
            initial: Variables to set before the first question, by `set_variables`.
            policy: How to answer fields that the answers do not cover.
            max_steps: Maximum number of screens, including reloads of waiting screens.
            text_format: How text for numbers and several choices is written.

        Returns:
            Each step, and the last question or other reply.

        Raises:
            InvalidAnswer: Answers do not fit the fields of a screen; that screen was not answered.
            MissingAnswer: A required field has no answer.
            InterviewStuck: A question is repeated after the same answer, or max_steps is exceeded.
            InterviewFailed: The server refused an answer, or the interview raised an error.
        """
        runner = InterviewRunner(
            self,
            answers,
            initial=initial,
            policy=policy,
            max_steps=max_steps,
            text_format=text_format,
        )
        return await runner.run()

    async def go_back(self) -> SessionReply | None:
        """
        Undo the last step.

        Returns:
            The question before it.

        Raises:
            BadRequest: The session is at its first step.
        """
        go_back = self._client.sessions.go_back
        call = partial(go_back, self.i, self.id, secret=self.secret)
        return await self._call(call, has_question=True)

    async def action(
        self,
        name: str,
        arguments: Mapping[str, JSONInput] | None = None,
        *,
        read_only: bool = False,
        persistent: bool = False,
    ) -> SessionReply | None:
        """
        Run an action of the interview.

        Args:
            name: Name of the action, an `event` of the interview. Unknown ones are ignored.
            arguments: Arguments for action_argument().
            read_only: Whether to discard the changes that the action makes.
            persistent: Whether `question` and `run` continue with the question that the action
                asks.

        Returns:
            The reply of the action's response() or json_response(); None without one.

        Raises:
            APIError: The action failed.
        """
        return await self._call(
            partial(
                self._client.sessions.run_action,
                self.i,
                self.id,
                name,
                secret=self.secret,
                arguments=arguments,
                read_only=read_only,
                persistent=persistent,
            )
        )

    async def variables(self) -> Mapping[str, JSON]:
        """
        Get all variables.

        Returns:
            Values by variable; objects as mappings with `_class`.

        Raises:
            APIError: The session no longer exists.
        """
        get_variables = self._client.sessions.get_variables
        return await self._call(partial(get_variables, self.i, self.id, secret=self.secret))

    async def resume_url(
        self, *, expires: timedelta | int | None = None, one_time: bool = False
    ) -> Secret:
        """
        Create a URL that opens the session in a browser. Set `keep`, or the session is deleted.

        The URL begins with the client's `public_url`, if set.

        Args:
            expires: Lifetime of the URL as a timedelta or in seconds; by default one hour.
            one_time: Whether the URL works only once.

        Returns:
            The URL; anyone who has it can open the session.

        Raises:
            UsageError: `expires` is invalid; no request was sent.
            SessionNotShareable: The server created the encryption key, so nobody else could open
                the session. A session with your own `secret` can be opened by its owner.
        """
        is_shareable = not self.encrypted or self._caller_secret is not None
        return await create_resume_url(
            self._client,
            self.i,
            self.id,
            is_shareable=is_shareable,
            expires=expires,
            one_time=one_time,
        )

    async def delete(self) -> None:
        """Delete the session and its files; does nothing if it is already deleted."""
        await self._calls.wait()
        if self._session is not None:
            await self._client.sessions.delete(self._session.i, self._session.session)
            self._session = None

    async def __aenter__(self) -> Self:
        if self._session is not None:
            message = "this session has already been started"
            raise UsageError(message, hint="Create another one with Interview.session()")
        if self._existing_id is not None:
            encrypted = self._caller_secret is not None
            self._session = Session(i=self.i, session=self._existing_id, encrypted=encrypted)
            return self
        self._session = await self._start()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.keep:
            await self._clean_up(error)

    async def _start(self) -> Session:
        return await start_session(
            self._client, self.i, secret=self._caller_secret, url_args=self._url_args
        )

    async def _clean_up(self, error: BaseException | None) -> None:
        if self._session is not None:
            await end_session(self._client, self._session, self.delete, error)

    def __repr__(self) -> str:
        state = "not started" if self._session is None else self._session.session
        return f"<{type(self).__name__} {self.i} {state}>"

    async def _call(self, call: Callable[[], Awaitable[T]], *, has_question: bool = False) -> T:
        """Make a call when other calls have ended; if it is cancelled, it continues."""

        async def call_and_remember() -> T:
            return self._remember_question(await call())

        session = self._get_session()
        return await self._calls.run(call_and_remember if has_question else call, session)

    async def _set_variables(
        self,
        answers: Mapping[str, Answer] | None,
        files: Mapping[str, FileInput | Sequence[FileInput]] | None = None,
        delete: Sequence[str] | None = None,
        *,
        overwrite: bool = False,
        question: bool = True,
        is_answer: bool = True,
    ) -> SessionReply | None:
        """Set variables, as an answer to the question; with question=False nothing runs."""
        check_arguments(MAPPING, optional=True, answers=answers, files=files)
        check_arguments(TEXTS, optional=True, delete=delete)
        check_names([*(files or {}), *(delete or ())])
        encoded = encode_answers(answers or {})
        *first_calls, (last_variables, last_raw) = encoded.calls
        # The server must not mark a question as answered before the code of its choice has run.
        runs_code = any(name.startswith(_CODE_CHOICE_PREFIX) for name in answers or ())
        send = partial(self._client.sessions.set_variables, self.i, self.id, secret=self.secret)
        for variables, raw in first_calls:
            await send(variables=variables, overwrite=overwrite, question=False, raw=raw)
        current = self._current_question if is_answer else None
        is_answered = current is not None and current.mandatory and not runs_code
        return await send(
            variables=last_variables,
            raw=last_raw,
            files={**encoded.files, **(files or {})},
            file_variables=encoded.file_variables,
            delete_variables=delete,
            event_list=current.event_list if current else None,
            question_name=current.question_name if current and is_answered else None,
            question=question,
            overwrite=overwrite or bool(first_calls),
        )

    def _get_session(self) -> Session:
        if self._session is None:
            message = "this session has not been started, or has been deleted"
            raise UsageError(message, hint="Use it inside its `with` block")
        return self._session

    def _remember_question(self, reply: T) -> T:
        """Store the question that the next answer belongs to."""
        # If a variable is undefined, the last answer was not saved and its question is still open.
        if not isinstance(reply, UndefinedVariable):
            self._current_question = reply if isinstance(reply, Question) else None
        return reply
