"""The runner answers interviews to their end, or raises the reason why it cannot."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    MISSING,
    AnswerPolicy,
    DecodeError,
    InterviewFailed,
    InterviewStuck,
    JSONReply,
    MissingAnswer,
    Question,
    ScreenField,
    Transcript,
    TranscriptStep,
)
from tests.workflows.screens import (
    END_SCREEN,
    ScriptedServer,
    make_field,
    make_screen,
    make_undefined_variable,
    run_interview,
)

if TYPE_CHECKING:
    from docassemble_client import InterviewError

CHOICE_VARIABLE = "_internal[\"answers\"]['Question_1']"
BUTTONS = make_screen(
    {
        "choices": [
            {"label": "Stay", "variable_name": CHOICE_VARIABLE, "value": 0},
            {"label": "Go", "variable_name": CHOICE_VARIABLE, "value": 1},
        ]
    },
    kind="multiple_choice",
    id="way",
    mandatory=True,
)


async def test_answers_lead_to_the_end() -> None:
    """Each screen is answered from the mapping, and the transcript lists the answers."""
    server = ScriptedServer(
        make_screen(make_field("a"), make_field("b"), questionText="Both?"),
        make_screen(make_field("c")),
        END_SCREEN,
    )

    transcript = await run_interview(server, {"a": "1", "b": "2", "c": "hunter2", "unused": 4})

    assert server.get_sent_variables() == [{"a": "1", "b": "2"}, {"c": "hunter2"}]
    assert [step.answers for step in transcript.steps] == server.get_sent_variables()
    assert (transcript.steps[0].question, transcript.steps[0].text) == ("Question_0", "Both?")
    assert transcript.end_type == "deadend"
    assert isinstance(transcript.final, Question)
    assert "hunter2" not in repr(transcript)
    assert "answers=<a, b>" in repr(transcript)
    assert server.requests[-1].method == "DELETE"


@pytest.mark.parametrize("reply", [{"total": 3}, None, ["a"], {"questionType": "fields"}])
async def test_reply_other_than_a_screen_is_the_end(reply: Any) -> None:
    """An interview may return JSON instead of a screen."""
    transcript = await run_interview(
        ScriptedServer(make_screen(make_field("a")), reply), {"a": "1"}
    )

    assert (transcript.end_type, transcript.final) == ("response", JSONReply(reply))


@pytest.mark.parametrize(
    "screen",
    [
        make_screen(make_field("a", required="maybe")),
        make_screen(make_field("a"), additional_buttons=[{"label": "Help"}]),
        make_screen(steps="many"),
        {"questionType": "undefined_variable", "message_log": []},
    ],
)
async def test_screen_that_cannot_be_decoded_is_not_an_end(screen: Any) -> None:
    """It would count as a document."""
    with pytest.raises(DecodeError, match="the response does not match"):
        await run_interview(ScriptedServer(screen))


@pytest.mark.parametrize("name", ["client.name", "x.name"])
async def test_generic_names_are_answered_and_sent_as_concrete_ones(name: str) -> None:
    """The key of an answer may be the concrete name or the name in the question."""
    server = ScriptedServer(
        make_screen(make_field("x.name"), event_list=["client.name"]), END_SCREEN
    )

    await run_interview(server, {name: "Ada"})

    assert server.get_sent_variables() == [{"client.name": "Ada"}]


async def test_lists_are_gathered_from_sequences() -> None:
    """Each request takes the next item of a list, also if the key is the generic name."""
    more_screen = make_screen({"variable_name": "people.there_is_another"}, kind="yesno")
    items = [
        make_screen(make_field("people[i]"), event_list=[f"people[{number}]"])
        for number in range(2)
    ]
    server = ScriptedServer(items[0], more_screen, items[1], more_screen, END_SCREEN)

    await run_interview(
        server, {"people[i]": ["Ada", "Grace"], "people.there_is_another": (True, False)}
    )

    assert [value for sent in server.get_sent_variables() for value in sent.values()] == [
        *("Ada", True),
        *("Grace", False),
    ]


async def test_exhausted_list_is_a_missing_answer() -> None:
    """A variable that is asked more often than the list has items raises MissingAnswer."""
    server = ScriptedServer(
        make_screen(make_field("a")), make_screen(make_field("a"), steps=2), END_SCREEN
    )

    with pytest.raises(MissingAnswer) as caught:
        await run_interview(server, {"a": ["once"]})

    assert caught.value.transcript is not None
    assert len(caught.value.transcript.steps) == 1


async def test_callable_answers_field_by_field() -> None:
    """A function gets the field and the question, and returns MISSING to use the policy."""
    fields: list[tuple[str, str]] = []

    def answer(field: ScreenField | str, question: Question | None) -> Any:
        if isinstance(field, str):
            assert question is None
            return 5
        assert question is not None
        fields.append((field.name, question.question_name))
        return "yes" if field.name == "a" else MISSING

    server = ScriptedServer(
        make_screen(make_field("a"), make_field("b", default="usual")),
        make_undefined_variable("c"),
        END_SCREEN,
    )

    await run_interview(server, answer, policy=AnswerPolicy.defaults)

    assert fields == [("a", "Question_0"), ("b", "Question_0")]
    assert server.get_sent_variables() == [
        {"a": "yes", "b": "usual"},
        {"a": "yes", "b": "usual", "c": 5},
    ]


@pytest.mark.parametrize(
    ("answers", "number"),
    [({"way": "Go"}, 1), ({"Question_0": 1}, 1), ({"way": "1"}, 1), (None, 0)],
)
async def test_buttons_without_variable_are_chosen_by_label_or_number(
    answers: Any, number: object
) -> None:
    """The key is the question's ID or name; the question is not marked as answered."""
    server = ScriptedServer(BUTTONS, END_SCREEN)

    await run_interview(server, answers, policy=AnswerPolicy.first_choice)

    assert server.get_sent_variables() == [{CHOICE_VARIABLE: number}]
    assert server.get_question_names() == [None]


@pytest.mark.parametrize("kind", ["review", "fields"])
async def test_screen_with_only_a_continue_button_is_answered(kind: str) -> None:
    """A button sets its variable; a mandatory block is answered by its name only."""
    server = ScriptedServer(
        make_screen(kind=kind, question_variable_name="seen"),
        make_screen(kind=kind, mandatory=True),
        END_SCREEN,
    )

    transcript = await run_interview(server)

    assert server.get_sent_variables() == [{"seen": True}, {}]
    assert server.get_question_names() == [None, "Question_0"]
    assert len(transcript.steps) == 2


@pytest.mark.parametrize("answers", [{}, {"seen": True}, {"seen": None}])
async def test_screen_with_only_a_continue_button_needs_no_answer(
    answers: dict[str, object],
) -> None:
    """A person can only press it; it sets its variable to True."""
    field = {"variable_name": "seen", "datatype": "boolean"}
    server = ScriptedServer(make_screen(field, kind="settrue"), END_SCREEN)

    transcript = await run_interview(server, answers)

    assert server.get_sent_variables() == [{"seen": True}]
    assert transcript.generated_answers == ()


async def test_waiting_screen_is_reloaded_after_its_time() -> None:
    """The runner waits for the reload time of the screen, and does not answer it."""
    server = ScriptedServer(
        make_screen(kind="deadend", reload=4000),
        make_screen(kind="deadend", reload=1500),
        END_SCREEN,
    )

    transcript = await run_interview(server)

    assert server.run_seconds == 5.5
    assert server.get_sent_variables() == []
    assert transcript.steps == ()
    assert [request.url.path for request in server.requests].count("/api/session/question") == 3


@pytest.mark.parametrize("policy", [AnswerPolicy.strict, AnswerPolicy.generated])
async def test_undefined_variable_is_supplied_with_the_answer_that_was_lost(
    policy: AnswerPolicy,
) -> None:
    """The server saved nothing, so all answers are sent again with their question."""
    server = ScriptedServer(
        make_screen(make_field("a"), mandatory=True), make_undefined_variable("b"), END_SCREEN
    )

    transcript = await run_interview(server, {"a": "1", "b": 2}, policy=policy)

    assert server.get_sent_variables() == [{"a": "1"}, {"a": "1", "b": 2}]
    assert server.get_question_names() == ["Question_0", "Question_0"]
    assert [step.answers for step in transcript.steps] == [{"a": "1"}, {"b": 2}]


@pytest.mark.parametrize("policy", AnswerPolicy)
@pytest.mark.parametrize("name", ["a", "b.there_is_another"])
async def test_no_policy_has_a_value_for_an_undefined_variable(
    policy: AnswerPolicy, name: str
) -> None:
    """In a browser the interview fails; the error has the variable and no question."""
    server = ScriptedServer(make_undefined_variable(name))

    with pytest.raises(MissingAnswer, match=f"'{name}', which no question asks for") as caught:
        await run_interview(server, policy=policy)

    assert (caught.value.variable, caught.value.question) == (name, "")
    assert caught.value.transcript is not None
    assert caught.value.transcript.generated_answers == ()
    assert server.get_sent_variables() == []


async def test_undefined_variable_is_supplied_at_most_twice() -> None:
    """An interview that keeps requesting a variable does not loop forever."""
    server = ScriptedServer(make_undefined_variable("a"))

    with pytest.raises(InterviewStuck, match="still needs 'a', which no question asks for"):
        await run_interview(server, {"a": 1})

    assert len(server.get_sent_variables()) == 2


async def test_missing_answer_names_variable_and_question() -> None:
    """The error has the variable, the question and the transcript so far."""
    server = ScriptedServer(
        make_screen(make_field("a")), make_screen(make_field("b"), questionName="Second")
    )

    with pytest.raises(MissingAnswer) as caught:
        await run_interview(server, {"a": "1"})

    error = caught.value
    assert str(error).startswith("there is no answer for 'b' of question 'Second'. Add it")
    assert (error.variable, error.question) == ("b", "Second")
    assert error.transcript is not None
    assert [step.answers for step in error.transcript.steps] == [{"a": "1"}]
    assert error.transcript.end_type == ""


async def test_only_field_of_a_screen_is_never_skipped() -> None:
    """Without an answer for its only field, a screen would be repeated."""
    with pytest.raises(MissingAnswer):
        await run_interview(
            ScriptedServer(make_screen(make_field("a", datatype="object", required=True))),
            policy=AnswerPolicy.generated,
        )


async def test_same_question_after_the_same_answer_is_stuck() -> None:
    """No other variable was set in between, so the interview would loop forever."""
    server = ScriptedServer(make_screen(make_field("a")))

    with pytest.raises(InterviewStuck, match="'Question_0' is asked again after the same"):
        await run_interview(server, {"a": "1"})

    assert len(server.get_sent_variables()) == 2


async def test_repeated_question_with_progress_is_not_stuck() -> None:
    """A question may be repeated with another answer, or after another variable was set."""
    repeated = make_screen({"variable_name": "more"}, kind="yesno")
    server = ScriptedServer(
        repeated,
        make_screen(make_field("a")),
        repeated,
        make_screen(make_field("b")),
        repeated,
        END_SCREEN,
    )

    transcript = await run_interview(server, {"a": "1", "b": "1", "more": True})

    assert len(transcript.steps) == 5


async def test_too_many_steps_are_stuck() -> None:
    """Each screen counts, including reloads."""
    server = ScriptedServer(make_screen(kind="deadend", reload=1000))

    with pytest.raises(InterviewStuck, match="more steps than max_steps"):
        await run_interview(server, max_steps=3)

    assert [request.url.path for request in server.requests].count("/api/session/question") == 4


@pytest.mark.parametrize("first", [True, False])
async def test_refused_answer_has_body_and_transcript(*, first: bool) -> None:
    """The server's message is in the error's body, and not in its text."""
    server = ScriptedServer(400) if first else ScriptedServer(make_screen(make_field("a")), 400)

    with pytest.raises(InterviewFailed) as caught:
        await run_interview(server, {"a": "1"})

    error = caught.value
    assert error.body == "broken: secret text"
    assert "secret text" not in str(error)
    assert error.operation == ("sessions.get_question" if first else "sessions.set_variables")
    assert error.transcript is not None
    assert len(error.transcript.steps) == (0 if first else 1)


@pytest.mark.parametrize(
    "error",
    [
        MissingAnswer("m", variable="a", question="q"),
        InterviewStuck("m"),
        InterviewFailed("m", body="b"),
    ],
)
def test_errors_keep_their_transcript_in_another_process(error: InterviewError) -> None:
    """Batch results are passed between processes."""
    error.transcript = Transcript(
        steps=(TranscriptStep(question="q", answers={"a": 1}),), end_type=""
    )

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert vars(copy) == vars(error)
