"""The client that openapi-python-client makes of the document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.openapi.test_documents import DOCS, NAMES

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

PROGRAM = """\
import os

from da_client import AuthenticatedClient
from da_client.api.users import users_create, users_get
from da_client.models import NewUser, User, UsersCreateBody

client = AuthenticatedClient(
    os.environ["DOCASSEMBLE_URL"],
    os.environ["DOCASSEMBLE_API_KEY"],
    prefix="",
    auth_header_name="X-API-Key",
    raise_on_unexpected_status=True,
)
body = UsersCreateBody(username="ada@example.com", first_name="Ada", privileges=["user"])
with client:
    created = users_create.sync(client=client, body=body)
    assert isinstance(created, NewUser)
    user = users_get.sync(created.user_id, client=client)
    assert isinstance(user, User)
    missing = users_get.sync_detailed(999, client=client)
print(user.first_name, user.email, user.privileges, missing.parsed)
"""
# The generator's own module, which is the same for every document, has errors.
MYPY_SETTINGS = "[mypy]\nstrict = true\n[mypy-da_client.client]\nignore_errors = true\n"


def _run(folder: Path, *command: str, **environment: str) -> str:
    """Run a program of this environment in a folder; return what it prints."""
    scripts = str(Path(sys.executable).parent)
    variables = {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    process = subprocess.run(  # noqa: S603 - the commands below
        command,
        cwd=folder,
        env=os.environ | variables | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


@pytest.mark.sockets
@pytest.mark.parametrize("name", NAMES)
def test_generated_client_reads_a_user(name: str, served_fake: FakeServer, tmp_path: Path) -> None:
    """It is generated without a warning, passes mypy, and every module can be imported."""
    generated = _run(
        tmp_path,
        *("openapi-python-client", "generate", "--path", str(DOCS / name), "--meta", "none"),
        *("--output-path", "da_client", "--fail-on-warning"),
    )
    (tmp_path / "read_user.py").write_text(PROGRAM, "utf-8")
    (tmp_path / "mypy.ini").write_text(MYPY_SETTINGS, "utf-8")
    modules = [
        ".".join(path.relative_to(tmp_path).with_suffix("").parts)
        for path in tmp_path.glob("da_client/**/*.py")
    ]

    _run(tmp_path, "mypy", "da_client", "read_user.py")
    _run(tmp_path, sys.executable, "-c", f"import {', '.join(modules)}")
    output = _run(
        tmp_path,
        *(sys.executable, "read_user.py"),
        DOCASSEMBLE_URL=served_fake.url,
        DOCASSEMBLE_API_KEY=served_fake.api_key,
    )

    assert "arning" not in generated
    assert len(modules) > 100
    assert output == "Ada ada@example.com ['user'] \"User not found.\"\n\n"
