"""One call as a generator: what is sent again, after which pause, and how the answer is judged."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client._core.flow import Send, Sleep, Tell, execute
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client._core.retry import RetryBudget
from docassemble_client.config import RetryPolicy
from docassemble_client.errors import (
    APIError,
    MaybeSent,
    NotSent,
    RateLimited,
    RedirectRefused,
    RequestTimeout,
    ServerError,
    TransportError,
)
from docassemble_client.events import Event, RetryEvent
from docassemble_client.transfer import Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"
SAFE = Request(operation="users.get", method="GET", path="/api/user/7", safe=True)
UNSAFE = Request(operation="users.create", method="POST", path="/api/user/new")
EITHER = pytest.mark.parametrize("request_", [SAFE, UNSAFE], ids=["safe", "unsafe"])


def reply(
    status: int = 200,
    content: bytes = b"",
    kind: str = "",
    headers: Mapping[str, str] | None = None,
) -> RawResponse:
    typed = {"content-type": kind} if kind else {}
    url = "https://da.example.com/api/user/7"
    return RawResponse(
        status=status, headers={**typed, **(headers or {})}, content=content, url=url
    )


class Driver:
    """Plays the driver by hand: no loop, no clock, one answer for each request."""

    def __init__(self, *answers: RawResponse | TransportError) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []
        self.slept: list[float] = []
        self.told: list[Event] = []

    def play(
        self,
        request: Request,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        jitter: Callable[[], float] = lambda: 1.0,
        **more: Any,
    ) -> RawResponse:
        """Answer each request with the next answer, until the call returns or raises."""
        flow = execute(request, policy, jitter=jitter, **more)
        step = next(flow)
        try:
            while True:
                if isinstance(step, Sleep):
                    self.slept.append(step.seconds)
                    step = next(flow)
                    continue
                if isinstance(step, Tell):
                    self.told.append(step.event)
                    step = next(flow)
                    continue
                assert isinstance(step, Send)
                self.sent.append(step.request)
                answer = self.answers.pop(0)
                if isinstance(answer, TransportError):
                    step = flow.throw(answer)
                else:
                    step = flow.send(answer)
        except StopIteration as stop:
            result: RawResponse = stop.value
            return result


@EITHER
@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_returned_at_once(request_: Request, status: int) -> None:
    """A 2xx answer ends the call: it is sent once, and nothing is waited for."""
    answer = reply(status, b"x")
    driver = Driver(answer)

    result = driver.play(request_)

    assert result is answer
    assert driver.sent == [request_]
    assert driver.slept == []


@EITHER
@pytest.mark.parametrize("error", [NotSent("no"), RequestTimeout("no", maybe_processed=False)])
def test_what_never_reached_the_server_is_sent_again(
    request_: Request, error: TransportError
) -> None:
    """A request the server cannot have seen is repeated whatever it does."""
    driver = Driver(error, error, reply())

    result = driver.play(request_)

    assert result.status == 200
    assert driver.sent == [request_] * 3
    assert len(driver.slept) == 2


@pytest.mark.parametrize("error", [MaybeSent("broke"), RequestTimeout("late")])
def test_what_may_have_been_processed_is_sent_again_only_if_safe(error: TransportError) -> None:
    """A request the server may have carried out is repeated only where that does no harm."""
    safe, unsafe = Driver(error, reply()), Driver(error)

    result = safe.play(SAFE)
    with pytest.raises(type(error)) as caught:
        unsafe.play(UNSAFE)

    assert result.status == 200
    assert len(safe.sent) == 2
    assert caught.value is error
    assert unsafe.slept == []


@EITHER
def test_a_refused_redirect_is_never_sent_again(request_: Request) -> None:
    """A redirect answers the same the next time, so it is raised at once."""
    driver = Driver(RedirectRefused("elsewhere"))

    with pytest.raises(RedirectRefused):
        driver.play(request_)

    assert driver.slept == []


@EITHER
def test_too_many_requests_is_sent_again_whatever_it_does(request_: Request) -> None:
    """429 means the server did not process the request, so all may be repeated."""
    driver = Driver(reply(429), reply(200))

    result = driver.play(request_)

    assert result.status == 200
    assert len(driver.sent) == 2


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_failing_proxy_is_asked_again_only_if_safe(status: int) -> None:
    """Behind 502, 503 and 504 the server may have done the work: only safe ones are repeated."""
    safe, unsafe = Driver(reply(status), reply()), Driver(reply(status))

    result = safe.play(SAFE)
    with pytest.raises(ServerError) as caught:
        unsafe.play(UNSAFE)

    assert result.status == 200
    assert caught.value.status == status
    assert len(unsafe.sent) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 408, 500, 501])
def test_other_errors_are_not_sent_again(status: int) -> None:
    """An error the server means is raised at once, even where a repetition were safe."""
    driver = Driver(reply(status))

    with pytest.raises(APIError):
        driver.play(SAFE)

    assert driver.slept == []


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_no_more_attempts_than_the_policy_allows(attempts: int) -> None:
    """The last failure is raised as it is, after as many pauses as there were repetitions."""
    errors = [NotSent(str(number)) for number in range(attempts)]
    driver = Driver(*errors)

    with pytest.raises(NotSent) as caught:
        driver.play(UNSAFE, RetryPolicy(attempts=attempts))

    assert caught.value is errors[-1]
    assert len(driver.sent) == attempts
    assert len(driver.slept) == attempts - 1


def test_the_last_answer_is_judged_like_any_other() -> None:
    """When attempts run out on an answer, its error is raised, not one of an earlier attempt."""
    driver = Driver(NotSent("first"), reply(503), reply(429))

    with pytest.raises(RateLimited) as caught:
        driver.play(SAFE)

    assert caught.value.status == 429


def test_pauses_double_up_to_the_cap() -> None:
    """Without luck the pauses are base, twice base, four times base, and never above the cap."""
    driver = Driver(*[NotSent("no")] * 5, reply())

    driver.play(SAFE, RetryPolicy(attempts=6, initial_delay=0.5, max_delay=3.0))

    assert driver.slept == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_jitter_draws_from_the_whole_pause() -> None:
    """Full jitter: a pause lies anywhere between nothing and its limit, drawn anew each time."""
    draws = iter([0.0, 0.5, 0.25, 1.0])
    driver = Driver(*[NotSent("no")] * 3, reply())

    driver.play(
        SAFE, RetryPolicy(attempts=4, initial_delay=1.0, max_delay=60.0), lambda: next(draws)
    )

    assert driver.slept == [0.0, 1.0, 1.0]


def test_pauses_are_random_unless_told_otherwise() -> None:
    """By default the draw is a random number, so that clients do not come back all at once."""
    pauses = set()
    for seed in range(3):
        random.seed(seed)
        flow = execute(SAFE, RetryPolicy(initial_delay=8.0))
        next(flow)

        told = flow.throw(NotSent("no"))
        step = next(flow)

        assert isinstance(told, Tell)
        assert isinstance(step, Sleep)
        pauses.add(step.seconds)
    assert len(pauses) == 3
    assert all(0 < pause < 8.0 for pause in pauses)


def test_any_number_of_attempts_keeps_a_finite_pause() -> None:
    """Pauses of a policy with thousands of attempts stay at the cap; doubling never overflows."""
    driver = Driver(*[NotSent("no")] * 1999, reply())

    driver.play(SAFE, RetryPolicy(attempts=2000, initial_delay=1, max_delay=2.0, budget=2000))

    assert driver.slept[0] == 1.0
    assert set(driver.slept[1:]) == {2.0}


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 1.0),
        ("120", 30.0),
        ("9" * 5000, 30.0),
        ("", 1.0),
        ("1.5", 1.0),
        ("-5", 1.0),
        ("+5", 1.0),
        ("\u0667", 1.0),
        ("²", 1.0),
        ("soon", 1.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 20.0),
        ("Wed, 21 Oct 2026 07:28:00 -0000", 20.0),
        ("Wed, 21 Oct 2026 09:28:00 +0200", 20.0),
        ("Wednesday, 21-Oct-26 07:28:00 GMT", 20.0),
        ("Wed, 21 Oct 2026 07:27:40.5 GMT", 1.0),
        ("Wed, 21 Oct 2026 07:27:30 GMT", 1.0),
        ("Wed, 21 Oct 2026 08:28:00 GMT", 30.0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 30.0),
        ("Wed, 99 Oct 2026 07:28:00 GMT", 1.0),
        ("Wed, 21 Oct 2026 07:28:00 +9999", 1.0),
    ],
)
def test_retry_after_is_honoured_and_capped(header: str, pause: float) -> None:
    """The server's wish, in seconds or as a date, lengthens the pause up to the cap."""
    came = datetime(2026, 10, 21, 7, 27, 40, tzinfo=UTC).timestamp()
    answer = reply(429, headers={"retry-after": header})
    answer.received_at = came
    driver = Driver(answer, reply())

    driver.play(UNSAFE, RetryPolicy(initial_delay=1.0, max_delay=30.0))

    assert driver.slept == [pause]


class ReadOnly:
    """A file that cannot say whether it can go back."""

    def read(self) -> bytes:
        """Read nothing."""
        return b""


class Pipe(io.BytesIO):
    """A file that can be read once."""

    def seekable(self) -> bool:
        """Tell that there is no way back."""
        return False


@pytest.mark.parametrize("content", [Pipe(b"x"), ReadOnly()], ids=["pipe", "no seek"])
@pytest.mark.parametrize("answer", [NotSent("no"), reply(429)], ids=["not sent", "429"])
def test_a_body_that_is_gone_is_not_sent_again(
    content: Any, answer: RawResponse | TransportError
) -> None:
    """A file that can be read only once is never sent a second time, empty as it is then."""
    request = Request(operation="x", method="POST", path="/x", files=(("f", Upload(content)),))
    driver = Driver(answer)

    with pytest.raises((NotSent, RateLimited)):
        driver.play(request)

    assert not request.is_repeatable
    assert driver.slept == []


@pytest.mark.parametrize("content", [b"x", Path("x"), io.BytesIO(b"x")])
def test_a_body_that_can_be_read_again_is_sent_again(content: Any) -> None:
    """Bytes, paths and files that can go back do not stand in the way of a repetition."""
    request = Request(operation="x", method="POST", path="/x", files=(("f", Upload(content)),))
    driver = Driver(NotSent("no"), reply())

    result = driver.play(request)

    assert result.status == 200


def test_each_retry_is_told_before_its_pause() -> None:
    """The hook hears which attempt failed, why, and how long the pause will be."""
    driver = Driver(NotSent("no"), reply(503), reply())

    driver.play(SAFE, RetryPolicy(initial_delay=1.0))

    assert driver.told == [
        RetryEvent(operation="users.get", attempt=1, reason="NotSent", delay=1.0),
        RetryEvent(operation="users.get", attempt=2, reason="503", delay=2.0),
    ]


@pytest.mark.parametrize("error", [NotSent("no"), reply(503)], ids=["not sent", "503"])
def test_without_budget_nothing_is_sent_again(error: RawResponse | TransportError) -> None:
    """A spent budget makes the first failure the last, and nothing is told or waited for."""
    driver = Driver(error)

    with pytest.raises((NotSent, ServerError)):
        driver.play(SAFE, budget=RetryBudget(RetryPolicy(budget=0)))

    assert len(driver.sent) == 1
    assert (driver.slept, driver.told) == ([], [])


def test_a_driver_must_bring_a_reply() -> None:
    """A driver that goes on without a reply is a bug and is told so."""
    flow = execute(SAFE, RetryPolicy())
    step = next(flow)

    with pytest.raises(RuntimeError, match="no reply"):
        next(flow)

    assert step == Send(SAFE)
