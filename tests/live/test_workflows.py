"""Sessions of interviews on the real server, with typed values and files."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from docassemble_client import DADict, DAList, DAObject, JSONReply, Question
from tests.live.interviews import temporary_interview

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"

LETTER = """\
question: Who?
fields:
  - Name: name
---
question: How old?
fields:
  - Age: age
    datatype: integer
---
mandatory: True
code: |
  json_response({'name': name, 'age': age})
"""
NAMES = """\
objects:
  - users: DAList.using(object_type=Individual, there_are_any=True)
---
generic object: Individual
question: Who?
fields:
  - Name: x.name.first
  - Born: x.birthdate
    datatype: date
---
question: More?
yesno: users.there_is_another
---
id: menu
question: Which?
field: color
choices:
  - red
---
mandatory: True
question: ${ users[0].name.first } ${ color }
"""


async def test_session_is_answered_and_deleted(da: AsyncDocassemble) -> None:
    """A session is started, answered, undone, and deleted at the end of its block."""
    async with da.interview(TEXT_FIELD).session() as s:
        first = await s.question()
        second = await s.answer({"target_variable": "leek", "other_target_variable": "fig"})
        third = await s.go_back()
        before = await da.sessions.list_current(session=s.id)
    after = await da.sessions.list_current(session=before.items[0].session)

    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert isinstance(third, Question)
    assert first.question_name == third.question_name != second.question_name
    assert after.items == []


async def test_interview_returns_its_result(da: AsyncDocassemble) -> None:
    """An interview with all variables returns its result."""
    async with da.interview(QUESTIONLESS).session() as s:
        reply = await s.answer({"favorite_number": 42, "user_agrees_to_waive_penalties": True})

    assert reply == JSONReply({"final": True, "inhabitants": 2})


async def test_values_keep_their_types(da: AsyncDocassemble) -> None:
    """Dates, times, numbers, objects and collections keep their types, and strings stay strings."""
    unconverted: dict[str, Any] = {
        "text": "2026-03-14",
        "mapping": {"_class": "docassemble.base.util.DADict", "instanceName": "x"},
        "amount": Decimal("12.30"),
    }

    async with da.interview(TEXT_FIELD).session() as s:
        await s.answer(
            {
                **unconverted,
                "day": date(2026, 3, 14),
                "moment": datetime(2026, 3, 14, 15, 9, tzinfo=UTC),
                "hour": time(15, 9),
                "client": DAObject("Individual", name=DAObject("IndividualName", first="Ada")),
                "fruit": DADict({"apple": True, "pear": False}),
                "people": DAList([DAObject("Thing")]),
            }
        )
        variables = await s.variables()
        await s.go_back()
        before = await s.variables()

    values: dict[str, Any] = dict(variables)
    assert {name: values[name] for name in unconverted} == {**unconverted, "amount": 12.3}
    assert values["day"].startswith("2026-03-14T00:00:00")
    assert datetime.fromisoformat(values["moment"]) == datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
    assert values["hour"] == "15:09:00"
    assert values["client"]["name"]["first"] == "Ada"
    assert values["client"]["name"]["instanceName"] == "client.name"
    assert values["fruit"]["elements"] == {"apple": True, "pear": False}
    assert values["people"]["elements"][0]["_class"] == "docassemble.base.util.Thing"
    assert not {"text", "day"} & before.keys()


async def test_files_are_uploaded_to_their_variables(da: AsyncDocassemble) -> None:
    """Files of a variable and of an attribute are downloaded unchanged."""
    async with da.interview(TEXT_FIELD).session() as s:
        await s.answer({"client": DAObject("Individual")})
        await s.answer({"letter": b"one", "client.photo": [b"two", b"three"]})
        values: dict[str, Any] = dict(await s.variables())
        files = [*values["letter"]["elements"], *values["client"]["photo"]["elements"]]
        contents = [(await da.files.download(element["number"])).content for element in files]

    assert contents == [b"one", b"two", b"three"]


async def test_concurrent_answers_are_all_saved(da: AsyncDocassemble) -> None:
    """Twelve concurrent answers to one session are all saved."""
    async with da.interview(TEXT_FIELD).session() as s:
        await asyncio.gather(*(s.answer({f"answer_{n}": n}) for n in range(12)))
        values = await s.variables()

    assert {n: values.get(f"answer_{n}") for n in range(12)} == {n: n for n in range(12)}


async def test_answers_are_checked_against_the_names_of_an_interview(da: AsyncDocassemble) -> None:
    """The server knows variables, items and attributes; it lists no IDs of questions."""
    async with temporary_interview(da, NAMES) as i:
        names = ("users[0].name.first", "users.there_is_another", "users[1].birthdate", "color")
        warnings = await da.interview(i).check_answers((*names, "usres.there_is_another", "menu"))

    assert [warning.name for warning in warnings] == ["usres.there_is_another", "menu"]
    assert warnings[0].similar_names == ("users.there_is_another",)


async def test_variables_are_set_before_the_first_question(da: AsyncDocassemble) -> None:
    """The interview asks only for the others, also in a batch."""
    async with temporary_interview(da, LETTER) as i:
        interview = da.interview(i)
        async with interview.session() as s:
            transcript = await s.run({"age": 30}, initial={"name": "Ada"})
        rows: list[dict[str, Any]] = [{"name": "Ada", "age": 30}, {"name": "Bob", "age": 40}]
        results = interview.assemble_many(rows, initial=lambda row: row)
        replies = [result.documents async for result in results]

    assert [dict(step.answers) for step in transcript.steps] == [{"age": 30}]
    assert transcript.final == JSONReply({"name": "Ada", "age": 30})
    texts = sorted(documents[0].text for documents in replies if documents)
    assert [json.loads(text)["name"] for text in texts] == ["Ada", "Bob"]
