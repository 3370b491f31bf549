"""A Screen describes the fields of a question as Python types."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from docassemble_client import DADict, DAList, DAObject, Screen
from tests.workflows.screens import END_SCREEN, decode_question, make_field, make_screen


def get_visible_names(value: dict[str, Any], answers: dict[str, Any]) -> list[str]:
    """Return the names of the fields that are visible after these answers."""
    return [field.name for field in Screen(decode_question(value)).get_visible_fields(answers)]


@pytest.mark.parametrize(
    ("definition", "type_"),
    [
        ({}, str),
        ({"datatype": "text"}, str),
        ({"datatype": "a custom type"}, str),
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
        ({"choices": [{"label": "None", "value": None}, {"label": "Two", "value": 2}]}, str),
        ({"choices": [{"label": "Y", "value": True}, {"label": "N", "value": "False"}]}, bool),
        ({"choices": [{"label": "None", "value": None}]}, str),
        ({"choices": [{"label": "A", "value": "a"}]}, str),
    ],
)
def test_field_has_a_python_type(definition: dict[str, Any], type_: type) -> None:
    """The type follows from the datatype, or else from the choices."""
    (field,) = Screen(decode_question(make_screen({"variable_name": "x", **definition}))).fields

    assert field.type is type_
    assert field.multiple == (type_ in {DADict, DAList} or definition.get("datatype") == "files")


@pytest.mark.parametrize(("kind", "type_"), [("yesno", bool), ("signature", bytes)])
def test_question_type_decides_the_field_type(kind: str, type_: type) -> None:
    """Fields of yes/no and signature questions have no datatype."""
    (field,) = Screen(decode_question(make_screen({"variable_name": "x"}, kind=kind))).fields

    assert (field.type, field.required, field.label) == (type_, True, "")


def test_choices_have_the_values_to_answer_with() -> None:
    """The values of checkboxes are their keys; choices without a key are omitted."""
    boxes = make_field(
        "fruit",
        datatype="checkboxes",
        choices=[
            {"label": "Apple", "variable_name": "fruit['apple']", "value": True, "selected": True},
            {"label": "D", "variable_name": 'fruit["d\'or"]', "value": True},
            {"label": "None of the above"},
        ],
    )
    radio = make_field(
        "pet", label="Pet", choices=[{"label": "Cat", "value": "c"}, {"label": "None"}]
    )

    fruit, pet = Screen(decode_question(make_screen(boxes, radio))).fields

    assert [(choice.label, choice.value, choice.selected) for choice in fruit.choices] == [
        ("Apple", "apple", True),
        ("D", "d'or", False),
    ]
    assert [(choice.label, choice.value) for choice in pet.choices] == [
        ("Cat", "c"),
        ("None", None),
    ]
    assert pet.label == "Pet"
    assert not pet.runs_code


def test_buttons_that_run_code_set_an_internal_variable() -> None:
    """The answer is the number of the choice, under the server's internal variable."""
    name = "_internal[\"answers\"]['Question_1']"
    buttons = {"choices": [{"label": "Go", "variable_name": name, "value": 0}]}

    (field,) = Screen(decode_question(make_screen(buttons, kind="multiple_choice"))).fields

    assert (field.name, field.type, field.runs_code) == (name, int, True)


def test_fields_without_an_answer_are_omitted() -> None:
    """Notes, inactive and disabled fields, and the buttons of a review have no answer."""
    fields = [
        {"datatype": "note", "note": "Look"},
        make_field("inactive", active=False),
        make_field("disabled", disabled=True),
    ]

    assert Screen(decode_question(make_screen(*fields))).fields == ()
    assert Screen(decode_question(make_screen(make_field("seen"), kind="review"))).fields == ()


@pytest.mark.parametrize(
    ("variable", "requested", "name"),
    [
        ("x.name.first", "client.name.first", "client.name.first"),
        ("x.children[i].name", "client.children[2].name", "client.children[2].name"),
        ("x['a'].b", "table['a'].b", "table['a'].b"),
        ("a[i].b[j]", "a[1].b[0]", "a[1].b[0]"),
        ("x.name.first", "something_else", "x.name.first"),
        ("plain", "plain", "plain"),
    ],
)
def test_generic_names_become_concrete(variable: str, requested: str, name: str) -> None:
    """The values of x and [i] follow from the variable that the server requested."""
    fields = [make_field("other"), make_field(variable)]
    screen = Screen(decode_question(make_screen(*fields, event_list=[requested])))

    assert screen.fields[1].name == name
    assert screen.fields[1].variable == variable


def test_fields_beside_the_requested_one_become_concrete() -> None:
    """All names of a screen have the same x and [i]."""
    fields = [make_field("x.people[i].first"), make_field("x.people[i].last"), make_field("x.size")]
    screen = Screen(decode_question(make_screen(*fields, event_list=["team.people[3].last"])))

    assert [field.name for field in screen.fields] == [
        "team.people[3].first",
        "team.people[3].last",
        "team.size",
    ]


@pytest.mark.parametrize(
    ("name", "requested", "button_variable"),
    [
        (None, ["a"], None),
        ("seen", ["a"], "seen"),
        ("x.seen", ["client.seen"], "client.seen"),
        ("people[i].seen", None, "people[i].seen"),
        ("people[i].seen", ["other"], "other"),
    ],
)
def test_button_sets_a_concrete_variable(
    name: str | None, requested: list[str] | None, button_variable: str | None
) -> None:
    """The button sets the variable of its block, or else the one that the server requested."""
    options: dict[str, Any] = {"question_variable_name": name, "event_list": requested}
    value = make_screen(**{key: option for key, option in options.items() if option})

    assert Screen(decode_question(value)).button_variable == button_variable


@pytest.mark.parametrize(
    ("value", "is_final"),
    [
        (END_SCREEN, True),
        (make_screen(kind="exit"), True),
        (make_screen(kind="review"), True),
        (make_screen(kind="deadend", mandatory=True), True),
        (make_screen(kind="review", mandatory=True), False),
        (make_screen(kind="deadend", reload=4000), False),
        (make_screen(question_variable_name="seen"), False),
        (make_screen(make_field("a")), False),
    ],
)
def test_screen_that_cannot_continue_is_final(value: dict[str, Any], *, is_final: bool) -> None:
    """A final screen has no field, no continue button and no reload."""
    assert Screen(decode_question(value)).is_final is is_final


def test_waiting_screens_have_a_reload_time() -> None:
    """The server sends milliseconds under either name; refresh screens reload after a second."""
    assert Screen(decode_question(make_screen(kind="refresh"))).reload_after == 1
    assert Screen(decode_question(make_screen(reload=4000))).reload_after == 4
    assert Screen(decode_question(make_screen(reload_after=2500))).reload_after == 2.5
    assert Screen(decode_question(make_screen())).reload_after == 0


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
    """A field depends on the answer to another field of its screen, as in the browser."""
    value = make_screen(make_field("a"), make_field("depends", **condition))

    assert ("depends" in get_visible_names(value, answers)) is visible


def test_hidden_field_hides_what_depends_on_it() -> None:
    """The answer to a hidden field is ignored."""
    yes = {"show_if_val": "True", "show_if_sign": 1}
    value = make_screen(
        make_field("a"),
        make_field("b", show_if_var="a", **yes),
        make_field("c", show_if_var="b", **yes),
    )

    assert get_visible_names(value, {"a": False, "b": True}) == ["a"]
    assert get_visible_names(value, {"a": True, "b": True}) == ["a", "b", "c"]


def test_requested_variable_is_never_hidden() -> None:
    """The interview cannot continue without the variable that it requested."""
    hidden = make_field("b", show_if_var="a", show_if_val="True", show_if_sign=1)

    assert get_visible_names(make_screen(make_field("a"), hidden, event_list=["b"]), {}) == [
        "a",
        "b",
    ]


def test_answer_may_disable_the_others() -> None:
    """A field with disable_others disables them as soon as it has an answer."""
    value = make_screen(make_field("a", disable_others=True), make_field("b"))

    assert get_visible_names(value, {}) == ["a", "b"]
    assert get_visible_names(value, {"a": None}) == ["a", "b"]
    assert get_visible_names(value, {"a": "x"}) == ["a"]


@pytest.mark.parametrize(
    ("requested", "names"),
    [("b", ["a", "b"]), ("c", ["a", "c"]), ("a.name", ["a"]), ("a", ["a"])],
)
def test_requested_variable_is_not_disabled(requested: str, names: list[str]) -> None:
    """Otherwise it would be asked forever. Attributes of a chosen object are not needed."""
    fields = [
        make_field("a", disable_others=True),
        make_field("a.name"),
        make_field("b"),
        make_field("c"),
    ]

    assert get_visible_names(make_screen(*fields, event_list=[requested]), {"a": "x"}) == names


@pytest.mark.parametrize(("requested", "name"), [(["fruit[1]"], "fruit[1]"), (None, "fruit[0]")])
def test_collected_list_asks_for_one_item(requested: list[str] | None, name: str) -> None:
    """A screen that collects a list has only the fields of the requested item."""
    labels = {
        "addAnotherLabel": "a",
        "deleteLabel": "d",
        "deletedLabel": "e",
        "undeleteLabel": "u",
    }
    options: dict[str, Any] = {"event_list": requested} if requested else {}
    fields = [make_field(f"fruit[{row}]") for row in range(3)]
    value = make_screen(*fields, listCollect=labels, **options)

    assert [field.name for field in Screen(decode_question(value)).fields] == [name]
