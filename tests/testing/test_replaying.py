"""Recordings are compared by their shape, and asked again in the words of the fake server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.recording import Recorded, Scenario
from tests.sanitise import stand_in
from tests.testing.replaying import replay
from tests.testing.shape import differences, shape_of
from tests.testing.translation import Translation

ADMIN, KEY = stand_in(32, "A"), stand_in(32, "F")


@pytest.mark.parametrize(
    ("recorded", "answered", "expected"),
    [
        ({"a": 1, "b": [True, None]}, {"a": 2.5, "b": [None, False, None]}, []),
        (1, "1", ["the whole is string and not number"]),
        ({"a": {"b": 1}}, {"a": {"b": True}}, [".a.b is boolean and not number"]),
        ({"a": 1, "b": 1}, {"b": 1, "c": 1}, [".a is missing", ".c is too much"]),
        ({"a": []}, {"a": {}}, [".a is object of  and not list"]),
        ([1, "1"], [2], ["[] is never string"]),
        ([1], [2, "1"], ["[] is also string"]),
        ([{"a": 1}], [{"a": 1}, {"a": 2}], []),
        ([{"a": 1}], [{"a": "1"}], ["[].a is string and not number"]),
        ({"57": {"a": 1}}, {"2": {"a": "1"}}, [".57.a is string and not number"]),
        ({stand_in(16, "C"): 1}, {"xyzw": 1}, []),
    ],
)
def test_shape_is_types_and_keys(recorded: Any, answered: Any, expected: list[str]) -> None:
    """At every depth; of a list the shapes of its items, and of keys that are IDs how many."""
    assert list(differences(shape_of(recorded), shape_of(answered))) == expected


def test_list_that_was_cut_may_have_more() -> None:
    """What a shortened recording shows must be there, and more may be."""
    short, long = shape_of([1]), shape_of([1, "1"])

    assert list(differences(short, long, cut=True)) == []
    assert list(differences(long, short, cut=True)) == ["[] is never string"]


def test_names_from_answers_are_translated_in_requests() -> None:
    """Secrets, tokens, users and files wherever they stand; other texts and numbers never."""
    translation = Translation()

    translation.learn(
        {"user_id": 57, "key": KEY, "next_id": "NTc", "age": 57, "rows": [{"number": 8}]},
        {"user_id": 2, "key": "q7Rt", "next_id": "Mg", "age": 3, "rows": [{"number": 1}]},
    )

    assert translation.target(f"/api/user/57/api?api_key={KEY}&next_id=NTc&user_id=57&age=57") == (
        "/api/user/2/api?api_key=q7Rt&next_id=Mg&user_id=2&age=57"
    )
    assert translation.target("/api/file/8?extension=pdf") == "/api/file/1?extension=pdf"
    assert translation.target("/api/file/9") == "/api/file/9"
    sent = {"i": "docassemble.playground57:a.yml", "user_id": 57, "text": f"<{KEY}>", "age": 57}
    assert translation.value({"variables": [sent], KEY: None}) == {
        "variables": [
            {"i": "docassemble.playground2:a.yml", "user_id": 2, "text": "<q7Rt>", "age": 57}
        ],
        "q7Rt": None,
    }


def exchange(operation: str, method: str, target: str, answer: Any, **other: Any) -> Recorded:
    """Make a recording of a call of the administrator."""
    usual: dict[str, Any] = {
        "key": ADMIN,
        "headers": {},
        "request": {},
        "status": 200,
        "response_type": "application/json",
        "body": {"text": json.dumps(answer)},
    }
    return Recorded(operation=operation, method=method, target=target, **usual | other)


def test_each_answer_is_held_against_the_recorded_one() -> None:
    """Status, media type, shape and the words of errors count; what is not complete does not."""
    user = {"user_id": 57, "password": stand_in(10, "F")}
    created = {"request": {"json": {"username": "a@example.com"}}}
    refused: dict[str, Any] = {"status": 400}
    exchanges = (
        exchange("users.create", "POST", "/api/user/new", user, **created),
        exchange("users.get", "GET", "/api/user/57", {"id": 57}),
        exchange("users.get", "GET", "/api/user/58", "User not found.", status=404),
        exchange("users.get", "GET", "/api/user/58", "No such user.", status=404),
        exchange("users.get", "GET", "/api/user/58", {}),
        exchange("privileges.list", "GET", "/api/privileges", [], key="wrong", **refused),
        exchange("users.delete", "DELETE", "/api/user/57", None, status=204),
        exchange("users.get", "GET", "/api/user/57", {}, body={"left_out": "too large"}),
    )

    made = replay("x.json", Scenario(test="t", server="1", exchanges=exchanges))

    assert [one.number for one in made] == [*range(7)]
    first, shown, same, words, missing, denied, deleted = [one.differences for one in made]
    assert first == same == ()
    assert ".email is too much" in shown
    assert words == ("the words 'User not found.' and not 'No such user.'",)
    assert [one.partition(":")[0] for one in (*missing, *denied)] == [
        "status 404 and not 200",
        "status 403 and not 400",
    ]
    assert deleted == ("text/html; charset=utf-8 and not application/json",)
