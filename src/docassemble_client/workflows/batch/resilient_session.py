"""A session that retries through outages and tracks whether the interview may have finished."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from docassemble_client._client_lifetime import get_cleanup_tasks
from docassemble_client._concurrency import CancelledError, monotonic, sleep, wait
from docassemble_client._core.retry import compute_delay, may_be_processed
from docassemble_client._header_params import parse_media_type
from docassemble_client._types import is_mapping
from docassemble_client.config import Secret
from docassemble_client.errors import APIError, DecodeError, DocassembleError
from docassemble_client.models import Question, Session, UndefinedVariable
from docassemble_client.responses import BinaryContent
from docassemble_client.transfer import Upload
from docassemble_client.workflows.errors import InvalidDocument
from docassemble_client.workflows.interviews.answers import encode_answers
from docassemble_client.workflows.interviews.screen import Screen
from docassemble_client.workflows.interviews.screen_buttons import is_end_with_buttons
from docassemble_client.workflows.interviews.session import InterviewSession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from docassemble_client._base_client import BaseClient
    from docassemble_client._types import JSON
    from docassemble_client.models import SessionReply
    from docassemble_client.transfer import FileInput
    from docassemble_client.workflows.batch.adaptive_limit import AdaptiveLimit
    from docassemble_client.workflows.interviews.answers import Answer

T = TypeVar("T")

# An invalid response, such as a proxy's page, may be permanent: it is retried only a few times.
_MAX_INVALID_RESPONSES = 5
_INITIAL_DELAY, _MAX_DELAY, _JITTER = 0.5, 15.0, 0.5
# The lock that another call of `question` would wait for expires after 4 seconds.
_LATE_SECONDS = 5.0
_LATE_INTERVAL_SECONDS = 1.0
# Newest sessions of others that are tried after the response to a start is lost.
_MAX_CANDIDATE_SESSIONS = 20


class ResilientSession(InterviewSession):
    """
    A session whose calls are retried until they succeed, where repeating them is safe.

    Answers are saved by a call that does not run the interview, so saving them again changes
    nothing. The interview then runs once, in `question`, under the session's lock. Only the first
    variables are saved by a call that also runs the interview: if its response is lost, the number
    of steps shows whether they were saved. If the response to a start is lost, the started session
    is found again: only its own secret opens it.

    Attributes:
        may_have_finished: Whether the interview finished, or may have.
        leftover_session: ID of the session, if it could not be deleted; else empty.
        seconds: Total time of all successful calls.
    """

    def __init__(
        self,
        client: BaseClient,
        i: str,
        *,
        url_args: Mapping[str, str] | None,
        outage_timeout: float,
        adaptive_limit: AdaptiveLimit,
        on_start: Callable[[str], Awaitable[None]],
        own_sessions: set[str],
    ) -> None:
        """
        Prepare a session with its own secret.

        Args:
            client: The client.
            i: File name of the interview.
            url_args: URL arguments of the interview, by name.
            outage_timeout: Seconds for which each call is retried.
            adaptive_limit: Records failed calls.
            on_start: Called with the session ID before the session is used.
            own_sessions: IDs of the sessions of all rows; they are not tried.
        """
        secret = Secret(secrets.token_urlsafe(12))  # 16 bytes, as the server requires
        super().__init__(client, i, secret=secret, url_args=url_args, keep=False)
        self.may_have_finished = False
        self.leftover_session = ""
        self.seconds = 0.0
        self._outage_timeout = outage_timeout
        self._adaptive_limit = adaptive_limit
        self._on_start = on_start
        self._own_sessions = own_sessions
        self._has_answers = False

    async def question(self) -> SessionReply:
        """Run the interview, and get the question or reply it shows."""
        self.may_have_finished = self._has_answers
        try:
            reply = await self.retry_until_available(super().question)
            if _may_be_proxy_page(reply):
                # Any other content is the interview's, which ran once.
                reply = await self.retry_until_available(super().question)
        except APIError as error:
            # If the interview fails, it has not finished, and the server saves nothing of the run.
            self.may_have_finished = self.may_have_finished and may_be_processed(error)
            raise
        self.may_have_finished = self._has_answers and not _is_unfinished(reply)
        return reply

    async def answer(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        files: Mapping[str, FileInput | Sequence[FileInput]] | None = None,
        delete: Sequence[str] | None = None,
        overwrite: bool = False,
    ) -> SessionReply | None:
        """Save answers, and only then run the interview."""
        await self._save(answers or {}, files, delete, overwrite=overwrite)
        return await self.question()

    async def set_variables(
        self, variables: Mapping[str, Answer], *, question: bool = False
    ) -> SessionReply | None:
        """Set variables that answer no question; with `question`, run the interview."""
        encoded = encode_answers(variables)
        if question and not self._has_answers and len(encoded.calls) == 1 and not encoded.files:
            return await self._set_first_variables(variables)
        await self._save(variables, is_answer=False)
        return await self.question() if question else None

    async def _set_first_variables(self, variables: Mapping[str, Answer]) -> SessionReply:
        """Set variables of a new session and run the interview, in one call if it succeeds."""
        self._has_answers = self.may_have_finished = True
        retry_state = RetryState(self._outage_timeout, self._adaptive_limit)
        is_lost = False
        while not is_lost:
            start_time = monotonic()
            try:
                reply = await super().set_variables(variables, question=True)
            except DocassembleError as error:
                is_lost = isinstance(error, DecodeError) or may_be_processed(error)
                if not retry_state.should_retry(error):
                    # If the interview fails, the server saves nothing.
                    is_api_error = isinstance(error, APIError)
                    self.may_have_finished = is_lost or (error.maybe_processed and not is_api_error)
                    raise
            else:
                if reply is not None and not _may_be_proxy_page(reply):
                    self.seconds += monotonic() - start_time
                    self.may_have_finished = not _is_unfinished(reply)
                    return reply
                is_lost = True
            await retry_state.back_off()
        if not await self._has_saved_steps():
            await self._save(variables, is_answer=False)
        return await self.question()

    async def _has_saved_steps(self) -> bool:
        """Check whether the server saved a step after the start; wait, as it may be late."""
        deadline = monotonic() + _LATE_SECONDS
        while True:
            internal = (await self.variables()).get("_internal")
            steps = internal.get("steps") if is_mapping(internal) else None
            if isinstance(steps, int) and steps > 1:
                return True
            if monotonic() >= deadline:
                return False
            await sleep(_LATE_INTERVAL_SECONDS)

    async def _save(
        self,
        answers: Mapping[str, Answer],
        files: Mapping[str, FileInput | Sequence[FileInput]] | None = None,
        delete: Sequence[str] | None = None,
        *,
        overwrite: bool = False,
        is_answer: bool = True,
    ) -> None:
        parts = encode_answers(answers).files.values()
        is_repeatable = all(
            file.is_repeatable
            for part_files in parts
            for file in part_files
            if isinstance(file, Upload)
        )

        async def save() -> None:
            reply = await self._call(
                partial(
                    self._set_variables,
                    answers,
                    files,
                    delete,
                    overwrite=overwrite,
                    question=False,
                    is_answer=is_answer,
                )
            )
            if reply is not None:
                message = "the response has a body where none was expected"
                raise DecodeError(message, operation="sessions.set_variables")

        await self.retry_until_available(save, is_repeatable=is_repeatable)
        self._has_answers = True

    async def variables(self) -> Mapping[str, JSON]:
        """Read all variables."""
        return await self.retry_until_available(super().variables)

    async def delete(self) -> None:
        """Delete the session; if that fails, set `leftover_session`."""
        session = self._session
        if session is None:
            return
        # Set first: the deletion may be cancelled.
        self.leftover_session = session.session
        await self._calls.wait()
        self._session = None
        try:
            await self.retry_until_available(
                lambda: self._client.sessions.delete(session.i, session.session)
            )
        except DocassembleError:
            return
        self.leftover_session = ""

    async def retry_until_available(
        self, call: Callable[[], Awaitable[T]], *, is_repeatable: bool = True
    ) -> T:
        """
        Repeat a call until it succeeds.

        Args:
            call: Makes the call; it must be safe to repeat.
            is_repeatable: Whether the call can be repeated at all.

        Returns:
            The result of the call.

        Raises:
            DocassembleError: The error is permanent, or the outage timeout is over.
        """
        retry_state = RetryState(self._outage_timeout, self._adaptive_limit)
        while True:
            start_time = monotonic()
            try:
                result = await call()
            except DocassembleError as error:
                if not (is_repeatable and retry_state.should_retry(error)):
                    raise
            else:
                self.seconds += monotonic() - start_time
                return result
            await retry_state.back_off()

    async def _start(self) -> Session:
        retry_state = RetryState(self._outage_timeout, self._adaptive_limit)
        session: Session | None = None
        while session is None:
            start_time = monotonic()
            try:
                session = await super()._start()
            except DocassembleError as error:
                if not retry_state.should_retry(error):
                    raise
                await retry_state.back_off()
                session = await self._recover_started_session() if may_be_processed(error) else None
            else:
                self.seconds += monotonic() - start_time
        self._own_sessions.add(session.session)
        try:
            await self._on_start(session.session)
        except BaseException as error:
            self._session = session
            await self._clean_up(error)
            raise
        return session

    async def _recover_started_session(self) -> Session | None:
        """Find the session whose start response was lost, among the newest sessions."""
        list_sessions = self._client.sessions.list_current

        async def list_ids() -> list[str]:
            summaries = [summary async for summary in list_sessions(i=self.i)]
            return [item.session for item in summaries if item.session not in self._own_sessions]

        async def is_own(session: str) -> bool:
            page = await list_sessions(
                i=self.i, session=session, secret=self.secret, include_dictionary=True
            )
            return any(summary.encrypted and summary.valid for summary in page.items)

        try:
            ids = await self.retry_until_available(list_ids)
            for session in reversed(ids[-_MAX_CANDIDATE_SESSIONS:]):
                if await self.retry_until_available(partial(is_own, session)):
                    return Session(i=self.i, session=session, encrypted=True)
        except DocassembleError:
            # The key may not list sessions: at worst an empty session is left behind.
            return None
        return None

    async def _clean_up(self, error: BaseException | None) -> None:
        if isinstance(error, CancelledError):
            # A cancelled task does not wait for the server to come back.
            self._outage_timeout = 0.0
        if self._session is None:
            return
        leftover = f"the session {self._session.session} of {self.i}"
        deletion = get_cleanup_tasks(self._client).create_task(self.delete, leftover)
        try:
            await wait([deletion])
        except CancelledError:
            # The row is cancelled while it ends. The batch, which waits for it, needs the outcome.
            await wait([deletion])
            raise
        deletion.result()


class RetryState:
    """The retries of one call: attempts, growing delays and a deadline."""

    def __init__(self, outage_timeout: float, adaptive_limit: AdaptiveLimit) -> None:
        self._deadline = monotonic() + outage_timeout
        self._adaptive_limit = adaptive_limit
        self._invalid_responses = 0
        self._attempts = 0
        self._retry_after = 0.0

    def should_retry(self, error: DocassembleError) -> bool:
        """Record a failure, and return whether to repeat the call."""
        if isinstance(error, (DecodeError, InvalidDocument)):
            self._invalid_responses += 1
            has_attempts = self._invalid_responses < _MAX_INVALID_RESPONSES
            return has_attempts and monotonic() < self._deadline
        if not error.is_transient:
            return False
        self._adaptive_limit.record_failure()
        self._retry_after = error.retry_after or 0.0
        return monotonic() + self._retry_after < self._deadline

    async def back_off(self) -> None:
        """Wait before the next attempt, at least as long as the server asks."""
        self._attempts += 1
        delay = compute_delay(self._attempts, _INITIAL_DELAY, _MAX_DELAY, jitter=_JITTER)
        await sleep(max(delay, self._retry_after))


def _may_be_proxy_page(reply: SessionReply) -> bool:
    if not isinstance(reply, BinaryContent):
        return False
    return parse_media_type(reply.content_type) == "text/html"


def _is_unfinished(reply: SessionReply) -> bool:
    if isinstance(reply, Question):
        screen = Screen(reply)
        return not (screen.is_final or is_end_with_buttons(screen))
    return isinstance(reply, UndefinedVariable)
