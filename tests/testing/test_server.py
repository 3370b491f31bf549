"""Restarts, packages, configuration and stash of the fake server."""

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
from docassemble_client.testing.server import LATEST_VERSION
from tests.mock import get_loop_time
from tests.testing.conftest import LoopClock, get_error_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing._server.request_handler import Outage

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]


_SETUP = "from setuptools import setup\nsetup(\n  name='{}',\n  version='1.2',\n)"


def make_package(name: str = "docassemble.mine", **files: str) -> bytes:
    """Make the ZIP file of a package."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        if name:
            archive.writestr("p/setup.py", _SETUP.format(name))
        for path, content in files.items():
            archive.writestr(path.replace("__", "/"), content)
    return buffer.getvalue()


def make_raw_call(verb: str, path: str, /, **value: Any) -> Call:
    """Make a function that sends a request without the client's checks."""
    return lambda da: da.request(verb, path, json=value)


async def test_requests_fail_during_a_restart(da: AsyncDocassemble, fake: FakeServer) -> None:
    """Waiting for the task ends when the server is available again."""
    before = await da.server.get_health()
    await da.server.restart()
    handle = await da.server.restart()
    status = await da.server.get_restart_status(handle.id)
    await asyncio.sleep(2)
    with pytest.raises(ServerError):
        await da.users.create("ada@example.com", retry=None)
    states = []
    await da.wait_for_task(handle, on_progress=lambda event: states.append(event.state))
    after = await da.server.get_health()

    assert status.status == "working"
    assert {"restarting", "completed"} == set(states)
    assert 20 <= get_loop_time() < 40
    assert after.server_start_time >= before.server_start_time + 20


@pytest.mark.parametrize("outage", ["refused", "lost"])
async def test_an_outage_may_break_connections(outage: Outage) -> None:
    """By default, requests get a page with status 503."""
    clock = ManualClock()
    fake = FakeServer(restart_seconds=60, outage=outage, clock=clock)

    async with fake.client() as da:
        await da.server.restart()
        clock.advance(6)
        with pytest.raises(TransportError) as error:
            await da.users.get_current()
        assert error.value.maybe_processed is (outage == "lost")


async def test_an_outage_may_delay_responses() -> None:
    """Until the server is available again, or until the client's timeout."""
    fake = FakeServer(restart_seconds=60, outage="waiting", clock=LoopClock())

    async with fake.client() as da:
        handle = await da.server.restart()
        await asyncio.sleep(10)
        with pytest.raises(RequestTimeout):
            await da.users.get_current(timeout=20, retry=RetryPolicy(attempts=1))
        assert get_loop_time() == 30
        await asyncio.gather(
            da.users.get_current(timeout=40), *(da.wait_for_task(handle) for _ in range(5))
        )
        assert 60 <= get_loop_time() < 70


async def test_the_server_forgets_a_finished_task() -> None:
    """30 seconds after it first reported the end; unknown IDs have the status "unknown"."""
    clock = ManualClock()
    fake = FakeServer(clock=clock, install_seconds=5)

    async with fake.client() as da:
        restart = await da.server.restart()
        assert (await da.server.restart()).id != restart.id
        install = await da.packages.install(pip="pyjokes", restart=False)

        async def get_statuses() -> list[str]:
            restart_status = await da.server.get_restart_status(restart.id)
            update_status = await da.packages.get_update_status(install.id)
            return [restart_status.status, update_status.status]

        assert await get_statuses() == ["completed", "working"]
        clock.advance(29)
        assert await get_statuses() == ["completed", "completed"]
        clock.advance(29)
        assert await get_statuses() == ["unknown", "completed"]
        clock.advance(2)
        assert await get_statuses() == ["unknown", "unknown"]
        with pytest.raises(TaskLost):
            await da.wait_for_task(TaskHandle(id="x", kind="restart", operation="server.restart"))


async def test_packages_are_installed_updated_and_removed(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """From PyPI, a repository and a ZIP file; the list of packages shows every change."""
    question = "mandatory: True\nquestion: Hello"
    files = {"p__docassemble__mine__data__questions__q.yml": question}
    fake.add_package("docassemble.there", "1.0")
    fake.add_package("docassemble.egg", "1.0")

    result = await da.wait_for_task(await da.packages.install(pip="pyjokes<=0.8"))
    git = await da.packages.install(
        github_url="https://github.com/x/docassemble-there.git/", branch="dev"
    )
    await da.wait_for_task(git)
    egg = "https://github.com/x/y#egg=docassemble.egg&x=1"
    await da.wait_for_task(await da.packages.install(github_url=egg))
    archive = Upload(make_package(**files), "mine.zip")
    await da.wait_for_task(await da.packages.install(zip=archive, restart=False))
    s = await da.sessions.start("docassemble.mine:data/questions/q.yml")
    reply = await da.sessions.get_question(s.i, s.session, secret=s.secret)
    fake.add_package("PyJokes", "0.9")
    await da.wait_for_task(await da.packages.update("pyjokes"))
    packages = {package.name: package for package in await da.packages.list()}
    await da.wait_for_task(await da.packages.uninstall("docassemble.there"))
    names = [package.name for package in await da.packages.list()]

    assert result is not None
    assert "Successfully installed pyjokes-0.8.3" in result.log
    assert (packages["pyjokes"].type, packages["pyjokes"].version) == ("pip", "0.8.3")
    assert packages["docassemble.there"].git_url == "https://github.com/x/docassemble-there.git"
    assert packages["docassemble.there"].branch == "dev"
    assert packages["docassemble.egg"].git_url == "https://github.com/x/y"
    assert packages["docassemble.mine"].zip_file_number == 1
    assert packages["docassemble.mine"].version == "1.2"
    assert packages["certifi"].can_update is False
    assert (await get_error_text(da.packages.update("docassemble.mine"))).startswith(
        "400 You are not"
    )
    assert getattr(reply, "question_text", "") == "Hello"
    assert packages["docassemble.base"].can_uninstall is False
    assert "docassemble.there" not in names


@pytest.mark.parametrize("restart", [True, False])
async def test_an_unavailable_package_cannot_be_installed(
    da: AsyncDocassemble, *, restart: bool
) -> None:
    """Without a restart the server reports success and lists the package without a version."""
    handle = await da.packages.install(pip="no-such-package", restart=restart)
    with pytest.raises(TaskFailed) as error:
        await da.wait_for_task(handle)
    status = await da.packages.get_update_status(handle.id)
    versions = {package.name: package.version for package in await da.packages.list()}

    assert "No matching distribution" in error.value.log
    assert status.ok is not restart
    assert versions.get("no-such-package") is None
    assert ("no-such-package" in versions) is not restart


async def test_a_developer_may_change_only_their_own_packages(fake: FakeServer) -> None:
    """The server refuses changes to its own packages."""
    ada = fake.add_user("ada@example.com", "developer")
    base = "docassemble.base"

    async with fake.client(ada) as da:
        await da.wait_for_task(await da.packages.install(pip="pyjokes"))
        await da.wait_for_task(await da.packages.uninstall("pyjokes"))
        url = "https://github.com/x/docassemble-base"

        assert await get_error_text(da.packages.install(pip=base)) == (
            "403 You do not have permission to install that package."
        )
        assert await get_error_text(da.packages.install(github_url=url)) == "404 File not found"
        assert (await get_error_text(da.packages.update(base))).startswith(
            "400 You are not allowed to upd"
        )
        assert (await get_error_text(da.packages.uninstall(base))).startswith(
            "400 You are not allowed to u"
        )


async def test_the_configuration_is_read_updated_and_replaced(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """An update replaces whole directives; both changes restart the server."""
    await da.wait_for_task(await da.server.update_config({"a": {"b": 1}}))
    updated = await da.server.get_config()
    await da.wait_for_task(await da.server.replace_config({"c": 1}))
    replaced = await da.server.get_config()

    assert updated["a"] == {"b": 1}
    assert "timezone" in updated
    assert dict(replaced) == fake.config == {"c": 1}


@pytest.mark.parametrize(
    ("directive", "call"),
    [
        ("allow configuration editing", lambda da: da.server.get_config()),
        ("allow updates", lambda da: da.packages.get_update_status("x")),
        ("allow updates", lambda da: da.packages.uninstall("x")),
    ],
)
async def test_features_can_be_disabled(
    da: AsyncDocassemble, fake: FakeServer, directive: str, call: Call
) -> None:
    """Calls of a disabled feature get status 404."""
    fake.config[directive] = False

    assert await get_error_text(call(da)) == "404 File not found"


async def test_restarts_are_disabled_with_all_features_that_need_them(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A single enabled feature enables restarts."""
    directives = ["allow configuration editing", "allow updates", "enable playground"]
    fake.config.update(dict.fromkeys(directives, False))

    assert await get_error_text(da.server.restart()) == "404 File not found"
    fake.config["allow updates"] = True
    assert (await da.server.restart()).kind == "restart"


@pytest.mark.parametrize(
    ("version", "expected"),
    [(LATEST_VERSION, "404 <!DOCTYPE html>"), ("1.9.13", "404 File not found")],
)
async def test_the_playground_can_be_disabled(version: str, expected: str) -> None:
    """It then has no routes; servers before 1.10 report a missing file."""
    fake = FakeServer(version=version)
    fake.config["enable playground"] = False

    async with fake.client() as da:
        assert (await get_error_text(da.playground.list_projects())).startswith(expected)


async def test_stashed_data_expires() -> None:
    """It is converted unless raw, refreshed when retrieved, and deleted on request."""
    clock = ManualClock()
    fake = FakeServer(clock=clock)
    expired = "400 The stashed data could not be retrieved: AssertionError ."

    async with fake.client() as da:
        converted = await da.stash.store({"day": "2026-01-01"}, expire=60)
        raw = await da.stash.store({"day": "2026-01-01"}, raw=True, expire=-1)
        clock.advance(59)
        first = await da.stash.retrieve(converted.stash_key, converted.secret, refresh=60)
        clock.advance(59)
        second = await da.stash.retrieve(converted.stash_key, converted.secret)
        clock.advance(1)
        raw_data = await da.stash.retrieve(raw.stash_key, raw.secret, delete=True)

        assert dict(first) == dict(second) == {"day": "2026-01-01T00:00:00-05:00"}
        assert dict(raw_data) == {"day": "2026-01-01"}
        for key, secret in (
            (converted.stash_key, converted.secret),
            (raw.stash_key, raw.secret),
            ("x", "y"),
        ):
            assert await get_error_text(da.stash.retrieve(key, secret)) == expired
        response = await make_form_call("/api/stash_data", data='{"a": 1}')(da)
        assert response.status == 200


def make_form_call(path: str, **fields: Any) -> Call:
    """Make a function that sends a form with an unused file."""
    files = {"unused": Upload(b"x", "x.txt")}
    return lambda da: da.request("POST", path, data=fields, files=files)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (make_raw_call("POST", "/api/package"), "400 No instructions provided."),
        (
            make_raw_call("POST", "/api/package", pip="a", update="b"),
            "400 Only one package can be installed",
        ),
        (lambda da: da.packages.update("no"), "400 Package not found."),
        (lambda da: da.packages.uninstall("no"), "400 Package not found."),
        (lambda da: da.packages.uninstall("docassemble.base"), "400 You are not allowed to unin"),
        (make_raw_call("DELETE", "/api/package"), "400 Missing package name."),
        (
            lambda da: da.packages.install(zip=Upload(b"no zip", "x.zip")),
            "400 There was an error when installing that package. BadZipFile: File is not a zip",
        ),
        (
            lambda da: da.packages.install(zip=Upload(make_package(""), "x.zip")),
            "400 There was an error when installing that package. DAException: Not a Python",
        ),
        (
            lambda da: da.packages.install(
                zip=Upload(make_package("", **{"p__setup.py": ""}), "x.zip")
            ),
            "400 There was an error when installing that package. DAException: Could not find name",
        ),
        (make_raw_call("GET", "/api/package_update_status"), "400 Missing task_id"),
        (make_raw_call("GET", "/api/restart_status"), "400 Missing task_id"),
        (make_raw_call("POST", "/api/config"), "400 Configuration not supplied."),
        (make_raw_call("POST", "/api/config", config="["), "400 Configuration was not valid JSON."),
        (make_raw_call("PATCH", "/api/config"), "400 Configuration changes not supplied."),
        (
            make_raw_call("PATCH", "/api/config", config_changes="["),
            "400 Configuration changes were not",
        ),
        (make_form_call("/api/stash_data"), "400 Data must be provided."),
        (make_form_call("/api/stash_data", data="{"), "400 Malformed data."),
        (
            make_raw_call("GET", "/api/retrieve_stashed_data"),
            "400 The stash key and secret parameters",
        ),
    ],
)
async def test_invalid_calls_are_refused(da: AsyncDocassemble, call: Call, expected: str) -> None:
    """The error texts are exactly those of the real server."""
    assert (await get_error_text(call(da))).startswith(expected)


async def test_a_docassemble_object_cannot_be_stashed(da: AsyncDocassemble) -> None:
    """The server fails unless the data is raw."""
    data = {"_class": "docassemble.base.util.DAObject", "instanceName": "x"}

    with pytest.raises(ServerError):
        await da.stash.store(data)
    assert (await da.stash.store(data, raw=True)).stash_key
