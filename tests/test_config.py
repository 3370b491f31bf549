"""Settings check themselves, and wrapped secrets never show."""

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
from docassemble_client.client import Options
from docassemble_client.config import (
    Confidential,
    RetryPolicy,
    Secret,
    Timeouts,
    hidden,
)
from docassemble_client.errors import UsageError
from docassemble_client.tasks import PollPolicy

MASK = "**********"


@attrs.frozen
class Holder:
    """Something that holds secrets."""

    secret: Secret
    data: Confidential


def test_a_secret_shows_itself_only_on_request() -> None:
    """The text comes out of reveal, and out of nothing else that makes text of an object."""
    secret = Secret("hunter2")

    shown = [
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
    assert not [text for text in shown if "hunter2" in text]
    assert str(secret) == MASK
    assert repr(secret) == f"Secret('{MASK}')"
    assert f"{secret:>12}" == "  " + MASK


def test_a_secret_does_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A secret among the arguments of a log message is masked there."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("key %s %r", Secret("hunter2"), Secret("hunter2"))

    assert "hunter2" not in caplog.text
    assert MASK in caplog.text


def test_secrets_with_equal_texts_are_equal() -> None:
    """Secrets compare and hash by their texts, and differ from the bare text."""
    secret = Secret("a")

    assert secret == Secret("a")
    assert hash(secret) == hash(Secret("a"))
    assert secret != Secret("b")
    assert secret != "a"
    assert len({secret, Secret("a"), Secret("b")}) == 2


def test_a_secret_is_true_if_it_holds_something() -> None:
    """An empty secret is false, so that `if secret` asks what it seems to ask."""
    assert Secret("a")
    assert not Secret("")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_survives_pickle(protocol: int) -> None:
    """A secret can be sent to another process, and still does not show there."""
    secret = pickle.loads(pickle.dumps(Secret("hunter2"), protocol))  # noqa: S301 - our own

    assert secret.reveal() == "hunter2"
    assert "hunter2" not in repr(secret)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_wrappers_can_be_copied(copied: Any) -> None:
    """Copies are equal to what they were made of."""
    holder = Holder(Secret("a"), Confidential({"b": ["c"]}))

    assert copied(holder) == holder
    assert copied(holder.secret) == holder.secret
    assert copied(holder.data) == holder.data


def test_a_secret_cannot_be_changed() -> None:
    """Nothing can be set on a secret or taken from it, and the refusal shows nothing."""
    secret: Any = Secret("hunter2")

    with pytest.raises(AttributeError, match="cannot be changed") as on_set:
        secret._value = "other"
    with pytest.raises(AttributeError, match="cannot be changed") as on_delete:
        del secret._value

    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{on_set.value} {on_delete.value}"
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("value", [None, 5, b"hunter2", Secret("hunter2")])
def test_only_a_text_can_be_a_secret(value: Any) -> None:
    """None from a missing variable, or bytes, are refused where the mistake is made."""
    with pytest.raises(TypeError) as caught:
        Secret(value)

    assert str(caught.value) == f"a secret is a string, not {type(value).__name__}"


def test_a_confidential_object_shows_its_keys_only() -> None:
    """Keys help to find one's way; values come out only one by one."""
    data = Confidential({"password": "hunter2", "list": ["hunter2"]})

    assert data["password"] == "hunter2"
    assert list(data) == ["password", "list"]
    assert len(data) == 2
    assert "password" in data
    assert data.get("missing") is None
    assert repr(data) == str(data) == f"Confidential({{'password': '{MASK}', 'list': '{MASK}'}})"
    assert "hunter2" not in f"{data} {data.values()!r} {data.items()!r} {data.keys()!r}"


def test_a_confidential_object_is_a_mapping_of_its_own() -> None:
    """It compares like a dict, keeps its own copy, and cannot be written to."""
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
    """It can be sent to another process, and still does not show there."""
    data = pickle.loads(pickle.dumps(Confidential({"a": "hunter2"})))  # noqa: S301 - our own

    assert data == {"a": "hunter2"}
    assert "hunter2" not in repr(data)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "None"), ("", repr(MASK)), ("hunter2", repr(MASK)), ([], repr(MASK))],
)
def test_hidden_tells_something_from_nothing(value: object, shown: str) -> None:
    """A hidden field shows whether there is a value, even an empty one, but not which."""
    assert hidden(value) == shown


@pytest.mark.parametrize("seconds", [5, 0.5, 0, math.inf, None])
def test_one_number_limits_each_wait(seconds: float | None) -> None:
    """A number limits connect, read and write alike, None lifts them; the whole has no limit."""
    timeouts = Timeouts.of(seconds)

    assert timeouts == Timeouts(connect=seconds, read=seconds, write=seconds, total=None)


def test_given_limits_stay_as_they_are() -> None:
    """Timeouts given as such are taken as such."""
    timeouts = Timeouts(total=5)

    assert Timeouts.of(timeouts) is timeouts
    assert (timeouts.connect, timeouts.read, timeouts.write) == (10.0, 60.0, 60.0)


@pytest.mark.parametrize("name", ["connect", "read", "write", "total"])
@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan, -math.inf, "5", True, [5], 1j])
def test_no_limit_is_negative_or_no_number(name: str, seconds: object) -> None:
    """A negative limit, or one that is no number, is refused by its name."""
    limits: dict[str, Any] = {name: seconds}

    with pytest.raises(UsageError) as caught:
        Timeouts(**limits)

    assert str(caught.value) == f"{name} must be a number of seconds, or None."


@pytest.mark.parametrize("timeout", [-1, "5", math.nan, True])
def test_what_is_no_timeout_is_refused_as_a_wrong_call(timeout: Any) -> None:
    """A wrong timeout= of a call is a wrong call, which every handler of errors catches."""
    with pytest.raises(UsageError, match="must be a number of seconds"):
        Timeouts.of(timeout)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"attempts": 0}, ValueError),
        ({"attempts": -1}, ValueError),
        ({"attempts": 2.5}, TypeError),
        ({"attempts": "3"}, TypeError),
        ({"base": -0.1}, ValueError),
        ({"base": math.nan}, ValueError),
        ({"cap": -1}, ValueError),
        ({"cap": math.nan}, ValueError),
        ({"budget": -1}, ValueError),
        ({"budget": math.nan}, ValueError),
        ({"earned": -0.1}, ValueError),
    ],
)
def test_a_policy_checks_itself(wrong: dict[str, Any], error: type[Exception]) -> None:
    """A policy that could not work cannot be made."""
    with pytest.raises(error):
        RetryPolicy(**wrong)


def test_a_policy_has_working_defaults() -> None:
    """By default a request is sent three times at most, half a second apart at first."""
    policy = RetryPolicy()

    assert (policy.attempts, policy.initial_delay, policy.max_delay) == (3, 0.5, 30.0)
    assert (policy.budget, policy.earned) == (20.0, 0.1)
    assert RetryPolicy(attempts=1, initial_delay=0, max_delay=0) == RetryPolicy(attempts=1, initial_delay=0.0, max_delay=0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": -1},
        {"interval": math.nan},
        {"factor": 0.9},
        {"factor": math.nan},
        {"cap": -1},
        {"timeout": 0},
        {"timeout": -1},
    ],
)
def test_a_poll_policy_checks_itself(wrong: dict[str, Any]) -> None:
    """Pauses cannot be negative or shrink, and a look must have some time."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PollPolicy(**wrong)


def test_a_poll_policy_looks_often_enough() -> None:
    """No pause is longer than the 30 s after which the server forgets a result it has shown."""
    policy = PollPolicy()

    assert (policy.interval, policy.backoff_factor, policy.max_interval, policy.request_timeout) == (1.0, 1.5, 10.0, 10.0)
    assert policy.max_interval + policy.request_timeout < 30


@pytest.mark.parametrize("value", [RetryPolicy(), Timeouts(), PollPolicy()])
def test_settings_cannot_be_changed(value: Any) -> None:
    """Settings are frozen, so that clients can share them."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.cap = 1


def test_the_environment_takes_every_option() -> None:
    """What the constructor takes besides address and key can be passed there too."""
    options = inspect.signature(AsyncDocassemble).parameters.keys() - {"base_url", "api_key"}

    assert Options.__annotations__.keys() == options
