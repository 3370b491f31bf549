"""Fields whose datatype is not docassemble's: custom datatypes, and menus of unknown datatypes."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import AnswerPolicy, InvalidAnswer, MissingAnswer
from tests.workflows.screens import (
    END_SCREEN,
    ScriptedServer,
    make_field,
    make_screen,
    run_interview,
)


async def test_custom_datatype_has_no_value_of_a_policy() -> None:
    """The error names it, and an answer of the caller is sent as it is."""
    choices = [{"label": "A", "value": "a", "children": []}]
    screen = make_screen(make_field("a", datatype="al_tree_select", choices=choices))

    with pytest.raises(MissingAnswer, match=r"custom datatype al_tree_select.*transform") as caught:
        await run_interview(ScriptedServer(screen), policy=AnswerPolicy.generated)

    assert caught.value.datatype == "al_tree_select"
    server = ScriptedServer(screen, END_SCREEN)
    await run_interview(server, {"a": {"anything": True}})
    assert server.get_sent_variables() == [{"a": {"anything": True}}]


@pytest.mark.parametrize("datatype", ["ml", "mlarea"])
async def test_prediction_has_no_value_of_a_policy(datatype: str) -> None:
    """A web form makes a DAModel of the text; the API stores what it is given."""
    screen = make_screen(make_field("a", datatype=datatype))

    with pytest.raises(MissingAnswer, match=f"of the datatype {datatype}. Add a DAObject of class"):
        await run_interview(ScriptedServer(screen), policy=AnswerPolicy.generated)
    server = ScriptedServer(screen, END_SCREEN)
    await run_interview(server, {"a": "words"})
    assert server.get_sent_variables() == [{"a": "words"}]


@pytest.mark.parametrize(
    "choice",
    [
        {"label": "A", "children": [{"label": "B", "key": "b"}]},
        {"label": "A", "key": "a"},
    ],
)
async def test_choices_of_a_tree_are_not_a_menu(choice: dict[str, Any]) -> None:
    """The datatype reads them in its own way, as al_tree_select does."""
    choices = [{"label": "C", "value": "c"}, choice]
    screen = make_screen(make_field("a", datatype="al_tree_select", choices=choices))

    with pytest.raises(MissingAnswer, match="custom datatype al_tree_select"):
        await run_interview(ScriptedServer(screen), policy=AnswerPolicy.generated)


@pytest.mark.parametrize(
    ("answers", "value"),
    [({}, "x"), ({"a": "y"}, "y"), ({"a": "Why"}, "y"), ({"a": "True"}, "True")],
)
async def test_unknown_datatype_with_choices_is_a_menu(answers: dict[str, Any], value: str) -> None:
    """A browser shows a menu; the server keeps the text of the choice."""
    choices = [
        {"label": "Ex", "value": "x"},
        {"label": "Why", "value": "y"},
        {"label": "Yes", "value": True},
    ]
    screen = make_screen(make_field("a", datatype="dropdownlist", choices=choices))
    server = ScriptedServer(screen, END_SCREEN)

    await run_interview(server, answers, policy=AnswerPolicy.first_choice)

    assert server.get_sent_variables() == [{"a": value}]
    with pytest.raises(InvalidAnswer, match="is not one of the choices"):
        await run_interview(ScriptedServer(screen), {"a": "z"})


async def test_truth_values_of_an_unknown_datatype_stay_text() -> None:
    """The server converts them only for its own datatypes."""
    choices = [{"label": "Yes", "value": True}, {"label": "No", "value": False}]
    server = ScriptedServer(
        make_screen(make_field("a", datatype="dropdownlist", choices=choices)), END_SCREEN
    )

    await run_interview(server, {"a": False})

    assert server.get_sent_variables() == [{"a": "False"}]
