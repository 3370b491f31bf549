"""
Records which values docassemble makes of what a user enters in a browser.

`python -m tests.live.browser_posts` writes browser_posts.json again. It starts a real server if
none runs.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from attrs import frozen

from docassemble_client import AsyncDocassemble, DecodeError, Question, Session, Upload
from tests.live.browser import Browser, Entry, fill_in
from tests.live.browser_entries import FIELDS, list_entries
from tests.live.web_page import Page
from tests.value_to_json import unstructure

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = Path(__file__).parent / "browser_posts.json"
COMMAND = "python -m tests.live.browser_posts"
VARIABLE = "answer"
NO_VALUE = "the same question again, without a message"
_CONCURRENCY = 3
_INTERVIEW = """\
features:
  debug: False
---
initial: True
code: |
  multi_user = True
---
objects:
  - people: DAList.using(object_type=Individual, auto_gather=False, gathered=True)
---
code: |
  for first_name in ('Ada', 'Grace'):
    people.appendObject().name.first = first_name
  people.complete = True
---
mandatory: True
code: people.complete
---
mandatory: True
question: Question
fields:
  - {field}
---
mandatory: True
code: |
  answer_type = type(answer).__name__
---
event: colours
code: |
  action_response([['red', 'Red'], ['green', 'Green']])
---
mandatory: True
question: End
"""


@frozen(kw_only=True)
class FieldPage:
    """
    A session whose question has one field.

    Attributes:
        da: Client.
        session: The session.
        browser: Browser that has opened it.
        first: The page as it was opened.
    """

    da: AsyncDocassemble
    session: Session
    browser: Browser
    first: Page


async def record(da: AsyncDocassemble, names: set[str] | None = None) -> dict[str, Any]:
    """
    Post all entries for all fields.

    Args:
        da: Client of an administrator or developer.
        names: Names of the fields; None for all.

    Returns:
        The table.
    """
    slots = asyncio.Semaphore(_CONCURRENCY)

    async def record_with_slot(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        async with slots:
            return await record_field(da, name)

    selected = [name for name in FIELDS if names is None or name in names]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(record_with_slot(name)) for name in selected]
    results = [task.result() for task in tasks]
    return {
        "server": (await da.server.get_health()).version,
        "date": datetime.now(UTC).date().isoformat(),
        "command": COMMAND,
        "fields": {
            name: description for name, (description, _) in zip(selected, results, strict=True)
        },
        "posts": [post for _, posts in results for post in posts],
    }


async def record_field(
    da: AsyncDocassemble, name: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """
    Post all entries for one field.

    Args:
        da: Client.
        name: Name of the field in the table.

    Returns:
        The field as the API describes it, and the posts.
    """
    owner = await da.users.get_current()
    filename = f"t{secrets.token_hex(8)}.yml"
    text = _INTERVIEW.format(field=json.dumps({"Answer": VARIABLE} | FIELDS[name]))
    await da.playground.upload_files([Upload(text.encode(), filename)], folder="questions")
    try:
        i = f"docassemble.playground{owner.id}:{filename}"
        session = await da.sessions.start(i)
        try:
            question = await da.sessions.get_question(i, session.session)
            assert isinstance(question, Question), question
            description = _describe_field(question)
            link = await da.links.create_resume_url(i, session=session.session)
            async with httpx.AsyncClient(timeout=60) as client:
                browser = Browser(client)
                first = await browser.open(link.reveal())
                page = FieldPage(da=da, session=session, browser=browser, first=first)
                posts = [
                    await _record_post(page, entry) for entry in list_entries(name, FIELDS[name])
                ]
        finally:
            # The session also belongs to the visitor who opened it.
            await da.sessions.delete_many(i=i)
    finally:
        await da.playground.delete_file(filename, folder="questions")
    return description, [
        {
            "field": name,
            "datatype": description["datatype"],
            "required": description["required"],
            **post,
        }
        for post in posts
    ]


async def _record_post(field_page: FieldPage, entry: Entry) -> dict[str, Any]:
    da, session, browser = field_page.da, field_page.session, field_page.browser
    page = await browser.reload(field_page.first)
    submission = fill_in(page, {VARIABLE: entry})
    reply = await browser.post(page, submission)
    result: dict[str, Any] = {"error": " ".join(reply.errors.values()) or NO_VALUE}
    if reply.heading == "End":
        variables = await _get_variables(da, session)
        value = _simplify(variables.get(VARIABLE))
        result = {"type": variables["answer_type"], "value": value}
        await da.sessions.go_back(session.i, session.session, question=False)
    return {
        "text": entry,
        "posted": _reduce(submission.posted),
        "refused": list(submission.refused),
        "result": result,
    }


def _describe_field(question: Question) -> dict[str, Any]:
    assert question.fields
    (question_field,) = question.fields
    description: dict[str, Any] = unstructure(question_field)
    return description


def _reduce(posted: tuple[tuple[str, str], ...]) -> str | dict[str, str]:
    values = dict(posted)
    return values[VARIABLE] if values.keys() == {VARIABLE} else values


async def _get_variables(da: AsyncDocassemble, session: Session) -> Mapping[str, Any]:
    try:
        return await da.sessions.get_variables(session.i, session.session)
    except DecodeError as error:
        # The server sends NaN and Infinity as they are, which JSON does not have.
        variables: dict[str, Any] = json.loads(error.content)
        return variables


def _simplify(value: Any) -> Any:
    """Reduce objects to their elements or name, and numbers that JSON does not have to text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if not isinstance(value, dict) or "_class" not in value:
        return value
    elements = value.get("elements")
    if isinstance(elements, dict):
        return {key: _simplify(item) for key, item in elements.items()}
    if isinstance(elements, list):
        return [_simplify(item) for item in elements]
    return value["instanceName"]


def write_table(table: Mapping[str, Any]) -> None:
    """Write the table with a line for each field and post."""
    head = {name: value for name, value in table.items() if name not in {"fields", "posts"}}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
    fields = [
        f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in table["fields"].items()
    ]
    posts = [json.dumps(post, ensure_ascii=False, separators=(",", ":")) for post in table["posts"]]
    text = "\n".join(
        (
            "{",
            *lines,
            '"fields": {',
            ",\n".join(fields),
            "},",
            '"posts": [',
            ",\n".join(posts),
            "]}",
        )
    )
    TABLE.write_text(f"{text}\n", encoding="utf-8")


async def _main() -> None:
    from tests.live.server import ensure_running

    server = ensure_running()
    async with AsyncDocassemble(server.url, server.api_key) as da:
        write_table(await record(da))


if __name__ == "__main__":
    asyncio.run(_main())
