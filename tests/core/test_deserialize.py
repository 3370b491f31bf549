"""JSON of every kind becomes a typed value: tolerant in use, strict in tests, silent on values."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal, TypeAlias

import pytest
from attrs import field, frozen

from docassemble_client._core.deserialize import decode, strict
from docassemble_client._core.messages import Reply, Request
from docassemble_client._types import JSON, UNSET, Unset, empty_object
from docassemble_client.config import Confidential, Secret
from docassemble_client.errors import DecodeError
from docassemble_client.operation import Operation, Result

Color: TypeAlias = Literal["red", "green"] | str


@frozen(kw_only=True)
class Item:
    """A small model."""

    id: int
    extra: dict[str, JSON] = field(factory=empty_object, repr=False)


@frozen(kw_only=True)
class Optionals:
    """A model with every way to be absent."""

    may_be_null: str | None
    may_be_absent: str | None = None
    may_be_both: Item | Unset | None = UNSET
    anything: JSON | Unset | None = UNSET
    wired: Secret | None = field(default=None, metadata={"wire": "wired name"})
    extra: dict[str, JSON] = field(factory=empty_object, repr=False)


@frozen(kw_only=True)
class Nested:
    """A model that holds others."""

    item: Item
    items: list[Item]
    by_name: dict[str, Item]
    extra: dict[str, JSON] = field(factory=empty_object, repr=False)


def take(kind: Any, data: object) -> Any:
    """Decode this as the JSON answer of an operation that promises this type."""
    operation: Operation[Any] = Operation(
        tag="t",
        name="n",
        method="GET",
        path="/x",
        summary="S.",
        results={"200": Result(of=lambda: kind)},
    )
    request = Request(operation="t.n", method="GET", path="/x")
    headers = {"content-type": "application/json"}
    content = json.dumps(data).encode()
    return decode(operation, request, Reply(status=200, headers=headers, content=content))


def problem(kind: Any, data: object) -> str:
    """Decode what does not fit, and return what the error says."""
    with pytest.raises(DecodeError) as caught:
        take(kind, data)
    return caught.value.message


EXACT = [
    (int, 5),
    (int, -(10**400)),
    (float, 5.5),
    (float, 5),
    (bool, True),
    (bool, False),
    (str, "x"),
    (str, ""),
    (Color, "red"),
    (Color, "blue"),
    (Color | None, None),
    (list[int], [1, 2]),
    (list[int], []),
    (dict[str, int], {"a": 1}),
    (dict[str, list[str]], {"a": ["b"]}),
    (list[JSON], [1, None, {"a": []}]),
    (dict[str, JSON], {"a": None, "b": [1]}),
    (JSON, None),
    (JSON, [{"a": 1.5}]),
    (int | None, None),
    (int | None, 5),
    (list[str] | None, ["a"]),
]


@pytest.mark.parametrize(("kind", "data"), EXACT)
def test_what_fits_is_taken_as_it_is(kind: Any, data: object) -> None:
    """A value of the promised type passes unchanged, in both modes."""
    loose = take(kind, data)
    with strict():
        exact = take(kind, data)

    assert loose == exact == data
    assert type(loose) is type(exact) is type(data)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (int, "5", 5),
        (int, 5.0, 5),
        (int, True, 1),
        (int, None, None),
        (float, "5.5", 5.5),
        (float, True, 1.0),
        (float, None, None),
        (bool, 1, True),
        (bool, 0, False),
        (bool, 1.0, True),
        (bool, None, None),
        (str, 5, "5"),
        (str, 1.5, "1.5"),
        (str, True, "True"),
        (str, None, None),
        (Color, 5, "5"),
        (list[int], ["1", 2.0], [1, 2]),
        (dict[str, str], {"a": 1}, {"a": "1"}),
    ],
)
def test_what_means_the_same_is_converted_but_not_in_strict_mode(
    kind: Any, data: object, expected: object
) -> None:
    """In use a server may send 5 for "5" or null for a text; a test must notice."""
    value = take(kind, data)
    with strict():
        message = problem(kind, data)

    assert value == expected
    assert type(value) is type(expected)
    assert "expected" in message


@pytest.mark.parametrize(
    ("kind", "data", "expected", "got"),
    [
        (int, "hunter2", "int", "str"),
        (int, "", "int", "str"),
        (int, 5.5, "int", "float"),
        (int, [1], "int", "list"),
        (int, {"hunter2": 1}, "int", "dict"),
        (float, "hunter2", "float", "str"),
        (float, "nan", "float", "str"),
        (float, "inf", "float", "str"),
        (float, [], "float", "list"),
        (bool, "true", "bool", "str"),
        (bool, "", "bool", "str"),
        (bool, 2, "bool", "int"),
        (bool, 0.5, "bool", "float"),
        (bool, {}, "bool", "dict"),
        (str, ["hunter2"], "str", "list"),
        (str, {"hunter2": 1}, "str", "dict"),
        (Color, ["hunter2"], "str", "list"),
        (Secret, 5, "str", "int"),
        (Secret, None, "str", "NoneType"),
        (Confidential, ["hunter2"], "an object", "list"),
        (Confidential, None, "an object", "NoneType"),
        (list[str], "hunter2", "a list", "str"),
        (list[str], {"hunter2": 1}, "a list", "dict"),
        (list[JSON], "hunter2", "a list", "str"),
        (list[str], None, "a list", "NoneType"),
        (dict[str, str], ["hunter2"], "an object", "list"),
        (dict[str, JSON], "hunter2", "an object", "str"),
        (Item, ["hunter2"], "an object", "list"),
        (Item, "hunter2", "an object", "str"),
        (Item, None, "an object", "NoneType"),
        (Item | None, 7, "an object", "int"),
    ],
)
@pytest.mark.parametrize("mode", ["loose", "strict"])
def test_what_does_not_fit_is_named_by_type_never_by_value(
    kind: Any, data: object, expected: str, got: str, mode: str
) -> None:
    """A wrong type ends in a DecodeError that tells both types and shows nothing of the value."""
    if mode == "strict":
        with strict():
            message = problem(kind, data)
    else:
        message = problem(kind, data)

    assert message == f"the answer does not fit: expected {expected}, got {got} @ $"


def test_numbers_as_text_may_not_be_absurd() -> None:
    """Thousands of digits in a text are no number, but an error without them."""
    message = problem(int, "9" * 5000)

    assert message == "the answer does not fit: expected int, got str @ $"


def test_secrets_are_wrapped() -> None:
    """A secret answer is a Secret, and a confidential object shows only its keys."""
    secret = take(Secret, "hunter2")
    confidential = take(Confidential, {"password": "hunter2"})

    assert secret == Secret("hunter2")
    assert confidential == {"password": "hunter2"}
    assert "hunter2" not in repr((secret, confidential))


def test_models_hold_models() -> None:
    """Objects, lists of objects and maps of objects become models of their own."""
    data = {"item": {"id": 1}, "items": [{"id": 2}], "by_name": {"a": {"id": 3}}}

    with strict():
        value = take(Nested, data)

    assert value == Nested(item=Item(id=1), items=[Item(id=2)], by_name={"a": Item(id=3)})


def test_absent_and_null_are_told_apart() -> None:
    """What can be both is UNSET when it is absent and None when it is null."""
    with strict():
        absent = take(Optionals, {"may_be_null": None})
        null = take(Optionals, {"may_be_null": "x", "may_be_both": None, "anything": None})
        given = take(Optionals, {"may_be_null": "x", "may_be_both": {"id": 1}, "anything": [1]})

    assert absent == Optionals(may_be_null=None)
    assert (absent.may_be_both, absent.anything, absent.may_be_absent) == (UNSET, UNSET, None)
    assert (null.may_be_both, null.anything) == (None, None)
    assert (given.may_be_both, given.anything) == (Item(id=1), [1])


def test_wire_names_are_those_of_the_server() -> None:
    """A field is read from the key the server calls it by, not from its Python name."""
    value = take(Optionals, {"may_be_null": "x", "wired name": "s", "wired": 1})

    assert value.wired == Secret("s")
    assert value.extra == {"wired": 1}


def test_null_for_an_optional_key_is_noticed_in_strict_mode_only() -> None:
    """A key that is only ever left out may be null in use, but a test must notice."""
    data = {"may_be_null": None, "may_be_absent": None}

    value = take(Optionals, data)
    with strict():
        message = problem(Optionals, data)

    assert value == Optionals(may_be_null=None)
    assert message == ("the answer does not fit: null for a key that is only ever left out @ $")


def test_unknown_keys_are_kept_but_not_shown() -> None:
    """A newer server's keys are kept in extra, at every level, and out of the repr."""
    data = {
        "item": {"id": 1, "new": "hunter2"},
        "items": [{"id": 2, "extra": {"a": 1}}],
        "by_name": {},
        "also": ["hunter2"],
    }

    value = take(Nested, data)

    assert value.extra == {"also": ["hunter2"]}
    assert value.item.extra == {"new": "hunter2"}
    assert value.items[0].extra == {"extra": {"a": 1}}
    assert "hunter2" not in repr(value)


def test_unknown_keys_are_errors_in_strict_mode() -> None:
    """Strict mode names every unknown key and its place, not its value."""
    data = {"item": {"id": 1, "b": "hunter2", "a": 1}, "items": [], "by_name": {}}

    with strict():
        message = problem(Nested, data)

    assert message == "the answer does not fit: unknown keys a, b @ $.item"


@pytest.mark.parametrize(
    ("data", "places"),
    [
        ({"item": {"id": "x"}, "items": [], "by_name": {}}, ["expected int, got str @ $.item.id"]),
        ({"item": {}, "items": [], "by_name": {}}, ["id is missing @ $.item.id"]),
        ({"item": {"id": 1}, "items": []}, ["by_name is missing @ $.by_name"]),
        (
            {"item": {"id": 1}, "items": [{"id": 1}, {"id": []}], "by_name": {"a b": 1}},
            [
                "expected int, got list @ $.items[1].id",
                "expected an object, got int @ $.by_name['a b']",
            ],
        ),
        ({"item": 1, "items": {}}, ["$.item", "$.items", "$.by_name"]),
    ],
)
def test_messages_name_the_places(data: object, places: list[str]) -> None:
    """Every place that does not fit is named by its way through the answer."""
    message = problem(Nested, data)

    found = message.removeprefix("the answer does not fit: ").split("; ")
    assert len(found) == len(places)
    assert all(one.endswith(place) for one, place in zip(found, places, strict=True))


def test_messages_stay_short() -> None:
    """Of many places three are named, and a place with an endless key is cut."""
    many = problem(list[int], ["x"] * 100)
    long = problem(dict[str, int], {"k" * 1_000_000: "hunter2"})

    assert many == (
        "the answer does not fit: expected int, got str @ $[0]; expected int, got str @ $[1];"
        " expected int, got str @ $[2] and 97 more"
    )
    assert len(long) < 300
    assert long.endswith("k…")
    assert "hunter2" not in long


def test_a_type_the_converter_does_not_know_shows_no_value() -> None:
    """Even where the converter refuses in its own words, those are not shown."""
    message = problem(list[Literal["red"]], ["hunter2"])

    assert message == "the answer does not fit: not understood @ $[0]"


def test_the_error_carries_the_answer_but_does_not_show_it() -> None:
    """The body is on the error for whoever looks, and in no text or chained error."""
    with pytest.raises(DecodeError) as caught:
        take(int, "hunter2")

    error = caught.value
    assert error.content == b'"hunter2"'
    assert (error.operation, error.method, error.path, error.status) == ("t.n", "GET", "/x", 200)
    assert "hunter2" not in f"{error} {error!r}"
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_strict_mode_ends_with_its_block() -> None:
    """Strictness is restored when its block ends, also by an error and inside another."""
    with strict():
        with pytest.raises(DecodeError), strict():
            take(int, "5")
        inside = problem(int, "5")

    after = take(int, "5")

    assert "expected int" in inside
    assert after == 5


def test_strict_mode_stays_in_its_task() -> None:
    """One task's strictness changes nothing for another that runs meanwhile."""

    async def main() -> tuple[str, int]:
        entered, leave = asyncio.Event(), asyncio.Event()

        async def be_strict() -> str:
            with strict():
                entered.set()
                await leave.wait()
                return problem(int, "5")

        async def be_loose() -> int:
            await entered.wait()
            value: int = take(int, "5")
            leave.set()
            return value

        return await asyncio.gather(be_strict(), be_loose())

    message, value = asyncio.run(main())

    assert "expected int" in message
    assert value == 5
