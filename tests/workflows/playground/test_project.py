"""Projects of a Playground, also through outages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    BadRequest,
    DocassembleError,
    ProjectNotFound,
    Question,
    ServerError,
    TaskTimeout,
    UsageError,
)
from tests.live.documents import make_package
from tests.mock import get_loop_time, settle
from tests.workflows.package_files import (
    count_calls,
    make_slow_server,
    write_package,
)

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeServer


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return make_slow_server()


async def test_project_is_deleted_at_the_end_of_its_block(fake: FakeServer, tmp_path: Path) -> None:
    """It is created, filled and used, and deleted even after an error."""
    folder = write_package(tmp_path)

    questions: list[object] = []

    async def use(da: AsyncDocassemble) -> None:
        async with da.project("review42", create=True, delete=True) as project:
            assert await da.playground.list_projects() == ["review42"]
            assert not await project.install(folder)
            interview = project.interview("hello.yml")
            assert interview.i == "docassemble.playground1review42:hello.yml"
            async with interview.session() as s:
                questions.append(await s.question())
            assert 1 / 0

    async with fake.client() as da:
        with pytest.raises(ZeroDivisionError):
            await use(da)
        assert await da.playground.list_projects() == []

    assert isinstance(questions[0], Question)


async def test_project_stays_without_delete(fake: FakeServer) -> None:
    """An existing project is not created again."""
    async with fake.client() as da:
        for _ in range(2):
            async with da.project("mine", create=True) as project:
                assert project.name == "mine"
        assert await da.playground.list_projects() == ["mine"]

    assert count_calls(fake, "playground.create_project") == 1


async def test_default_project_is_not_created(fake: FakeServer) -> None:
    """The names of its interviews have no project name."""
    async with fake.client() as da, da.project(create=True) as project:
        assert project.interview("a.yml").i == "docassemble.playground1:a.yml"
        assert repr(project) == "Project('default')"

    assert count_calls(fake, "playground.list_projects") == 0


async def test_missing_project_is_an_error(fake: FakeServer) -> None:
    """Without create=True it is not created."""
    async with fake.client() as da:
        with pytest.raises(ProjectNotFound, match=r"no project other.*create=True") as caught:
            async with da.project("other"):
                raise AssertionError
        assert caught.value.project == "other"


@pytest.mark.parametrize("name", ["", "1two", "größe", "two_parts", "a-b", "a b", "docassemble.x"])
async def test_name_is_checked_before_anything_is_sent(fake: FakeServer, name: str) -> None:
    """The server allows ASCII letters and digits, but no digit at the beginning."""
    async with fake.client() as da:
        with pytest.raises(UsageError, match="begins with a letter"):
            da.project(name)
        with pytest.raises(UsageError, match="default cannot be deleted"):
            da.project(delete=True)

    assert fake.received_requests == []


async def test_project_is_usable_only_inside_its_block(fake: FakeServer, tmp_path: Path) -> None:
    """Before the block it may not exist, and after it the project may be deleted."""
    async with fake.client() as da:
        project = da.project("mine", create=True)
        async with project:
            pass
        with pytest.raises(UsageError, match="project is not open"):
            project.interview("a.yml")
        for call in (project.install(tmp_path), project.pull(pip="x"), project.sync(tmp_path)):
            with pytest.raises(UsageError, match="project is not open"):
                await call
        with pytest.raises(UsageError, match="project is not open"):
            project.watch(tmp_path)


async def test_two_tasks_can_create_the_same_project_at_the_same_time(fake: FakeServer) -> None:
    """The server refuses the second one with the message for an invalid project."""
    fake.latency = 1

    async with fake.client() as da:

        async def use() -> str:
            async with da.project("mine", create=True) as project:
                return project.name

        assert list(await asyncio.gather(use(), use())) == ["mine", "mine"]

    assert count_calls(fake, "playground.create_project") == 2


@pytest.mark.parametrize("processed", [True, False])
async def test_lost_response_is_resolved_by_the_list_of_projects(
    fake: FakeServer, *, processed: bool
) -> None:
    """The list shows whether the project was created."""
    fake.drop_connection("playground.create_project", processed=processed)

    async with fake.client() as da:
        if processed:
            async with da.project("mine", create=True):
                assert await da.playground.list_projects() == ["mine"]
        else:
            with pytest.raises(DocassembleError):
                async with da.project("mine", create=True):
                    raise AssertionError


async def test_refusal_to_create_the_project_is_an_error(fake: FakeServer) -> None:
    """The server's error is raised if the project does not exist afterwards."""
    fake.fail("playground.create_project", status=400, body="Invalid project.")

    async with fake.client() as da:
        with pytest.raises(BadRequest):
            async with da.project("mine", create=True):
                raise AssertionError


async def test_project_is_deleted_despite_an_outage(fake: FakeServer) -> None:
    """A restart and a lost response do not prevent it."""
    async with fake.client() as da:
        async with da.project("one", create=True, delete=True):
            fake._state.tasks.restart()
            await asyncio.sleep(3)
        fake.drop_connection("playground.delete_project", processed=True)
        async with da.project("two", create=True, delete=True):
            pass
        assert await da.playground.list_projects() == []


async def test_failure_to_delete_does_not_hide_an_earlier_error(fake: FakeServer) -> None:
    """It is added as a note; without an earlier error it is raised."""
    fake.fail("playground.delete_project", status=500, times=2)
    fake.fail("playground.delete_project", status=400, body="Invalid project.")

    async with fake.client() as da:
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


async def test_deletion_has_a_timeout(fake: FakeServer) -> None:
    """A server that never responds does not block the caller forever."""
    fake.fail("playground.list_projects", status=200, body=["mine"])
    fake.delay("playground.delete_project", seconds=1000, times=None)

    async with fake.client() as da:
        with pytest.raises(TaskTimeout, match="mine was not deleted within 300 s"):
            async with da.project("mine", delete=True):
                pass
        assert 300 <= get_loop_time() < 310


async def test_limited_key_works_without_its_user_id(fake: FakeServer, tmp_path: Path) -> None:
    """It may not read its own account; only names of interviews need the user ID."""
    async with fake.client() as da:
        key = await da.api_keys.create("sync", permissions=["playground_control"])
        limited = da.as_key(key)
        async with limited.project("mine", create=True, delete=True) as project:
            await project.install(write_package(tmp_path))
            with pytest.raises(UsageError, match="Pass user_id to project"):
                project.interview("hello.yml")
        async with limited.project("mine", create=True, user_id=1) as project:
            assert project.interview("a.yml").i.startswith("docassemble.playground1mine:")
            assert project.user_id == 1


async def test_project_may_belong_to_another_user(fake: FakeServer) -> None:
    """An administrator works in the Playground of a developer, but not the reverse."""
    developer = fake.add_user("dev@example.com", "developer")

    async with fake.client() as da:
        async with da.project("theirs", create=True, user_id=developer.id) as project:
            assert f"playground{developer.id}theirs" in project.interview("a.yml").i
        assert await da.playground.list_projects() == []
        assert await da.playground.list_projects(user_id=developer.id) == ["theirs"]

    async with fake.client(developer) as da:
        with pytest.raises((AccessDenied, BadRequest)):
            async with da.project("theirs", user_id=1):
                raise AssertionError


async def test_package_with_modules_restarts_the_server(fake: FakeServer, tmp_path: Path) -> None:
    """The client waits for the restart; an archive works like a folder."""
    (tmp_path / "mine.zip").write_bytes(make_package("mine", modules=True))

    async with fake.client() as da, da.project("mine", create=True, delete=True) as project:
        restarted_first = await project.install(tmp_path / "mine.zip", restart=False)
        before = get_loop_time()
        restarted = await project.install(tmp_path / "mine.zip")
        names = await da.playground.list_files(project="mine", folder="modules")
        assert [restarted_first, restarted, get_loop_time() - before > 20, names] == [
            False,
            True,
            True,
            ["rules.py"],
        ]


async def test_package_is_pulled(fake: FakeServer) -> None:
    """The server fetches it; the output of Git is in the body of the error."""
    states: list[str] = []

    async with fake.client() as da, da.project("mine", create=True, delete=True) as project:
        with pytest.raises(BadRequest) as caught:
            await project.pull(github="https://git.example.com/docassemble-x", branch="main")
        assert "fatal" in str(caught.value.body)
        invalid: list[dict[str, Any]] = [
            *({}, {"github": "x", "pip": "y"}, {"pip": "y", "branch": "main"})
        ]
        for arguments in invalid:
            with pytest.raises(UsageError, match="pull takes one package"):
                await project.pull(**arguments)
        assert (
            await project.pull(
                pip="docassemble.ALToolbox", on_progress=lambda event: states.append(event.state)
            )
            is True
        )

    assert states[-1] == "completed"


@pytest.mark.parametrize("processed", [True, False])
async def test_unpacking_is_repeated_after_a_lost_response(
    fake: FakeServer, tmp_path: Path, *, processed: bool
) -> None:
    """Writing the same files twice does no harm; the client waits for the restart."""
    folder = write_package(tmp_path, modules=True)
    fake.drop_connection("playground.install_packages", processed=processed)

    async with fake.client() as da, da.project("mine", create=True, delete=True) as project:
        assert await project.install(folder) is True


async def test_restart_of_a_request_with_a_lost_response_is_awaited(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The repeated request may not cause a restart."""
    folder = write_package(tmp_path)

    async with fake.client() as da, da.project("mine", create=True, delete=True) as project:
        fake.drop_connection("playground.install_packages")
        task = asyncio.create_task(project.install(folder))
        await settle()
        fake._state.tasks.restart()
        assert await task is True


async def test_restart_that_does_not_end_times_out(fake: FakeServer, tmp_path: Path) -> None:
    """The error has the handle."""
    folder = write_package(tmp_path, modules=True)
    fake._state.tasks.restart_seconds = 10_000

    async with fake.client() as da, da.project("mine", create=True) as project:
        with pytest.raises(TaskTimeout, match="not ready within 60 s") as caught:
            await project.install(folder, timeout=60)
        assert caught.value.handle is not None
