"""Checks interviews, and exports sessions as rows, on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client import DADict, Upload
from tests.live.interviews import temporary_interview

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble

SOURCES = {
    "good": "mandatory: True\nquestion: Hello\n",
    "yaml": "mandatory: [\n",
    "code": "mandatory: True\ncode: 1 / 0\n",
    "unasked": "mandatory: True\nquestion: Hello, ${ someone }\n",
    "json": "mandatory: True\ncode: |\n  json_response({'a': 1})\n",
}
SURVEY = """
objects:
  - client: Individual
  - children: DAList.using(object_type=DAObject)
---
mandatory: True
code: |
  multi_user = True
  client.name.first = 'Ada'
  for age in (3, 7):
    children.appendObject().age = age
  children.gathered = True
---
mandatory: True
question: Fruit?
fields:
  - Fruit: fruit
"""


async def test_interviews_are_checked(da: AsyncDocassemble, unique: str) -> None:
    """An interview passes if it reaches a screen; the others say why they do not."""
    async with da.project(unique, create=True, delete=True) as project:
        await da.playground.upload_files(
            [Upload(text.encode(), f"{name}.yml") for name, text in SOURCES.items()],
            folder="questions",
            project=unique,
        )
        names = [project.interview(f"{name}.yml").i for name in (*SOURCES, "missing")]
        report = await da.check_interviews(names)

    assert [item.outcome for item in report.interviews] == [
        *("passed", "failed", "failed", "failed", "passed", "failed")
    ]
    reasons = [item.reason for item in report.interviews]
    assert "YAML" in reasons[1]
    assert "ZeroDivisionError" in reasons[2]
    assert "someone" in reasons[3]


async def test_sessions_are_exported_as_rows(da: AsyncDocassemble) -> None:
    """Columns are paths of variables; a variable that is missing is None."""
    columns = ["@session", "client.name.first", "children[1].age", "fruit['fig']", "x"]

    async with temporary_interview(da, SURVEY) as i, da.interview(i).session() as s:
        await s.answer({"fruit": DADict({"apple": True, "fig": False})})
        session = s.id
        rows = [row async for row in da.export_session_rows(columns, i=i)]

    assert [list(row.values.values()) for row in rows] == [[session, "Ada", 7, False, None]]
    assert rows[0].as_text()["fruit['fig']"] == "false"


async def test_encrypted_sessions_are_empty_rows(da: AsyncDocassemble) -> None:
    """Their status says so; columns of the session itself have values."""
    text = "mandatory: True\nquestion: Fruit?\nfields:\n  - Fruit: fruit\n"

    async with temporary_interview(da, text) as i, da.interview(i).session() as s:
        session = s.id
        rows = [row async for row in da.export_session_rows(["@session", "fruit"], i=i)]

    assert [(*row.values.values(), row.status) for row in rows] == [(session, None, "encrypted")]
