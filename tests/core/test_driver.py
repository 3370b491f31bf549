"""The driver: it sends, sleeps and tells what a flow asks for, and keeps the limit of the whole."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any, cast

import pytest

from docassemble_client import AsyncDocassemble
from docassemble_client._core.driver import Run
from docassemble_client._core.flow import Deliver, Send, Sleep, Tell, execute
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import (
    DecodeError,
    MaybeSent,
    NotSent,
    RequestTimeout,
    ServerError,
    UsageError,
)
from docassemble_client.events import PageEvent
from docassemble_client.tasks import TaskHandle
from tests.mock import (
    FakeTransport,
    MockServer,
    build_response,
    get_loop_time,
    get_other_tasks,
    run,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from docassemble_client._core.flow import Flow

REQUEST = Request(operation="users.get", method="GET", path="/api/user/7", safe=True)
UNSAFE = Request(operation="users.create", method="POST", path="/api/user/new")
PAGE = PageEvent(operation="x", number=1, items=1)
GOOD = RawResponse(status=200)
LATER = RawResponse(status=503, headers={"retry-after": "8"})


def drive(
    line: FakeTransport, flow: Flow[Any], total: float | None = None, *, per_delivery: bool = False
) -> Run[Any]:
    return Run(cast("Any", line), flow, REQUEST, Timeouts(total=total), per_delivery=per_delivery)


def late(
    line: FakeTransport, total: float, request: Request = REQUEST
) -> tuple[RequestTimeout, float]:
    """Carry a call that takes too long: its error, and when it came."""

    async def use() -> tuple[RequestTimeout, float]:
        flow = execute(request, RetryPolicy(initial_delay=8, attempts=9), jitter=lambda: 1.0)
        with pytest.raises(RequestTimeout) as caught:
            await drive(line, flow, total).result()
        assert get_other_tasks() == set()
        return caught.value, get_loop_time()

    return run(use())


def test_a_flow_gets_what_it_asks_for() -> None:
    """Requests are sent, pauses slept and events told in order; deliveries pass to the caller."""

    def flow() -> Flow[str]:
        yield Tell(PAGE)
        reply = yield Send(REQUEST)
        yield Sleep(5)
        yield Deliver(reply)
        yield Deliver("more")
        return "end"

    line = FakeTransport(lambda _: GOOD)

    async def use() -> list[Any]:
        driven = drive(line, flow())
        assert driven.elapsed == 0
        seen = [await driven.step(), get_loop_time(), await driven.step(), await driven.step()]
        assert driven.elapsed == 5
        assert await driven.step() is None
        return [*seen, await driven.result()]

    assert run(use()) == [GOOD, 5.0, "more", None, "end"]
    assert (line.sent, line.events) == ([REQUEST], [PAGE])


def test_deliveries_do_not_stop_who_wants_the_result() -> None:
    """Asked for the result, the driver goes over everything before it."""

    def flow() -> Flow[str]:
        yield Deliver(1)
        yield Deliver(2)
        return "end"

    assert run(drive(FakeTransport(lambda _: GOOD), flow()).result()) == "end"


@pytest.mark.parametrize("error", [NotSent("no"), MaybeSent("no"), DecodeError("no")])
def test_a_failure_of_the_network_is_raised_inside_the_flow(error: Exception) -> None:
    """The flow decides what a failed request means."""

    def flow() -> Flow[Exception | None]:
        try:
            yield Send(REQUEST)
        except (NotSent, MaybeSent, DecodeError) as caught:
            return caught
        return None

    assert run(drive(FakeTransport(lambda _: error), flow()).result()) is error


def test_any_other_failure_ends_the_flow() -> None:
    """A wrong call is none of the flow's business; it is closed where it stands."""
    closed: list[bool] = []

    def flow() -> Flow[None]:
        try:
            yield Send(REQUEST)
        finally:
            closed.append(True)

    with pytest.raises(UsageError, match="closed"):
        run(drive(FakeTransport(lambda _: UsageError("closed")), flow()).result())
    assert closed == [True]


def test_the_limit_of_the_whole_holds_across_retries() -> None:
    """Timeouts.total counts every attempt and every pause between them."""
    line = FakeTransport(lambda _: LATER)
    line.delay = lambda _: 1.0

    # 1 + 8 + 1 + 16: the second pause is cut.
    assert late(line, 20)[1] == 20
    assert len(line.sent) == 2


def test_a_call_that_ends_in_time_meets_no_limit() -> None:
    """A total limit costs nothing where it is not reached."""
    answers = iter([LATER, LATER, GOOD])
    line = FakeTransport(lambda _: next(answers))

    async def use() -> float:
        flow = execute(REQUEST, RetryPolicy(initial_delay=0))
        assert await drive(line, flow, 20).result() is GOOD
        return get_loop_time()

    assert run(use()) == 16


@pytest.mark.parametrize(
    ("request_", "answer", "seconds", "maybe"),
    [
        (UNSAFE, GOOD, 30, True),
        (UNSAFE, NotSent("no"), 1, False),
        (UNSAFE, RequestTimeout("no", maybe_processed=False), 1, False),
        (REQUEST, MaybeSent("no"), 1, True),
        (REQUEST, LATER, 1, True),
    ],
)
def test_a_call_that_takes_too_long_says_whether_it_may_have_been_processed(
    request_: Request, answer: RawResponse | Exception, seconds: float, *, maybe: bool
) -> None:
    """Only where no attempt reached the server it is certain that nothing was done."""
    line = FakeTransport(lambda _: answer)
    line.delay = lambda _: seconds

    error, _ = late(line, 20, request_)

    assert error.maybe_processed is maybe
    assert (error.operation, error.path) == (request_.operation, request_.path)
    assert error.message == "the call took longer than 20 s"
    assert ("may still be working" in error.hint) is maybe


def test_an_attempt_after_one_that_may_have_been_processed_does_not_undo_it() -> None:
    """First maybe processed, then not sent: the first may still have been."""
    answers = iter([MaybeSent("no")])
    line = FakeTransport(lambda _: next(answers, NotSent("no")))

    error, _ = late(line, 20)

    assert error.maybe_processed


def test_each_delivery_has_the_whole_time_if_so_wished() -> None:
    """A walk through a list is limited per page, anything else as one."""

    def flow() -> Flow[None]:
        for number in range(4):
            yield Sleep(4)
            yield Deliver(number)

    async def use(*, per_delivery: bool) -> list[Any]:
        driven = drive(FakeTransport(lambda _: GOOD), flow(), 5, per_delivery=per_delivery)
        seen = []
        try:
            while (value := await driven.step()) is not None:
                seen.append(value)
                await asyncio.sleep(3)
        except RequestTimeout:
            seen.append("late")
        driven.close()
        return seen

    assert run(use(per_delivery=True)) == [0, 1, 2, 3]
    assert run(use(per_delivery=False)) == [0, "late"]


WHOLE = [b"\0", b"\1", b"\2", b"\3"]


@pytest.mark.parametrize(("total", "outcome"), [(None, WHOLE), (20, WHOLE), (10, [10, True])])
def test_the_limit_of_the_whole_holds_for_a_body(
    total: float | None, outcome: list[object]
) -> None:
    """A body that comes slowly is cut off where the whole call has taken too long."""

    async def body() -> AsyncGenerator[bytes]:
        for number in range(4):
            await asyncio.sleep(4)
            yield bytes([number])

    async def use() -> list[Any]:
        driven = drive(FakeTransport(lambda _: GOOD), execute(REQUEST, RetryPolicy()), total)
        await driven.result()
        try:
            return [piece async for piece in driven.within(body())]
        except RequestTimeout as error:
            return [get_loop_time(), error.maybe_processed]

    assert run(use()) == outcome


def store(
    da: AsyncDocassemble, session: str = "s", total: float | None = None
) -> Coroutine[Any, Any, object]:
    """Make a call that must not overlap with another of its session."""
    timeout = Timeouts(total=total)
    return da.sessions.set_variables("x.yml", session, variables={"a": 1}, timeout=timeout)


def test_the_limit_of_the_whole_holds_while_another_call_has_the_session() -> None:
    """Waiting for the lock of a session counts; nothing was sent, and the lock is not lost."""
    mock = MockServer(lambda _: build_response(200, {"questionType": "deadend"}))

    async def use() -> None:
        async with AsyncDocassemble(mock.url, "key", transport=mock.transport) as da:
            mock.gate = asyncio.Event()
            first = asyncio.create_task(store(da))
            await settle()
            with pytest.raises(RequestTimeout) as caught:
                await store(da, total=5)
            assert get_loop_time() == 5
            assert not caught.value.maybe_processed
            assert len(mock.requests) == 1
            mock.gate.set()
            await first
            await store(da, total=5)

    run(use())
    assert len(mock.requests) == 2


@pytest.mark.parametrize("turns", range(25))
def test_cancelling_at_any_point_leaves_nothing_behind(turns: int) -> None:
    """Whenever a call is cancelled: no task stays, no request, and the session is free again."""
    answers = iter([(429, None)])
    mock = MockServer(lambda _: next(answers, (200, {"questionType": "deadend"})))

    async def use() -> None:
        policy = RetryPolicy(initial_delay=0)
        async with AsyncDocassemble(
            mock.url, "key", transport=mock.transport, retry=policy, max_concurrency=1
        ) as da:
            calls = [
                asyncio.create_task(call)
                for call in (da.sessions.get_question("x.yml", "s"), store(da), store(da))
            ]
            await settle(turns)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            assert get_other_tasks() == set()
            assert mock.active_requests == 0
            await store(da)

    run(use())


def test_calls_of_one_session_do_not_overlap() -> None:
    """The server loses what is written at once; other sessions do not wait."""
    most: list[int] = []

    async def use() -> None:
        async with AsyncDocassemble(mock.url, "key", transport=mock.transport) as da:
            calls = [store(da, session) for session in ("s", "s", "t", "s")]
            await asyncio.gather(*calls)

    def answer(_: object) -> Any:
        most.append(mock.active_requests)
        return build_response(200, {"questionType": "deadend"})

    mock = MockServer(answer)
    run(use())
    assert len(mock.requests) == 4
    assert max(most) <= 2


def test_locks_of_sessions_are_forgotten() -> None:
    """A client that works on many sessions does not keep a lock for each."""
    mock = MockServer(lambda _: build_response(200, {"questionType": "deadend"}))

    async def use() -> int:
        async with AsyncDocassemble(mock.url, "key", transport=mock.transport) as da:
            for number in range(50):
                await store(da, str(number))
            runtime = da._executor
            assert runtime is not None
            gc.collect()  # a finished call may stand in a cycle until then
            return len(runtime._locks)

    assert run(use()) == 0


@pytest.mark.parametrize("use", ["call", "list", "task"])
def test_a_second_event_loop_is_a_clear_error(use: str) -> None:
    """A client belongs to the loop that used it first, whatever it is asked for in another."""
    healthy = {"ok": True, "server_start_time": 1.5, "version": "1.10.14"}
    mock = MockServer(lambda _: build_response(200, healthy))
    da = AsyncDocassemble(mock.url, "key", transport=mock.transport)
    run(da.server.get_health())

    uses: dict[str, Callable[[], Any]] = {
        "call": lambda: store(da),
        "list": lambda: anext(aiter(da.users.list())),
        "task": lambda: da.wait_for_task(TaskHandle(id="T", kind="restart", operation="x")),
    }

    async def again() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await uses[use]()

    run(again())
    assert len(mock.requests) == 1


def test_a_closed_client_is_a_clear_error() -> None:
    """After aclose() nothing is sent any more, not even by a walk that had begun."""
    mock = MockServer(lambda _: build_response(200, {"items": [], "next_id": "x"}))

    async def use() -> None:
        da = AsyncDocassemble(mock.url, "key", transport=mock.transport)
        pages = da.users.list().pages()
        await anext(pages)
        await da.aclose()
        await da.aclose()
        with pytest.raises(UsageError, match="closed") as caught:
            await anext(pages)
        assert caught.value.page_token == "x"
        with pytest.raises(UsageError, match="closed"):
            await da.users.get_current()

    run(use())
    assert len(mock.requests) == 1


def test_who_waits_for_a_turn_of_a_closed_client_hears_of_it() -> None:
    """A call whose turn comes after aclose() is refused, and nothing is sent."""
    mock = MockServer(lambda _: build_response(200, {"items": [], "next_id": None}))

    async def use() -> None:
        mock.gate = asyncio.Event()
        da = AsyncDocassemble(mock.url, "key", transport=mock.transport, max_concurrency=1)
        first, second = (asyncio.ensure_future(da.users.list()) for _ in range(2))
        await settle()
        await da.aclose()
        mock.gate.set()
        await first
        with pytest.raises(UsageError, match="closed"):
            await second

    run(use())
    assert len(mock.requests) == 1


def test_the_last_failure_is_raised_as_it_is() -> None:
    """The driver adds nothing to what a flow raises."""
    flow = execute(REQUEST, RetryPolicy(attempts=1))

    with pytest.raises(ServerError, match="503"):
        run(drive(FakeTransport(lambda _: LATER), flow).result())
