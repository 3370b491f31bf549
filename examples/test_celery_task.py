"""Tests the Celery task without a server and without a broker."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false, reportFunctionMemberAccess=false
# pyright: reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# Celery has no type annotations.

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import MaybeSent, RetryPolicy
from docassemble_client.testing import FakeServer
from examples import celery_task

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Generator[FakeServer]:
    """Return a fake server that the task calls; the task runs in this process."""
    fake = FakeServer()
    with fake.blocking_client(retry=RetryPolicy(attempts=1)) as da:
        monkeypatch.setattr(celery_task, "get_client", lambda: da)
        celery_task.app.conf.update(task_always_eager=True)
        yield fake


def test_result_of_the_interview_is_returned(fake: FakeServer) -> None:
    """The interview runs to its end, and its session is deleted."""
    assert celery_task.count_inhabitants.delay(42).get() == {"final": True, "inhabitants": 2}
    assert fake.received_requests[-1].operation == "sessions.delete"


def test_task_is_repeated_after_a_call_that_was_not_processed(fake: FakeServer) -> None:
    """A task whose start the server refused for now is run again."""
    fake.fail("sessions.start", status=429, times=1)

    assert celery_task.count_inhabitants.delay(42).get() == {"final": True, "inhabitants": 2}
    starts = [request.operation for request in fake.received_requests].count("sessions.start")
    assert starts == 2


def test_task_is_not_repeated_if_the_answers_may_have_been_processed(fake: FakeServer) -> None:
    """A lost response ends the task; its session is deleted."""
    fake.drop_connection("sessions.set_variables")

    with pytest.raises(MaybeSent):
        celery_task.count_inhabitants.delay(42).get()
    assert fake.received_requests[-1].operation == "sessions.delete"
