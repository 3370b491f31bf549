"""Fixtures: programs of npm, and a fake server on a port."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from docassemble_client.testing import FakeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE_FOLDER = "OPENAPI_NODE_FOLDER"


class RunNode(Protocol):
    """Runs a program of an npm package."""

    def __call__(self, program: str, *arguments: str, **environment: str) -> str:
        """Return what it prints; fail if it fails."""
        ...


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """Folder in which `nox -s openapi` has installed the npm packages of package.json."""
    folder = os.environ.get(NODE_FOLDER)
    if not folder:
        pytest.skip(f"{NODE_FOLDER} is not set; run: nox -s openapi")
    return Path(folder)


@pytest.fixture
def run_node(node_folder: Path, tmp_path: Path) -> RunNode:
    """Run programs of npm packages in a folder where their packages are found."""
    (tmp_path / "node_modules").symlink_to(node_folder / "node_modules")

    def run(program: str, *arguments: str, **environment: str) -> str:
        settings = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
        path = node_folder / "node_modules" / ".bin" / program
        process = subprocess.run(  # noqa: S603 - programs of this folder
            [str(path) if path.exists() else program, *arguments],
            cwd=tmp_path,
            env=os.environ | settings | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    return run


@pytest.fixture
def served_fake() -> Iterator[FakeServer]:
    """Serve a fake server on a port."""
    fake = FakeServer()
    with fake.serve():
        yield fake
