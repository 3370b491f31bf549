"""Fields of scripted interviews have the shape that a real server sends."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, UsageError
from docassemble_client.testing import Field, ScriptedScreen
from tests.testing.field_shapes import SCREENS, SHAPES, select_shape

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer, SessionVariables

I = "docassemble.test:data/questions/fields.yml"  # noqa: E741 - the name of the parameter


async def get_question(da: AsyncDocassemble) -> dict[str, Any]:
    """Start the interview and return its first question as JSON."""
    s = await da.sessions.start(I)
    assert s.secret is not None
    params = {"i": I, "session": s.session, "secret": s.secret.reveal()}
    question: Any = (await da.request("GET", "/api/session/question", params=params)).json()
    return dict(question)


@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_has_the_shape_of_a_real_server(
    da: AsyncDocassemble, fake: FakeServer, name: str
) -> None:
    """The recorded keys of each field and of the question, no others."""
    fake.add_interview(I, SCREENS[name][1])

    shape = select_shape(await get_question(da))

    for field, recorded in zip(shape["fields"], SHAPES[name]["fields"], strict=True):
        assert field == recorded
    assert shape == SHAPES[name]


async def test_an_earlier_answer_is_the_default_value(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """Text and numbers are sent, ticks select choices; dates and lists are not sent."""
    fields = [
        Field("name"),
        Field("born", datatype="date"),
        Field("fruit", datatype="checkboxes", choices=["apple", "fig"]),
        Field("colors", datatype="multiselect", choices=["red", "blue"]),
        Field("missing"),
    ]
    fake.add_interview(I, ScriptedScreen("Who?", fields))
    s = await da.sessions.start(I)
    await da.sessions.set_variables(
        I,
        s.session,
        variables={
            "name": "Ada",
            "born": "1815-12-10",
            "fruit": {
                "_class": "docassemble.base.util.DADict",
                "instanceName": "fruit",
                "elements": {"apple": True, "fig": False},
            },
            "colors": ["blue"],
        },
        secret=s.secret,
    )
    question: Any = await da.sessions.get_question(I, s.session, secret=s.secret)

    assert [field.default for field in question.fields] == ["Ada", None, None, None, None]
    selected = [[bool(choice.selected) for choice in question.fields[n].choices] for n in (2, 3)]
    assert selected == [[True, False, False], [False, True, False]]


async def test_ticks_reach_the_interview(da: AsyncDocassemble, fake: FakeServer) -> None:
    """Answers to checkboxes are sent as on a real server, and the final function reads them."""

    def finish(variables: SessionVariables) -> object:
        return {"fruit": variables["fruit"]["elements"], "born": variables.fill_in("${ born }")}

    fields = [
        Field("fruit", "Fruit", "checkboxes", ["apple", "fig"]),
        Field("born", datatype="date"),
    ]
    fake.add_interview(I, ScriptedScreen("Which?", fields), final=finish)
    async with da.interview(I).session() as s:
        await s.run({"fruit": ["apple"], "born": date(1815, 12, 10)})
        reply: Any = await s.question()

    assert reply.data == {"fruit": {"apple": True, "fig": False}, "born": "December 10, 1815"}


def test_invalid_arguments_of_a_field_are_refused() -> None:
    """The error names the argument."""
    with pytest.raises(UsageError, match="choices"):
        Field("name", choices=5)  # type: ignore[arg-type]  # a wrong argument
    with pytest.raises(UsageError, match="hint"):
        Field("name", hint=5)  # type: ignore[arg-type]  # a wrong argument


@pytest.mark.parametrize("text", ["name", b"name"])
def test_a_text_is_no_list(text: Any) -> None:
    """Its letters would be names of fields."""
    for call in (
        lambda: ScriptedScreen("Your name?", text),
        lambda: ScriptedScreen("Your name?", documents=text),
        lambda: Field("name", choices=text),
    ):
        with pytest.raises(UsageError, match="must be an iterable, but no text"):
            call()
