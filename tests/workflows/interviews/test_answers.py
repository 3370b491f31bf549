"""Python values on their way into an interview."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import DADict, DAList, DAObject, JSONInput, Upload, UsageError
from docassemble_client.workflows.interviews.answers import Encoded, encode_answers


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
def test_json_is_set_as_it_is(value: Any) -> None:
    """Text stays text and a mapping a mapping, whatever the server would make of it."""
    assert encode_answers({"x": value}) == Encoded(literal={"x": value})


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (date(2026, 3, 14), "2026-03-14"),
        (datetime(2026, 3, 14, 15, 9, tzinfo=UTC), "2026-03-14T15:09:00+00:00"),
        (time(15, 9), "15:09:00"),
        ([date(2026, 3, 14), 1], ["2026-03-14", 1]),
        ({"born": date(1815, 12, 10)}, {"born": "1815-12-10"}),
    ],
    ids=repr,
)
def test_dates_and_times_become_such_on_the_server(value: Any, sent: JSONInput) -> None:
    """Where a date or time is meant, the server has to convert."""
    assert encode_answers({"x": value}) == Encoded(converted={"x": sent})


@pytest.mark.parametrize(
    ("value", "sent"),
    [("12.30", 12.3), ("0.1", 0.1), ("100", 100), ("1E+3", 1000), ("-2.50", -2.5), ("0", 0)],
)
def test_decimal_becomes_the_same_number(value: str, sent: float) -> None:
    """A Decimal is sent as the number it shows; a whole one without a point."""
    encoded = encode_answers({"x": Decimal(value)})

    assert encoded.literal == {"x": sent}
    assert type(encoded.literal["x"]) is type(sent)


def test_object_is_named_after_its_variable() -> None:
    """An object and those within it carry the server's class and the name of their place."""
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
    """A DADict or DAList is complete; its elements are named as the server names them."""
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
def test_what_would_be_converted_by_accident_is_refused(value: Any) -> None:
    """Within one variable the server converts all or nothing, so both cannot go together."""
    with pytest.raises(UsageError, match="mixes"):
        encode_answers({"x": value})


def test_meant_and_typed_values_are_kept_apart() -> None:
    """A text like a date goes with the values set as they are, a date with the converted ones."""
    encoded = encode_answers({"typed": "2026-03-14", "meant": date(2026, 3, 14)})

    assert encoded.literal == {"typed": "2026-03-14"}
    assert encoded.converted == {"meant": "2026-03-14"}


def test_what_the_server_cannot_mistake_goes_with_what_it_converts() -> None:
    """Order counts, as a variable must exist before its parts: most answers are one call."""
    encoded = encode_answers(
        {"client": DAObject("Individual"), "client.email": "ada@example.com", "n": 1}
    )

    ((variables, raw),) = encoded.calls
    assert list(variables) == ["client", "client.email", "n"]
    assert not raw


@pytest.mark.parametrize("name", ["client.note", "client['note']"])
def test_text_of_an_object_goes_after_the_object(name: str) -> None:
    """Text that looks like a date needs a call of its own, but its parent comes first."""
    encoded = encode_answers({name: "2026-03-14", "client": DAObject("Individual"), "clients": "x"})

    first, last = encoded.calls
    assert list(first[0]) == ["client", "clients"]
    assert last == ({name: "2026-03-14"}, True)


def test_files_are_told_from_text() -> None:
    """Bytes, paths and uploads are files, one or several; a text never is."""
    upload = Upload(b"x", "x.txt")

    encoded = encode_answers(
        {"photo": b"\x89PNG", "letters": [Path("a.txt"), upload], "name": "a.txt"}
    )

    assert encoded.files == {"photo": [b"\x89PNG"], "letters": [Path("a.txt"), upload]}
    assert encoded.file_variables == {}
    assert encoded.literal == {"name": "a.txt"}


def test_file_of_an_attribute_gets_a_part_of_its_own_name() -> None:
    """A variable that cannot be the name of a part is named beside it."""
    encoded = encode_answers({"user.photo": b"1", "pets['cat'].photo": b"2"})

    assert encoded.files == {"file_0": [b"1"], "file_1": [b"2"]}
    assert encoded.file_variables == {"file_0": "user.photo", "file_1": "pets['cat'].photo"}


def test_part_of_a_file_has_a_name_of_its_own() -> None:
    """It is no other variable's, nor that of the parameter which holds the API key."""
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
def test_name_of_a_variable_passes(name: str) -> None:
    """Whatever an interview may call its variables and their parts can be set."""
    assert encode_answers({name: 1}) == Encoded(literal={name: 1})


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
def test_anything_but_a_name_is_refused(name: Any) -> None:
    """The server runs names as Python: nothing is sent that is more than a name."""
    with pytest.raises(UsageError, match="is not the name of a variable"):
        encode_answers({name: 1})


@pytest.mark.parametrize("name", ["_class", "instanceName", "a b", "a.b", ""])
def test_attribute_cannot_turn_an_object_into_another(name: str) -> None:
    """What untrusted data calls an attribute does not choose the class."""
    with pytest.raises(UsageError, match="'x': an object cannot have the attribute"):
        encode_answers({"x": DAObject("Individual", **{name: "docassemble.base.util.DAFile"})})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({1, 2}, "a set cannot be sent"),
        (3 + 4j, "a complex cannot be sent"),
        ([1, b"x"], "a bytes cannot be sent"),
        ({1: "x"}, "the keys of a mapping must be texts"),
        (time(15, 9, tzinfo=UTC), "a time with a zone"),
        (Decimal("NaN"), "a Decimal is no number"),
        (Decimal("Infinity"), "a Decimal is no number"),
        (Decimal("0.12345678901234567890"), "a Decimal is no number"),
    ],
    ids=repr,
)
def test_value_that_cannot_be_sent_is_refused(value: Any, problem: str) -> None:
    """The error names the variable and the type, never the value."""
    with pytest.raises(UsageError) as error:
        encode_answers({"x": value})

    assert str(error.value).startswith(f"'x': {problem}")


@pytest.mark.parametrize("name", ["os.system", "docassemble.base.util.x()", "A b", ""])
def test_class_that_is_not_docassembles_is_refused(name: str) -> None:
    """The server makes None of any other class, without an error."""
    with pytest.raises(UsageError, match="must be one of docassemble's"):
        DAObject(name)


def test_object_shows_its_attributes_but_not_their_values() -> None:
    """Answers are personal, so a repr holds names only."""
    shown = repr(DAObject("Individual", ssn="123-45-6789"))

    assert shown == "DAObject('docassemble.base.util.Individual', ssn)"
