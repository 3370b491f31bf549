"""Fixtures of the live tests, on a real server or, with `--server fake`, on the fake server."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml

from docassemble_client import AsyncDocassemble, Secret
from docassemble_client._core.deserialize import strict_mode
from docassemble_client.testing.server import LATEST_VERSION, FakeServer
from tests.live.exchange_log import ExchangeLog
from tests.live.interviews import QUESTIONLESS, TEXT_FIELD
from tests.live.recorder import is_complete_run, write_run
from tests.recorded_interviews import load_recorded_interviews
from tests.testing.server_setups import set_up_server

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Generator,
        Iterator,
        Mapping,
    )
    from contextlib import AbstractAsyncContextManager

    from tests.live.server import LiveServer

FAKE = "fake"
SKIP_REASON = "works on a real server only"
MIN_PASS_RATIO = 0.9  # of the tests of calls, on the fake server
# These files test how docassemble runs and shows interviews; the fake server has scripted ones.
INTERVIEW_TESTS = (
    *("test_browser.py", "test_published_", "test_run_interviews.py", "test_yaml_interviews.py"),
)
REAL_SERVER_ONLY = Path(__file__).parent / "real_server_only.yaml"


class Connect(Protocol):
    """Makes clients whose exchanges are logged."""

    def __call__(
        self, api_key: str | Secret | None = None, **options: Any
    ) -> AbstractAsyncContextManager[AsyncDocassemble]:
        """Make a client with these options; by default with the administrator's key."""
        ...


class Server(Protocol):
    """A real or fake server."""

    @property
    def url(self) -> str:
        """Address."""
        ...

    @property
    def api_key(self) -> str:
        """API key of the administrator."""
        ...

    @property
    def version(self) -> str:
        """Version of docassemble."""
        ...

    @property
    def admin_email(self) -> str:
        """E-mail address of the administrator."""
        ...

    @property
    def admin_password(self) -> str:
        """Password of the administrator."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--server", default=LATEST_VERSION, help="version of docassemble, or fake")
    parser.addoption(
        "--record", action="store_true", help="write the exchanges to files, without secrets"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "since(version): skip on older servers")
    config.addinivalue_line("markers", "unrecorded: do not write the exchanges to a file")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Use the real clock, because the server is outside of the test's event loop."""
    return {"real": asyncio.new_event_loop}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that the server cannot pass; run test_completeness.py last."""
    version = parse_version(get_version(config))
    is_fake = config.getoption("--server") == FAKE
    real_server_only = read_real_server_only()
    for item in items:
        name = f"{item.path.name}::{item.name}"
        matches = (text for prefix, text in real_server_only.items() if name.startswith(prefix))
        reason = next(matches, "")
        if is_fake and reason:
            item.add_marker(pytest.mark.skip(reason=f"{SKIP_REASON}: {reason}"))
        mark = item.get_closest_marker("since")
        if mark is not None and version < parse_version(mark.args[0]):
            item.add_marker(pytest.mark.skip(reason=f"since {mark.args[0]}"))
    items.sort(key=lambda item: "test_completeness" in item.nodeid)


def parse_version(version: str) -> tuple[int, ...]:
    """Convert a version to a comparable tuple."""
    return tuple(int(part) for part in version.split("."))


def read_real_server_only() -> dict[str, str]:
    """Read which tests need a real server, and why: reasons by beginning of the test ID."""
    reasons: dict[str, str] = yaml.safe_load(REAL_SERVER_ONLY.read_text(encoding="utf-8"))
    return reasons


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report how many of the live tests the fake server passes."""
    if terminalreporter.config.getoption("--server") == FAKE:
        stats, (passed, total) = terminalreporter.stats, count_passed(terminalreporter)
        replayed = sum("test_examples.py" in report.nodeid for report in stats.get("passed", []))
        skipped = sum(SKIP_REASON in str(report.longrepr) for report in stats.get("skipped", []))
        terminalreporter.write_sep("=", "conformance")
        terminalreporter.write_line(
            f"the fake server passes {passed} of all {total} tests of calls "
            f"({passed / max(1, total):.1%}), "
            f"{replayed} of them on interviews recorded from a real server; "
            f"{skipped} need a real server"
        )


def count_passed(reporter: pytest.TerminalReporter) -> tuple[int, int]:
    """Count the passed tests and all tests, without those of interviews."""
    outcomes = ("passed", "failed", "error", "skipped")
    tests = {
        report.nodeid
        for name in outcomes
        for report in reporter.stats.get(name, [])
        if not report.nodeid.rpartition("/")[2].startswith(INTERVIEW_TESTS)
    }
    passed = {report.nodeid for report in reporter.stats.get("passed", [])}
    return len(tests & passed), len(tests)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a complete run on the fake server that passes too few tests."""
    config = session.config
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    # Worker processes of pytest-xdist have no reporter.
    if reporter and config.getoption("--server") == FAKE and is_complete_run(config):
        passed, total = count_passed(reporter)
        if passed < MIN_PASS_RATIO * total:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def get_version(config: pytest.Config) -> str:
    """Return the version of the server; the fake server imitates the newest."""
    name = str(config.getoption("--server"))
    return LATEST_VERSION if name == FAKE else name


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """Serve the fake server, or start a real server unless it runs; it keeps running afterwards."""
    if pytestconfig.getoption("--server") == FAKE:
        fake = FakeServer(restart_seconds=0.5, outage="waiting")
        for recording in load_recorded_interviews():
            if recording.filename not in {TEXT_FIELD, QUESTIONLESS}:
                fake.add_recording(recording)
        set_up_server(fake)
        fake.config["live test secret"] = secrets.token_hex(8)
        with fake.serve():
            yield fake
    else:
        yield _start_real_server(pytestconfig.getoption("--server"))


def _start_real_server(version: str) -> LiveServer:
    if sys.platform == "win32":
        pytest.skip("the live server needs Linux or macOS")
    from tests.live.server import LiveServerUnavailable, ensure_running

    try:
        return ensure_running(version)
    except LiveServerUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def check_leftover_sessions(server: Server) -> Iterator[None]:
    """Check that the tests leave no session of any user behind."""
    with asyncio.Runner() as runner:
        before = runner.run(_list_sessions(server))
        yield
        leftover = runner.run(_list_sessions(server)) - before
    assert not leftover, f"sessions were left behind: {sorted(leftover)}"


async def _list_sessions(server: Server) -> set[tuple[str, str]]:
    async with AsyncDocassemble(server.url, server.api_key) as da:
        return {(summary.filename, summary.session) async for summary in da.sessions.list()}


@pytest.fixture(autouse=True)
def default_loop() -> None:
    """Use the real clock, because the server is outside of the test's event loop."""


@pytest.fixture(autouse=True)
def strict_decoding() -> Iterator[None]:
    """Decode strictly: a response that does not match its model fails the test."""
    with strict_mode():
        yield


@pytest.fixture(scope="session")
def exchange_log(server: Server, pytestconfig: pytest.Config) -> Iterator[ExchangeLog]:
    """Log the exchanges of this run; write them to files with `--record`."""
    log = ExchangeLog()
    yield log
    if pytestconfig.getoption("--record"):
        from tests.live.server import LiveServer

        assert isinstance(server, LiveServer), "responses of the fake server are not recorded"
        newest = server.version == LATEST_VERSION
        complete = is_complete_run(pytestconfig)
        write_run(log, server, write_exchanges=newest, is_complete=complete)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which tests failed: their exchanges prove nothing."""
    report = yield
    log = getattr(item, "funcargs", {}).get("exchange_log")
    if report.failed and log is not None:
        log.failed_tests.add(item.nodeid)
    return report


@pytest.fixture
def connect(server: Server, exchange_log: ExchangeLog, request: pytest.FixtureRequest) -> Connect:
    """Make clients whose exchanges are logged."""
    recorded = not request.node.get_closest_marker("unrecorded")
    exchange_log.start_test(request.node.nodeid, recorded=recorded)

    @asynccontextmanager
    async def open_client(
        api_key: str | Secret | None = None, **options: Any
    ) -> AsyncGenerator[AsyncDocassemble]:
        key = api_key or server.api_key
        # The client does not close a transport that it is given.
        async with exchange_log.make_transport() as transport:
            logged: dict[str, Any] = {"transport": transport, "on_event": exchange_log.on_event}
            async with AsyncDocassemble(server.url, key, **logged | options) as da:
                yield da

    return open_client


@pytest.fixture
async def da(connect: Connect) -> AsyncIterator[AsyncDocassemble]:
    """Use a client of the administrator."""
    async with connect() as client:
        yield client


@pytest.fixture
def unique() -> str:
    """Make a name that is not in use on the server."""
    return f"t{secrets.token_hex(8)}"
