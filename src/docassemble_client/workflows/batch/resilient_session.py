"""A session for batches: it bears what the weather does, and knows what may have happened."""

from __future__ import annotations

import asyncio
import random
import secrets
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from docassemble_client.config import Secret
from docassemble_client.errors import APIError, DecodeError, DocassembleError, RateLimited
from docassemble_client.models import Question, Session, UndefinedVariable
from docassemble_client.responses import BinaryContent
from docassemble_client.transfer import Upload
from docassemble_client.workflows.batch.weather import lost, unsent
from docassemble_client.workflows.errors import InvalidDocument
from docassemble_client.workflows.interviews.answers import encode_answers
from docassemble_client.workflows.interviews.screen import Screen
from docassemble_client.workflows.interviews.session import InterviewSession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from docassemble_client._types import JSON
    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.models import SessionReply
    from docassemble_client.transfer import FileInput
    from docassemble_client.workflows.batch.adaptive_limit import Pace
    from docassemble_client.workflows.interviews.answers import Answer

T = TypeVar("T")

# What a proxy answers in place of the server, or half of an answer, may stay so for ever.
_MOST_GARBAGE = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0  # seconds
_NEWEST = 100  # sessions that are looked at when the answer to a start is lost


class CarefulSession(InterviewSession):
    """
    A session whose calls are repeated until they work, where that can do no harm.

    Answers are saved by a call that does not run the interview, so that saving them twice is
    saving them once. Only then the interview runs, when it is asked for its question, under the
    lock of the session and from what was saved. A start without an answer leads to the session
    that was started after all, if there is one: only its own secret opens it.

    Attributes:
        at_risk: Whether the interview has, or may have, come to its end with the answers.
        left: ID of the session, if it could not be deleted; else empty.
        seconds: How long the server took for all calls that went well.
    """

    def __init__(
        self,
        da: AsyncDocassemble,
        i: str,
        *,
        url_args: Mapping[str, str] | None,
        patience: float,
        pace: Pace,
        began: Callable[[str], Awaitable[None]],
    ) -> None:
        """
        Prepare a session with a secret of its own.

        Args:
            da: Client.
            i: Interview.
            url_args: What url_args of the interview is to hold.
            patience: Seconds for which a call is repeated.
            pace: Is told of calls that fail.
            began: Is told the ID of the session before anything is done with it.
        """
        secret = Secret(secrets.token_urlsafe(12))  # 16 bytes, as the server wants it
        super().__init__(da, i, secret=secret, url_args=url_args, keep=False)
        self.at_risk = False
        self.left = ""
        self.seconds = 0.0
        self._patience = patience
        self._pace = pace
        self._began = began
        self._answered = False

    async def question(self) -> SessionReply:
        """Run the interview as far as it goes, and get what it shows."""
        self.at_risk = self._answered
        try:
            reply = await self.persist(super().question)
            if isinstance(reply, BinaryContent):
                # A proxy's page looks the same; what the interview answers, it answers again.
                reply = await self.persist(super().question)
        except APIError as error:
            # An interview that breaks has not come to its end, and nothing of the run is saved.
            self.at_risk = self.at_risk and lost(error)
            raise
        self.at_risk = self._answered and not _goes_on(reply)
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
        given = answers or {}
        sent = [file for several in encode_answers(given).files.values() for file in several]
        once = any(isinstance(file, Upload) and not file.repeatable for file in sent)

        async def save() -> None:
            async with self._lock:
                reply = await self._set(given, files, delete, overwrite=overwrite, question=False)
            if reply is not None:
                message = "something came where nothing was asked for"
                raise DecodeError(message, operation="sessions.set_variables")

        await self.persist(save, once=once)
        self._answered = True
        return await self.question()

    async def variables(self) -> Mapping[str, JSON]:
        """Read all variables."""
        return await self.persist(super().variables)

    async def delete(self) -> None:
        """Delete the session; if that cannot be, `left` says so."""
        session = self._session
        if session is None:
            return
        self._session = None
        try:
            await self.persist(lambda: self._da.sessions.delete(session.i, session.session))
        except DocassembleError:
            self.left = session.session

    async def persist(self, call: Callable[[], Awaitable[T]], *, once: bool = False) -> T:
        """
        Repeat a call until it works.

        Args:
            call: Makes the call; to make it twice must do no harm.
            once: Whether it cannot be made twice.

        Returns:
            What it brings.

        Raises:
            DocassembleError: It failed for good, or for longer than the patience.
        """
        waiting = _Waiting(self._patience, self._pace)
        while True:
            began = _now()
            try:
                result = await call()
            except DocassembleError as error:
                if once or not waiting.bears(error):
                    raise
            else:
                self.seconds += _now() - began
                return result
            await waiting.pause()

    async def _start(self) -> Session:
        waiting = _Waiting(self._patience, self._pace)
        session: Session | None = None
        while session is None:
            began = _now()
            try:
                session = await super()._start()
            except DocassembleError as error:
                if not waiting.bears(error):
                    raise
                await waiting.pause()
                session = await self._found() if lost(error) else None
            else:
                self.seconds += _now() - began
        try:
            await self._began(session.session)
        except BaseException as error:
            self._session = session
            await self._end(error)
            raise
        return session

    async def _found(self) -> Session | None:
        """Find the session whose start had no answer, among those that are as young."""
        mine = self._da.sessions.list_current

        async def listed() -> list[str]:
            return [one.session async for one in mine(i=self.i)]

        async def opens(session: str) -> bool:
            page = await mine(
                i=self.i, session=session, secret=self.secret, include_dictionary=True
            )
            return any(one.encrypted and one.valid for one in page.items)

        try:
            for session in reversed((await self.persist(listed))[-_NEWEST:]):
                if await self.persist(partial(opens, session)):
                    return Session(i=self.i, session=session, encrypted=True)
        except DocassembleError:
            # The key may not list sessions: at worst an empty one is left behind.
            return None
        return None

    async def _end(self, error: BaseException | None) -> None:
        if isinstance(error, asyncio.CancelledError):
            # Whoever is cancelled does not wait for the server to come back.
            self._patience = 0.0
        await super()._end(error)


class _Waiting:
    """Bears errors that pass, with growing pauses, as long as the patience lasts."""

    def __init__(self, patience: float, pace: Pace) -> None:
        self._until = _now() + patience
        self._pace = pace
        self._garbage = 0
        self._longest = _FIRST_PAUSE

    def bears(self, error: DocassembleError) -> bool:
        """Whether the call may work another time."""
        if isinstance(error, (DecodeError, InvalidDocument)):
            self._garbage += 1
            return self._garbage < _MOST_GARBAGE and _now() < self._until
        if not (lost(error) or unsent(error) or isinstance(error, RateLimited)):
            return False
        self._pace.failed()
        return _now() < self._until

    async def pause(self) -> None:
        """Let the server come to itself."""
        await asyncio.sleep(self._longest * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._longest = min(_LONGEST_PAUSE, self._longest * 2)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _goes_on(reply: SessionReply) -> bool:
    """Whether the interview has not come to its end."""
    if isinstance(reply, Question):
        return not Screen(reply).ended
    return isinstance(reply, UndefinedVariable)
