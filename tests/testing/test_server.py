"""Restarts, packages, configuration and stash on the fake server."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from docassemble_client import (
    AsyncDocassemble,
    RequestTimeout,
    RetryPolicy,
    ServerError,
    TaskFailed,
    TaskHandle,
    TaskLost,
    TransportError,
    Upload,
)
from docassemble_client.testing import FakeServer, ManualClock
from docassemble_client.testing.server import NEWEST
from tests.mock import now
from tests.mock import run as run_job
from tests.testing.conftest import LoopClock, said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing._server.request_handler import Outage
    from tests.testing.conftest import Run

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]


def package(name: str = "docassemble.mine", **files: str) -> bytes:
    """Make the archive of a package."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        if name:
            archive.writestr("p/setup.py", f"setup(\n  name='{name}',\n  version='1.2',\n)")
        for path, content in files.items():
            archive.writestr(path.replace("__", "/"), content)
    return buffer.getvalue()


def raw(verb: str, path: str, /, **value: Any) -> Call:
    """Make a call the client would not make."""
    return lambda da: da.request(verb, path, json=value)


def test_restart_takes_its_time_and_is_survived(run: Run, fake: FakeServer) -> None:
    """While it lasts requests fail; waiting ends when the server is up again."""

    async def job(da: AsyncDocassemble) -> None:
        before = await da.server.get_health()
        await da.server.restart()
        handle = await da.server.restart()
        status = await da.server.get_restart_status(handle.id)
        await asyncio.sleep(2)
        with pytest.raises(ServerError):
            await da.users.create("ada@example.com", retry=None)
        seen = []
        await da.wait_for_task(handle, on_progress=lambda event: seen.append(event.state))
        after = await da.server.get_health()

        assert status.status == "working"
        assert {"restarting", "completed"} == set(seen)
        assert 20 <= now() < 40
        assert after.server_start_time >= before.server_start_time + 20

    run(job)


@pytest.mark.parametrize("outage", ["refused", "lost"])
def test_outage_may_break_connections(outage: Outage) -> None:
    """Instead of a page with status 503."""
    clock = ManualClock()
    fake = FakeServer(restart_seconds=60, outage=outage, clock=clock)

    async def job() -> None:
        async with fake.client() as da:
            await da.server.restart()
            clock.advance(6)
            with pytest.raises(TransportError) as error:
                await da.users.get_current()
            assert error.value.maybe_processed is (outage == "lost")

    run_job(job())


def test_outage_may_keep_requests_waiting() -> None:
    """Until the server is up again, or as long as the client has patience."""
    fake = FakeServer(restart_seconds=60, outage="waiting", clock=LoopClock())

    async def job() -> None:
        async with fake.client() as da:
            handle = await da.server.restart()
            await asyncio.sleep(10)
            with pytest.raises(RequestTimeout):
                await da.users.get_current(timeout=20, retry=RetryPolicy(attempts=1))
            gave_up = now()
            await asyncio.gather(
                da.users.get_current(timeout=40), *(da.wait_for_task(handle) for _ in range(5))
            )
            assert gave_up == 30
            assert 60 <= now() < 70

    run_job(job())


def test_task_is_forgotten_after_it_was_seen(run: Run) -> None:
    """30 seconds after its end was first seen; a number it never had is unknown."""
    clock = ManualClock()
    fake = FakeServer(clock=clock, install_seconds=5)

    async def job() -> None:
        async with fake.client() as da:
            restart = await da.server.restart()
            assert (await da.server.restart()).id != restart.id
            install = await da.packages.install(pip="pyjokes", restart=False)

            async def states() -> list[str]:
                looks = (
                    await da.server.get_restart_status(restart.id),
                    await da.packages.get_update_status(install.id),
                )
                return [one.status for one in looks]

            assert await states() == ["completed", "working"]
            clock.advance(29)
            assert await states() == ["completed", "completed"]
            clock.advance(29)
            assert await states() == ["unknown", "completed"]
            clock.advance(2)
            assert await states() == ["unknown", "unknown"]
            with pytest.raises(TaskLost):
                await da.wait_for_task(
                    TaskHandle(id="x", kind="restart", operation="server.restart")
                )

    run_job(job())


def test_packages_are_installed_updated_and_removed(run: Run, fake: FakeServer) -> None:
    """From the index, a repository and an archive; each work shows in the list."""
    question = "mandatory: True\nquestion: Hello"
    inside = {"a": "", "p__docassemble__mine__data__questions__q.yml": question}

    async def job(da: AsyncDocassemble) -> None:
        result = await da.wait_for_task(await da.packages.install(pip="pyjokes<=0.8"))
        git = await da.packages.install(
            github_url="https://github.com/x/docassemble-there.git/", branch="dev"
        )
        await da.wait_for_task(git)
        egg = "https://github.com/x/y#egg=docassemble.egg&x=1"
        await da.wait_for_task(await da.packages.install(github_url=egg))
        zipped = await da.packages.install(zip=Upload(package(**inside), "mine.zip"), restart=False)
        await da.wait_for_task(zipped)
        s = await da.sessions.start("docassemble.mine:data/questions/q.yml")
        reply = await da.sessions.get_question(s.i, s.session, secret=s.secret)
        fake.add_package("PyJokes", "0.9")
        await da.wait_for_task(await da.packages.update("pyjokes"))
        listed = {one.name: one for one in await da.packages.list()}
        await da.wait_for_task(await da.packages.uninstall("docassemble.there"))
        names = [one.name for one in await da.packages.list()]

        assert result is not None
        assert "Successfully installed pyjokes-0.8.3" in result.log
        assert (listed["pyjokes"].type, listed["pyjokes"].version) == ("pip", "0.8.3")
        assert listed["docassemble.there"].git_url == "https://github.com/x/docassemble-there.git"
        assert listed["docassemble.there"].branch == "dev"
        assert listed["docassemble.egg"].git_url == "https://github.com/x/y"
        assert listed["docassemble.mine"].zip_file_number == 1
        assert (listed["docassemble.mine"].version, listed["certifi"].can_update) == ("1.2", False)
        assert (await said(da.packages.update("docassemble.mine"))).startswith("400 You are not")
        assert getattr(reply, "question_text", "") == "Hello"
        assert listed["docassemble.base"].can_uninstall is False
        assert "docassemble.there" not in names

    run(job)


@pytest.mark.parametrize("restart", [True, False])
def test_package_nobody_offers_cannot_be_installed(run: Run, *, restart: bool) -> None:
    """Without a restart the server says that all is well, and lists it without a version."""

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.packages.install(pip="no-such-package", restart=restart)
        with pytest.raises(TaskFailed) as error:
            await da.wait_for_task(handle)
        status = await da.packages.get_update_status(handle.id)
        listed = {one.name: one.version for one in await da.packages.list()}

        assert "No matching distribution" in error.value.log
        assert status.ok is not restart
        assert listed.get("no-such-package") is None
        assert ("no-such-package" in listed) is not restart

    run(job)


def test_developer_may_change_only_the_own_packages(run: Run, fake: FakeServer) -> None:
    """Those of the server and of others are refused."""
    ada = fake.add_user("ada@example.com", "developer")
    base = "docassemble.base"

    async def job(da: AsyncDocassemble) -> None:
        await da.wait_for_task(await da.packages.install(pip="pyjokes"))
        await da.wait_for_task(await da.packages.uninstall("pyjokes"))
        url = "https://github.com/x/docassemble-base"

        assert await said(da.packages.install(pip=base)) == (
            "403 You do not have permission to install that package."
        )
        assert await said(da.packages.install(github_url=url)) == "404 File not found"
        assert (await said(da.packages.update(base))).startswith("400 You are not allowed to upd")
        assert (await said(da.packages.uninstall(base))).startswith("400 You are not allowed to u")

    run(job, ada)


def test_configuration_is_read_replaced_and_changed(run: Run, fake: FakeServer) -> None:
    """A change replaces whole directives; both restart."""

    async def job(da: AsyncDocassemble) -> None:
        await da.wait_for_task(await da.server.update_config({"a": {"b": 1}}))
        changed = await da.server.get_config()
        await da.wait_for_task(await da.server.replace_config({"c": 1}))
        replaced = await da.server.get_config()

        assert changed["a"] == {"b": 1}
        assert "timezone" in changed
        assert dict(replaced) == fake.config == {"c": 1}

    run(job)


@pytest.mark.parametrize(
    ("directive", "call"),
    [
        ("allow configuration editing", lambda da: da.server.get_config()),
        ("allow updates", lambda da: da.packages.get_update_status("x")),
        ("allow updates", lambda da: da.packages.uninstall("x")),
    ],
)
def test_parts_can_be_switched_off(run: Run, fake: FakeServer, directive: str, call: Call) -> None:
    """They are then not found."""
    fake.config[directive] = False

    assert run(lambda da: said(call(da))) == "404 File not found"


def test_restarts_are_switched_off_with_all_that_needs_them(run: Run, fake: FakeServer) -> None:
    """Where nothing can be changed, nothing is restarted."""
    directives = ["allow configuration editing", "allow updates", "enable playground"]
    fake.config.update(dict.fromkeys(directives, False))

    assert run(lambda da: said(da.server.restart())) == "404 File not found"
    fake.config["allow updates"] = True
    assert run(lambda da: da.server.restart()).kind == "restart"


@pytest.mark.parametrize(("version", "page"), [(NEWEST, True), ("1.9.13", False)])
def test_playground_can_be_switched_off(version: str, *, page: bool) -> None:
    """It has no routes then; servers before 1.10 say that there is no file."""
    fake = FakeServer(version=version)
    fake.config["enable playground"] = False

    async def job() -> str:
        async with fake.client() as da:
            return await said(da.playground.list_projects())

    words = run_job(job())

    assert words.startswith("404 <!DOCTYPE html>" if page else "404 File not found")


def test_stashed_data_is_kept_for_a_time() -> None:
    """It is converted unless raw, refreshed by a look, and gone when deleted or expired."""
    clock = ManualClock()
    fake = FakeServer(clock=clock)
    lost = "400 The stashed data could not be retrieved: AssertionError ."

    async def job() -> None:
        async with fake.client() as da:
            made = await da.stash.store({"day": "2026-01-01"}, expire=60)
            kept = await da.stash.store({"day": "2026-01-01"}, raw=True, expire=-1)
            clock.advance(59)
            first = await da.stash.retrieve(made.stash_key, made.secret, refresh=60)
            clock.advance(59)
            again = await da.stash.retrieve(made.stash_key, made.secret)
            clock.advance(1)
            whole = await da.stash.retrieve(kept.stash_key, kept.secret, delete=True)

            assert dict(first) == dict(again) == {"day": "2026-01-01T00:00:00-05:00"}
            assert dict(whole) == {"day": "2026-01-01"}
            assert await said(da.stash.retrieve(made.stash_key, made.secret)) == lost
            assert await said(da.stash.retrieve(kept.stash_key, kept.secret)) == lost
            assert await said(da.stash.retrieve("x", "y")) == lost
            sent = await form("/api/stash_data", data='{"a": 1}')(da)
            assert sent.status == 200

    run_job(job())


def form(path: str, **fields: Any) -> Call:
    """Send a form with a file nobody reads."""
    files = {"unused": Upload(b"x", "x.txt")}
    return lambda da: da.request("POST", path, data=fields, files=files)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (raw("POST", "/api/package"), "400 No instructions provided."),
        (raw("POST", "/api/package", pip="a", update="b"), "400 Only one package can be installed"),
        (lambda da: da.packages.update("no"), "400 Package not found."),
        (lambda da: da.packages.uninstall("no"), "400 Package not found."),
        (lambda da: da.packages.uninstall("docassemble.base"), "400 You are not allowed to unin"),
        (raw("DELETE", "/api/package"), "400 Missing package name."),
        (
            lambda da: da.packages.install(zip=Upload(b"no zip", "x.zip")),
            "400 There was an error when installing that package. BadZipFile: File is not a zip",
        ),
        (
            lambda da: da.packages.install(zip=Upload(package(""), "x.zip")),
            "400 There was an error when installing that package. DAException: Not a Python",
        ),
        (
            lambda da: da.packages.install(zip=Upload(package("", **{"p__setup.py": ""}), "x.zip")),
            "400 There was an error when installing that package. DAException: Not a Python",
        ),
        (raw("GET", "/api/package_update_status"), "400 Missing task_id"),
        (raw("GET", "/api/restart_status"), "400 Missing task_id"),
        (raw("POST", "/api/config"), "400 Configuration not supplied."),
        (raw("POST", "/api/config", config="["), "400 Configuration was not valid JSON."),
        (raw("PATCH", "/api/config"), "400 Configuration changes not supplied."),
        (raw("PATCH", "/api/config", config_changes="["), "400 Configuration changes were not"),
        (form("/api/stash_data"), "400 Data must be provided."),
        (form("/api/stash_data", data="{"), "400 Malformed data."),
        (raw("GET", "/api/retrieve_stashed_data"), "400 The stash key and secret parameters"),
    ],
)
def test_what_the_server_cannot_do_is_refused(run: Run, call: Call, expected: str) -> None:
    """Each refusal is the server's own, to the letter."""
    assert run(lambda da: said(call(da))).startswith(expected)


def test_object_of_docassemble_cannot_be_stashed_itself(run: Run) -> None:
    """The server fails on it, unless it is raw."""
    thing = {"_class": "docassemble.base.util.DAObject", "instanceName": "x"}

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(ServerError):
            await da.stash.store(thing)
        assert (await da.stash.store(thing, raw=True)).stash_key

    run(job)
