"""Settings validate themselves, and wrappers hide secrets."""

from __future__ import annotations

import copy
import inspect
import logging
import math
import pickle
from typing import Any

import attrs
import pytest

from docassemble_client import AsyncDocassemble, models
from docassemble_client._client_options import ClientOptions
from docassemble_client.config import (
    Confidential,
    PollPolicy,
    RetryPolicy,
    Secret,
    Timeouts,
    mask,
)
from docassemble_client.errors import UsageError

MASK = "**********"
# None means no limit; some libraries fail on these.
ENDLESS = (math.inf, -math.inf, 10**400)


@attrs.frozen
class Holder:
    """A class with secret attributes."""

    secret: Secret
    data: Confidential


def test_a_secret_is_hidden_in_every_text() -> None:
    """Only reveal() returns the text."""
    secret = Secret("hunter2")

    texts = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret:>40}",
        format(secret, "^20"),
        "%s %r %-30s" % (secret, secret, secret),  # noqa: UP031 - as logging does
        repr([secret]),
        repr({"a": secret}),
        repr(Holder(secret, Confidential({"a": "hunter2"}))),
        repr(attrs.asdict(Holder(secret, Confidential({"a": "hunter2"})))),
        repr(models.StashedData(stash_key="k", secret=secret)),
        ascii(secret),
    ]

    assert secret.reveal() == "hunter2"
    assert not [text for text in texts if "hunter2" in text]
    assert str(secret) == MASK
    assert repr(secret) == f"Secret('{MASK}')"
    assert f"{secret:>12}" == "  " + MASK


def test_a_secret_does_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A secret in the arguments of a log message is masked."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("key %s %r", Secret("hunter2"), Secret("hunter2"))

    assert "hunter2" not in caplog.text
    assert MASK in caplog.text


def test_secrets_with_equal_texts_are_equal() -> None:
    """Secrets compare and hash by their texts, and are not equal to the plain text."""
    secret = Secret("a")

    assert secret == Secret("a")
    assert hash(secret) == hash(Secret("a"))
    assert secret != Secret("b")
    assert secret != "a"
    assert len({secret, Secret("a"), Secret("b")}) == 2


def test_an_empty_secret_is_false() -> None:
    """`if secret` checks whether there is a text."""
    assert Secret("a")
    assert not Secret("")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_survives_pickle(protocol: int) -> None:
    """A secret can be sent to another process, and is also hidden there."""
    secret = pickle.loads(pickle.dumps(Secret("hunter2"), protocol))  # noqa: S301 - our own

    assert secret.reveal() == "hunter2"
    assert "hunter2" not in repr(secret)


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
def test_wrappers_can_be_copied(make_copy: Any) -> None:
    """Copies are equal to the original."""
    holder = Holder(Secret("a"), Confidential({"b": ["c"]}))

    assert make_copy(holder) == holder
    assert make_copy(holder.secret) == holder.secret
    assert make_copy(holder.data) == holder.data


def test_a_secret_cannot_be_changed() -> None:
    """Attributes cannot be set or deleted, and the error does not show the secret."""
    secret: Any = Secret("hunter2")

    with pytest.raises(AttributeError, match="cannot be changed") as set_error:
        secret._value = "other"
    with pytest.raises(AttributeError, match="cannot be changed") as delete_error:
        del secret._value

    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{set_error.value} {delete_error.value}"
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("value", [None, 5, b"hunter2", Secret("hunter2")])
def test_only_a_text_can_be_a_secret(value: Any) -> None:
    """None from a missing variable, or bytes, are refused."""
    with pytest.raises(UsageError) as caught:
        Secret(value)

    assert caught.value.message == f"a secret must be a string, not {type(value).__name__}"


def test_a_confidential_object_shows_its_keys_only() -> None:
    """The repr shows keys without values; items can be read one by one."""
    data = Confidential({"password": "hunter2", "list": ["hunter2"]})

    assert data["password"] == "hunter2"
    assert list(data) == ["password", "list"]
    assert len(data) == 2
    assert "password" in data
    assert data.get("missing") is None
    assert repr(data) == str(data) == f"Confidential({{'password': '{MASK}', 'list': '{MASK}'}})"
    assert "hunter2" not in f"{data} {data.values()!r} {data.items()!r} {data.keys()!r}"


def test_a_confidential_object_is_a_read_only_mapping() -> None:
    """It compares like a dict, has its own copy of the data, and cannot be changed."""
    source: dict[str, Any] = {"a": 1}
    data: Any = Confidential(source)

    source["a"] = 2

    assert data == {"a": 1}
    assert data == Confidential({"a": 1})
    assert data != {"a": 2}
    assert dict(data) == {"a": 1}
    with pytest.raises(TypeError):
        data["a"] = 3


def test_a_confidential_object_survives_pickle() -> None:
    """It can be sent to another process, and its values are also hidden there."""
    data = pickle.loads(pickle.dumps(Confidential({"a": "hunter2"})))  # noqa: S301 - our own

    assert data == {"a": "hunter2"}
    assert "hunter2" not in repr(data)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "None"), ("", repr(MASK)), ("hunter2", repr(MASK)), ([], repr(MASK))],
)
def test_a_mask_shows_whether_there_is_a_value(value: object, shown: str) -> None:
    """Only None is not masked."""
    assert mask(value) == shown


@pytest.mark.parametrize("seconds", [5, 0.5, 0, 10**300, None])
def test_a_number_limits_each_wait(seconds: float | None) -> None:
    """A number sets connect, read, write and pool; None removes them; total has no limit."""
    timeouts = Timeouts.from_value(seconds)

    limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    assert timeouts == Timeouts(**limits, total=None)


def test_timeouts_are_returned_unchanged() -> None:
    """A Timeouts object is returned unchanged."""
    timeouts = Timeouts(total=5)

    assert Timeouts.from_value(timeouts) is timeouts
    assert (timeouts.connect, timeouts.read, timeouts.write) == (10.0, 60.0, 60.0)
    assert timeouts.pool is None


@pytest.mark.parametrize("name", ["connect", "read", "write", "pool", "total"])
@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan, *ENDLESS, "5", True, [5], 1j])
def test_an_invalid_timeout_value_is_refused(name: str, seconds: object) -> None:
    """The error names the negative or invalid timeout."""
    arguments: dict[str, Any] = {name: seconds}

    with pytest.raises(UsageError) as caught:
        Timeouts(**arguments)

    assert str(caught.value) == (
        f"{name} must be a finite number of seconds from 0, or None. Pass None for no limit."
    )


@pytest.mark.parametrize("timeout", [-1, "5", math.nan, True, *ENDLESS])
def test_an_invalid_timeout_argument_is_a_usage_error(timeout: Any) -> None:
    """Handlers of DocassembleError also catch an invalid timeout=; the error names it."""
    with pytest.raises(UsageError) as caught:
        Timeouts.from_value(timeout)

    assert str(caught.value) == (
        "timeout must be a finite number of seconds from 0, Timeouts or None."
        " Pass None for no limit."
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"attempts": 0}, UsageError),
        ({"attempts": -1}, UsageError),
        ({"attempts": 2.5}, UsageError),
        ({"attempts": "3"}, UsageError),
        ({"initial_delay": -0.1}, UsageError),
        ({"initial_delay": math.nan}, UsageError),
        ({"max_delay": -1}, UsageError),
        ({"max_delay": math.nan}, UsageError),
        ({"budget": 1}, TypeError),
    ],
)
def test_an_invalid_retry_policy_is_refused(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    """An invalid policy cannot be created; a budget is an option of the client."""
    with pytest.raises(error):
        RetryPolicy(**arguments)


def test_the_retry_policy_has_defaults() -> None:
    """By default there are three attempts, with a first delay of half a second."""
    policy = RetryPolicy()

    assert (policy.attempts, policy.initial_delay, policy.max_delay) == (3, 0.5, 30.0)
    assert RetryPolicy(attempts=1, initial_delay=0, max_delay=0) == RetryPolicy(
        attempts=1, initial_delay=0.0, max_delay=0.0
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"interval": -1},
        {"interval": math.nan},
        {"backoff_factor": 0.9},
        {"backoff_factor": math.nan},
        {"max_interval": -1},
        {"request_timeout": 0},
        {"request_timeout": -1},
    ],
)
def test_an_invalid_poll_policy_is_refused(arguments: dict[str, Any]) -> None:
    """Delays cannot be negative or shrink, and a poll needs some time."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        PollPolicy(**arguments)


def test_the_default_poll_policy_polls_often_enough() -> None:
    """The delay is shorter than the 30 s after which the server forgets a completed task."""
    policy = PollPolicy()

    assert (
        policy.interval,
        policy.backoff_factor,
        policy.max_interval,
        policy.request_timeout,
    ) == (1.0, 1.5, 10.0, 10.0)
    assert policy.max_interval + policy.request_timeout < 30


@pytest.mark.parametrize("value", [RetryPolicy(), Timeouts(), PollPolicy()])
def test_settings_cannot_be_changed(value: Any) -> None:
    """Settings are immutable, so that clients can share them."""
    with pytest.raises(AttributeError):
        value.cap = 1


def test_from_env_accepts_every_option() -> None:
    """from_env accepts all optional arguments of the constructor."""
    options = inspect.signature(AsyncDocassemble).parameters.keys() - {"base_url", "api_key"}

    assert ClientOptions.__annotations__.keys() == options
