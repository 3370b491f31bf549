"""Type checks and lint of generated code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

import docassemble_client
from codegen.__main__ import FOLDERS, ROOT
from tests.codegen import harness

EVERYTHING = """
description: Everything that a generated signature can contain.
enums:
  Way: {doc: Ways., closed: true, values: [up, down]}
  Colour: {doc: Colours., values: [red, "it's"]}
models:
  Thing:
    doc: A thing.
    fields:
      number: {type: int, wire: "no", doc: Number.}
      name: {type: str, "null": true, optional: true, doc: Name.}
      way: {type: Way, doc: Way.}
      colours: {type: "list[Colour]", optional: true, sensitive: true, doc: Colours.}
      password: {type: secret, doc: Password.}
      answers: {type: confidential, doc: Answers.}
      parts: {type: "map[list[Thing]]", doc: Parts.}
      rest: {type: json, doc: Rest.}
      secrets: {type: "list[secret]", "null": true, doc: Secrets.}
      ways: {type: "map[Way]", "null": true, optional: true, doc: Ways.}
      objects: {type: "list[object]", "null": true, doc: Objects.}
      share: {type: float, "null": true, doc: Share.}
      type: {type: str, doc: Type.}
  File: {doc: A file., fields: {size: {type: float, doc: Megabytes.}}}
  Reply: {doc: A reply., union: {key: kind, cases: {file: File}, default: Thing}}
operations:
  list:
    call: GET /api/a
    parameters: {resume: {in: query, type: str, doc: Page.}}
    returns: {200: "page[list[Thing]]"}
    paging: {page_param: resume, items: items, next: next}
  names: {call: GET /api/b, returns: {200: "list[str]"}}
  get_map: {call: GET /api/c, returns: {200: "map[bool]"}}
  reply: {call: GET /api/d, returns: {200: {json: Reply, text: true}}}
  file: {call: GET /api/dd, returns: {200: {json: Reply, binary: true}}}
  download: {call: GET /api/e, returns: {200: binary}}
  convert: {call: GET /api/f, returns: {200: {json: "list[Thing]", binary: true}, 204: none}}
  restart: {call: POST /api/g, returns: {200: "task[restart]", 204: none}}
  send:
    call: POST /api/h/{number}
    parameters:
      number: {in: path, type: int, doc: Number.}
      way: {in: body, type: Way, required: true, doc: Way.}
      name: {in: body, type: str, "null": true, doc: Name.}
      password: {in: body, type: secret, doc: Password.}
      data: {in: body, type: object, doc: Data.}
      tags: {in: body, type: "list[Colour]", doc: Tags.}
      numbers: {in: body, type: "map[list[int]]", doc: Numbers.}
      file: {in: file, type: file, doc: File.}
      files: {in: file, type: files, doc: Files.}
      named: {in: file, type: file_map, doc: Files by field.}
      really: {in: local, type: bool, doc: Really.}
"""
COMMON = """
tasks:
  restart:
    {doc: R., status: things.names, working: w, completed: c, unknown: u, confirm: things.names}
"""
# Wrong calls are marked with an ignore; an unused ignore is itself an error.
CONSUMER = """
from typing import assert_type

from docassemble_client import models
from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client._types import JSON, UNSET, Unset
from docassemble_client.api import Namespaces
from docassemble_client.config import Confidential, Secret
from docassemble_client.pagination import Page
from docassemble_client.tasks import TaskHandle


async def results(client: Namespaces) -> None:
    things = client.things
    assert_type(await things.list(), Page[list[models.Thing]])
    assert_type(await things.names(), list[str])
    assert_type(await things.get_map(), dict[str, bool])
    assert_type(await things.reply(), models.Reply | str)
    assert_type(await things.file(), models.Thing | models.File | JSONReply | BinaryContent)
    assert_type(await things.download(), BinaryContent)
    assert_type(await things.convert(), list[models.Thing] | BinaryContent | None)
    assert_type(await things.restart(), TaskHandle | None)


async def fields(thing: models.Thing) -> None:
    assert_type(thing.number, int)
    assert_type(thing.name, str | None | Unset)
    assert_type(thing.way, models.Way)
    assert_type(thing.colours, list[models.Colour] | None)
    assert_type(thing.password, Secret)
    assert_type(thing.answers, Confidential)
    assert_type(thing.parts, dict[str, list[models.Thing]])
    assert_type(thing.rest, JSON)
    thing.number = 1  # type: ignore[misc]


async def arguments(client: Namespaces) -> None:
    send = client.things.send
    await send(1, "up", name=None, password="x", data={"a": [1]}, tags=("red", "new"))
    await send(number=1, way="down", name=UNSET, password=Secret("x"), numbers={"a": (1,)})
    await send(1, "up", file=b"1", files=[b"1"], named={"a": b"1", "b": [b"2"]}, really=True)
    await send(1, "up", timeout=None, headers={"X-A": "b"})
    await send(1)  # type: ignore[call-arg]
    await send(1, "left")  # type: ignore[arg-type]
    await send(1, "up", "x")  # type: ignore[call-arg]
    await send(1, "up", headers={"X-A": 1})  # type: ignore[dict-item]
    await send(1, "up", tags="red", data=1)  # type: ignore[arg-type]
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The whole package, with files generated from the specification above."""
    ignore = shutil.ignore_patterns("api", "decoders", "models", "operations", "__pycache__")
    source = Path(docassemble_client.__file__).parent
    shutil.copytree(source, tmp_path / FOLDERS[0], ignore=ignore)
    return harness.generate(tmp_path, EVERYTHING, common=COMMON).root / FOLDERS[0]


@pytest.mark.slow
def test_generated_code_is_typed_exactly(package: Path) -> None:
    """Strict type checks pass, every result has its exact type, and wrong calls are errors."""
    consumer = package.parent / "consumer.py"
    consumer.write_text(CONSUMER, encoding="utf-8")

    process = subprocess.run(  # noqa: S603 - the command is a constant
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental"),
            *("--follow-imports=silent", "--package=docassemble_client.api"),
            *("--package=docassemble_client.models", "--package=docassemble_client.operations"),
            "--package=docassemble_client.decoders",
            "--module=consumer",
        ],
        cwd=package.parent,
        env={**os.environ, "MYPYPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.stdout.startswith("Success"), process.stdout + process.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("models/__init__.py", "models/things.py", "operations/__init__.py"),
        *("operations/things.py", "api/__init__.py", "api/things.py"),
        *("decoders/__init__.py", "decoders/things.py"),
    ],
)
def test_generated_code_passes_the_projects_lint(package: Path, name: str) -> None:
    """Generated code follows the rules for handwritten code, and is formatted."""
    text = (package / name).read_text(encoding="utf-8")
    options = ["--stdin-filename", str(ROOT / FOLDERS[0] / name), "-"]

    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        process = subprocess.run(  # noqa: S603 - the command is a constant
            [find_ruff_bin(), *command, *options],
            input=text,
            capture_output=True,
            encoding="utf-8",
            cwd=ROOT,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
