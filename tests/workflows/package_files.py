"""Folders of packages, and a fake server that takes its time to install them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from docassemble_client.testing import FakeServer
from tests.live.documents import package_files
from tests.mock import run
from tests.testing.conftest import LoopClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from docassemble_client import AsyncDocassemble

T = TypeVar("T")
NAME = "docassemble.mine"
HELLO = f"{NAME}:data/questions/hello.yml"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write these texts by path into a folder, which is made if it is not there."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def package(folder: Path, version: str = "0.1.0", *, modules: bool = False) -> Path:
    """Write a docassemble package with a file in each of its folders."""
    return write(folder, package_files("mine", version, modules=modules))


def broken(folder: Path, version: str = "0.1.0") -> Path:
    """Write a package whose setup.py is no Python."""
    files = package_files("mine", version)
    return write(folder, {**files, "setup.py": f"{files['setup.py']}\n)"})


def slow() -> FakeServer:
    """Make a server on which installations and restarts take time."""
    return FakeServer(clock=LoopClock(), restart_seconds=20.0, install_seconds=30.0)


def on(fake: FakeServer, job: Callable[[AsyncDocassemble], Awaitable[T]], **options: Any) -> T:
    """Run a coroutine function on a client of a server."""

    async def with_client() -> T:
        async with fake.client(**options) as da:
            return await job(da)

    return run(with_client())


def asked(fake: FakeServer, operation: str) -> int:
    """Count how often a server was asked for an operation."""
    return sum(one.operation == operation for one in fake.received)
