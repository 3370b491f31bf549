"""Deploying a small package on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import InstallFailed, Question
from tests.live.documents import package_files
from tests.live.leftovers import census

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Run


def write(folder: Path, name: str, version: str, *, broken: bool = False) -> Path:
    """Write a package, and beside it what must not be sent."""
    files = package_files(name, version, modules=True)
    files["setup.py"] += ")" if broken else ""
    files |= {".env": "KEY=1\n", ".gitignore": "*.log\n", "run.log": "x\n", ".git/HEAD": "x\n"}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def test_package_is_deployed_updated_and_started(run: Run, unique: str, tmp_path: Path) -> None:
    """After the restart the version is listed and the interview runs; then without a restart."""
    name = f"docassemble.{unique}"
    states: list[str] = []

    async def job(da: AsyncDocassemble) -> None:
        before = await census(da)
        first = await da.deploy(
            write(tmp_path, unique, "0.1.0"), on_progress=lambda event: states.append(event.state)
        )
        async with da.interview(f"{name}:data/questions/hello.yml").session() as s:
            question = await s.question()
        second = await da.deploy(write(tmp_path, unique, "0.2.0"), restart=False)
        listed = {one.name: one.version for one in await da.packages.list()}
        await da.wait_for_task(await da.packages.uninstall(name, restart=False), timeout=300)

        assert (first.name, first.version, first.before) == (name, "0.1.0", None)
        assert first.left_out == (".env", ".git/", "run.log")
        assert (first.restarted, first.failed) == (True, ())
        assert f"Successfully installed {name}-0.1.0" in first.log
        assert (states[0], states[-1]) == ("sending", "completed")
        assert isinstance(question, Question)
        assert (second.version, second.before, second.cache_cleared) == ("0.2.0", "0.1.0", True)
        assert listed[name] == "0.2.0"
        assert await census(da) == before

    run(job)


@pytest.mark.parametrize("restart", [True, False])
def test_package_that_cannot_be_built_is_install_failed(
    run: Run, unique: str, tmp_path: Path, *, restart: bool
) -> None:
    """The server's ok is not believed: pip's log says what was installed."""
    name = f"docassemble.{unique}"

    async def job(da: AsyncDocassemble) -> None:
        before = await census(da)
        first = await da.deploy(write(tmp_path, unique, "0.1.0"), restart=False)
        with pytest.raises(InstallFailed) as caught:
            await da.deploy(write(tmp_path, unique, "0.1.0", broken=True), restart=restart)
        await da.wait_for_task(await da.packages.uninstall(name, restart=False), timeout=300)

        assert not first.restarted
        assert caught.value.name == name
        assert "Failed to build" in caught.value.log
        assert "pip install ." in caught.value.hint
        assert await census(da) == before

    run(job)
