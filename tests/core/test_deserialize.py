"""JSON becomes typed values: tolerant by default, strict in tests, errors without values."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal, TypeAlias

import pytest
from attrs import field, frozen

from docassemble_client._core.deserialize import deserialize, strict_mode
from docassemble_client._core.messages import RawResponse, Request
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
    """A model with every kind of optional attribute."""

    may_be_null: str | None
    may_be_absent: str | None = None
    may_be_both: Item | Unset | None = UNSET
    anything: JSON | Unset | None = UNSET
    wired: Secret | None = field(default=None, metadata={"wire": "wired name"})
    extra: dict[str, JSON] = field(factory=empty_object, repr=False)


@frozen(kw_only=True)
class Nested:
    """A model that contains other models."""

    item: Item
    items: list[Item]
    by_name: dict[str, Item]
    extra: dict[str, JSON] = field(factory=empty_object, repr=False)


def decode(type_: Any, data: object) -> Any:
    """Decode this JSON as the response of an operation with this type."""
    operation: Operation[Any] = Operation(
        tag="t",
        name="n",
        method="GET",
        path="/x",
        summary="S.",
        results={"200": Result(type=lambda: type_)},
    )
    request = Request(operation="t.n", method="GET", path="/x")
    headers = {"content-type": "application/json"}
    content = json.dumps(data).encode()
    return deserialize(
        operation, request, RawResponse(status=200, headers=headers, content=content)
    )


def decode_failure(type_: Any, data: object) -> str:
    """Decode JSON that does not match, and return the text of the error."""
    with pytest.raises(DecodeError) as caught:
        decode(type_, data)
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


@pytest.mark.parametrize(("type_", "data"), EXACT)
def test_a_value_of_the_expected_type_is_unchanged(type_: Any, data: object) -> None:
    """A value of the expected type passes unchanged, in both modes."""
    tolerant = decode(type_, data)
    with strict_mode():
        strict = decode(type_, data)

    assert tolerant == strict == data
    assert type(tolerant) is type(strict) is type(data)


@pytest.mark.parametrize(
    ("type_", "data", "expected"),
    [
        (int, "5", 5),
        (int, 5.0, 5),
        (int, True, 1),
        (float, "5.5", 5.5),
        (float, True, 1.0),
        (bool, 1, True),
        (bool, 0, False),
        (bool, 1.0, True),
        (str, 5, "5"),
        (str, 1.5, "1.5"),
        (str, True, "True"),
        (Color, 5, "5"),
        (list[int], ["1", 2.0], [1, 2]),
        (dict[str, str], {"a": 1}, {"a": "1"}),
    ],
)
def test_equivalent_values_are_converted_except_in_strict_mode(
    type_: Any, data: object, expected: object
) -> None:
    """By default "5" is accepted for 5; strict mode refuses it."""
    value = decode(type_, data)
    with strict_mode():
        message = decode_failure(type_, data)

    assert value == expected
    assert type(value) is type(expected)
    assert "expected" in message


@pytest.mark.parametrize(
    ("type_", "data", "expected", "actual"),
    [
        (int, "hunter2", "int", "str"),
        (int, "", "int", "str"),
        (int, 5.5, "int", "float"),
        (int, [1], "int", "list"),
        (int, {"hunter2": 1}, "int", "dict"),
        (int, None, "int", "NoneType"),
        (float, "hunter2", "float", "str"),
        (float, "nan", "float", "str"),
        (float, "inf", "float", "str"),
        (float, [], "float", "list"),
        (float, None, "float", "NoneType"),
        (bool, "true", "bool", "str"),
        (bool, "", "bool", "str"),
        (bool, 2, "bool", "int"),
        (bool, 0.5, "bool", "float"),
        (bool, {}, "bool", "dict"),
        (bool, None, "bool", "NoneType"),
        (str, ["hunter2"], "str", "list"),
        (str, {"hunter2": 1}, "str", "dict"),
        (str, None, "str", "NoneType"),
        (Color, ["hunter2"], "str", "list"),
        (Color, None, "str", "NoneType"),
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
@pytest.mark.parametrize("mode", ["tolerant", "strict"])
def test_a_mismatch_reports_types_but_no_value(
    type_: Any, data: object, expected: str, actual: str, mode: str
) -> None:
    """A wrong type raises a DecodeError that names both types and not the value."""
    if mode == "strict":
        with strict_mode():
            message = decode_failure(type_, data)
    else:
        message = decode_failure(type_, data)

    assert message == f"the response does not match: expected {expected}, got {actual} @ $"


def test_a_number_with_thousands_of_digits_is_refused() -> None:
    """Thousands of digits in a text raise an error that does not show them."""
    message = decode_failure(int, "9" * 5000)

    assert message == "the response does not match: expected int, got str @ $"


def test_secrets_are_wrapped() -> None:
    """A secret becomes a Secret, and a confidential object shows only its keys."""
    secret = decode(Secret, "hunter2")
    confidential = decode(Confidential, {"password": "hunter2"})

    assert secret == Secret("hunter2")
    assert confidential == {"password": "hunter2"}
    assert "hunter2" not in repr((secret, confidential))


def test_models_are_nested() -> None:
    """Objects, lists of objects and maps of objects become models."""
    data = {"item": {"id": 1}, "items": [{"id": 2}], "by_name": {"a": {"id": 3}}}

    with strict_mode():
        value = decode(Nested, data)

    assert value == Nested(item=Item(id=1), items=[Item(id=2)], by_name={"a": Item(id=3)})


def test_absent_and_null_are_distinguished() -> None:
    """An attribute that can be both is UNSET if absent and None if null."""
    with strict_mode():
        absent = decode(Optionals, {"may_be_null": None})
        null = decode(Optionals, {"may_be_null": "x", "may_be_both": None, "anything": None})
        present = decode(Optionals, {"may_be_null": "x", "may_be_both": {"id": 1}, "anything": [1]})

    assert absent == Optionals(may_be_null=None)
    assert (absent.may_be_both, absent.anything, absent.may_be_absent) == (UNSET, UNSET, None)
    assert (null.may_be_both, null.anything) == (None, None)
    assert (present.may_be_both, present.anything) == (Item(id=1), [1])


def test_attributes_are_read_from_their_wire_names() -> None:
    """An attribute is read from its wire name, not from its Python name."""
    value = decode(Optionals, {"may_be_null": "x", "wired name": "s", "wired": 1})

    assert value.wired == Secret("s")
    assert value.extra == {"wired": 1}


def test_null_for_an_optional_key_is_an_error_in_strict_mode() -> None:
    """By default a key that may only be left out may also be null; strict mode refuses null."""
    data = {"may_be_null": None, "may_be_absent": None}

    value = decode(Optionals, data)
    with strict_mode():
        message = decode_failure(Optionals, data)

    assert value == Optionals(may_be_null=None)
    assert message == "the response does not match: null for a key that may only be left out @ $"


def test_unknown_keys_are_kept_but_not_shown() -> None:
    """Unknown keys are kept in `extra` at every level, and are not in the repr."""
    data = {
        "item": {"id": 1, "new": "hunter2"},
        "items": [{"id": 2, "extra": {"a": 1}}],
        "by_name": {},
        "also": ["hunter2"],
    }

    value = decode(Nested, data)

    assert value.extra == {"also": ["hunter2"]}
    assert value.item.extra == {"new": "hunter2"}
    assert value.items[0].extra == {"extra": {"a": 1}}
    assert "hunter2" not in repr(value)


def test_unknown_keys_are_errors_in_strict_mode() -> None:
    """Strict mode reports the names and the path of unknown keys, but no values."""
    data = {"item": {"id": 1, "b": "hunter2", "a": 1}, "items": [], "by_name": {}}

    with strict_mode():
        message = decode_failure(Nested, data)

    assert message == "the response does not match: unknown keys a, b @ $.item"


@pytest.mark.parametrize(
    ("data", "problems"),
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
def test_messages_contain_paths(data: object, problems: list[str]) -> None:
    """The message contains the path of every mismatch in the response."""
    message = decode_failure(Nested, data)

    parts = message.removeprefix("the response does not match: ").split("; ")
    assert len(parts) == len(problems)
    assert all(part.endswith(problem) for part, problem in zip(parts, problems, strict=True))


def test_messages_stay_short() -> None:
    """A message contains at most three mismatches, and a very long path is cut."""
    many = decode_failure(list[int], ["x"] * 100)
    long = decode_failure(dict[str, int], {"k" * 1_000_000: "hunter2"})

    assert many == (
        "the response does not match: expected int, got str @ $[0]; expected int, got str @ $[1];"
        " expected int, got str @ $[2] and 97 more"
    )
    assert len(long) < 300
    assert long.endswith("k…")
    assert "hunter2" not in long


def test_errors_of_cattrs_show_no_value() -> None:
    """The text of an error of cattrs is not shown."""
    message = decode_failure(list[Unset], ["hunter2"])

    assert message == "the response does not match: not understood @ $[0]"


@pytest.mark.parametrize("data", ["hunter2", None, 5, ["red"]])
def test_a_closed_enumeration_reports_its_values(data: object) -> None:
    """A value of no closed enumeration raises a DecodeError that names the known values."""
    message = decode_failure(Literal["red", "green"], data)

    assert message == "the response does not match: expected one of red, green @ $"
    assert decode(list[Literal["red", "green"]], ["red"]) == ["red"]


def test_the_error_contains_the_response_but_does_not_show_it() -> None:
    """The body is an attribute of the error, and in no text or chained error."""
    with pytest.raises(DecodeError) as caught:
        decode(int, "hunter2")

    error = caught.value
    assert error.content == b'"hunter2"'
    assert (error.operation, error.method, error.path, error.status) == ("t.n", "GET", "/x", 200)
    assert "hunter2" not in f"{error} {error!r}"
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_strict_mode_ends_with_its_block() -> None:
    """Strict mode ends with its block, also after an error and when nested."""
    with strict_mode():
        with pytest.raises(DecodeError), strict_mode():
            decode(int, "5")
        inside = decode_failure(int, "5")

    after = decode(int, "5")

    assert "expected int" in inside
    assert after == 5


async def test_strict_mode_stays_in_its_task() -> None:
    """Strict mode in a task does not affect other tasks."""
    entered, leave = asyncio.Event(), asyncio.Event()

    async def decode_strictly() -> str:
        with strict_mode():
            entered.set()
            await leave.wait()
            return decode_failure(int, "5")

    async def decode_tolerantly() -> int:
        await entered.wait()
        value: int = decode(int, "5")
        leave.set()
        return value

    message, value = await asyncio.gather(decode_strictly(), decode_tolerantly())

    assert "expected int" in message
    assert value == 5
