"""Recorded requests are translated and replayed, and responses are compared by their shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.recording import RecordedExchange, Scenario
from tests.sanitise import make_stand_in
from tests.testing.replay_exchanges import replay
from tests.testing.shape import find_differences, get_shape
from tests.testing.translation import Translation

ADMIN, KEY = make_stand_in(32, "A"), make_stand_in(32, "F")


@pytest.mark.parametrize(
    ("recorded", "actual", "expected"),
    [
        ({"a": 1, "b": [True, None]}, {"a": 2.5, "b": [None, False, None]}, []),
        (1, "1", ["the whole is string instead of number"]),
        ({"a": {"b": 1}}, {"a": {"b": True}}, [".a.b is boolean instead of number"]),
        ({"a": 1, "b": 1}, {"b": 1, "c": 1}, [".a is missing", ".c is unexpected"]),
        ({"a": []}, {"a": {}}, [".a is object of  instead of list"]),
        ([1, "1"], [2], ["[] is never string"]),
        ([1], [2, "1"], ["[] is also string"]),
        ([{"a": 1}], [{"a": 1}, {"a": 2}], []),
        ([{"a": 1}], [{"a": "1"}], ["[].a is string instead of number"]),
        ({"57": {"a": 1}}, {"2": {"a": "1"}}, [".57.a is string instead of number"]),
        ({make_stand_in(16, "C"): 1}, {"xyzw": 1}, []),
    ],
)
def test_a_shape_is_types_and_keys(recorded: Any, actual: Any, expected: list[str]) -> None:
    """At every depth; lists have the shapes of their items, and only the number of IDs counts."""
    assert list(find_differences(get_shape(recorded), get_shape(actual))) == expected


def test_a_shortened_list_may_have_more_items() -> None:
    """The response must have all shapes of the recording, and may have others."""
    short, long = get_shape([1]), get_shape([1, "1"])

    assert list(find_differences(short, long, cut=True)) == []
    assert list(find_differences(long, short, cut=True)) == ["[] is never string"]


def test_values_from_responses_are_translated_in_requests() -> None:
    """Secrets, tokens, users and files are translated; other texts and numbers are not."""
    translation = Translation()

    translation.learn(
        {"user_id": 57, "key": KEY, "next_id": "NTc", "age": 57, "rows": [{"number": 8}]},
        {"user_id": 2, "key": "q7Rt", "next_id": "Mg", "age": 3, "rows": [{"number": 1}]},
    )

    assert translation.translate_target(
        f"/api/user/57/api?api_key={KEY}&next_id=NTc&user_id=57&age=57"
    ) == ("/api/user/2/api?api_key=q7Rt&next_id=Mg&user_id=2&age=57")
    assert translation.translate_target("/api/file/8?extension=pdf") == "/api/file/1?extension=pdf"
    assert translation.translate_target("/api/file/9") == "/api/file/9"
    value = {"i": "docassemble.playground57:a.yml", "user_id": 57, "text": f"<{KEY}>", "age": 57}
    assert translation.translate_value({"variables": [value], KEY: None}) == {
        "variables": [
            {"i": "docassemble.playground2:a.yml", "user_id": 2, "text": "<q7Rt>", "age": 57}
        ],
        "q7Rt": None,
    }


def make_exchange(
    operation: str, method: str, target: str, reply: Any, **overrides: Any
) -> RecordedExchange:
    """Make the recording of a call by the administrator."""
    defaults: dict[str, Any] = {
        "key": ADMIN,
        "headers": {},
        "request": {},
        "status": 200,
        "response_type": "application/json",
        "body": {"text": json.dumps(reply)},
    }
    return RecordedExchange(
        operation=operation, method=method, target=target, **defaults | overrides
    )


async def test_responses_are_compared_with_the_recorded_ones() -> None:
    """Status, media type, shape and error texts are compared; incomplete recordings are not."""
    user = {"user_id": 57, "password": make_stand_in(10, "F")}
    request = {"request": {"json": {"username": "a@example.com"}}}
    bad_request: dict[str, Any] = {"status": 400}
    exchanges = (
        make_exchange("users.create", "POST", "/api/user/new", user, **request),
        make_exchange("users.get", "GET", "/api/user/57", {"id": 57}),
        make_exchange("users.get", "GET", "/api/user/58", "User not found.", status=404),
        make_exchange("users.get", "GET", "/api/user/58", "No such user.", status=404),
        make_exchange("users.get", "GET", "/api/user/58", {}),
        make_exchange("privileges.list", "GET", "/api/privileges", [], key="wrong", **bad_request),
        make_exchange("users.delete", "DELETE", "/api/user/57", None, status=204),
        make_exchange("users.get", "GET", "/api/user/57", {}, body={"left_out": "too large"}),
    )

    replayed = await replay("x.json", Scenario(test="t", server="1", exchanges=exchanges))

    assert [exchange.number for exchange in replayed] == [*range(7)]
    created, extra, same, text, missing, denied, deleted = [
        exchange.differences for exchange in replayed
    ]
    assert created == same == ()
    assert ".email is unexpected" in extra
    assert text == ("the text 'User not found.' instead of 'No such user.'",)
    assert [difference.partition(":")[0] for difference in (*missing, *denied)] == [
        "status 404 instead of 200",
        "status 403 instead of 400",
    ]
    assert deleted == ("text/html; charset=utf-8 instead of application/json",)
