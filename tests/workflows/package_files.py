"""Writes folders of packages, and makes a fake server on which installing them takes time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docassemble_client.testing import FakeServer
from tests.live.documents import make_package_files
from tests.testing.conftest import LoopClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from docassemble_client import DeployReport

PACKAGE_NAME = "docassemble.mine"
HELLO_INTERVIEW = f"{PACKAGE_NAME}:data/questions/hello.yml"


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write texts by path into a folder; create it if it does not exist."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def write_package(folder: Path, version: str = "0.1.0", *, modules: bool = False) -> Path:
    """Write a docassemble package with a file in each of its folders."""
    return write_files(folder, make_package_files("mine", version, modules=modules))


def write_broken_package(folder: Path, version: str = "0.1.0") -> Path:
    """Write a package whose setup.py is not valid Python."""
    files = make_package_files("mine", version)
    return write_files(folder, {**files, "setup.py": f"{files['setup.py']}\n)"})


def make_slow_server() -> FakeServer:
    """Make a server on which installations and restarts take time."""
    return FakeServer(
        clock=LoopClock(), restart_seconds=20.0, install_seconds=30.0, outage="unavailable"
    )


async def deploy(fake: FakeServer, source: Any = None, **options: Any) -> DeployReport:
    """Deploy a package."""
    async with fake.client() as da:
        return await da.deploy(source, **options)


def count_calls(fake: FakeServer, operation: str) -> int:
    """Count the requests of an operation that a server received."""
    return sum(request.operation == operation for request in fake.received_requests)
