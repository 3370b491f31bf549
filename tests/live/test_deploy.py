"""Deploys a small package on the real server."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    InstallFailed,
    PayloadTooLarge,
    Question,
    RequestEvent,
    Upload,
    UsageError,
)
from tests.live.documents import make_package_files
from tests.live.inventory import take_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from docassemble_client import AsyncDocassemble, DeployReport, Event
    from tests.live.conftest import Connect

IMPORTS = "from setuptools import find_namespace_packages, setup\n"
UPLOAD = "docassemble.base:data/questions/examples/upload.yml"


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write texts by path."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def write_package(folder: Path, name: str, version: str, *, broken: bool = False) -> Path:
    """Write a package, and files that must not be sent."""
    files = make_package_files(name, version, modules=True)
    files["setup.py"] += ")" if broken else ""
    files |= {".env": "KEY=1\n", ".gitignore": "*.log\n", "run.log": "x\n", ".git/HEAD": "x\n"}
    return write_files(folder, files)


async def test_package_is_deployed_and_updated(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """The version is listed and the interview runs; an update needs no restart."""
    name = f"docassemble.{unique}"
    states: list[str] = []

    before = await take_inventory(da)
    first = await da.deploy(
        write_package(tmp_path, unique, "0.1.0"),
        on_progress=lambda event: states.append(event.state),
    )
    async with da.interview(f"{name}:data/questions/hello.yml").session() as s:
        question = await s.question()
    second = await da.deploy(write_package(tmp_path, unique, "0.2.0"), restart=False)
    versions = {package.name: package.version for package in await da.packages.list()}
    await da.wait_for_task(await da.packages.uninstall(name, restart=False), timeout=300)

    assert (first.name, first.version, first.previous_version) == (name, "0.1.0", None)
    assert first.ignored == (".env", ".git/", "run.log")
    assert (first.restarted, first.failed_packages) == (True, ())
    assert f"Successfully installed {name}-0.1.0" in first.log
    assert (states[0], states[-1]) == ("sending", "completed")
    assert isinstance(question, Question)
    assert (second.version, second.previous_version, second.cache_cleared) == (
        "0.2.0",
        "0.1.0",
        True,
    )
    assert versions[name] == "0.2.0"
    assert await take_inventory(da) == before


async def test_server_restarts_only_if_it_is_needed(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """Interviews need no restart; modules and dependencies do. The package can be uninstalled."""
    name = f"docassemble.{unique}"
    interview = da.interview(f"{name}:data/questions/hello.yml")
    questions = tmp_path / f"docassemble/{unique}/data/questions"

    async def deploy(version: str, text: str, **options: bool) -> tuple[DeployReport, str]:
        write_files(tmp_path, make_package_files(unique, version, **options))
        (questions / "hello.yml").write_text(text, encoding="utf-8")
        report = await da.deploy(tmp_path, restart="auto")
        async with interview.session() as s:
            question = await s.question()
        assert isinstance(question, Question)
        return report, question.question_text

    before = await take_inventory(da)
    first = await deploy("0.1.0", "question: First\nmandatory: True\n")
    second = await deploy("0.2.0", "question: Second\nmandatory: True\n")
    module = "modules:\n  - .rules\n---\nquestion: ${ LIMIT }\nmandatory: True\n"
    third = await deploy("0.3.0", module, modules=True)
    report = await da.uninstall(name.replace("docassemble.", "Docassemble_"))

    assert [text for _, text in (first, second, third)] == ["First", "Second", "1500"]
    assert [deployed.restart_reason for deployed, _ in (first, second, third)] == [
        *("", "", "the package has modules")
    ]
    assert [deployed.restarted for deployed, _ in (first, second, third)] == [False, False, True]
    assert (report.name, report.version, report.restarted) == (name, "0.3.0", True)
    assert await take_inventory(da) == before


@pytest.mark.parametrize("restart", [True, False])
async def test_failed_build_raises_install_failed(
    da: AsyncDocassemble, unique: str, tmp_path: Path, *, restart: bool
) -> None:
    """The log of pip decides, even if the server reports success."""
    name = f"docassemble.{unique}"

    before = await take_inventory(da)
    first = await da.deploy(write_package(tmp_path, unique, "0.1.0"), restart=False)
    with pytest.raises(InstallFailed) as caught:
        await da.deploy(write_package(tmp_path, unique, "0.1.0", broken=True), restart=restart)
    await da.wait_for_task(await da.packages.uninstall(name, restart=False), timeout=300)

    assert not first.restarted
    assert caught.value.name == name
    assert "Failed to build" in caught.value.log
    assert "pip install ." in caught.value.hint
    assert await take_inventory(da) == before


async def test_name_on_one_line_is_deployed(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """The server could not read the name; the archive has a line from which it can."""
    name = f"docassemble.{unique}"

    folder = write_package(tmp_path, unique, "0.1.0")
    setup = f"setup(name='{name}', version='0.1.0', packages=find_namespace_packages())\n"
    (folder / "setup.py").write_text(f"{IMPORTS}{setup}", encoding="utf-8")
    report = await da.deploy(folder, restart=False)
    await da.wait_for_task(await da.packages.uninstall(name, restart=False), timeout=300)

    assert (report.name, report.version) == (name, "0.1.0")


@pytest.mark.parametrize("transport", ["httpx", "httpx2", "aiohttp"])
async def test_upload_above_the_limit_is_reported(connect: Connect, transport: str) -> None:
    """The server responds at once and closes the connection; every transport reads its response."""
    async with connect(transport=transport) as da:
        with pytest.raises(PayloadTooLarge):
            await da.packages.install(zip=Upload(bytes(20_000_000), "package.zip"))
        async with da.interview(UPLOAD).session() as s:
            with pytest.raises(PayloadTooLarge):
                await s.answer({"user_picture": Upload(bytes(20_000_000), "picture.png")})


@pytest.mark.unrecorded
@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_batch_does_not_repeat_an_upload_above_the_limit(
    connect: Connect, transport: str
) -> None:
    """It is the result of its row, before the time for outages is over."""
    rows = [{"user_picture": Upload(bytes(20_000_000), "picture.png")}]
    requests: list[str] = []

    def log_request(event: Event) -> None:
        if isinstance(event, RequestEvent):
            requests.append(event.operation)

    async with connect(transport=transport, on_event=log_request) as da, asyncio.timeout(60):
        batch = da.interview(UPLOAD).assemble_many(rows, outage_timeout=300)
        (result,) = [result async for result in batch]

    assert isinstance(result.error, PayloadTooLarge)
    assert requests.count("sessions.set_variables") == 1


async def test_folder_above_the_package_is_refused(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """Nothing is sent; the error names the folder to deploy."""
    before = await take_inventory(da)
    write_package(tmp_path / f"docassemble-{unique}", unique, "0.1.0")

    with pytest.raises(UsageError, match=f"the package is in the folder docassemble-{unique}"):
        await da.deploy(tmp_path)

    assert await take_inventory(da) == before


async def test_archive_above_the_limit_is_not_sent(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """The server's configuration is compared with the size first."""
    folder = write_package(tmp_path, unique, "0.1.0")
    (folder / f"docassemble/{unique}/data/static").mkdir(exist_ok=True)
    (folder / f"docassemble/{unique}/data/static/video.mp4").write_bytes(os.urandom(17 << 20))
    with pytest.raises(UsageError, match="the server accepts requests of up to"):
        await da.deploy(folder)
