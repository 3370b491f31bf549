"""The answers that the runner sends for hidden fields, objects and checkboxes."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import DADict, DAObject, InvalidAnswer
from tests.workflows.screens import (
    END_SCREEN,
    ScriptedServer,
    make_field,
    make_screen,
    run_interview,
)


async def test_hidden_fields_are_not_sent() -> None:
    """The answer for a hidden field is omitted."""
    hidden = make_field("b", show_if_var="a", show_if_val="True", show_if_sign=1)
    server = ScriptedServer(make_screen(make_field("a", datatype="boolean"), hidden), END_SCREEN)

    await run_interview(server, {"a": False, "b": "secret"})

    assert server.get_sent_variables() == [{"a": False}]


async def test_answers_of_disabled_fields_are_not_sent() -> None:
    """An answer that disables the other fields is sent alone."""
    server = ScriptedServer(
        make_screen(make_field("b"), make_field("a", disable_others=True)), END_SCREEN
    )

    await run_interview(server, {"a": "x", "b": "y"})

    assert server.get_sent_variables() == [{"a": "x"}]


async def test_optional_object_without_an_answer_keeps_its_value() -> None:
    """Other fields may set its attributes; it becomes None only if it is undefined."""
    fields = [make_field("a"), make_field("thing", datatype="object", required=False)]
    screen = make_screen(*fields)
    defined = ScriptedServer(screen, END_SCREEN, values={"thing": {"_class": "C"}})
    undefined = ScriptedServer(screen, END_SCREEN)

    await run_interview(defined, {"a": "x"})
    await run_interview(undefined, {"a": "x"})

    assert defined.get_sent_variables() == [{"a": "x"}]
    assert undefined.get_sent_variables() == [{"a": "x", "thing": None}]


VALUES = {
    "people": {
        "_class": "docassemble.base.util.DAList",
        "instanceName": "people",
        "elements": [
            {
                "_class": "docassemble.base.util.Individual",
                "instanceName": "people[0]",
                "born": "1990-01-02T00:00:00-05:00",
                "tags": ["a", 1],
            }
        ],
    },
    "by_name": {
        "_class": "docassemble.base.util.DADict",
        "instanceName": "by_name",
        "elements": {"a": {"plain": "mapping"}},
    },
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("people[0].tags", ["a", 1]),
        ("by_name['a']", {"plain": "mapping"}),
        ("people[7]", None),
        ("people.missing", None),
        ("nobody", None),
        ("people[0].tags[0]", None),
    ],
)
async def test_chosen_object_is_copied_from_the_session(name: str, value: object) -> None:
    """The choices are variable names; the object of that name is sent."""
    server = ScriptedServer(
        make_screen(make_field("chosen", datatype="object")), END_SCREEN, values=VALUES
    )

    await run_interview(server, {"chosen": name})

    assert server.get_sent_variables() == [{"chosen": value}]


async def test_object_as_an_answer_is_sent() -> None:
    """Instead of a name, the answer may be an object or None."""
    server = ScriptedServer(
        make_screen(
            make_field("a", datatype="object"), make_field("b", datatype="object", required=False)
        ),
        END_SCREEN,
    )

    await run_interview(server, {"a": DAObject("Individual"), "b": None})

    (sent,) = server.get_sent_variables()
    assert sent["b"] is None
    assert sent["a"]["_class"] == "docassemble.base.util.Individual"


@pytest.mark.parametrize("names", [[], ["people[0]"]])
async def test_chosen_objects_become_a_gathered_list(names: list[str]) -> None:
    """Several objects are sent as a DAList, with their classes."""
    server = ScriptedServer(
        make_screen(make_field("chosen", datatype="object_checkboxes")), END_SCREEN, values=VALUES
    )

    await run_interview(server, {"chosen": [names]})

    (sent,) = server.get_sent_variables()
    assert sent["chosen"]["gathered"] is True
    assert [item["_class"] for item in sent["chosen"]["elements"]] == [
        "docassemble.base.util.Individual" for _ in names
    ]


async def test_checkboxes_accept_the_checked_choices() -> None:
    """A key, a list or a mapping is expanded to all choices, checked or not."""
    choices = [
        {"label": key, "variable_name": f"fruit['{key}']", "value": True} for key in ("a", "b")
    ]
    screen = make_screen(make_field("fruit", datatype="checkboxes", choices=choices))

    for answer in ("b", [["b"]], {"a": False, "b": True}, DADict({"a": False, "b": True})):
        server = ScriptedServer(screen, END_SCREEN)
        await run_interview(server, {"fruit": answer})
        assert server.get_sent_variables()[0]["fruit"]["elements"] == {"a": False, "b": True}


@pytest.mark.parametrize("answer", [["a", "b"], [["a", "b"]], ("a", "b")])
async def test_plain_list_is_several_choices(answer: object) -> None:
    """A list for one field with several choices is not taken item by item."""
    choices = [
        {"label": key, "variable_name": f"fruit['{key}']", "value": True} for key in ("a", "b")
    ]
    screen = make_screen(make_field("fruit", datatype="checkboxes", choices=choices))
    server = ScriptedServer(screen, END_SCREEN)

    transcript = await run_interview(server, {"fruit": answer})

    assert server.get_sent_variables()[0]["fruit"]["elements"] == {"a": True, "b": True}
    assert transcript.unused == ()


async def test_plain_list_of_files_is_one_answer() -> None:
    """A field for several files gets all of them."""
    server = ScriptedServer(make_screen(make_field("photos", datatype="files")), END_SCREEN)

    transcript = await run_interview(server, {"photos": [b"a", b"b"]})

    assert transcript.steps[0].answers == {"photos": [b"a", b"b"]}


@pytest.mark.parametrize("name", ["kids[i].fruit", "x.fruit"])
async def test_plain_list_for_several_items_is_refused(name: str) -> None:
    """It may be the choices of an item, or one choice for each item."""
    variable = "x.fruit" if name[0] == "x" else "kids[i].fruit"
    choices = [{"label": "A", "variable_name": f"{variable}['a']", "value": True}]
    field = make_field(variable, datatype="checkboxes", choices=choices)
    screen = make_screen(field, event_list=["kids[0].fruit"])
    server = ScriptedServer(screen, END_SCREEN)

    with pytest.raises(InvalidAnswer, match="is a plain list for several items"):
        await run_interview(ScriptedServer(screen), {name: ["a"]})
    await run_interview(server, {name: [["a"]]})

    assert server.get_sent_variables()[0]["kids[0].fruit"]["elements"] == {"a": True}


@pytest.mark.parametrize(
    "born", [{"users[0].born": "1815"}, {"users[i].born": ["1815"]}, {"x.born": "1815"}]
)
async def test_unresolved_name_is_found_by_the_requested_variable(born: dict[str, Any]) -> None:
    """The requested field was made by code, and only the server knows what x is."""
    fields = [make_field("users[0].name.first"), make_field("x.born", required=False)]
    screen = make_screen(*fields, event_list=["users[0].name.first"])
    server = ScriptedServer(screen, END_SCREEN)

    await run_interview(server, {"users[0].name.first": "Ada"} | born)

    assert server.get_sent_variables() == [{"users[0].name.first": "Ada", "x.born": "1815"}]


async def test_empty_list_is_no_choice() -> None:
    """For a field with several choices it is an answer; for files it leaves the field empty."""
    choices = [{"label": "A", "variable_name": "fruit['a']", "value": True}]
    fields = [
        make_field("fruit", datatype="checkboxes", choices=choices),
        make_field("photos", datatype="files", required=False),
    ]
    server = ScriptedServer(make_screen(*fields), END_SCREEN)

    await run_interview(server, {"fruit": [], "photos": []})

    (sent,) = server.get_sent_variables()
    assert (sent["fruit"]["elements"], sent["photos"]) == ({"a": False}, None)


async def test_answer_for_a_continue_button_is_used() -> None:
    """The button can only set True."""
    screen = make_screen(make_field("a"), question_variable_name="seen")

    for value, unused in ((True, ()), (False, ("seen",))):
        transcript = await run_interview(
            ScriptedServer(screen, END_SCREEN), {"a": "x", "seen": value}
        )
        assert transcript.steps[0].answers == {"a": "x", "seen": True}
        assert transcript.unused == unused
