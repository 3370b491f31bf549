"""Handles of tasks as tokens: read back whole, or refused."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client.errors import UsageError
from docassemble_client.tasks import TaskHandle

HANDLE = TaskHandle(id="T", kind="restart", operation="server.restart", started=1000.0)
INSTALL = TaskHandle(
    id="T",
    kind="install",
    operation="packages.install",
    started=1000.5,
    target="docassemble-demo",
    expects="listed",
)


@pytest.mark.parametrize("handle", [HANDLE, INSTALL, evolve(HANDLE, started=None)])
def test_a_handle_survives_as_a_token(handle: TaskHandle) -> None:
    """The token is one line of JSON with a version, from which the same handle comes back."""
    token = handle.to_token()

    assert TaskHandle.from_token(token) == handle
    assert json.loads(token)["version"] == 1
    assert "\n" not in token
    assert copy.deepcopy(handle) == pickle.loads(pickle.dumps(handle)) == handle  # noqa: S301 - ours


@given(
    handle=st.builds(
        TaskHandle,
        id=st.text(),
        kind=st.text(),
        operation=st.text(),
        started=st.none() | st.floats(-9e11, 9e11) | st.integers(-(10**11), 10**11),
        target=st.text(min_size=1),
        expects=st.sampled_from(["", "listed", "gone"]),
    )
)
def test_every_handle_survives_as_a_token(handle: TaskHandle) -> None:
    """Whatever texts a server may use for its tasks."""
    assert TaskHandle.from_token(handle.to_token()) == handle


GOOD: dict[str, Any] = json.loads(INSTALL.to_token())


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("", "no token"),
        ("T", "no token"),
        ("null", "no token"),
        ("[]", "no token"),
        ('"version"', "no token"),
        ("{}", "no token"),
        ("[" * 100_000, "no token"),
        ("1" * 10_000, "no token"),
        (None, "no token"),
        (5, "no token"),
        ({**GOOD, "version": 2}, "another version"),
        ({**GOOD, "version": None}, "another version"),
        ({"version": "1"}, "another version"),
        ({"version": 1}, "damaged"),
        ({**GOOD, "more": 1}, "damaged"),
        ({**GOOD, "id": 5}, "damaged"),
        ({**GOOD, "kind": None}, "damaged"),
        ({**GOOD, "operation": []}, "damaged"),
        ({**GOOD, "target": {}}, "damaged"),
        ({**GOOD, "target": ""}, "damaged"),
        ({**GOOD, "expects": "hidden"}, "damaged"),
        ({**GOOD, "expects": ["listed"]}, "damaged"),
        ({**GOOD, "expects": None}, "damaged"),
        ({**GOOD, "started": "1000"}, "damaged"),
        ({**GOOD, "started": True}, "damaged"),
        ({**GOOD, "started": math.nan}, "damaged"),
        ({**GOOD, "started": -math.inf}, "damaged"),
        ({**GOOD, "started": 10**400}, "damaged"),
    ],
)
def test_what_is_no_token_is_refused(token: Any, problem: str) -> None:
    """A damaged token, or one of another version, says so and is not shown."""
    text = json.dumps(token) if isinstance(token, dict) else token

    with pytest.raises(UsageError, match=problem) as caught:
        TaskHandle.from_token(text)

    assert caught.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    changes=st.dictionaries(st.sampled_from([*GOOD, "more"]), JSON, max_size=3),
    missing=st.sets(st.sampled_from(list(GOOD)), max_size=2),
)
def test_a_token_makes_a_handle_that_can_be_written_again_or_is_refused(
    changes: dict[str, Any], missing: set[str]
) -> None:
    """No change to a token ends in anything but a refusal or a whole handle."""
    data = {name: one for name, one in {**GOOD, **changes}.items() if name not in missing}

    try:
        handle = TaskHandle.from_token(json.dumps(data))
    except UsageError:
        return

    assert handle.valid
    assert TaskHandle.from_token(handle.to_token()) == handle


@given(text=st.text() | JSON.map(json.dumps))
def test_no_text_at_all_breaks_the_reader_of_tokens(text: str) -> None:
    """Any text is a token or refused."""
    with pytest.raises(UsageError):
        TaskHandle.from_token(text)
