"""The server of the live tests: a real one, started once and reused; or `--server fake`."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest
import yaml

from docassemble_client import AsyncDocassemble, Secret
from docassemble_client._core.deserialize import strict
from docassemble_client.testing.server import NEWEST, FakeServer
from tests.live.evidence import Evidence
from tests.live.interviews import QUESTIONLESS, TEXT_FIELD
from tests.live.recorder import is_whole, record
from tests.recorded import recorded_interviews
from tests.testing.worlds import set_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator

    from tests.live.server import LiveServer

T = TypeVar("T")
FAKE = "fake"
SPECIAL = "a speciality of the real server"
PROMISED = 0.9  # of all tests, passed by the fake
SPECIALITIES = Path(__file__).parent / "specialities.yaml"


class Connect(Protocol):
    """Makes clients whose exchanges are evidence; the administrator's without a key."""

    def __call__(self, api_key: str | Secret | None = None, **options: Any) -> AsyncDocassemble:
        """Make one; the options are those of the client."""
        ...


class Server(Protocol):
    """What the tests know of the server, be it real or not."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    @property
    def api_key(self) -> str:
        """The API key of its administrator."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def admin_email(self) -> str:
        """The login of its administrator."""
        ...

    @property
    def admin_password(self) -> str:
        """The password of its administrator."""
        ...


class Run(Protocol):
    """Runs a coroutine function on a client of the server's administrator."""

    def __call__(self, job: Callable[[AsyncDocassemble], Awaitable[T]]) -> T:
        """Run it to its end."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--server", default=NEWEST, help="version of docassemble, or fake")
    parser.addoption(
        "--record", action="store_true", help="write what was exchanged, without secrets"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "since(version): older servers cannot do this")
    config.addinivalue_line("markers", "unrecorded: what it exchanges is not written to a file")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what the server is too old for, and look at the evidence last."""
    version = numbers(version_of(config))
    faked = config.getoption("--server") == FAKE
    special = specialities()
    for item in items:
        name = f"{item.path.name}::{item.name}"
        reason = next((why for one, why in special.items() if name.startswith(one)), "")
        if faked and reason:
            item.add_marker(pytest.mark.skip(reason=f"{SPECIAL}: {reason}"))
        mark = item.get_closest_marker("since")
        if mark is not None and version < numbers(mark.args[0]):
            item.add_marker(pytest.mark.skip(reason=f"since {mark.args[0]}"))
    items.sort(key=lambda item: "test_completeness" in item.nodeid)


def numbers(version: str) -> tuple[int, ...]:
    """Turn a version into what can be compared."""
    return tuple(int(part) for part in version.split("."))


def specialities() -> dict[str, str]:
    """Read which tests need what only a real server has, and why."""
    found: dict[str, str] = yaml.safe_load(SPECIALITIES.read_text(encoding="utf-8"))
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many of all tests of the real server the fake server passes."""
    if terminalreporter.config.getoption("--server") == FAKE:
        stats, (passed, total) = terminalreporter.stats, passed_of(terminalreporter)
        played = sum("test_examples.py" in one.nodeid for one in stats.get("passed", []))
        special = sum(SPECIAL in str(one.longrepr) for one in stats.get("skipped", []))
        terminalreporter.write_sep("=", "conformance")
        terminalreporter.write_line(
            f"the fake server passes {passed} of all {total} tests ({passed / max(1, total):.1%}), "
            f"{played} of them on interviews that a real one has recorded; "
            f"{special} need a speciality of the real one"
        )


def passed_of(reporter: pytest.TerminalReporter) -> tuple[int, int]:
    """How many tests have passed, and how many there are."""
    outcomes = ("passed", "failed", "error", "skipped")
    tests = {one.nodeid for outcome in outcomes for one in reporter.stats.get(outcome, [])}
    return len(reporter.stats.get("passed", [])), len(tests)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run on the fake that passes fewer of all tests than is promised."""
    config = session.config
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    # A process that runs some of the tests for another one reports nothing.
    if reporter and config.getoption("--server") == FAKE and is_whole(config):
        passed, total = passed_of(reporter)
        if passed < PROMISED * total:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def version_of(config: pytest.Config) -> str:
    """Version of the server; the fake is as the newest."""
    name = str(config.getoption("--server"))
    return NEWEST if name == FAKE else name


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """Serve the fake, or start the real server or find the one that runs, which then goes on."""
    if pytestconfig.getoption("--server") == FAKE:
        fake = FakeServer(restart_seconds=0.5, outage="waiting")
        for recording in recorded_interviews():
            if recording.filename not in {TEXT_FIELD, QUESTIONLESS}:
                fake.add_recording(recording)
        set_up(fake)
        fake.config["live test secret"] = secrets.token_hex(8)
        with fake.serve():
            yield fake
    else:
        yield _real(pytestconfig.getoption("--server"))


def _real(version: str) -> LiveServer:
    if sys.platform == "win32":
        pytest.skip("the live server needs Linux or macOS")
    from tests.live.server import LiveServerUnavailable, ensure_running  # noqa: PLC0415

    try:
        return ensure_running(version)
    except LiveServerUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind(server: Server) -> Iterator[None]:
    """Count the sessions of everybody before and after all tests: none may be left behind."""
    before = asyncio.run(_sessions(server))
    yield
    left = asyncio.run(_sessions(server)) - before
    assert not left, f"sessions were left behind: {sorted(left)}"


async def _sessions(server: Server) -> set[tuple[str, str]]:
    async with AsyncDocassemble(server.url, server.api_key) as da:
        return {(one.filename, one.session) async for one in da.sessions.list()}


@pytest.fixture(autouse=True)
def default_loop() -> None:
    """Go by the clock: the server is not on the loop of the test, and may be busy."""


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly: a model that does not fit the real server fails its test."""
    with strict():
        yield


@pytest.fixture(scope="session")
def evidence(server: Server, pytestconfig: pytest.Config) -> Iterator[Evidence]:
    """Collect what the clients of this run exchange with the server, and record it if wished."""
    evidence = Evidence()
    yield evidence
    if pytestconfig.getoption("--record"):
        from tests.live.server import LiveServer  # noqa: PLC0415 - not for Windows

        assert isinstance(server, LiveServer), "the fake's answers are not recorded"
        newest = server.version == NEWEST
        record(evidence, server, recordings=newest, whole=is_whole(pytestconfig))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let nothing count that a test exchanged before it failed."""
    report = yield
    evidence = getattr(item, "funcargs", {}).get("evidence")
    if report.failed and evidence is not None:
        evidence.failed.add(item.nodeid)
    return report


@pytest.fixture
def connect(server: Server, evidence: Evidence, request: pytest.FixtureRequest) -> Connect:
    """Make clients whose exchanges are evidence."""
    evidence.begin(request.node.nodeid, recorded=not request.node.get_closest_marker("unrecorded"))

    def make(api_key: str | Secret | None = None, **options: Any) -> AsyncDocassemble:
        noted: dict[str, Any] = {"transport": evidence.transport(), "on_event": evidence.hook}
        return AsyncDocassemble(server.url, api_key or server.api_key, **noted | options)

    return make


@pytest.fixture
def run(connect: Connect) -> Run:
    """Run a coroutine function on a client of the server's administrator."""

    def run_with_client(job: Callable[[AsyncDocassemble], Awaitable[T]]) -> T:
        async def with_client() -> T:
            async with connect() as da:
                return await job(da)

        return asyncio.run(with_client())

    return run_with_client


@pytest.fixture
def unique() -> str:
    """A name that nothing on the server has yet."""
    return f"t{secrets.token_hex(8)}"
