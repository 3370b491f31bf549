"""Checks whether interviews still load and reach a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client._checks import CALLABLE, COUNT, SECONDS, TEXT, TEXTS, check_arguments
from docassemble_client._concurrency import Callback, make_task_group, monotonic, time_limit
from docassemble_client._core.retry import retry_until_available
from docassemble_client.errors import APIError, DocassembleError, TaskTimeout
from docassemble_client.models import Question, UndefinedVariable
from docassemble_client.workflows.errors import InterviewError, InterviewFailed
from docassemble_client.workflows.interviews.check_report import (
    CheckedInterview,
    InterviewCheckReport,
)
from docassemble_client.workflows.interviews.failure import (
    is_interview_failure,
    make_interview_failed,
)
from docassemble_client.workflows.interviews.interview import Interview
from docassemble_client.workflows.interviews.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from docassemble_client._base_client import BaseClient


async def check_interviews(
    client: BaseClient,
    interviews: Sequence[str] | None,
    *,
    tag: str | None,
    concurrency: int,
    timeout: float | None,
    on_result: Callable[[CheckedInterview], object] | None,
) -> InterviewCheckReport:
    """Start each interview once, and report which of them reach a screen."""
    check_arguments(TEXTS, optional=True, interviews=interviews)
    check_arguments(TEXT, optional=True, tag=tag)
    check_arguments(COUNT, concurrency=concurrency)
    check_arguments(SECONDS, optional=True, timeout=timeout)
    check_arguments(CALLABLE, optional=True, on_result=on_result)
    if interviews is None:
        listed = await retry_until_available(lambda: client.interviews.list(tag=tag))
        interviews = [listing.filename for listing in listed]
    names = list(dict.fromkeys(interviews))
    checker = _Checker(client, timeout=timeout, on_result=on_result)
    pending = iter(enumerate(names))
    try:
        async with make_task_group() as group:
            for _ in range(min(concurrency, len(names))):
                group.create_task(checker.check_pending(pending))
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    return InterviewCheckReport(
        interviews=tuple(checker.results[position] for position in range(len(names)))
    )


class _Checker:
    """Checks interviews, several at a time; `results` has those that are done, by position."""

    def __init__(
        self,
        client: BaseClient,
        *,
        timeout: float | None,
        on_result: Callable[[CheckedInterview], object] | None,
    ) -> None:
        self.client = client
        self.timeout = timeout
        self.on_result = Callback(on_result)
        self.results: dict[int, CheckedInterview] = {}

    async def check_pending(self, pending: Iterator[tuple[int, str]]) -> None:
        """Check interviews until none is left."""
        for position, i in pending:
            result = await self._check(i)
            self.results[position] = result
            await self.on_result(result)

    async def _check(self, i: str) -> CheckedInterview:
        start = monotonic()
        try:
            question_name = await self._reach_screen(i)
        except DocassembleError as error:
            is_failure = isinstance(error, InterviewError) or (
                isinstance(error, APIError) and is_interview_failure(error)
            )
            return CheckedInterview(
                i=i,
                outcome="failed" if is_failure else "error",
                seconds=monotonic() - start,
                error=error,
            )
        return CheckedInterview(
            i=i, outcome="passed", seconds=monotonic() - start, question_name=question_name
        )

    async def _reach_screen(self, i: str) -> str:
        """Start a session, and return the name of its first question; the session is deleted."""

        def make_error() -> TaskTimeout:
            message = f"the interview reached no screen within {self.timeout} s"
            return TaskTimeout(message, hint="Increase timeout, or look for slow code in it")

        async with (
            time_limit(self.timeout, make_error),
            Interview(self.client, i).session() as session,
        ):
            try:
                reply = await session.question()
            except APIError as error:
                if is_interview_failure(error):
                    raise make_interview_failed(error, Transcript()) from error
                raise
        if isinstance(reply, UndefinedVariable):
            message = (
                f"the interview needs the variable {reply.variable!r}, and no question asks it"
            )
            hint = "Add a question for it, or start the interview with url_args that set it"
            raise InterviewFailed(message, operation="sessions.get_question", hint=hint)
        return reply.question_name if isinstance(reply, Question) else ""
