"""The types that openapi-typescript makes of the document, used by a program."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.openapi.test_documents import DOCS, NAMES

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.openapi.conftest import RunNode

PROGRAM = Path(__file__).with_name("read_user.ts")
OPTIONS = "--strict --skipLibCheck --target es2022 --module nodenext"


@pytest.mark.sockets
@pytest.mark.parametrize("name", NAMES)
def test_program_reads_a_user(
    name: str, run_node: RunNode, served_fake: FakeServer, tmp_path: Path
) -> None:
    """The program is type-checked, compiled and run against a served fake server."""
    (tmp_path / "package.json").write_text('{"type": "module"}', "utf-8")
    shutil.copy(PROGRAM, tmp_path)
    run_node("openapi-typescript", str(DOCS / name), "--output", "openapi.d.ts")
    run_node("tsc", *OPTIONS.split(), PROGRAM.name)

    output = run_node(
        "node",
        "read_user.js",
        DOCASSEMBLE_URL=served_fake.url,
        DOCASSEMBLE_API_KEY=served_fake.api_key,
    )

    assert json.loads(output) == ["Ada", "ada@example.com", ["user"], "User not found."]
