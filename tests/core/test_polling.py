"""Waiting for a task: which responses are progress, which are failures, which end the wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from docassemble_client._core.polling import TaskPoller
from docassemble_client.config import PollPolicy
from docassemble_client.errors import (
    AccessDenied,
    APIError,
    BadRequest,
    DecodeError,
    DocassembleError,
    MaybeSent,
    NotFound,
    NotSent,
    RedirectRefused,
    RequestTimeout,
    ServerError,
    TaskError,
    TaskLost,
    UsageError,
)
from docassemble_client.operations import OPERATIONS, TASKS
from docassemble_client.tasks import TaskEvent, TaskHandle, TaskResult
from tests.core.responses import make_html, make_json, set_random
from tests.core.waiting import (
    COMPLETED,
    HEALTH,
    INSTALL,
    INSTALL_STATUS,
    LISTED,
    NEW,
    OLD,
    PACKAGES,
    PIP_COMPLETED,
    PIP_WORKING,
    RESTART,
    RESTART_STATUS,
    TASK_STARTED,
    UNKNOWN,
    WORKING,
    Wait,
    make_health,
)

if TYPE_CHECKING:
    from tests.core.waiting import Outcome, Script


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every delay as long as it can be."""
    set_random(monkeypatch, 0.0)


def test_a_completed_restart_is_confirmed_by_a_cheap_call() -> None:
    """The cheap call must reach a process that started after the task."""
    wait = Wait(RESTART, [WORKING, WORKING, COMPLETED, NEW])

    result = wait.run()

    assert result == TaskResult(handle=RESTART)
    assert wait.events == [
        TaskEvent(state="working", polls=1),
        TaskEvent(state="working", polls=2),
        TaskEvent(state="completed", polls=3),
    ]
    assert wait.delays == [1.0, 1.5]


def test_completed_from_an_old_process_is_not_accepted() -> None:
    """A process that is older than the task is not the restarted one."""
    script = [COMPLETED, OLD, OLD, (HEALTH, NotSent("no")), OLD, NEW]
    wait = Wait(RESTART, script)

    wait.run()

    assert wait.states == ["confirming"] * 4 + ["completed"]
    assert [event.reason for event in wait.events] == ["", "", "NotSent", "", ""]
    assert {event.polls for event in wait.events} == {1}


@pytest.mark.parametrize(("working_polls", "old_polls"), [([], 17), ([WORKING] * 50, 14)])
def test_completed_is_accepted_after_two_minutes_with_an_old_process(
    working_polls: Script, old_polls: int
) -> None:
    """A proxy's clock may differ: after two minutes the server's report is accepted."""
    wait = Wait(RESTART, [*working_polls, COMPLETED, *[OLD] * old_polls])

    wait.run()

    confirming = wait.delays[len(working_polls) :]
    assert sum(confirming) > 120 >= sum(confirming[:-1])


def test_an_old_process_is_not_accepted_after_many_polls() -> None:
    """Elapsed time counts, not the number of polls."""
    wait = Wait(RESTART, [COMPLETED, *[OLD] * 500, NEW], PollPolicy(max_interval=0.1))

    wait.run()

    assert len(wait.delays) == 500


@pytest.mark.parametrize(
    ("handle", "server_start"),
    [
        (RESTART, TASK_STARTED),
        (RESTART, TASK_STARTED - 1),
        (RESTART._replace(started_at=None), TASK_STARTED - 500),
    ],
    ids=["same second", "rounding", "no date"],
)
def test_a_process_without_a_known_start_is_accepted(
    handle: TaskHandle, server_start: float
) -> None:
    """Dates have whole seconds; some handles have no date."""
    wait = Wait(handle, [COMPLETED, make_health(server_start)])

    assert wait.run().handle == handle


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (NotSent("refused"), "NotSent"),
        (MaybeSent("reset"), "MaybeSent"),
        (RequestTimeout("silent"), "RequestTimeout"),
        (RequestTimeout("no connection", maybe_processed=False), "RequestTimeout"),
        (DecodeError("bad gzip"), "DecodeError"),
        (make_html(), "DecodeError"),
        (make_json("no object"), "DecodeError"),
        (make_json("x", 429), "429"),
        (make_html(502), "502"),
        (make_html(503), "503"),
        (make_html(504), "504"),
    ],
)
def test_errors_of_a_restart_are_progress(response: Outcome, reason: str) -> None:
    """Timeouts, broken connections, errors of proxies and HTML pages occur during a restart."""
    wait = Wait(
        INSTALL,
        [
            (INSTALL_STATUS, response),
            (INSTALL_STATUS, response),
            PIP_COMPLETED,
            (HEALTH, response),
            NEW,
            (PACKAGES, response),
            LISTED,
        ],
    )

    result = wait.run()

    assert result.log == "pip's log"
    assert wait.events == [
        TaskEvent(state="restarting", polls=1, reason=reason),
        TaskEvent(state="restarting", polls=2, reason=reason),
        TaskEvent(state="confirming", polls=3, reason=reason),
        TaskEvent(state="confirming", polls=3, reason=reason),
        TaskEvent(state="completed", polls=3),
    ]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (make_json("Missing task_id", 400), BadRequest),
        (make_json("Access denied.", 403), AccessDenied),
        (make_html(404), NotFound),
        (make_html(418), APIError),
        (make_html(500), ServerError),
        (make_html(501), ServerError),
        (make_html(302), RedirectRefused),
        (RedirectRefused("elsewhere"), RedirectRefused),
    ],
)
@pytest.mark.parametrize(
    ("before", "path"),
    [
        ([], INSTALL_STATUS),
        ([PIP_WORKING], INSTALL_STATUS),
        ([PIP_COMPLETED], HEALTH),
        ([PIP_COMPLETED, NEW], PACKAGES),
    ],
)
def test_other_errors_are_raised(
    before: Script, path: str, response: Outcome, expected: type[DocassembleError]
) -> None:
    """A refusal ends the wait: without the privilege, it would never end."""
    error = Wait(INSTALL, [*before, (path, response)]).fail(expected)

    assert not isinstance(error, TaskError)


def test_a_task_that_was_never_seen_is_lost_without_a_date() -> None:
    """It was never seen running, and there is no date to compare with."""
    handle = RESTART._replace(started_at=None)

    error = Wait(handle, [UNKNOWN]).fail(TaskLost)

    assert error.handle == handle
    assert error.operation == "server.restart"
    assert "forgets" in error.hint


def test_a_task_that_was_never_seen_has_ended_if_the_server_started_later() -> None:
    """The server has forgotten an old task, but has restarted since."""
    wait = Wait(RESTART, [UNKNOWN, NEW])

    assert wait.run() == TaskResult(handle=RESTART)
    assert wait.states == ["completed"]


@pytest.mark.parametrize("before", [[], [WORKING], [(RESTART_STATUS, NotSent("no"))]])
def test_an_unknown_task_is_lost_if_no_new_process_responds(before: Script) -> None:
    """A few polls may reach an old process, but not all of them."""
    wait = Wait(RESTART, [*before, UNKNOWN, OLD, OLD, OLD, (HEALTH, NotSent("no")), OLD, OLD])

    error = wait.fail(TaskLost)

    assert error.handle == RESTART


def test_an_unknown_task_has_ended_if_a_new_process_responds() -> None:
    """The server may forget a completed task before it restarts."""
    wait = Wait(RESTART, [UNKNOWN, OLD, OLD, OLD, OLD, NEW])

    assert wait.run() == TaskResult(handle=RESTART)


@pytest.mark.parametrize(
    "before", [WORKING, (RESTART_STATUS, NotSent("no")), (RESTART_STATUS, make_html())]
)
def test_a_task_that_is_forgotten_after_it_was_seen_has_ended(before: tuple[str, Outcome]) -> None:
    """First working or not reachable, then unknown: it has ended, even without dates."""
    handle = RESTART._replace(started_at=None)

    assert Wait(handle, [before, UNKNOWN, OLD]).run() == TaskResult(handle=handle)


def test_delays_grow_up_to_max_interval() -> None:
    """Delays grow with each poll, also during confirmation."""
    policy = PollPolicy(interval=1, backoff_factor=2, max_interval=6)
    wait = Wait(RESTART, [WORKING, WORKING, COMPLETED, OLD, OLD, OLD, NEW], policy)

    wait.run()

    assert wait.delays == [1, 2, 4, 6, 6]


def test_max_interval_limits_the_first_delay() -> None:
    """max_interval limits every delay."""
    wait = Wait(RESTART, [WORKING, COMPLETED, NEW], PollPolicy(interval=5, max_interval=2))

    wait.run()

    assert wait.delays == [2]


@pytest.mark.parametrize(("random_number", "share"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5)])
def test_delays_are_shortened_by_up_to_a_half(
    random_number: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many clients that wait for one server must not poll at the same time."""
    set_random(monkeypatch, random_number)
    wait = Wait(RESTART, [WORKING, WORKING, COMPLETED, NEW])

    wait.run()

    assert wait.delays == [share, 1.5 * share]


@pytest.mark.parametrize("factor", [1.5, 3, 1e300])
def test_thousands_of_polls_do_not_overflow(factor: float) -> None:
    """The delay stays at max_interval."""
    policy = PollPolicy(backoff_factor=factor)
    wait = Wait(RESTART, [*[WORKING] * 9000, COMPLETED, NEW], policy)

    wait.run()

    assert set(wait.delays[10:]) == {10.0}
    assert wait.events[-1].polls == 9001


def test_an_unknown_kind_of_task_is_refused() -> None:
    """A token of a newer client may have a kind that this client does not support."""
    with pytest.raises(UsageError, match="kind of task 'backup' is not supported") as caught:
        TaskPoller(RESTART._replace(kind="backup"), PollPolicy())

    assert caught.value.operation == "server.restart"


def test_each_kind_of_task_uses_existing_attributes() -> None:
    """A misspelled attribute in the table would only fail at the end of a restart."""
    for kind in TASKS.values():
        models = {
            name: OPERATIONS[name].results["200"].json
            for name in (kind.status_operation, kind.confirm_operation)
        }
        for name in filter(
            None, ("status", kind.ok_attribute, kind.log_attribute, kind.error_attribute)
        ):
            assert name in {field.name for field in attrs.fields(models[kind.status_operation])}
        if kind.start_time_attribute:
            assert kind.start_time_attribute in {
                field.name for field in attrs.fields(models[kind.confirm_operation])
            }
        if kind.list_operation:
            assert kind.list_operation in OPERATIONS
    kinds = {
        result.task for operation in OPERATIONS.values() for result in operation.results.values()
    }
    assert kinds - {""} == TASKS.keys()
