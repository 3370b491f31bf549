"""The driver answers interviews of any shape to their end, or says why it cannot."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    MISSING,
    DADict,
    DAObject,
    InterviewFailed,
    JSONReply,
    MissingAnswer,
    Policy,
    Question,
    ScreenField,
    Step,
    StuckInterview,
    Transcript,
)
from tests.workflows.screens import END, Script, drive, screen, text, undefined

if TYPE_CHECKING:
    from docassemble_client import InterviewError

PLACE = "_internal[\"answers\"]['Question_1']"
BUTTONS = screen(
    {
        "choices": [
            {"label": "Stay", "variable_name": PLACE, "value": 0},
            {"label": "Go", "variable_name": PLACE, "value": 1},
        ]
    },
    kind="multiple_choice",
    id="way",
    mandatory=True,
)


def test_answers_lead_to_the_end() -> None:
    """Each screen is answered from the mapping, and the transcript tells what was sent."""
    server = Script(screen(text("a"), text("b"), questionText="Both?"), screen(text("c")), END)

    done = drive(server, {"a": "1", "b": "2", "c": "hunter2", "unused": 4})

    assert server.sent() == [{"a": "1", "b": "2"}, {"c": "hunter2"}]
    assert [one.sent for one in done.steps] == server.sent()
    assert (done.steps[0].question, done.steps[0].text) == ("Question_0", "Both?")
    assert done.ended == "deadend"
    assert isinstance(done.final, Question)
    assert "hunter2" not in repr(done)
    assert "sent=<a, b>" in repr(done)
    assert server.requests[-1].method == "DELETE"


@pytest.mark.parametrize("reply", [{"total": 3}, None, ["a"]])
def test_reply_that_is_no_screen_is_the_end(reply: Any) -> None:
    """An interview may answer with a value of its own."""
    done = drive(Script(screen(text("a")), reply), {"a": "1"})

    assert (done.ended, done.final) == ("response", JSONReply(reply))


@pytest.mark.parametrize("name", ["client.name", "x.name"])
def test_generic_names_are_answered_and_sent_as_concrete_ones(name: str) -> None:
    """The answer may stand under the concrete name or under that of the question."""
    server = Script(screen(text("x.name"), event_list=["client.name"]), END)

    drive(server, {name: "Ada"})

    assert server.sent() == [{"client.name": "Ada"}]


def test_lists_are_gathered_from_sequences() -> None:
    """A list of answers is used up one by one, also under the name for any item."""
    another = screen({"variable_name": "people.there_is_another"}, kind="yesno")
    items = [screen(text("people[i]"), event_list=[f"people[{number}]"]) for number in range(2)]
    server = Script(items[0], another, items[1], another, END)

    drive(server, {"people[i]": ["Ada", "Grace"], "people.there_is_another": (True, False)})

    assert [value for sent in server.sent() for value in sent.values()] == [
        *("Ada", True),
        *("Grace", False),
    ]


def test_used_up_list_is_a_missing_answer() -> None:
    """Who is asked more often than there are answers hears so."""
    server = Script(screen(text("a")), screen(text("a"), steps=2), END)

    with pytest.raises(MissingAnswer) as caught:
        drive(server, {"a": ["once"]})

    assert caught.value.transcript is not None
    assert len(caught.value.transcript.steps) == 1


def test_callable_answers_field_by_field() -> None:
    """A function gets the field and the question, and says MISSING where the policy decides."""
    asked: list[tuple[str, str]] = []

    def answers(one: ScreenField | str, question: Question | None) -> Any:
        if isinstance(one, str):
            assert question is None
            return 5
        assert question is not None
        asked.append((one.name, question.question_name))
        return "yes" if one.name == "a" else MISSING

    server = Script(screen(text("a"), text("b", default="usual")), undefined("c"), END)

    drive(server, answers, policy=Policy.defaults)

    assert asked == [("a", "Question_0"), ("b", "Question_0")]
    assert server.sent() == [{"a": "yes", "b": "usual"}, {"a": "yes", "b": "usual", "c": 5}]


@pytest.mark.parametrize(
    ("answers", "number"),
    [({"way": "Go"}, 1), ({"Question_0": 1}, 1), ({"way": "Nowhere"}, "Nowhere"), (None, 0)],
)
def test_buttons_without_variable_are_chosen_by_label_or_number(
    answers: Any, number: object
) -> None:
    """They stand under their question's ID or name; the block is not done before its code ran."""
    server = Script(BUTTONS, END)

    drive(server, answers, policy=Policy.first_choice)

    assert server.sent() == [{PLACE: number}]
    assert server.names() == [None]


@pytest.mark.parametrize("kind", ["review", "fields"])
def test_screen_that_only_continues_is_passed(kind: str) -> None:
    """A button sets its variable; a mandatory block is answered by its name alone."""
    server = Script(
        screen(kind=kind, question_variable_name="seen"), screen(kind=kind, mandatory=True), END
    )

    done = drive(server)

    assert server.sent() == [{"seen": True}, {}]
    assert server.names() == [None, "Question_0"]
    assert len(done.steps) == 2


def test_waiting_screen_is_read_again_after_its_time() -> None:
    """The driver waits as long as the screen says, and does not answer it."""
    server = Script(screen(kind="deadend", reload=4000), screen(kind="deadend", reload=1500), END)

    done = drive(server)

    assert server.seconds == 5.5
    assert server.sent() == []
    assert done.steps == ()
    assert [one.url.path for one in server.requests].count("/api/session/question") == 3


@pytest.mark.parametrize("policy", [Policy.refuse, Policy.generated])
def test_undefined_variable_is_supplied_with_the_answer_that_was_lost(policy: Policy) -> None:
    """The server has saved nothing: everything is sent again, with the question it belongs to."""
    server = Script(screen(text("a"), mandatory=True), undefined("b"), END)

    done = drive(server, {"a": "1", "b": 2}, policy=policy)

    assert server.sent() == [{"a": "1"}, {"a": "1", "b": 2}]
    assert server.names() == ["Question_0", "Question_0"]
    assert [one.sent for one in done.steps] == [{"a": "1"}, {"b": 2}]


def test_policies_supply_undefined_variables() -> None:
    """Generated data fills in what no question asks for; no policy makes a list endless."""
    server = Script(undefined("a"), undefined("b.there_is_another"), END)

    drive(server, policy=Policy.generated)

    assert server.sent()[-1] == {"a": "some text", "b.there_is_another": False}


@pytest.mark.parametrize("policy", [Policy.refuse, Policy.first_choice])
def test_undefined_variable_without_an_answer_is_named(policy: Policy) -> None:
    """No question belongs to it."""
    with pytest.raises(MissingAnswer, match="there is no answer for 'a'") as caught:
        drive(Script(undefined("a")), policy=policy)

    assert (caught.value.variable, caught.value.question) == ("a", "")


def test_undefined_variable_is_supplied_twice_at_most() -> None:
    """An interview that goes on asking is not fed forever."""
    server = Script(undefined("a"))

    with pytest.raises(MissingAnswer):
        drive(server, {"a": 1})

    assert len(server.sent()) == 2


def test_missing_answer_names_variable_and_question() -> None:
    """The error says what to add, and carries what happened before."""
    server = Script(screen(text("a")), screen(text("b"), questionName="Second"))

    with pytest.raises(MissingAnswer) as caught:
        drive(server, {"a": "1"})

    error = caught.value
    assert str(error).startswith("there is no answer for 'b' of question 'Second'. Add it")
    assert (error.variable, error.question) == ("b", "Second")
    assert error.transcript is not None
    assert [one.sent for one in error.transcript.steps] == [{"a": "1"}]
    assert error.transcript.ended == ""


def test_field_alone_is_never_skipped() -> None:
    """Without an answer for its only field a screen would come again."""
    with pytest.raises(MissingAnswer):
        drive(Script(screen(text("a", datatype="object", required=True))), policy=Policy.generated)


def test_same_question_after_the_same_answer_is_stuck() -> None:
    """Nothing new was set in between, so that it would go on forever."""
    server = Script(screen(text("a")))

    with pytest.raises(StuckInterview, match="'Question_0' comes again after the same"):
        drive(server, {"a": "1"})

    assert len(server.sent()) == 2


def test_other_answer_or_position_is_not_stuck() -> None:
    """The same question may come again with another answer, or after something new was set."""
    again = screen({"variable_name": "more"}, kind="yesno")
    server = Script(again, screen(text("a")), again, screen(text("b")), again, END)

    done = drive(server, {"a": "1", "b": "1", "more": True})

    assert len(done.steps) == 5


def test_too_many_steps_are_stuck() -> None:
    """Each screen counts, also one that waits."""
    server = Script(screen(kind="deadend", reload=1000))

    with pytest.raises(StuckInterview, match="more steps than max_steps"):
        drive(server, max_steps=3)

    assert [one.url.path for one in server.requests].count("/api/session/question") == 4


@pytest.mark.parametrize("first", [True, False])
def test_refusal_of_the_server_carries_the_transcript(*, first: bool) -> None:
    """What the server said is on the error, and not in its text."""
    server = Script(400) if first else Script(screen(text("a")), 400)

    with pytest.raises(InterviewFailed) as caught:
        drive(server, {"a": "1"})

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
        StuckInterview("m"),
        InterviewFailed("m", body="b"),
    ],
)
def test_errors_keep_their_transcript_in_another_process(error: InterviewError) -> None:
    """Results of batches cross processes."""
    error.transcript = Transcript(steps=(Step(question="q", sent={"a": 1}),), ended="")

    other = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert vars(other) == vars(error)


def test_hidden_fields_are_not_sent() -> None:
    """An answer that is given for a field that does not show stays out."""
    hidden = text("b", show_if_var="a", show_if_val="True", show_if_sign=1)
    server = Script(screen(text("a", datatype="boolean"), hidden), END)

    drive(server, {"a": False, "b": "secret"})

    assert server.sent() == [{"a": False}]


def test_answer_that_disables_the_others_goes_alone() -> None:
    """What was filled in before the others were disabled is not sent."""
    server = Script(screen(text("b"), text("a", disable_others=True)), END)

    drive(server, {"a": "x", "b": "y"})

    assert server.sent() == [{"a": "x"}]


def test_field_without_an_answer_is_left_out_where_it_may_be() -> None:
    """An optional object stays what it is, as other fields may ask for its parts."""
    fields = [text("a"), text("thing", datatype="object", required=False)]
    server = Script(screen(*fields), END)

    drive(server, {"a": "x"})

    assert server.sent() == [{"a": "x"}]


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
def test_chosen_object_is_copied_from_the_session(name: str, value: object) -> None:
    """The choices are names; what is sent is the object of that name."""
    server = Script(screen(text("chosen", datatype="object")), END, values=VALUES)

    drive(server, {"chosen": name})

    assert server.sent() == [{"chosen": value}]


def test_object_that_is_described_is_sent_as_it_is() -> None:
    """Instead of a name the answer may be an object, or nothing."""
    server = Script(screen(text("a", datatype="object"), text("b", datatype="object")), END)

    drive(server, {"a": DAObject("Individual"), "b": None})

    (sent,) = server.sent()
    assert sent["b"] is None
    assert sent["a"]["_class"] == "docassemble.base.util.Individual"


@pytest.mark.parametrize("names", [[], ["people[0]"]])
def test_chosen_objects_become_a_gathered_list(names: list[str]) -> None:
    """Several objects are sent as a list of the server's own, with their classes."""
    server = Script(screen(text("chosen", datatype="object_checkboxes")), END, values=VALUES)

    drive(server, {"chosen": [names]})

    (sent,) = server.sent()
    assert sent["chosen"]["gathered"] is True
    assert [one["_class"] for one in sent["chosen"]["elements"]] == [
        "docassemble.base.util.Individual" for _ in names
    ]


def test_checkboxes_take_what_is_ticked() -> None:
    """A key, a list or a mapping stands for all choices, ticked or not."""
    choices = [
        {"label": key, "variable_name": f"fruit['{key}']", "value": True} for key in ("a", "b")
    ]
    shown = screen(text("fruit", datatype="checkboxes", choices=choices))

    for given in ("b", [["b"]], {"a": False, "b": True}, DADict({"a": False, "b": True})):
        server = Script(shown, END)
        drive(server, {"fruit": given})
        assert server.sent()[0]["fruit"]["elements"] == {"a": False, "b": True}
