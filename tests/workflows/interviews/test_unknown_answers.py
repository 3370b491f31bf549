"""Warnings about answers whose name the interview does not know."""

from __future__ import annotations

import pytest

from docassemble_client import AccessDenied, UnknownAnswer
from docassemble_client.models import InterviewNames, InterviewVariable
from docassemble_client.testing import FakeServer, ManualClock, ScriptedScreen
from docassemble_client.workflows.interviews.unknown_answers import find_unknown_answers
from tests.workflows.letters import I, make_letter_server

KNOWN = (
    *("client", "client.name", "court.name", "users", "users.there_is_another", "colours['red']"),
    *("docs['a'].title", "users[i].name.first"),
)


def make_names() -> InterviewNames:
    variables = [
        InterviewVariable(var=name, to_insert=name, var_type="default", hide=False)
        for name in KNOWN
    ]
    numbered = InterviewVariable(
        var="children[0].age",
        to_insert="",
        var_type="default",
        hide=True,
        var_base="children[i].age",
    )
    return InterviewNames(
        var_list=[*variables, numbered],
        undefined_names=["never_defined"],
        functions_list=[],
        classes_list=[],
        modules_list=[],
        images_list=[],
    )


@pytest.mark.parametrize(
    "name",
    [
        *KNOWN,
        "never_defined",
        "children[3].age",
        "children[i].age",
        'colours["red"]',
        "colours['green']",
        "client.address.city",
        "users[0].name.last",
        "x.name.first",
        "x[0]",
        "Question_12",
    ],
)
def test_known_and_possible_names_are_not_reported(name: str) -> None:
    """Names with any index or quote are the same; attributes of known variables may exist."""
    assert find_unknown_answers([name], make_names()) == []


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("clinet", ("client",)),
        ("client.nmae", ("client.name",)),
        ("users.there_is_anothr", ("users.there_is_another",)),
        ("user[i].name.first", ("users[i].name.first",)),
        ("Court_name", ("court.name",)),
        ("spouse", ()),
        ("spouse.name.first", ("users[i].name.first",)),
        ("xylophone", ()),
        ("", ()),
        ("2nd question", ()),
    ],
)
def test_unknown_variables_and_misspelled_names_are_reported(
    name: str, similar: tuple[str, ...]
) -> None:
    """A finding has the names that may be meant."""
    (finding,) = find_unknown_answers([name], make_names())

    assert (finding.name, finding.similar_names) == (name, similar)


def test_finding_reads_as_a_sentence() -> None:
    """The text names the answer, never its value."""
    finding = UnknownAnswer("nmae", similar_names=("name", "named"))

    assert str(finding) == "the interview does not know 'nmae'; did you mean 'name' or 'named'?"
    assert str(UnknownAnswer("age")) == "the interview does not know 'age'"


async def test_answers_are_checked_without_a_session() -> None:
    """Answers or only their names can be checked; a developer's key is needed."""
    fake, _ = make_letter_server()
    user = fake.add_user("ada@example.com")
    async with fake.client() as da:
        interview = da.interview(I)
        assert await interview.check_answers({"name": "Ada", "nmae": "Bob"}) == [
            UnknownAnswer("nmae", similar_names=("name",))
        ]
        assert await interview.check_answers(["name"]) == []
    async with fake.client(user) as da:
        with pytest.raises(AccessDenied):
            await da.interview(I).check_answers(["name"])


async def test_any_iterable_of_names_is_read_once() -> None:
    """A generator of names works."""
    fake = FakeServer(clock=ManualClock())
    fake.add_interview(I, ScriptedScreen("Your name?", ["name"]))
    async with fake.client() as da:
        findings = await da.interview(I).check_answers(name for name in ("name", "age"))

    assert [finding.name for finding in findings] == ["age"]
