"""The runner checks answers, reports those that are unused, and never chooses in spite of them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import (
    AnswerPolicy,
    InterviewFailed,
    InterviewStuck,
    InvalidAnswer,
    MissingAnswer,
    Upload,
)
from tests.workflows.screens import (
    END_SCREEN,
    ScriptedServer,
    make_field,
    make_screen,
    make_undefined_variable,
    run_interview,
)

LABELS = {
    "addAnotherLabel": "a",
    "deleteLabel": "d",
    "deletedLabel": "e",
    "undeleteLabel": "u",
}


def make_list_screen(first: int = 0, count: int = 3) -> dict[str, Any]:
    """Make a screen that collects a list, whose item `first` is requested."""
    fields = [make_field(f"kids[{row}].name", number=f"{row}_0") for row in range(count)]
    return make_screen(*fields, listCollect=LABELS, event_list=[f"kids[{first}].name"])


async def test_invalid_answers_are_not_sent() -> None:
    """All of a screen are reported, with the steps before it; the error survives pickle."""
    server = ScriptedServer(
        make_screen(make_field("name")),
        make_screen(
            make_field("amount", datatype="currency"),
            make_field("day", datatype="date"),
            make_field("ok", datatype="boolean"),
        ),
    )

    with pytest.raises(InvalidAnswer) as caught:
        await run_interview(
            server, {"name": "Eve", "amount": "a lot", "day": "2nd Jan", "ok": "yes"}
        )

    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert [problem.variable for problem in error.problems] == ["amount", "day"]
    assert error.question == "Question_0"
    assert len(error.transcript.steps) == 1
    assert server.get_sent_variables() == [{"name": "Eve"}]


async def test_many_choices_are_cut_in_the_message() -> None:
    """The error has all of them."""
    choices = [{"label": f"L{number}", "value": f"v{number}"} for number in range(20)]
    server = ScriptedServer(make_screen(make_field("a", choices=choices)))

    with pytest.raises(InvalidAnswer, match=r"'v0', .*'v11', …") as caught:
        await run_interview(server, {"a": "x"})

    assert len(caught.value.problems[0].choices) == 20


async def test_unused_answers_are_listed() -> None:
    """An answer that no screen asked for, was hidden, or was not used completely."""
    hidden = make_field("b", show_if_var="a", show_if_val="True", show_if_sign=1)
    server = ScriptedServer(make_screen(make_field("a", datatype="boolean"), hidden), END_SCREEN)

    transcript = await run_interview(server, {"a": [False, True], "b": "x", "c": "y"})

    assert transcript.unused == ("a", "b", "c")
    assert transcript.generated_answers == ()


async def test_generated_answers_are_listed() -> None:
    """Each value that the policy chose, and no empty field."""
    server = ScriptedServer(
        make_screen(make_field("a"), make_field("b", default="x"), make_field("c")),
        make_undefined_variable("d"),
        END_SCREEN,
    )
    answers = {"c": "mine", "d": 4}

    transcript = await run_interview(server, answers, policy=AnswerPolicy.generated)

    assert transcript.generated_answers == ("a", "b")
    assert transcript.steps[-1].answers == {"d": 4}


@pytest.mark.parametrize(
    ("screen", "name"),
    [
        (make_screen(make_field("client_name")), "client_name"),
        (make_screen(make_field("kids[0].adress")), "kids[0].adress"),
    ],
)
async def test_policy_does_not_replace_a_misspelled_answer(
    screen: dict[str, Any], name: str
) -> None:
    """The caller's answer would be lost without a word."""
    answers = {"clientName": "Ada", "kids[i].address": "Main Street"}

    with pytest.raises(MissingAnswer, match="the policy would choose an answer for") as caught:
        await run_interview(ScriptedServer(screen), answers, policy=AnswerPolicy.generated)

    assert caught.value.variable == name
    assert len(caught.value.similar_names) == 1


async def test_similar_name_of_the_same_screen_is_no_misspelling() -> None:
    """Both are asked for."""
    server = ScriptedServer(make_screen(make_field("a_name"), make_field("a_names")), END_SCREEN)

    await run_interview(server, {"a_names": "x"}, policy=AnswerPolicy.generated)

    assert server.get_sent_variables() == [{"a_name": "some text", "a_names": "x"}]


async def test_missing_answer_names_similar_answers() -> None:
    """They are in the hint and in an attribute."""
    server = ScriptedServer(make_screen(make_field("client.name.first")))

    with pytest.raises(MissingAnswer, match=r"'client\.name\.frist'") as caught:
        await run_interview(server, {"client.name.frist": "Ada", "rent": 5})

    assert caught.value.similar_names == ("client.name.frist",)


async def test_answer_from_a_list_is_progress() -> None:
    """The same answer twice is stuck only if a single value or the policy repeats it."""
    screen = make_screen(make_field("a"), event_list=["a"])
    answers = {"a": ["x", "x", "x"]}

    with pytest.raises(MissingAnswer):
        await run_interview(ScriptedServer(screen), answers)
    with pytest.raises(InterviewStuck, match="looks for 'a', which a field of this screen sets"):
        await run_interview(ScriptedServer(screen), {"a": "x"})
    with pytest.raises(InterviewStuck, match="more steps than max_steps"):
        await run_interview(ScriptedServer(screen), lambda *_: "x", max_steps=5)


@pytest.mark.parametrize("file", [b"content", Upload(b"content", "a.txt"), Path(__file__)])
async def test_same_file_twice_is_stuck(file: Any) -> None:
    """Files are compared by digest or path."""
    server = ScriptedServer(make_screen(make_field("a", datatype="file")))

    with pytest.raises(InterviewStuck):
        await run_interview(server, {"a": file})


async def test_variable_of_validation_code_is_sent_with_the_screen() -> None:
    """The interview looks for it, and no field sets it."""
    screen = make_screen(make_field("color"), event_list=["shade"])
    server = ScriptedServer(screen, END_SCREEN)

    await run_interview(server, {"color": "red", "shade": "reddish"})

    assert server.get_sent_variables() == [{"color": "red", "shade": "reddish"}]


async def test_function_is_asked_for_it_when_the_screen_comes_again() -> None:
    """It gets the name of the variable and None."""
    screen = make_screen(make_field("color"), event_list=["shade"])
    server = ScriptedServer(screen, screen, END_SCREEN)

    await run_interview(server, lambda field, _: "dark" if field == "shade" else "red")

    assert server.get_sent_variables() == [{"color": "red"}, {"color": "red", "shade": "dark"}]


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        (
            {"kids[i].name": ["A", "B"]},
            [{"kids[0].name": "A", "kids[1].name": "B", "kids.there_is_another": False}],
        ),
        (
            {"kids[0].name": "A", "kids[1].name": "B"},
            [{"kids[0].name": "A", "kids[1].name": "B", "kids.there_is_another": False}],
        ),
        (
            {"kids[0].name": "A", "kids[2].name": "C"},
            [{"kids[0].name": "A", "kids.there_is_another": False}],
        ),
        (
            {"kids[i].name": "A", "kids.there_is_another": ["yes", False]},
            [{"kids[0].name": "A", "kids[1].name": "A", "kids.there_is_another": False}],
        ),
        (
            {"kids[i].name": ["A", "B", "C", "D"]},
            [
                {
                    "kids[0].name": "A",
                    "kids[1].name": "B",
                    "kids[2].name": "C",
                    "kids.there_is_another": True,
                },
                {"kids[3].name": "D", "kids.there_is_another": False},
            ],
        ),
    ],
)
async def test_collected_list_has_as_many_items_as_entries(
    answers: dict[str, Any], sent: list[dict[str, Any]]
) -> None:
    """The items of a screen are one step; a longer list goes on on the next screen."""
    screens = [make_list_screen(), make_list_screen(3, 6)][: len(sent)]
    server = ScriptedServer(*screens, END_SCREEN)

    await run_interview(server, answers)

    assert server.get_sent_variables() == sent


async def test_there_is_another_is_true_or_false() -> None:
    """Anything else is an invalid answer."""
    answers = {"kids[i].name": ["A"], "kids.there_is_another": ["perhaps"]}

    with pytest.raises(InvalidAnswer, match=r"'kids\.there_is_another'"):
        await run_interview(ScriptedServer(make_list_screen()), answers)


async def test_second_field_of_a_variable_may_accept_the_answer() -> None:
    """The first has other choices, and the second is shown for one of them only."""
    fields = [
        make_field("a", choices=[{"label": "X", "value": "x"}, {"label": "O", "value": "other"}]),
        make_field("a", show_if_var="a", show_if_val="other", show_if_sign=1),
        make_field("b", disable_others=True, choices=[{"label": "Y", "value": "y"}]),
        make_field("b"),
    ]
    server = ScriptedServer(make_screen(*fields), END_SCREEN)

    await run_interview(server, {"a": "something", "b": "z"})

    assert server.get_sent_variables() == [{"a": "something", "b": "z"}]


async def test_field_with_a_script_is_never_required() -> None:
    """It may be hidden in a browser; if the interview requests it, it needs an answer."""
    script = {"expression": "val('a')", "vars": ["a"], "sign": True, "mode": 0}
    field = make_field("b", show_if_js=script)
    optional = make_field("c", show_if_js=script, required=False)
    screen = make_screen(make_field("a"), field, optional)
    server = ScriptedServer(screen, screen | {"event_list": ["c"]}, END_SCREEN)

    await run_interview(server, {"a": "x"})

    assert server.get_sent_variables() == [{"a": "x"}, {"a": "x", "c": ""}]
    with pytest.raises(MissingAnswer):
        await run_interview(ScriptedServer(screen | {"event_list": ["b"]}), {"a": "x"})


async def test_required_field_that_is_left_empty_is_a_missing_answer() -> None:
    """None is no answer, nor is a blank text for a field that takes no text."""
    text = make_screen(make_field("a"))
    number = make_screen(make_field("a", datatype="integer"))

    for screen, answer in ((text, None), (number, None), (number, " ")):
        with pytest.raises(MissingAnswer):
            await run_interview(
                ScriptedServer(screen), {"a": answer}, policy=AnswerPolicy.generated
            )
    server = ScriptedServer(text, END_SCREEN)
    await run_interview(server, {"a": ""})
    assert server.get_sent_variables() == [{"a": ""}]


@pytest.mark.parametrize("answer", [None, ""])
async def test_object_that_is_left_empty_is_none_of_the_above(answer: str | None) -> None:
    """If there is such a choice, the required field has an answer."""
    choices = [{"label": "A", "value": "people[0]"}, {"label": "None"}]
    screen = make_screen(make_field("a", datatype="object_radio", choices=choices))
    server = ScriptedServer(screen, END_SCREEN)

    await run_interview(server, {"a": answer})

    assert server.get_sent_variables() == [{"a": None}]


async def test_variables_that_cannot_be_read_fail_the_run() -> None:
    """The error names the field, and has the transcript."""
    choices = [{"label": "Ada", "value": "people[0]"}]
    server = ScriptedServer(
        make_screen(make_field("helper", datatype="object", choices=choices)), values=400
    )

    with pytest.raises(InterviewFailed, match="helper") as caught:
        await run_interview(server, {"helper": "Ada"})

    assert caught.value.operation == "sessions.get_variables"
    assert caught.value.transcript is not None


@pytest.mark.parametrize("policy", [AnswerPolicy.first_choice, AnswerPolicy.generated])
async def test_policy_answers_by_the_second_field_of_a_variable(policy: AnswerPolicy) -> None:
    """The first has nothing to choose but none of the above."""
    fields = [
        make_field("a", datatype="object_radio", choices=[{"label": "None of the above"}]),
        make_field("a", datatype="object", choices=[{"label": "B", "value": "shops[0]"}]),
    ]
    values = {"shops": {"elements": [{"_class": "docassemble.base.util.Thing"}]}}
    server = ScriptedServer(make_screen(*fields), END_SCREEN, values=values)

    await run_interview(server, policy=policy)

    assert server.get_sent_variables()[0]["a"]["_class"] == "docassemble.base.util.Thing"


async def test_stuck_interview_without_a_request_names_the_question() -> None:
    """A mandatory question looks for nothing in particular."""
    with pytest.raises(InterviewStuck, match=r"asked again after the same answer\. Check whether"):
        await run_interview(ScriptedServer(make_screen(make_field("a"))), {"a": "x"})
    screen = make_screen(make_field("color"), event_list=["shade"])
    with pytest.raises(InterviewStuck, match="'shade', which no field of this screen sets"):
        await run_interview(ScriptedServer(screen), {"color": "red"})


async def test_variable_of_validation_code_may_come_from_a_list() -> None:
    """Then it is progress."""
    screen = make_screen(make_field("color"), event_list=["shade"])
    server = ScriptedServer(screen, screen, END_SCREEN)

    await run_interview(server, {"color": "red", "shade": ["dark", "dark"]})

    assert len(server.get_sent_variables()) == 2


@pytest.mark.parametrize(
    ("answers", "paths"),
    [
        ({"name": "Eve", "day": "2026-03-14"}, ["POST"]),
        ({"name": "2026-03-14 or so", "day": "2026-03-14"}, ["POST", "POST"]),
        ({"name": "Eve", "day": "2026-03-14", "boss": "Ada"}, ["GET", "POST"]),
    ],
)
async def test_a_step_is_one_request(answers: dict[str, str], paths: list[str]) -> None:
    """There is one more if date-like text is beside a date, or if an object is copied."""
    choices = [{"label": "Ada", "value": "people[0]"}]
    boss = make_field("boss", datatype="object", choices=choices, active="boss" in answers)
    screen = make_screen(make_field("name"), make_field("day", datatype="date"), boss)
    values = {"people": {"elements": [{"_class": "docassemble.base.util.Thing"}]}}
    server = ScriptedServer(screen, *[END_SCREEN] * 2, values=values)

    await run_interview(server, answers)

    methods = [request.method for request in server.requests]
    assert methods == ["GET", "GET", *paths, "DELETE"]
