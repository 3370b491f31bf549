"""Decisions about retries: whether, after which delay, and how many of them together."""

from __future__ import annotations

import io
import math
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client._core.messages import Request
from docassemble_client._core.retry import (
    RESTART_POLL_SECONDS,
    RetryBudget,
    compute_delay,
    may_be_processed,
    retry_delay,
    retry_until_available,
)
from docassemble_client.config import RetryPolicy
from docassemble_client.errors import (
    DecodeError,
    DocassembleError,
    MaybeSent,
    NotFound,
    NotSent,
    RateLimited,
    RedirectRefused,
    RequestTimeout,
    ServerError,
    TransportError,
    UsageError,
)
from docassemble_client.transfer import Upload
from tests.core.responses import SAFE, UNSAFE, make_response, set_random
from tests.mock import get_loop_time

if TYPE_CHECKING:
    from docassemble_client._core.messages import RawResponse

SAFE_AND_UNSAFE = pytest.mark.parametrize("request_", [SAFE, UNSAFE], ids=["safe", "unsafe"])
POLICY = RetryPolicy(attempts=2)


def is_retried(request: Request, outcome: RawResponse | TransportError, attempt: int = 1) -> bool:
    return retry_delay(request, outcome, attempt, POLICY, RetryBudget()) is not None


@SAFE_AND_UNSAFE
@pytest.mark.parametrize("error", [NotSent("no"), RequestTimeout("no", maybe_processed=False)])
def test_a_request_that_was_not_sent_is_retried(request_: Request, error: TransportError) -> None:
    """The server did not receive it, so it does not matter what it does."""
    assert is_retried(request_, error)


@pytest.mark.parametrize("error", [MaybeSent("broke"), RequestTimeout("late")])
def test_a_request_that_may_have_been_processed_is_retried_only_if_safe(
    error: TransportError,
) -> None:
    """The server may have carried it out."""
    assert is_retried(SAFE, error)
    assert not is_retried(UNSAFE, error)


@SAFE_AND_UNSAFE
@pytest.mark.parametrize("outcome", [RedirectRefused("elsewhere"), make_response(302)])
def test_a_redirect_is_not_retried(
    request_: Request, outcome: RawResponse | RedirectRefused
) -> None:
    """The next response would be the same."""
    assert not is_retried(request_, outcome)


@SAFE_AND_UNSAFE
def test_a_rate_limit_is_retried(request_: Request) -> None:
    """After 429 the server did not process the request."""
    assert is_retried(request_, make_response(429))


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_error_of_a_proxy_is_retried_only_if_safe(status: int) -> None:
    """The server behind the proxy may have carried the request out."""
    assert is_retried(SAFE, make_response(status))
    assert not is_retried(UNSAFE, make_response(status))


@pytest.mark.parametrize("status", [200, 204, 400, 403, 404, 408, 500, 501])
def test_other_responses_are_not_retried(status: int) -> None:
    """The server meant what it said, even if a retry were safe."""
    assert not is_retried(SAFE, make_response(status))


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_the_policy_limits_the_attempts(attempts: int) -> None:
    """The last attempt is not retried."""
    policy, error = RetryPolicy(attempts=attempts), NotSent("no")

    delays = [
        retry_delay(SAFE, error, attempt, policy, RetryBudget())
        for attempt in range(1, attempts + 1)
    ]

    assert [delay is not None for delay in delays] == [True] * (attempts - 1) + [False]


class UnseekableFile:
    """A file without a position."""

    def read(self) -> bytes:
        """Read nothing."""
        return b""


class Pipe(io.BytesIO):
    """A file that can be read only once."""

    def seekable(self) -> bool:
        """Return False."""
        return False


def make_upload_request(content: Any) -> Request:
    return Request(operation="x", method="POST", path="/x", files=(("f", Upload(content)),))


@pytest.mark.parametrize("content", [Pipe(b"x"), UnseekableFile()], ids=["pipe", "no seek"])
@pytest.mark.parametrize("outcome", [NotSent("no"), make_response(429)], ids=["not sent", "429"])
def test_a_body_that_can_be_read_only_once_is_not_retried(
    content: Any, outcome: RawResponse | TransportError
) -> None:
    """The second attempt would send an empty file."""
    request = make_upload_request(content)

    assert not request.is_repeatable
    assert not is_retried(request, outcome)


@pytest.mark.parametrize("content", [b"x", Path("x"), io.BytesIO(b"x")])
def test_a_body_that_can_be_read_again_is_retried(content: Any) -> None:
    """Bytes, paths and seekable files can be sent again."""
    assert is_retried(make_upload_request(content), NotSent("no"))


@pytest.mark.parametrize("outcome", [NotSent("no"), make_response(503)], ids=["not sent", "503"])
def test_an_empty_budget_allows_no_retry(outcome: RawResponse | TransportError) -> None:
    """The first failure is the last."""
    assert retry_delay(SAFE, outcome, 1, POLICY, RetryBudget(capacity=0)) is None


@pytest.mark.parametrize(
    ("request_", "outcome", "attempt"),
    [
        (UNSAFE, make_response(503), 1),
        (SAFE, make_response(404), 1),
        (SAFE, NotSent("no"), 2),
        (make_upload_request(Pipe(b"x")), NotSent("no"), 1),
    ],
)
def test_a_failure_that_is_not_retried_leaves_the_budget_to_other_calls(
    request_: Request, outcome: RawResponse | TransportError, attempt: int
) -> None:
    """Only a retry is withdrawn."""
    budget = RetryBudget(capacity=1)

    assert retry_delay(request_, outcome, attempt, POLICY, budget) is None
    assert budget.try_withdraw()


def test_delays_double_up_to_the_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jitter the delays are initial_delay, twice and four times as much, to max_delay."""
    set_random(monkeypatch, 0.0)
    policy = RetryPolicy(attempts=6, initial_delay=0.5, max_delay=3.0)

    delays = [
        retry_delay(SAFE, NotSent("no"), attempt, policy, RetryBudget()) for attempt in range(1, 6)
    ]

    assert delays == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("jitter", "expected"), [(0.0, [1.0, 2.0, 4.0]), (0.5, [0.5, 1.5, 4.0]), (1.0, [0.0, 1.0, 4.0])]
)
def test_jitter_shortens_the_delay(
    jitter: float, expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A random part of each delay is left out: at most this share of it."""
    set_random(monkeypatch, 1.0, 0.5, 0.0)

    delays = [compute_delay(attempt, 1.0, 60.0, jitter=jitter) for attempt in (1, 2, 3)]

    assert delays == expected


def test_delays_are_random() -> None:
    """Clients that failed together do not come back together."""
    delays = set()
    for seed in range(3):
        random.seed(seed)
        delays.add(compute_delay(1, 8.0, 60.0))

    assert len(delays) == 3
    assert all(0 < delay < 8.0 for delay in delays)


@pytest.mark.parametrize("factor", [1, 1.5, 2.0, 3, 1e300])
@pytest.mark.parametrize("attempt", [1, 2, 1024, 1025, 10**6])
@pytest.mark.parametrize("initial", [0, 0.5])
def test_any_attempt_has_a_finite_delay(initial: float, attempt: int, factor: float) -> None:
    """Growth without limit does not overflow; without an initial delay there is none."""
    delay = compute_delay(attempt, initial, 30.0, factor=factor)

    assert 0 <= delay <= (30.0 if initial else 0)


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("30", 30.0),
        ("31", None),
        ("9" * 5000, None),
        ("soon", 1.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 20.0),
        ("Wed, 21 Oct 2026 07:27:40.5 GMT", 1.0),
        ("Wed, 21 Oct 2026 08:28:00 GMT", None),
    ],
)
def test_no_retry_is_earlier_than_the_server_asks(
    header: str, delay: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for a delay in seconds or until a date; for more than max_delay, nothing is sent."""
    set_random(monkeypatch, 0.0)
    response = make_response(429, headers={"retry-after": header})
    response.received_at = datetime(2026, 10, 21, 7, 27, 40, tzinfo=UTC).timestamp()
    policy = RetryPolicy(initial_delay=1.0, max_delay=30.0)
    budget = RetryBudget(1)

    assert retry_delay(UNSAFE, response, 1, policy, budget) == delay
    assert budget.try_withdraw() is (delay is None)


@pytest.mark.parametrize("attempts", [2, 3, 50])
@pytest.mark.parametrize(
    ("capacity", "deposit"), [(20.0, 0.1), (0, 0.1), (0, 0), (1, 0.25), (7.5, 0.25)]
)
def test_an_outage_is_not_amplified(attempts: int, capacity: float, deposit: float) -> None:
    """For 1,000 failing calls, retries are limited by the capacity and the deposits."""
    budget, calls, retries = RetryBudget(capacity, deposit), 1000, 0

    for _ in range(calls):
        budget.deposit()
        retries += sum(budget.try_withdraw() for _ in range(attempts - 1))

    assert retries <= capacity + deposit * calls
    assert retries >= min(capacity, 1) * (deposit * calls - 1)


def test_deposits_refill_the_budget_up_to_its_capacity() -> None:
    """A long time without failures does not allow more retries than the capacity."""
    budget = RetryBudget(capacity=2, deposit=0.5)
    assert [budget.try_withdraw() for _ in range(3)] == [True, True, False]

    budget.deposit()
    assert not budget.try_withdraw()
    budget.deposit()
    assert budget.try_withdraw()

    for _ in range(100):
        budget.deposit()
    assert [budget.try_withdraw() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    "arguments",
    [{"capacity": -1}, {"deposit": -0.1}, {"capacity": math.nan}, {"deposit": math.nan}],
)
def test_an_invalid_budget_is_refused(arguments: dict[str, float]) -> None:
    """Capacity and deposit are numbers from 0."""
    with pytest.raises(UsageError, match="must be a finite number from 0"):
        RetryBudget(**arguments)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotSent("no"), (True, False)),
        (RequestTimeout("no", maybe_processed=False), (True, False)),
        (RateLimited("no", status=429), (True, False)),
        (RequestTimeout("late"), (False, True)),
        (MaybeSent("broke"), (False, True)),
        (ServerError("no", status=503), (False, True)),
        (DecodeError("HTML"), (False, True)),
        (ServerError("no", status=500), (False, False)),
        (NotFound("no", status=404), (False, False)),
        (RedirectRefused("elsewhere"), (False, False)),
        (UsageError("no"), (False, False)),
    ],
)
def test_transient_errors_say_whether_the_server_may_have_acted(
    error: DocassembleError, expected: tuple[bool, bool]
) -> None:
    """Workflows repeat what was never sent, and check what may have been processed."""
    is_unprocessed = error.is_transient and not error.maybe_processed
    assert (is_unprocessed, may_be_processed(error)) == expected


@pytest.mark.parametrize("failures", [0, 1, 30])
async def test_a_call_is_repeated_until_the_server_is_available(failures: int) -> None:
    """During a restart the call is repeated every two seconds."""
    outcomes: list[DocassembleError] = [NotSent("no"), DecodeError("HTML"), MaybeSent("no")] * 10

    async def call() -> str:
        if len(outcomes) > 30 - failures:
            raise outcomes.pop()
        return "result"

    assert (await retry_until_available(call), get_loop_time()) == (
        "result",
        failures * RESTART_POLL_SECONDS,
    )


@pytest.mark.parametrize(
    ("error", "seconds"), [(NotFound("no", status=404), 0), (ServerError("no", status=503), 60)]
)
async def test_a_call_is_not_repeated_for_ever(error: DocassembleError, seconds: float) -> None:
    """An error that no restart explains is raised at once, any other one after a minute."""

    async def call() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await retry_until_available(call)
    assert caught.value is error
    assert get_loop_time() == seconds
