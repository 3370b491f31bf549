"""Interviews that do what published interviews do, answered as a person answers them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AnswerPolicy,
    DADict,
    InterviewFailed,
    InterviewStuck,
    InvalidAnswer,
    MissingAnswer,
    Question,
    Raw,
    Screen,
    ScreenAction,
    TextFormat,
)
from tests.live import published_interviews as interviews
from tests.live.interviews import get_heading, temporary_interview

if TYPE_CHECKING:
    from docassemble_client import Transcript
    from tests.live.conftest import Connect

pytestmark = pytest.mark.unrecorded
FIRST_CHOICE = AnswerPolicy.first_choice
GENERATED = AnswerPolicy.generated


async def run_interview(
    connect: Connect, text: str, answers: Any = None, **options: Any
) -> Transcript:
    """Run an interview to its end."""
    async with (
        connect() as da,
        temporary_interview(da, text) as i,
        da.interview(i).session() as s,
    ):
        return await s.run(answers, **options)


async def get_end(connect: Connect, text: str, answers: Any = None, **options: Any) -> str:
    """Run an interview, and return the heading of its last screen without line breaks."""
    transcript = await run_interview(connect, text, answers, **options)
    return get_text(transcript)


def get_text(transcript: Transcript) -> str:
    """Return the heading of the last screen on one line, with straight quotes."""
    text = get_heading(transcript.final).replace("\u2018", "'").replace("\u2019", "'")
    return " ".join(text.split())


@pytest.mark.parametrize("policy", AnswerPolicy)
async def test_empty_optional_fields_are_those_of_a_browser(
    connect: Connect, policy: AnswerPolicy
) -> None:
    """Numbers become 0, dates and times an empty text, an unchecked 'noyes' True."""
    answers = dict.fromkeys(("rent", "children", "since", "at", "heated", "insured"))

    assert (
        await get_end(connect, interviews.EMPTY_FIELDS, answers, policy=policy)
        == "(0.0, '', '', None, True)"
    )


TEXTS = {"name": "Eve", "amount": "900.5", "day": "2026-03-14", "urgent": "False", "color": "Red"}


async def test_text_becomes_the_value_that_a_browser_sets(connect: Connect) -> None:
    """A row of texts, as of a CSV file, makes the letter that the same texts make in a browser."""
    async with connect() as da, temporary_interview(da, interviews.TYPED_TEXT) as i:
        documents = await da.interview(i).assemble(TEXTS)
        german = await da.interview(i).assemble(
            {**TEXTS, "amount": "1.900,50", "urgent": "yes", "color": "b"},
            text_format=TextFormat(decimal=",", thousands="."),
        )

    assert documents["md"].text.split("\n")[:2] == [
        "Eve owes 900.5 since 2026-03-14",
        "not urgent r",
    ]
    assert german["md"].text.split("\n")[:2] == ["Eve owes 1900.5 since 2026-03-14", "urgent b"]


async def test_all_invalid_answers_of_a_screen_are_reported_together(connect: Connect) -> None:
    """In a batch they are the result of their row, which has saved nothing."""
    row = {"name": "Eve", "amount": "a lot", "day": "2nd Jan", "urgent": "False", "color": "green"}
    async with connect() as da, temporary_interview(da, interviews.TYPED_TEXT) as i:
        results = [result async for result in da.interview(i).assemble_many([row, TEXTS])]

    results.sort(key=lambda result: result.index)
    error = results[0].error
    assert isinstance(error, InvalidAnswer)
    assert [(problem.variable, problem.label) for problem in error.problems] == [
        ("amount", "Amount"),
        ("day", "Day"),
        ("color", "Color"),
    ]
    assert error.problems[2].choices == ("r", "b")
    assert not {"a lot", "2nd Jan", "green"} & {*str(error).split("'")}
    assert [result.outcome for result in results] == ["failed", "done"]


async def test_raw_values_are_sent_unchecked(connect: Connect) -> None:
    """Raw wins over the datatype of the field."""
    transcript = await run_interview(
        connect, interviews.EMPTY_FIELDS, {"rent": Raw(1), "since": Raw("soon")}
    )

    assert "'soon'" in get_heading(transcript.final)


@pytest.mark.parametrize(
    ("answers", "policy", "end"),
    [
        ({}, GENERATED, "Bakery female"),
        ({"shop": "Florist", "gender": "agender"}, AnswerPolicy.strict, "Florist agender"),
        ({"shop": "shops[1]", "gender": "male"}, AnswerPolicy.strict, "Florist male"),
    ],
)
async def test_second_field_of_a_variable_is_answered(
    connect: Connect, answers: dict[str, str], policy: AnswerPolicy, end: str
) -> None:
    """An answer belongs to the field whose choices contain it, or that takes any text."""
    assert await get_end(connect, interviews.SAME_VARIABLE_TWICE, answers, policy=policy) == end


async def test_generated_files_are_of_an_accepted_kind(connect: Connect) -> None:
    """The field's `accept` decides."""
    end = await get_end(connect, interviews.ACCEPTED_FILES, policy=GENERATED)

    assert end.startswith("pdf docx application/vnd.openxmlformats-officedocument")


CHECKED = "([1], [True], ['2026-03-14', 'a[0]'], ['3'], '2')"


@pytest.mark.parametrize(
    "answers",
    [
        {
            "numbers": [[1]],
            "truths": [[True]],
            "texts": [["a[0]", "2026-03-14"]],
            "several": [[3]],
            "single": 2,
        },
        {
            "numbers": DADict({1: True, 2: False}),
            "truths": {"True": True, "False": False},
            "texts": [["Bracket", "Day"]],
            "several": "3",
            "single": "Second",
        },
        {
            "numbers": {"1": "yes", "2": "no"},
            "truths": "Yes",
            "texts": {"a[0]": True, "2026-03-14": True},
            "several": {3: True},
            "single": "2",
        },
    ],
)
async def test_choices_have_keys_of_any_type(connect: Connect, answers: dict[str, Any]) -> None:
    """JSON has no such keys, so they are set by the names that the API gives them."""
    assert await get_end(connect, interviews.CHOICE_KEYS, answers) == CHECKED


async def test_ticks_that_match_no_choice_are_refused(connect: Connect) -> None:
    """They were lost without a word."""
    answers = {"numbers": [[3]], "truths": "Perhaps", "texts": {"b": True}, "several": [[4, 5]]}

    with pytest.raises(InvalidAnswer) as caught:
        await run_interview(connect, interviews.CHOICE_KEYS, answers | {"single": 1})

    assert {problem.variable for problem in caught.value.problems} == {*answers}
    assert caught.value.problems[0].choices == (1, 2)


@pytest.mark.parametrize("policy", [FIRST_CHOICE, GENERATED])
async def test_first_choice_of_every_type_is_chosen(connect: Connect, policy: AnswerPolicy) -> None:
    """Numbers, truth values and mappings too."""
    assert (await get_end(connect, interviews.CHOICE_KEYS, policy=policy)).startswith(
        "([1], [True]"
    )
    assert await get_end(connect, interviews.OBJECT_CHOICES, policy=policy) == "2"


@pytest.mark.parametrize("answer", ["South", {"id": 2}])
async def test_choice_may_be_a_mapping(connect: Connect, answer: object) -> None:
    """It is chosen by its value or label, and sent as it is."""
    assert await get_end(connect, interviews.OBJECT_CHOICES, {"court": answer}) == "3"


async def test_answers_of_a_list_are_progress(connect: Connect) -> None:
    """A question may be repeated as long as the caller's list has answers; one value cannot."""
    assert (
        await get_end(connect, interviews.COUNTER, {"roll_again": [True, True, "yes", False]})
        == "Rolled 3"
    )
    with pytest.raises(InterviewStuck, match="looks for 'roll_again', which a field of this"):
        await run_interview(connect, interviews.COUNTER, {"roll_again": True})


@pytest.mark.parametrize(
    ("answers", "end"),
    [
        (
            {"animal": "dog", "dog": "Rex", "vaccinated": True, "fruit": "apple", "apple": "red"},
            "('dog', 'Rex', '', 'red', '')",
        ),
        (
            {"animal": "cat", "vaccinated": False, "reason": "young", "fruit": "pear"},
            "('cat', '', 'young', '', '')",
        ),
        (
            {"animal": "cat", "vaccinated": True, "fruit": "None of the above", "other": "plum"},
            "('cat', '', '', '', 'plum')",
        ),
    ],
)
async def test_conditions_hold_in_any_order(
    connect: Connect, answers: dict[str, Any], end: str
) -> None:
    """A field may stand above the field it depends on, a checkbox or 'none of the above'."""
    transcript = await run_interview(connect, interviews.CONDITIONS, answers)

    assert (get_text(transcript), len(transcript.steps)) == (end, 1)
    assert transcript.unused == ()


async def test_fields_beside_those_made_by_code_are_concrete(connect: Connect) -> None:
    """The index follows from the beginning of the variable that the interview looks for."""
    answers = {
        "kids.there_are_any": True,
        "kids[0].nickname": "Bo",
        "kids[0].age": 4,
        "kids[1].nickname": "Al",
        "kids[1].age": "6",
        "kids.there_is_another": [True, False],
    }

    assert await get_end(connect, interviews.FIELDS_BY_CODE, answers) == "Bo 4, Al 6"


@pytest.mark.parametrize(
    ("answers", "end", "steps"),
    [
        ({"kids[i].name.first": ["A", "B", "C"], "kids[i].age": [1, 2, 3]}, "3 A, B, and C", 1),
        ({"kids[0].name.first": "A", "kids[1].name.first": "B"}, "2 A and B", 1),
        (
            {
                "kids[i].name.first": ["A", "B", "C"],
                "kids.there_is_another": [True, True, False],
            },
            "3 A, B, and C",
            1,
        ),
        ({"kids[i].name.first": ["A"] * 20}, "20 " + "A, " * 19 + "and A", 2),
    ],
)
async def test_collected_list_has_as_many_items_as_entries(
    connect: Connect, answers: dict[str, Any], end: str, steps: int
) -> None:
    """As in a browser, all items that fit on the screen are one step."""
    transcript = await run_interview(connect, interviews.LIST_COLLECT, answers)

    assert (get_text(transcript), len(transcript.steps)) == (end, steps)
    assert transcript.unused == ()


async def test_chosen_objects_are_copies(connect: Connect) -> None:
    """The API has no way to set a reference; an empty optional field becomes None."""
    answers = {"boss": "Grace", "team": ["people[0]", "Edsger"]}

    end = await get_end(connect, interviews.OBJECT_FIELDS, answers)

    assert end == "Grace Ada and Edsger None False True"


async def test_custom_datatype_is_never_generated(connect: Connect) -> None:
    """Its package decides which values are valid; text is sent as it is."""
    with pytest.raises(MissingAnswer, match="custom datatype ssn") as caught:
        await run_interview(connect, interviews.CUSTOM_DATATYPE, policy=GENERATED)

    assert (caught.value.variable, caught.value.datatype) == ("number", "ssn")
    answers = {"number": "123-45-6789"}
    assert await get_end(connect, interviews.CUSTOM_DATATYPE, answers) == "Number 123-45-6789"


@pytest.mark.parametrize(
    ("answers", "end"),
    [({}, "'red'"), ({"color": "Dark red"}, "'red'"), ({"color": True}, "'True'")],
)
async def test_unknown_datatype_with_choices_is_a_menu(
    connect: Connect, answers: Any, end: str
) -> None:
    """A browser shows a menu, and the server keeps the text of the choice."""
    text = interviews.UNKNOWN_DATATYPE

    assert await get_end(connect, text, answers, policy=FIRST_CHOICE) == end
    with pytest.raises(InvalidAnswer, match="not one of the choices"):
        await run_interview(connect, text, {"color": "green"})


async def test_variable_without_a_question_is_never_generated(connect: Connect) -> None:
    """In a browser the interview fails; an answer of the caller goes on."""
    with pytest.raises(MissingAnswer, match="'town', which no question asks for") as caught:
        await run_interview(connect, interviews.UNDEFINED, {"name": "Ada"}, policy=GENERATED)

    assert (caught.value.variable, caught.value.question) == ("town", "")
    answers = {"name": "Ada", "town": "Ely"}
    assert await get_end(connect, interviews.UNDEFINED, answers) == "Ada of Ely"


async def test_field_that_the_server_cannot_describe_is_named(connect: Connect) -> None:
    """The server's message is a bare number."""
    with pytest.raises(InterviewFailed, match="field 2 of the screen"):
        await run_interview(connect, interviews.CODE_AND_VARIABLE, policy=FIRST_CHOICE)


async def test_variable_of_validation_code_is_taken_from_the_answers(connect: Connect) -> None:
    """The API does not run validation code, so the error says what the interview looks for."""
    answers = {"color": "red", "shade": "reddish"}

    transcript = await run_interview(connect, interviews.VALIDATION_CODE, answers)

    assert (get_heading(transcript.final), len(transcript.steps)) == ("red is reddish", 1)
    with pytest.raises(InterviewStuck, match="'shade', which no field of this screen sets"):
        await run_interview(connect, interviews.VALIDATION_CODE, {"color": "red"})


async def test_menu_reports_its_actions(connect: Connect) -> None:
    """After an action the interview goes on with its questions."""
    async with (
        connect() as da,
        temporary_interview(da, interviews.MENU) as i,
        da.interview(i).session() as s,
    ):
        transcript = await s.run()
        assert isinstance(transcript.final, Question)
        (action,) = Screen(transcript.final).actions
        await s.action(action.name, action.arguments, persistent=True)
        transcript = await s.run({"who": "Ada"})

    assert action == ScreenAction(name="pick", arguments={"doc": "letter"}, label="Write a letter")
    assert get_heading(transcript.final) == "Letter to Ada"


async def test_front_end_converts_a_form(connect: Connect) -> None:
    """`Screen.answers` checks what a form collected, and makes the variables to send."""
    async with (
        connect() as da,
        temporary_interview(da, interviews.TYPED_TEXT) as i,
        da.interview(i).session() as s,
    ):
        question = await s.question()
        assert isinstance(question, Question)
        screen = Screen(question)
        with pytest.raises(InvalidAnswer) as caught:
            screen.answers({"amount": "x", "surname": "Eve"})
        answers = screen.answers(TEXTS)
        final = await s.answer(answers)

    assert [problem.variable for problem in caught.value.problems] == [
        *("surname", "amount", "name", "day", "urgent", "color")
    ]
    assert answers["day"] == date(2026, 3, 14)
    assert get_heading(final) == "Letter"
