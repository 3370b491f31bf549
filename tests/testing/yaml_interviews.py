"""Interviews in YAML that the fake server runs, refuses as a real server does, or cannot run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from docassemble_client import Upload

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble, Session

_INTERVIEWS: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
)
SUPPORTED: dict[str, str] = _INTERVIEWS["supported"]
REFUSED_BY_DOCASSEMBLE: dict[str, str] = _INTERVIEWS["refused_by_docassemble"]
# Text of the interview, the part that is refused, and its line.
UNSUPPORTED: list[tuple[str, str, int]] = [
    (item["text"], item["part"], item["line"]) for item in _INTERVIEWS["unsupported"]
]
ALL = """
metadata:
  title: All
  short title: A
  tags: [one]
---
modules:
  - docassemble.base.util
---
mandatory: True
question: Hello
field: hello
---
mandatory: True
code: |
  first_name
  size = square * 2
  if agrees:
    the_end
---
question: Name of ${ title_text }?
fields:
  - First: first_name
  - label: Age
    field: age
    datatype: integer
    required: False
  - Fruit: fruit
    choices: [apple, fig]
---
id: agree
question: Agreed, ${ greeting }?
yesno: agrees
---
code: |
  title_text = "you"
  greeting = "Ms. " + first_name
---
event: the_end
question: |
  The end
subquestion: |
  of ${ first_name }
---
event: tell
code: |
  json_response({"by": action_argument("by"), "there": [defined("agrees")]}, response_code=201)
---
event: say
code: |
  response("plain text")
---
event: note
code: |
  session_tags().add("later")
  session_tags().add("more")
  noted = True
---
event: ask_unknown
code: |
  unknown_name
---
event: choose
code: |
  counted = 1
  both
---
event: end
code: |
  both
  json_response(both)
---
event: describe
question: Described ${ first_name }
---
code: |
  helper = 1
---
question: Both?
fields:
  - Both: both
continue button field: done
"""


async def start_interview(da: AsyncDocassemble, text: str = ALL) -> Session:
    """Upload an interview to the Playground and start it."""
    await da.playground.upload_files([Upload(text.encode(), "a.yml")], folder="questions")
    return await da.sessions.start("docassemble.playground1:a.yml")
