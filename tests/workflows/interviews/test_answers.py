"""Encoding of Python values as answers."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import DADict, DAList, DAObject, JSONInput, Upload, UsageError
from docassemble_client.workflows.interviews.answers import EncodedAnswers, encode_answers


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        2.5,
        "text",
        "2026-03-14",
        "12:30:00 is when we meet",
        [1, "two", [3]],
        {"a": {"b": None}},
        {"_class": "docassemble.base.util.DAFile", "instanceName": "x"},
        {"2026-03-14": 1},
        [],
        {},
    ],
    ids=repr,
)
def test_json_is_not_converted(value: Any) -> None:
    """Text stays text and a mapping stays a mapping, whatever they look like."""
    assert encode_answers({"x": value}) == EncodedAnswers(literal={"x": value})


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (date(2026, 3, 14), "2026-03-14"),
        (datetime(2026, 3, 14, 15, 9, tzinfo=UTC), "2026-03-14T15:09:00+00:00"),
        (time(15, 9), "15:09:00"),
        ([date(2026, 3, 14), 1], ["2026-03-14", 1]),
        ({"born": date(1815, 12, 10)}, {"born": "1815-12-10"}),
    ],
    ids=repr,
)
def test_dates_and_times_are_converted(value: Any, encoded: JSONInput) -> None:
    """The server converts date and time values."""
    assert encode_answers({"x": value}) == EncodedAnswers(converted={"x": encoded})


@pytest.mark.parametrize(
    ("value", "number"),
    [("12.30", 12.3), ("0.1", 0.1), ("100", 100), ("1E+3", 1000), ("-2.50", -2.5), ("0", 0)],
)
def test_decimal_becomes_the_same_number(value: str, number: float) -> None:
    """A Decimal is sent as the same number; a whole number as an int."""
    encoded = encode_answers({"x": Decimal(value)})

    assert encoded.literal == {"x": number}
    assert type(encoded.literal["x"]) is type(number)


def test_object_is_named_after_its_variable() -> None:
    """Objects and nested objects have the server's class and the name of their variable."""
    ada = DAObject("Individual", name=DAObject("IndividualName", first="Ada"), birthdate=None)

    encoded = encode_answers({"clients[0]": ada})

    assert encoded.literal == {}
    assert encoded.converted == {
        "clients[0]": {
            "_class": "docassemble.base.util.Individual",
            "instanceName": "clients[0]",
            "name": {
                "_class": "docassemble.base.util.IndividualName",
                "instanceName": "clients[0].name",
                "first": "Ada",
            },
            "birthdate": None,
        }
    }


def test_collections_are_gathered_and_name_their_elements() -> None:
    """A DADict or DAList is gathered; its elements have the names that the server uses."""
    encoded = encode_answers(
        {
            "fruit": DADict({"apple": True, "pear": False}),
            "people": DAList([DAObject("docassemble.Custom.people.Friend")]),
        }
    )

    assert encoded.converted == {
        "fruit": {
            "_class": "docassemble.base.util.DADict",
            "instanceName": "fruit",
            "elements": {"apple": True, "pear": False},
            "gathered": True,
            "auto_gather": False,
        },
        "people": {
            "_class": "docassemble.base.util.DAList",
            "instanceName": "people",
            "elements": [
                {"_class": "docassemble.Custom.people.Friend", "instanceName": "people[0]"}
            ],
            "gathered": True,
            "auto_gather": False,
            "there_are_any": True,
        },
    }


def test_element_of_a_dictionary_is_named_by_its_key() -> None:
    """The name of an element quotes its key as Python does."""
    encoded = encode_answers({"pets": DADict({"it's": DAObject("Thing")})})

    pets = encoded.converted["pets"]
    assert isinstance(pets, dict)
    assert isinstance(pets["elements"], dict)
    assert pets["elements"]["it's"] == {
        "_class": "docassemble.base.util.Thing",
        "instanceName": 'pets["it\'s"]',
    }


@pytest.mark.parametrize(
    "value",
    [
        DAObject("Thing", note="2026-03-14 was a Saturday"),
        DAObject("Thing", facts={"_class": "docassemble.base.util.DAFile", "instanceName": "x"}),
        [date(2026, 3, 14), "12:30:00"],
        {"2026-03-14": date(2026, 3, 14)},
    ],
    ids=repr,
)
def test_accidental_conversion_is_refused(value: Any) -> None:
    """The server converts all values of a variable or none, so the two cannot be mixed."""
    with pytest.raises(UsageError, match="mixes"):
        encode_answers({"x": value})


def test_dates_and_date_like_texts_are_separated() -> None:
    """A text that looks like a date is sent as a literal value, a date as a converted one."""
    encoded = encode_answers({"text": "2026-03-14", "day": date(2026, 3, 14)})

    assert encoded.literal == {"text": "2026-03-14"}
    assert encoded.converted == {"day": "2026-03-14"}


def test_unambiguous_values_are_sent_with_the_converted_ones() -> None:
    """One call keeps the order, because a variable must exist before its attributes."""
    encoded = encode_answers(
        {"client": DAObject("Individual"), "client.email": "ada@example.com", "n": 1}
    )

    ((variables, raw),) = encoded.calls
    assert list(variables) == ["client", "client.email", "n"]
    assert not raw


@pytest.mark.parametrize("name", ["client.note", "client['note']"])
def test_text_of_an_object_is_sent_after_the_object(name: str) -> None:
    """Text that looks like a date needs its own call, after the one that sets its object."""
    encoded = encode_answers({name: "2026-03-14", "client": DAObject("Individual"), "clients": "x"})

    first, last = encoded.calls
    assert list(first[0]) == ["client", "clients"]
    assert last == ({name: "2026-03-14"}, True)


def test_files_are_distinguished_from_text() -> None:
    """Bytes, paths, uploads and lists of these are files; a string never is."""
    upload = Upload(b"x", "x.txt")

    encoded = encode_answers(
        {"photo": b"\x89PNG", "letters": [Path("a.txt"), upload], "name": "a.txt"}
    )

    assert encoded.files == {"photo": [b"\x89PNG"], "letters": [Path("a.txt"), upload]}
    assert encoded.file_variables == {}
    assert encoded.literal == {"name": "a.txt"}


def test_file_of_an_attribute_gets_a_generated_part_name() -> None:
    """A variable that cannot be the name of a part is sent separately."""
    encoded = encode_answers({"user.photo": b"1", "pets['cat'].photo": b"2"})

    assert encoded.files == {"file_0": [b"1"], "file_1": [b"2"]}
    assert encoded.file_variables == {"file_0": "user.photo", "file_1": "pets['cat'].photo"}


def test_part_names_are_unique() -> None:
    """A part name is neither another variable nor the parameter of the API key."""
    encoded = encode_answers({"user.photo": b"1", "file_0": b"2", "key": b"3"})

    assert encoded.files == {"file_0_": [b"1"], "file_0": [b"2"], "file_2": [b"3"]}
    assert encoded.file_variables == {"file_0_": "user.photo", "file_2": "key"}


@pytest.mark.parametrize(
    "name",
    [
        "fruit",
        "client.name.first",
        "children[0].pets['it\\'s'].name",
        'x["a \\"b\\" (c)"]',
        "x[i].y[-1]",
        "fruit[person.favorite]",
        "_internal[\"answers\"]['Question_1']",
        "größe",
    ],
)
def test_valid_variable_name_is_accepted(name: str) -> None:
    """Every variable, attribute and item of an interview can be set."""
    assert encode_answers({name: 1}) == EncodedAnswers(literal={name: 1})


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "1a",
        " fruit",
        "fruit ",
        "fruit\n",
        "fruit # note",
        "f()",
        "x[f()]",
        "x['a' + b]",
        "x['a'b']",
        "a; b",
        "a = b",
        "a, b",
        "a.",
        "x[]",
        "x.__class__",
        "__builtins__",
        "x[y.__class__]",
        7,
    ],
    ids=repr,
)
def test_invalid_variable_name_is_refused(name: Any) -> None:
    """The server executes names as Python, so other expressions are never sent."""
    with pytest.raises(UsageError, match="is not a valid variable name"):
        encode_answers({name: 1})


@pytest.mark.parametrize("name", ["_class", "instanceName", "a b", "a.b", ""])
def test_attribute_name_cannot_change_the_class(name: str) -> None:
    """Untrusted attribute names cannot choose the class of an object."""
    with pytest.raises(UsageError, match="'x': an object cannot have the attribute"):
        encode_answers({"x": DAObject("Individual", **{name: "docassemble.base.util.DAFile"})})


class Float64(float):
    """A float of another library, like numpy.float64."""


class NaT(datetime):
    """A date that is missing, like pandas.NaT."""

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = datetime.__hash__


def test_value_that_contains_itself_is_refused() -> None:
    """The error names the variable."""
    items: list[Any] = []
    items.append(items)

    with pytest.raises(UsageError, match=r"'x': the value is nested too deeply, or contains it"):
        encode_answers({"x": items})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({1, 2}, "a value of type set cannot be sent"),
        (3 + 4j, "a value of type complex cannot be sent"),
        ([1, b"x"], "a value of type bytes cannot be sent"),
        ({1: "x"}, "the keys of a mapping must be strings"),
        (time(15, 9, tzinfo=UTC), "a time with a time zone"),
        (math.nan, "x is not a finite number"),
        ({"rent": [Float64("inf")]}, "x['rent'][0] is not a finite number"),
        (NaT(1, 1, 1), "NaT is not a date"),
        ({"born": NaT(1, 1, 1)}, "NaT is not a date"),
        pytest.param([10**5000], "x[0] has too many digits", id="5,000 digits"),
        pytest.param(
            DADict({10**5000: True}), "the keys of a mapping must be", id="key of 5,000 digits"
        ),
        (Decimal("NaN"), "a Decimal cannot be represented"),
        (Decimal("sNaN"), "a Decimal cannot be represented"),
        (Decimal("1e999999999"), "a Decimal cannot be represented"),
        (Decimal("Infinity"), "a Decimal cannot be represented"),
        (Decimal("0.12345678901234567890"), "a Decimal cannot be represented"),
    ],
    ids=repr,
)
def test_value_that_cannot_be_sent_is_refused(value: Any, problem: str) -> None:
    """The error contains the variable and the type, but not the value."""
    with pytest.raises(UsageError) as error:
        encode_answers({"x": value})

    assert str(error.value).startswith(f"'x': {problem}")


@pytest.mark.parametrize("name", ["os.system", "docassemble.base.util.x()", "A b", ""])
def test_class_that_is_not_docassembles_is_refused(name: str) -> None:
    """The server silently replaces objects of other classes with None."""
    with pytest.raises(UsageError, match="must be a docassemble class"):
        DAObject(name)


def test_repr_of_an_object_hides_its_values() -> None:
    """Answers are personal, so the repr contains only attribute names."""
    text = repr(DAObject("Individual", ssn="123-45-6789"))

    assert text == "DAObject('docassemble.base.util.Individual', ssn)"
