"""Projects of a Playground, in good and in bad weather."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    BadRequest,
    DocassembleError,
    Question,
    ServerError,
    TaskTimeout,
    UsageError,
)
from tests.live.documents import package as archive
from tests.mock import now, settle
from tests.workflows.package_files import asked, on, package, slow

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return slow()


def test_project_lives_as_long_as_its_block(fake: FakeServer, tmp_path: Path) -> None:
    """It is made, filled, used and deleted, also when something goes wrong in between."""
    folder = package(tmp_path)

    seen: list[object] = []

    async def use(da: AsyncDocassemble) -> None:
        async with da.project("review42", create=True, delete=True) as project:
            assert await da.playground.list_projects() == ["review42"]
            assert not await project.install(folder)
            interview = project.interview("hello.yml")
            assert interview.i == "docassemble.playground1review42:hello.yml"
            async with interview.session() as s:
                seen.append(await s.question())
            assert 1 / 0

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(ZeroDivisionError):
            await use(da)
        assert await da.playground.list_projects() == []

    on(fake, job)

    assert isinstance(seen[0], Question)


def test_project_stays_unless_told_otherwise(fake: FakeServer) -> None:
    """Neither is it made when it is there, nor deleted at the end."""

    async def job(da: AsyncDocassemble) -> None:
        for _ in range(2):
            async with da.project("mine", create=True) as project:
                assert project.name == "mine"
        assert await da.playground.list_projects() == ["mine"]

    on(fake, job)

    assert asked(fake, "playground.create_project") == 1


def test_default_project_needs_no_making(fake: FakeServer) -> None:
    """It has no name in the names of its interviews."""

    async def job(da: AsyncDocassemble) -> None:
        async with da.project(create=True) as project:
            assert project.interview("a.yml").i == "docassemble.playground1:a.yml"
            assert repr(project) == "Project('default')"

    on(fake, job)

    assert asked(fake, "playground.list_projects") == 0


def test_project_that_is_not_there_is_an_error(fake: FakeServer) -> None:
    """Without create=True nothing is made."""

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(DocassembleError, match=r"no project other.*create=True"):
            async with da.project("other"):
                raise AssertionError

    on(fake, job)


@pytest.mark.parametrize("name", ["", "1two", "größe", "two_parts", "a-b", "a b", "docassemble.x"])
def test_name_is_checked_before_anything_is_sent(fake: FakeServer, name: str) -> None:
    """The server takes ASCII letters and digits, and none that begins with a digit."""

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(UsageError, match="begins with a letter"):
            da.project(name)
        with pytest.raises(UsageError, match="default cannot be deleted"):
            da.project(delete=True)

    on(fake, job)

    assert fake.received == []


def test_project_is_used_inside_its_block_only(fake: FakeServer, tmp_path: Path) -> None:
    """Before it nobody knows whether it is there, and after it it may be gone."""

    async def job(da: AsyncDocassemble) -> None:
        project = da.project("mine", create=True)
        async with project:
            pass
        with pytest.raises(UsageError, match="not been entered, or is over"):
            project.interview("a.yml")
        for call in (project.install(tmp_path), project.pull(pip="x"), project.sync(tmp_path)):
            with pytest.raises(UsageError, match="not been entered, or is over"):
                await call
        with pytest.raises(UsageError, match="not been entered, or is over"):
            project.watch(tmp_path)

    on(fake, job)


def test_two_that_make_a_project_at_the_same_time_both_have_it(fake: FakeServer) -> None:
    """The server refuses the later one with the words for a project that is not there."""
    fake.latency = 1

    async def job(da: AsyncDocassemble) -> list[str]:
        async def use() -> str:
            async with da.project("mine", create=True) as project:
                return project.name

        return list(await asyncio.gather(use(), use()))

    assert on(fake, job) == ["mine", "mine"]
    assert asked(fake, "playground.create_project") == 2


@pytest.mark.parametrize(("done", "raised"), [(True, False), (False, True)])
def test_lost_answer_of_making_is_looked_up(fake: FakeServer, *, done: bool, raised: bool) -> None:
    """The list of projects shows whether it was made."""
    fake.reset("playground.create_project", done=done)

    async def job(da: AsyncDocassemble) -> None:
        if raised:
            with pytest.raises(DocassembleError):
                async with da.project("mine", create=True):
                    raise AssertionError
        else:
            async with da.project("mine", create=True):
                assert await da.playground.list_projects() == ["mine"]

    on(fake, job)


def test_refusal_to_make_it_is_an_error(fake: FakeServer) -> None:
    """What the server says is raised if the project is not there afterwards."""
    fake.fail("playground.create_project", status=400, body="Invalid project.")

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(BadRequest):
            async with da.project("mine", create=True):
                raise AssertionError

    on(fake, job)


def test_cancelled_block_deletes_its_project(fake: FakeServer) -> None:
    """Whether it is cancelled inside, or while the project is made, or while it is deleted."""
    fake.latency = 1

    async def job(da: AsyncDocassemble) -> None:
        async def use() -> None:
            async with da.project("mine", create=True, delete=True, user_id=1):
                await asyncio.sleep(5)

        for moment in (0.5, 1.5, 4.0, 7.5):
            task = asyncio.create_task(use())
            await asyncio.sleep(moment)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await da.playground.list_projects() == []

    on(fake, job)


def test_project_is_deleted_in_bad_weather(fake: FakeServer) -> None:
    """A restart, and a lost answer of a deletion that was done, are survived."""

    async def job(da: AsyncDocassemble) -> None:
        async with da.project("one", create=True, delete=True):
            fake._world.tasks.restart()
            await asyncio.sleep(3)
        fake.reset("playground.delete_project", done=True)
        async with da.project("two", create=True, delete=True):
            pass
        assert await da.playground.list_projects() == []

    on(fake, job)


def test_failure_to_delete_does_not_hide_what_went_wrong(fake: FakeServer) -> None:
    """It is a note of the first error, or an error of its own."""
    fake.fail("playground.delete_project", status=500, times=2)
    fake.fail("playground.delete_project", status=400, body="Invalid project.")

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(ZeroDivisionError) as caught:
            async with da.project("mine", create=True, delete=True):
                assert 1 / 0
        assert "The project was not deleted" in caught.value.__notes__[0]
        with pytest.raises(ServerError):
            async with da.project("mine", delete=True):
                pass
        with pytest.raises(BadRequest):
            async with da.project("mine", delete=True):
                pass

    on(fake, job)


def test_deletion_ends_some_day(fake: FakeServer) -> None:
    """A server that never answers does not hold up its caller for ever."""
    fake.fail("playground.list_projects", status=200, body=["mine"])
    fake.delay("playground.delete_project", seconds=1000, times=None)

    async def job(da: AsyncDocassemble) -> float:
        with pytest.raises(TaskTimeout, match="mine was not deleted within 300 s"):
            async with da.project("mine", delete=True):
                pass
        return now()

    assert 300 <= on(fake, job) < 310


def test_limited_key_works_without_its_own_number(fake: FakeServer, tmp_path: Path) -> None:
    """It may not read its own account; the number is needed for names of interviews only."""

    async def job(da: AsyncDocassemble) -> None:
        key = await da.api_keys.create("sync", permissions=["playground_control"])
        async with fake.client() as limited:
            limited._api_key = key
            async with limited.project("mine", create=True, delete=True) as project:
                await project.install(package(tmp_path))
                with pytest.raises(UsageError, match="Pass it to project"):
                    project.interview("hello.yml")
            async with limited.project("mine", create=True, user_id=1) as project:
                assert project.interview("a.yml").i.startswith("docassemble.playground1mine:")
                assert project.user_id == 1

    on(fake, job)


def test_project_of_another_user_is_named_by_its_number(fake: FakeServer) -> None:
    """An administrator works in the Playground of a developer."""
    developer = fake.add_user("dev@example.com", "developer")

    async def job(da: AsyncDocassemble) -> None:
        async with da.project("theirs", create=True, user_id=developer.id) as project:
            assert f"playground{developer.id}theirs" in project.interview("a.yml").i
        assert await da.playground.list_projects() == []
        assert await da.playground.list_projects(user_id=developer.id) == ["theirs"]

    on(fake, job)

    async def refused(da: AsyncDocassemble) -> None:
        with pytest.raises((AccessDenied, BadRequest)):
            async with da.project("theirs", user_id=1):
                raise AssertionError

    on(fake, refused, user=developer)


def test_package_with_modules_restarts_the_server(fake: FakeServer, tmp_path: Path) -> None:
    """The restart is waited for; an archive is taken as a folder is."""
    (tmp_path / "mine.zip").write_bytes(archive("mine", modules=True))

    async def job(da: AsyncDocassemble) -> list[Any]:
        async with da.project("mine", create=True, delete=True) as project:
            quick = await project.install(tmp_path / "mine.zip", restart=False)
            before = now()
            restarted = await project.install(tmp_path / "mine.zip")
            names = await da.playground.list_files(project="mine", folder="modules")
            return [quick, restarted, now() - before > 20, names]

    assert on(fake, job) == [False, True, True, ["rules.py"]]


def test_package_is_pulled(fake: FakeServer) -> None:
    """The server fetches it; what Git said is in the body of the error."""
    states: list[str] = []

    async def job(da: AsyncDocassemble) -> bool:
        async with da.project("mine", create=True, delete=True) as project:
            with pytest.raises(BadRequest) as caught:
                await project.pull(github="https://git.example.com/docassemble-x", branch="main")
            assert "fatal" in str(caught.value.body)
            wrongs: list[dict[str, Any]] = [
                *({}, {"github": "x", "pip": "y"}, {"pip": "y", "branch": "main"})
            ]
            for wrong in wrongs:
                with pytest.raises(UsageError, match="pull takes one package"):
                    await project.pull(**wrong)
            return await project.pull(
                pip="docassemble.ALToolbox", on_progress=lambda event: states.append(event.state)
            )

    assert on(fake, job) is True
    assert states[-1] == "completed"


@pytest.mark.parametrize("done", [True, False])
def test_lost_answer_of_unpacking_is_no_failure(
    fake: FakeServer, tmp_path: Path, *, done: bool
) -> None:
    """The same files are written again, which does no harm; the restart is waited for."""
    folder = package(tmp_path, modules=True)
    fake.reset("playground.install_packages", done=done)

    async def job(da: AsyncDocassemble) -> bool:
        async with da.project("mine", create=True, delete=True) as project:
            return await project.install(folder)

    assert on(fake, job) is True


def test_restart_of_a_lost_answer_is_waited_for(fake: FakeServer, tmp_path: Path) -> None:
    """The second answer may have nothing left to restart for."""
    folder = package(tmp_path)

    async def job(da: AsyncDocassemble) -> bool:
        async with da.project("mine", create=True, delete=True) as project:
            fake.reset("playground.install_packages")
            task = asyncio.create_task(project.install(folder))
            await settle()
            fake._world.tasks.restart()
            return await task

    assert on(fake, job) is True


def test_restart_that_does_not_end_times_out(fake: FakeServer, tmp_path: Path) -> None:
    """The error has the handle."""
    folder = package(tmp_path, modules=True)
    fake._world.tasks.restart_seconds = 10_000

    async def job(da: AsyncDocassemble) -> None:
        async with da.project("mine", create=True) as project:
            with pytest.raises(TaskTimeout, match="not ready within 60 s") as caught:
                await project.install(folder, timeout=60)
            assert caught.value.handle is not None

    on(fake, job)
