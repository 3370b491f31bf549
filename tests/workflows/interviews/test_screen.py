"""Screens say what they ask for, in Python's terms."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from docassemble_client import DADict, DAList, DAObject, Screen
from tests.workflows.screens import END, question, screen, text


def shown(value: dict[str, Any], answers: dict[str, Any]) -> list[str]:
    """Name the fields that are visible after these answers."""
    return [one.name for one in Screen(question(value)).visible(answers)]


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({}, str),
        ({"datatype": "text"}, str),
        ({"datatype": "a custom one"}, str),
        ({"datatype": "integer"}, int),
        ({"datatype": "currency"}, float),
        ({"datatype": "range"}, float),
        ({"datatype": "boolean"}, bool),
        ({"datatype": "threestate"}, bool),
        ({"datatype": "date"}, date),
        ({"datatype": "datetime"}, datetime),
        ({"datatype": "time"}, time),
        ({"datatype": "files"}, bytes),
        ({"datatype": "checkboxes"}, DADict),
        ({"datatype": "object_checkboxes"}, DAList),
        ({"datatype": "object"}, DAObject),
        ({"choices": [{"label": "None", "value": None}, {"label": "Two", "value": 2}]}, int),
        ({"choices": [{"label": "None", "value": None}]}, str),
        ({"choices": [{"label": "A", "value": "a"}]}, str),
    ],
)
def test_field_has_a_python_type(field: dict[str, Any], kind: type) -> None:
    """The type follows from the datatype, or else from the choices."""
    (one,) = Screen(question(screen({"variable_name": "x", **field}))).fields

    assert one.type is kind
    assert one.multiple == (kind in {DADict, DAList} or field.get("datatype") == "files")


@pytest.mark.parametrize(("kind", "type_"), [("yesno", bool), ("signature", bytes)])
def test_screen_of_one_kind_has_its_type(kind: str, type_: type) -> None:
    """Screens that ask for one thing only need no datatype."""
    (one,) = Screen(question(screen({"variable_name": "x"}, kind=kind))).fields

    assert (one.type, one.required, one.label) == (type_, True, "")


def test_choices_have_the_values_to_answer_with() -> None:
    """Checkboxes are answered by their keys; what is no choice of its own is left out."""
    boxes = text(
        "fruit",
        datatype="checkboxes",
        choices=[
            {"label": "Apple", "variable_name": "fruit['apple']", "value": True, "selected": True},
            {"label": "D", "variable_name": 'fruit["d\'or"]', "value": True},
            {"label": "None of the above"},
        ],
    )
    radio = text("pet", label="Pet", choices=[{"label": "Cat", "value": "c"}, {"label": "None"}])

    fruit, pet = Screen(question(screen(boxes, radio))).fields

    assert [(one.label, one.value, one.selected) for one in fruit.choices] == [
        ("Apple", "apple", True),
        ("D", "d'or", False),
    ]
    assert [(one.label, one.value) for one in pet.choices] == [("Cat", "c"), ("None", None)]
    assert pet.label == "Pet"
    assert not pet.unnamed


def test_buttons_without_variable_have_the_place_of_their_number() -> None:
    """Choices that run code are answered by their number under the server's own name."""
    place = "_internal[\"answers\"]['Question_1']"
    one = {"choices": [{"label": "Go", "variable_name": place, "value": 0}]}

    (found,) = Screen(question(screen(one, kind="multiple_choice"))).fields

    assert (found.name, found.type, found.unnamed) == (place, int, True)


def test_what_cannot_be_answered_is_no_field() -> None:
    """Notes, inactive and disabled fields, and the buttons of a review ask for nothing."""
    fields = [
        {"datatype": "note", "note": "Look"},
        text("inactive", active=False),
        text("disabled", disabled=True),
    ]

    assert Screen(question(screen(*fields))).fields == ()
    assert Screen(question(screen(text("seen"), kind="review"))).fields == ()


@pytest.mark.parametrize(
    ("given", "sought", "name"),
    [
        ("x.name.first", "client.name.first", "client.name.first"),
        ("x.children[i].name", "client.children[2].name", "client.children[2].name"),
        ("x['a'].b", "table['a'].b", "table['a'].b"),
        ("a[i].b[j]", "a[1].b[0]", "a[1].b[0]"),
        ("x.name.first", "something_else", "x.name.first"),
        ("plain", "plain", "plain"),
    ],
)
def test_generic_names_become_concrete(given: str, sought: str, name: str) -> None:
    """What x and [i] are follows from the variable that the server was looking for."""
    value = Screen(question(screen(text("other"), text(given), event_list=[sought])))

    assert value.fields[1].name == name
    assert value.fields[1].variable == given


def test_fields_beside_the_sought_one_become_concrete() -> None:
    """All names of a screen have the same x and [i]."""
    fields = [text("x.people[i].first"), text("x.people[i].last"), text("x.size")]
    value = Screen(question(screen(*fields, event_list=["team.people[3].last"])))

    assert [one.name for one in value.fields] == [
        "team.people[3].first",
        "team.people[3].last",
        "team.size",
    ]


@pytest.mark.parametrize(
    ("name", "sought", "button"),
    [
        (None, ["a"], None),
        ("seen", ["a"], "seen"),
        ("x.seen", ["client.seen"], "client.seen"),
        ("people[i].seen", None, "people[i].seen"),
        ("people[i].seen", ["other"], "other"),
    ],
)
def test_button_sets_a_concrete_variable(
    name: str | None, sought: list[str] | None, button: str | None
) -> None:
    """The variable of the button is that of the block, or else what the server looks for."""
    more: dict[str, Any] = {"question_variable_name": name, "event_list": sought}
    value = screen(**{key: one for key, one in more.items() if one})

    assert Screen(question(value)).button == button


@pytest.mark.parametrize(
    ("value", "ended"),
    [
        (END, True),
        (screen(kind="exit"), True),
        (screen(kind="review"), True),
        (screen(kind="deadend", mandatory=True), True),
        (screen(kind="review", mandatory=True), False),
        (screen(kind="deadend", reload=4000), False),
        (screen(question_variable_name="seen"), False),
        (screen(text("a")), False),
    ],
)
def test_screen_without_a_way_on_is_the_end(value: dict[str, Any], *, ended: bool) -> None:
    """Over is what asks nothing, waits for nothing and cannot be passed."""
    assert Screen(question(value)).ended is ended


def test_waiting_screens_tell_their_seconds() -> None:
    """The server says milliseconds, under either name; commands to refresh mean soon."""
    assert Screen(question(screen(kind="refresh"))).seconds == 1
    assert Screen(question(screen(reload=4000))).seconds == 4
    assert Screen(question(screen(reload_after=2500))).seconds == 2.5
    assert Screen(question(screen())).seconds == 0


@pytest.mark.parametrize(
    ("condition", "answers", "visible"),
    [
        ({"show_if_var": "a", "show_if_val": "True", "show_if_sign": 1}, {"a": True}, True),
        ({"show_if_var": "a", "show_if_val": "True", "show_if_sign": 1}, {"a": False}, False),
        ({"show_if_var": "a", "show_if_val": "True", "show_if_sign": 1}, {}, False),
        ({"show_if_var": "a", "show_if_val": "True", "show_if_sign": 0}, {"a": True}, False),
        ({"show_if_var": "a", "show_if_val": "True", "show_if_sign": 0}, {}, True),
        ({"show_if_var": "a", "show_if_sign": 1}, {"a": ""}, True),
        ({"show_if_var": "elsewhere", "show_if_val": "1", "show_if_sign": 1}, {}, True),
        (
            {"show_if_var": "a['k']", "show_if_val": "True", "show_if_sign": 1},
            {"a": DADict({"k": True})},
            True,
        ),
        (
            {"show_if_var": "a['k']", "show_if_val": "True", "show_if_sign": 1},
            {"a": "text"},
            False,
        ),
        (
            {"show_if_var": "b['k']", "show_if_val": "True", "show_if_sign": 1},
            {"a": "text"},
            True,
        ),
    ],
)
def test_conditions_hide_and_show(
    condition: dict[str, Any], answers: dict[str, Any], *, visible: bool
) -> None:
    """A field follows the answer to another one on its screen, as in the browser."""
    value = screen(text("a"), text("depends", **condition))

    assert ("depends" in shown(value, answers)) is visible


def test_hidden_field_hides_what_depends_on_it() -> None:
    """An answer to a hidden field counts for nothing."""
    yes = {"show_if_val": "True", "show_if_sign": 1}
    value = screen(text("a"), text("b", show_if_var="a", **yes), text("c", show_if_var="b", **yes))

    assert shown(value, {"a": False, "b": True}) == ["a"]
    assert shown(value, {"a": True, "b": True}) == ["a", "b", "c"]


def test_what_the_server_looks_for_is_never_hidden() -> None:
    """The interview cannot go on without the variable it seeks."""
    hidden = text("b", show_if_var="a", show_if_val="True", show_if_sign=1)

    assert shown(screen(text("a"), hidden, event_list=["b"]), {}) == ["a", "b"]


def test_answer_may_disable_the_others() -> None:
    """A field that disables the others does so once it has an answer."""
    value = screen(text("a", disable_others=True), text("b"))

    assert shown(value, {}) == ["a", "b"]
    assert shown(value, {"a": None}) == ["a", "b"]
    assert shown(value, {"a": "x"}) == ["a"]


@pytest.mark.parametrize(
    ("sought", "names"),
    [("b", ["a", "b"]), ("c", ["a", "c"]), ("a.name", ["a"]), ("a", ["a"])],
)
def test_what_the_server_looks_for_is_not_disabled(sought: str, names: list[str]) -> None:
    """It would ask forever; but of an object that is chosen it needs no parts."""
    fields = [text("a", disable_others=True), text("a.name"), text("b"), text("c")]

    assert shown(screen(*fields, event_list=[sought]), {"a": "x"}) == names


@pytest.mark.parametrize(("sought", "name"), [(["fruit[1]"], "fruit[1]"), (None, "fruit[0]")])
def test_collected_list_asks_for_one_item(sought: list[str] | None, name: str) -> None:
    """Of the rows of a screen that collects a list only that of the sought item is asked for."""
    labels = {
        "addAnotherLabel": "a",
        "deleteLabel": "d",
        "deletedLabel": "e",
        "undeleteLabel": "u",
    }
    more: dict[str, Any] = {"event_list": sought} if sought else {}
    value = screen(*(text(f"fruit[{row}]") for row in range(3)), listCollect=labels, **more)

    assert [one.name for one in Screen(question(value)).fields] == [name]
