"""Waiting for a task as a generator: what is progress, what is failure, what is to be believed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

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
)
from docassemble_client.events import WaitEvent
from docassemble_client.operations import OPERATIONS, TASKS
from docassemble_client.tasks import PollPolicy, TaskEvent, TaskHandle, TaskResult
from tests.core.hand import in_html, in_json
from tests.core.waiting import (
    BEGUN,
    COMPLETED,
    HEALTH,
    INSTALL,
    INSTALLED,
    LISTED,
    NEW,
    OLD,
    PACKAGES,
    PIP_DONE,
    PIP_WORKS,
    RESTART,
    RESTARTED,
    UNKNOWN,
    WORKING,
    Wait,
    healthy,
)

if TYPE_CHECKING:
    from tests.core.hand import Answer
    from tests.core.waiting import Script


def test_a_completed_restart_is_believed_after_a_cheap_call() -> None:
    """Working, then completed; a process that started afterwards proves it."""
    wait_ = Wait(RESTART, [WORKING, WORKING, COMPLETED, NEW])

    result = wait_.run()

    assert result == TaskResult(handle=RESTART)
    assert wait_.events == [
        TaskEvent(state="working", polls=1),
        TaskEvent(state="working", polls=2),
        TaskEvent(state="completed", polls=3),
    ]
    assert wait_.hand.told == [
        WaitEvent(operation="server.restart", state=one.state, polls=one.polls, detail="")
        for one in wait_.events
    ]
    assert wait_.hand.slept == [1.0, 1.5]


def test_completed_before_the_restart_is_not_believed() -> None:
    """A process older than the task cannot be the restarted one, whatever it says."""
    script = [COMPLETED, OLD, OLD, (HEALTH, NotSent("no")), OLD, NEW]
    wait_ = Wait(RESTART, script)

    wait_.run()

    assert wait_.states == ["confirming"] * 4 + ["completed"]
    assert [event.detail for event in wait_.events] == ["", "", "NotSent", "", ""]
    assert {event.polls for event in wait_.events} == {1}


@pytest.mark.parametrize(("before", "old"), [([], 17), ([WORKING] * 50, 14)])
def test_completed_is_believed_in_the_end_if_the_server_is_never_younger(
    before: Script, old: int
) -> None:
    """A proxy's clock may date the task wrongly: after two minutes the server's word stands."""
    wait_ = Wait(RESTART, [*before, COMPLETED, *[OLD] * old])

    wait_.run()

    confirming = wait_.hand.slept[len(before) :]
    assert sum(confirming) > 120 >= sum(confirming[:-1])


def test_an_old_process_is_not_believed_for_being_asked_often() -> None:
    """It is time that counts: with short pauses there are more looks."""
    wait_ = Wait(RESTART, [COMPLETED, *[OLD] * 500, NEW], PollPolicy(max_interval=0.1))

    wait_.run()

    assert len(wait_.hand.slept) == 500


@pytest.mark.parametrize(
    ("handle", "since"),
    [
        (RESTART, BEGUN),
        (RESTART, BEGUN - 1),
        (RESTART, None),
        (evolve(RESTART, started=None), BEGUN - 500),
    ],
    ids=["same second", "rounding", "no start time", "no date"],
)
def test_a_process_is_believed_where_nothing_speaks_against_it(
    handle: TaskHandle, since: float | None
) -> None:
    """Dates have whole seconds; servers and handles without one must do without this proof."""
    wait_ = Wait(handle, [COMPLETED, healthy(since)])

    assert wait_.run().handle == handle


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (NotSent("refused"), "NotSent"),
        (MaybeSent("reset"), "MaybeSent"),
        (RequestTimeout("silent"), "RequestTimeout"),
        (RequestTimeout("no connection", maybe_processed=False), "RequestTimeout"),
        (DecodeError("bad gzip"), "DecodeError"),
        (in_html(), "DecodeError"),
        (in_json("no object"), "DecodeError"),
        (in_json("x", 429), "429"),
        (in_html(502), "502"),
        (in_html(503), "503"),
        (in_html(504), "504"),
    ],
)
def test_what_a_restart_looks_like_is_progress(answer: Answer, detail: str) -> None:
    """Time-outs, broken connections, proxies' errors and pages are what a restart looks like."""
    wait_ = Wait(
        INSTALL,
        [
            (INSTALLED, answer),
            (INSTALLED, answer),
            PIP_DONE,
            (HEALTH, answer),
            NEW,
            (PACKAGES, answer),
            LISTED,
        ],
    )

    result = wait_.run()

    assert result.log == "pip's log"
    assert wait_.events == [
        TaskEvent(state="restarting", polls=1, detail=detail),
        TaskEvent(state="restarting", polls=2, detail=detail),
        TaskEvent(state="confirming", polls=3, detail=detail),
        TaskEvent(state="confirming", polls=3, detail=detail),
        TaskEvent(state="completed", polls=3),
    ]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (in_json("Missing task_id", 400), BadRequest),
        (in_json("Access denied.", 403), AccessDenied),
        (in_html(404), NotFound),
        (in_html(418), APIError),
        (in_html(500), ServerError),
        (in_html(501), ServerError),
        (in_html(302), RedirectRefused),
        (RedirectRefused("elsewhere"), RedirectRefused),
    ],
)
@pytest.mark.parametrize(
    ("before", "path"),
    [
        ([], INSTALLED),
        ([PIP_WORKS], INSTALLED),
        ([PIP_DONE], HEALTH),
        ([PIP_DONE, NEW], PACKAGES),
    ],
)
def test_what_no_restart_looks_like_is_raised(
    before: Script, path: str, answer: Answer, kind: type[DocassembleError]
) -> None:
    """A refusal is not outwaited: a key without the privilege would wait for ever."""
    error = Wait(INSTALL, [*before, (path, answer)]).fail(kind)

    assert not isinstance(error, TaskError)


def test_a_task_unknown_from_the_start_is_lost_where_nothing_dates_it() -> None:
    """Without a sign that it ever ran, or a date to compare with, it cannot be called over."""
    handle = evolve(RESTART, started=None)

    error = Wait(handle, [UNKNOWN]).fail(TaskLost)

    assert error.handle == handle
    assert error.operation == "server.restart"
    assert "forgets" in error.hint


def test_a_task_unknown_from_the_start_is_over_if_the_server_is_younger() -> None:
    """A token of an hour ago: its restart has long been forgotten, and the server is a new one."""
    wait_ = Wait(RESTART, [UNKNOWN, NEW])

    assert wait_.run() == TaskResult(handle=RESTART)
    assert wait_.states == ["completed"]


@pytest.mark.parametrize("before", [[], [WORKING], [(RESTARTED, NotSent("no"))]])
def test_an_unknown_task_is_lost_if_the_server_stays_an_old_one(before: Script) -> None:
    """Some looks may still find a process from before the restart, but not one after the other."""
    wait_ = Wait(RESTART, [*before, UNKNOWN, OLD, OLD, OLD, (HEALTH, NotSent("no")), OLD, OLD])

    error = wait_.fail(TaskLost)

    assert error.handle == RESTART


def test_an_unknown_task_is_over_if_a_new_process_comes_in_time() -> None:
    """A first completed may have shortened the server's memory before it restarts."""
    wait_ = Wait(RESTART, [UNKNOWN, OLD, OLD, OLD, OLD, NEW])

    assert wait_.run() == TaskResult(handle=RESTART)


@pytest.mark.parametrize("before", [WORKING, (RESTARTED, NotSent("no")), (RESTARTED, in_html())])
def test_a_task_forgotten_after_it_was_seen_is_over(before: tuple[str, Answer]) -> None:
    """Working, or the silence of a restart, then unknown: over, even without dates."""
    handle = evolve(RESTART, started=None)

    assert Wait(handle, [before, UNKNOWN, OLD]).run() == TaskResult(handle=handle)


def test_pauses_grow_up_to_the_cap() -> None:
    """Pauses grow from look to look, also while the server confirms."""
    policy = PollPolicy(interval=1, backoff_factor=2, max_interval=6)
    wait_ = Wait(RESTART, [WORKING, WORKING, COMPLETED, OLD, OLD, OLD, NEW], policy)

    wait_.run()

    assert wait_.hand.slept == [1, 2, 4, 6, 6]


def test_a_cap_below_the_interval_holds_for_the_first_pause_too() -> None:
    """The cap is the longest pause of all."""
    wait_ = Wait(RESTART, [WORKING, COMPLETED, NEW], PollPolicy(interval=5, max_interval=2))

    wait_.run()

    assert wait_.hand.slept == [2]


@pytest.mark.parametrize(("draw", "share"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_pauses_are_shortened_by_up_to_a_half(draw: float, share: float) -> None:
    """Many that wait for one server must not ask at the same moment."""
    wait_ = Wait(RESTART, [WORKING, WORKING, COMPLETED, NEW], jitter=lambda: draw)

    wait_.run()

    assert wait_.hand.slept == [share, 1.5 * share]


def test_pauses_are_random_unless_told_otherwise() -> None:
    """By default the draw is a random number."""
    policy = PollPolicy(interval=8)
    pauses = set()
    for seed in range(3):
        random.seed(seed)
        wait_ = Wait(RESTART, [WORKING, COMPLETED, NEW], policy, jitter=random.random)

        wait_.run()

        pauses.update(wait_.hand.slept)
    assert len(pauses) == 3
    assert all(4 < pause < 8 for pause in pauses)


def test_a_day_of_waiting_overflows_nothing() -> None:
    """Thousands of looks keep the pause at its cap."""
    wait_ = Wait(RESTART, [*[WORKING] * 9000, COMPLETED, NEW])

    wait_.run()

    assert set(wait_.hand.slept[10:]) == {10.0}
    assert wait_.events[-1].polls == 9001


def test_each_kind_of_task_names_what_its_operations_have() -> None:
    """A misspelt attribute in the table would fail only at the end of a restart."""
    for kind in TASKS.values():
        models = {
            name: OPERATIONS[name].results["200"].json for name in (kind.status, kind.confirm)
        }
        for name in filter(None, ("status", kind.ok, kind.log, kind.error)):
            assert hasattr(models[kind.status], "__attrs_attrs__")
            assert name in {one.name for one in models[kind.status].__attrs_attrs__}
        if kind.started:
            assert kind.started in {one.name for one in models[kind.confirm].__attrs_attrs__}
        if kind.listed:
            assert kind.listed in OPERATIONS
    kinds = {result.task for one in OPERATIONS.values() for result in one.results.values()}
    assert kinds - {""} == TASKS.keys()
