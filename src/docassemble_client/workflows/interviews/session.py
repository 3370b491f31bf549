"""Sessions of an interview, which carry what each call needs and leave nothing behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TypeVar

from docassemble_client.errors import DocassembleError, UsageError
from docassemble_client.models import Question, Session, UndefinedVariable
from docassemble_client.workflows.interviews.answer_source import Policy
from docassemble_client.workflows.interviews.answers import check_names, encode_answers
from docassemble_client.workflows.interviews.runner import Driver
from docassemble_client.workflows.shield import to_its_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from types import TracebackType

    from docassemble_client._types import JSON, JSONInput
    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.config import Secret
    from docassemble_client.models import SessionReply
    from docassemble_client.transfer import FileInput
    from docassemble_client.workflows.interviews.answer_source import Answers
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.runner import Transcript

T = TypeVar("T")
_CHOICES = '_internal["answers"]['


class InterviewSession:
    """
    One session of an interview: it carries its secret and the question that is being answered.

    Its calls run one after the other, so that none undoes another; use it with `async with`.
    """

    def __init__(
        self,
        da: AsyncDocassemble,
        i: str,
        *,
        secret: str | Secret | None,
        url_args: Mapping[str, str] | None = None,
        keep: bool,
        running: str | None = None,
    ) -> None:
        self._da = da
        self._i = i
        self._given = secret
        self._url_args = url_args
        self._running = running
        self._session: Session | None = None
        self._asked: Question | None = None
        self._lock = asyncio.Lock()
        self.keep = keep

    @property
    def i(self) -> str:
        """File name of the interview."""
        return self._i

    @property
    def id(self) -> str:
        """ID of the session."""
        return self._begun().session

    @property
    def encrypted(self) -> bool:
        """Whether only its secret opens it; it was so when it started, or a secret was given."""
        return self._begun().encrypted

    @property
    def secret(self) -> str | Secret | None:
        """What decrypts it: the key that was given, or else the server's; None if it needs none."""
        return self._given or self._begun().secret

    async def question(self) -> SessionReply:
        """
        Get what the session shows now.

        Returns:
            A question, the name of a variable no question asks for, or what the interview answers
            instead of a question.

        Raises:
            APIError: The interview failed, or the session is gone.
        """
        async with self._lock:
            reply = await self._da.sessions.get_question(self.i, self.id, secret=self.secret)
            return self._noted(reply)

    async def answer(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        files: Mapping[str, FileInput | Sequence[FileInput]] | None = None,
        delete: Sequence[str] | None = None,
        overwrite: bool = False,
    ) -> SessionReply | None:
        """
        Set variables, count the question as answered, and get what comes next.

        Texts stay texts and mappings stay mappings, whatever users typed: only values that are
        dates, times or `DAObject` become such on the server. Where texts or mappings that look like
        these are sent beside them, they go in a call of their own, for the same step.

        Args:
            answers: Values by variable, such as {"client.phone": "202-555-3434"}.
            files: Files by variable, besides those among the answers.
            delete: Variables to delete after the others are set.
            overwrite: Whether to replace the current step instead of adding one.

        Returns:
            What the session shows now; None if the interview answers with nothing.

        Raises:
            UsageError: A name is none of a variable, or a value cannot be sent; nothing was sent.
            APIError: The server refused a variable, or the interview failed; nothing was saved, or
                only the first call of a mixed answer.
        """
        async with self._lock:
            return self._noted(await self._set(answers or {}, files, delete, overwrite=overwrite))

    async def run(
        self,
        answers: Answers | None = None,
        *,
        policy: Policy = Policy.refuse,
        max_steps: int = 200,
    ) -> Transcript:
        """
        Answer the interview to its end.

        A mapping has the answers by variable: concrete (children[0].name), for any item
        (children[i].name) or as the question has it (x.name). A list is used up one by one each
        time it is asked for; wrap a list that is one answer, or pass a `DAList`. Buttons that set
        no variable are answered under the ID or the name of their question, with the label or
        number of the choice. Of choices, checkboxes take the list or mapping of what is ticked.

        Args:
            answers: Answers by variable, or a function of the field (the name of a variable that
                no question asks for) and the question, which returns `MISSING` for no answer.
            policy: What to answer where the answers say nothing.
            max_steps: How many screens there may be, counting each look at one that waits.

        Returns:
            Each step, and the screen or other reply at the end.

        Raises:
            MissingAnswer: Something required has no answer.
            StuckInterview: It asks the same again after the same answer, or has too many steps.
            InterviewFailed: The server refused an answer, or the interview broke.
        """
        return await Driver(self, answers, policy=policy, max_steps=max_steps).run()

    async def go_back(self) -> SessionReply | None:
        """
        Take back the last step.

        Returns:
            What the session shows now.

        Raises:
            BadRequest: It is at its first step.
        """
        async with self._lock:
            reply = await self._da.sessions.go_back(self.i, self.id, secret=self.secret)
            return self._noted(reply)

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
            name: The action, an event of the interview; the server ignores one it does not know.
            arguments: What action_argument() gives.
            read_only: Whether what it changes is forgotten.
            persistent: Whether a question it asks is what `question` then brings.

        Returns:
            What the action answers with response() or json_response(); None for nothing.

        Raises:
            APIError: The action failed.
        """
        async with self._lock:
            return await self._da.sessions.run_action(
                self.i,
                self.id,
                name,
                secret=self.secret,
                arguments=arguments,
                read_only=read_only,
                persistent=persistent,
            )

    async def variables(self) -> Mapping[str, JSON]:
        """
        Read all variables.

        Returns:
            Values by variable; objects as mappings with `_class`.

        Raises:
            APIError: The session is gone.
        """
        async with self._lock:
            return await self._da.sessions.get_variables(self.i, self.id, secret=self.secret)

    async def resume_url(
        self, *, expires: timedelta | int | None = None, one_time: bool = False
    ) -> Secret:
        """
        Make a URL with which a person goes on in a browser; `keep` the session for it.

        The URL leads to `public_url` of the client, where it was given.

        Args:
            expires: How long the URL works, a timedelta or seconds; by default an hour.
            one_time: Whether the URL works only once.

        Returns:
            The URL; whoever has it gets into the session.

        Raises:
            UsageError: The time is none; nothing was sent.
            HandoverRefused: The session was started with a key that the server made, so nobody
                else could open it. With a secret that was given, its owner can.
        """
        from docassemble_client.workflows.interviews.session_links import resume_url  # noqa: PLC0415 - loaded if used

        sealed = self.encrypted and self._given is None
        return await resume_url(
            self._da, self.i, self.id, sealed=sealed, expires=expires, one_time=one_time
        )

    async def delete(self) -> None:
        """Delete the session, and with it its files; doing it twice does no harm."""
        if self._session is not None:
            await self._da.sessions.delete(self._session.i, self._session.session)
            self._session = None

    async def __aenter__(self) -> Self:
        if self._session is not None:
            message = "this session has been started already"
            raise UsageError(message, hint="Prepare another one with Interview.session()")
        if self._running is not None:
            encrypted = self._given is not None
            self._session = Session(i=self.i, session=self._running, encrypted=encrypted)
            return self
        self._session = await self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.keep:
            await self._end(error)

    async def _start(self) -> Session:
        """Start the session; if that is cancelled, it is deleted."""
        starting = asyncio.ensure_future(
            self._da.sessions.start(self.i, secret=self._given, url_args=self._url_args)
        )
        try:
            return await to_its_end(starting)
        except asyncio.CancelledError as cancelled:
            if not starting.cancelled() and starting.exception() is None:
                self._session = starting.result()
                await self._end(cancelled)
            raise

    async def _end(self, error: BaseException | None) -> None:
        """Delete the session; what already went wrong is not hidden by a failure to do so."""
        try:
            await to_its_end(self.delete())
        except DocassembleError as failure:
            if error is None:
                raise
            error.add_note(f"The session was not deleted: {failure}")

    def __repr__(self) -> str:
        state = "not started" if self._session is None else self._session.session
        return f"<{type(self).__name__} {self.i} {state}>"

    async def _set(
        self,
        answers: Mapping[str, Answer],
        files: Mapping[str, FileInput | Sequence[FileInput]] | None = None,
        delete: Sequence[str] | None = None,
        *,
        overwrite: bool = False,
        question: bool = True,
    ) -> SessionReply | None:
        """Set variables; without question the interview does not run."""
        check_names([*(files or {}), *(delete or ())])
        encoded = encode_answers(answers)
        *first, (variables, raw) = encoded.calls
        # A choice that runs code is not done until the interview has run it.
        chosen = any(name.startswith(_CHOICES) for name in answers)
        for others, literal in first:
            await self._da.sessions.set_variables(
                self.i,
                self.id,
                secret=self.secret,
                variables=others,
                overwrite=overwrite,
                question=False,
                raw=literal,
            )
        asked = self._asked
        return await self._da.sessions.set_variables(
            self.i,
            self.id,
            secret=self.secret,
            variables=variables,
            raw=raw,
            files={**encoded.files, **(files or {})},
            file_variables=encoded.file_variables,
            delete_variables=delete,
            event_list=asked.event_list if asked else None,
            question_name=asked.question_name if asked and asked.mandatory and not chosen else None,
            question=question,
            overwrite=overwrite or bool(first),
        )

    def _begun(self) -> Session:
        if self._session is None:
            message = "this session has not been started, or is over"
            raise UsageError(message, hint="Use it inside `async with`")
        return self._session

    def _noted(self, reply: T) -> T:
        """Remember the question that the next answer belongs to."""
        # An answer that leads to an undefined variable was not saved: its question still stands.
        if not isinstance(reply, UndefinedVariable):
            self._asked = reply if isinstance(reply, Question) else None
        return reply
