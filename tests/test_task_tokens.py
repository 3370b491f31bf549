"""Task handles as tokens: they are read back completely, or refused."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client.errors import UsageError
from docassemble_client.tasks import TaskHandle

HANDLE = TaskHandle(id="T", kind="restart", operation="server.restart", started_at=1000.0)
INSTALL = TaskHandle(
    id="T",
    kind="install",
    operation="packages.install",
    started_at=1000.5,
    package="docassemble-demo",
    expected_state="listed",
)


@pytest.mark.parametrize("handle", [HANDLE, INSTALL, HANDLE._replace(started_at=None)])
def test_a_token_restores_its_handle(handle: TaskHandle) -> None:
    """The token is one line of JSON with a version."""
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
        started_at=st.none() | st.floats(-9e11, 9e11) | st.integers(-(10**11), 10**11),
        package=st.text(min_size=1),
        expected_state=st.sampled_from(["", "listed", "gone"]),
    )
)
def test_the_token_of_any_handle_restores_it(handle: TaskHandle) -> None:
    """Texts of the server may contain any character."""
    assert TaskHandle.from_token(handle.to_token()) == handle


VALID: dict[str, Any] = json.loads(INSTALL.to_token())


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("", "not valid"),
        ("T", "not valid"),
        ("null", "not valid"),
        ("[]", "not valid"),
        ('"version"', "not valid"),
        ("{}", "not valid"),
        ("[" * 100_000, "not valid"),
        ("1" * 10_000, "not valid"),
        (None, "not valid"),
        (5, "not valid"),
        ({**VALID, "version": 2}, "not supported"),
        ({**VALID, "version": None}, "not supported"),
        ({"version": "1"}, "not supported"),
        ({"version": 1}, "damaged"),
        ({**VALID, "more": 1}, "damaged"),
        ({**VALID, "id": 5}, "damaged"),
        ({**VALID, "kind": None}, "damaged"),
        ({**VALID, "operation": []}, "damaged"),
        ({**VALID, "package": {}}, "damaged"),
        ({**VALID, "package": ""}, "damaged"),
        ({**VALID, "expected_state": "hidden"}, "damaged"),
        ({**VALID, "expected_state": ["listed"]}, "damaged"),
        ({**VALID, "expected_state": None}, "damaged"),
        ({**VALID, "started_at": "1000"}, "damaged"),
        ({**VALID, "started_at": True}, "damaged"),
        ({**VALID, "started_at": math.nan}, "damaged"),
        ({**VALID, "started_at": -math.inf}, "damaged"),
        ({**VALID, "started_at": 10**400}, "damaged"),
    ],
)
def test_an_invalid_token_is_refused(token: Any, problem: str) -> None:
    """The error says whether the token is invalid, damaged or unsupported, and does not show it."""
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
    changes=st.dictionaries(st.sampled_from([*VALID, "more"]), JSON, max_size=3),
    missing=st.sets(st.sampled_from(list(VALID)), max_size=2),
)
def test_a_changed_token_is_refused_or_restores_a_valid_handle(
    changes: dict[str, Any], missing: set[str]
) -> None:
    """A changed token raises no other error."""
    data = {name: value for name, value in {**VALID, **changes}.items() if name not in missing}

    try:
        handle = TaskHandle.from_token(json.dumps(data))
    except UsageError:
        return

    assert handle._is_valid
    assert TaskHandle.from_token(handle.to_token()) == handle


@given(text=st.text() | JSON.map(json.dumps))
def test_any_other_text_is_refused(text: str) -> None:
    """An arbitrary text raises no other error."""
    with pytest.raises(UsageError):
        TaskHandle.from_token(text)
