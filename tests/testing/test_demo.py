"""The demo, the command that serves a fake server, and the pytest fixtures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from docassemble_client import AsyncDocassemble, Docassemble, JSONReply, demo
from docassemble_client.testing import FakeServer, Recording
from docassemble_client.testing.__main__ import main
from docassemble_client.testing.recordings import RecordedReply, RecordedScreen
from tests.testing.conftest import LoopClock

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_tour_runs_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Each step prints its result."""
    await demo.run_tour(clock=LoopClock())

    text = capsys.readouterr().out
    assert "Connected to an in-memory docassemble, version 1.10.14, as admin@example.com." in text
    for number, expected in enumerate(
        (
            "katherine@example.com",
            "letter.md (35 bytes): Dear Ada Lovelace, please pay 1815.",
            "28000 bytes uploaded, 28000 bytes downloaded.",
            "█ 200/200",
            "docassemble.AssemblyLine 3.5.0 is installed.",
            "… and the result is ada@example.com.",
        ),
        1,
    ):
        section = text.partition(f"\n{number}. ")[2].partition(f"\n{number + 1}. ")[0]
        assert expected in section
    assert "restarting (503)" in text
    assert max(map(len, text.splitlines()[:30])) < 110


def test_the_tour_of_a_real_server_leaves_no_changes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It skips installation and failures; sessions and files are deleted at the end."""
    fake = FakeServer()
    packages = dict(fake._state.packages.installed)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", fake.api_key)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    with fake.serve() as url:
        assert demo.main(["--server", url]) == 0

    text = capsys.readouterr().out
    assert "Connected to your server" in text
    assert "favorite_number?  →  42" in text
    assert "'inhabitants': 2" in text
    assert "installed" not in text
    assert fake._state.packages.installed == packages
    assert list(fake._state.sessions.iter_rows()) == []
    operations = Counter(request.operation for request in fake.received_requests)
    assert operations["playground.upload_files"] == operations["playground.delete_file"] == 1


@pytest.mark.parametrize("arguments", [["--help"], ["--servre"]])
def test_the_tour_does_not_run_for_help_or_a_wrong_argument(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is only described."""
    monkeypatch.setattr(demo, "run", None)

    with pytest.raises(SystemExit):
        demo.main(arguments)

    output = capsys.readouterr()
    assert "[--server [URL]]" in output.out + output.err


def test_the_server_of_the_environment_is_not_used_without_asking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without --server, the server is always in memory."""
    servers: list[str | None] = []

    async def record(server: str | None) -> None:
        servers.append(server)

    monkeypatch.setenv("DOCASSEMBLE_URL", "https://da.example.com")
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", "key")
    monkeypatch.setattr(demo, "run_tour", record)

    assert demo.main([]) == demo.main(["--server"]) == 0
    assert servers == [None, ""]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--server"], "DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY are not set"),
        (["--server", "https://da.example.com"], "DOCASSEMBLE_API_KEY is not set"),
    ],
)
def test_a_real_server_needs_an_api_key(
    arguments: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The key is never an argument, which other users of the computer could read."""
    monkeypatch.delenv("DOCASSEMBLE_URL", raising=False)
    monkeypatch.delenv("DOCASSEMBLE_API_KEY", raising=False)

    assert demo.main(arguments) == 1
    assert capsys.readouterr().out.startswith(expected)


def test_the_tour_continues_after_a_refused_call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused step prints one line; no session is left behind."""
    fake = FakeServer()
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", fake.add_user("ada@example.com").api_key)

    with fake.serve() as url:
        monkeypatch.setenv("DOCASSEMBLE_URL", url)
        fake.fail("sessions.set_variables", status=400, times=None)
        status = demo.main(["--server"])

    text = capsys.readouterr().out
    assert status == 0
    assert "The server refuses that: users.list (GET /api/user_list): 403" in text
    assert text.count("The server refuses that: sessions.set_variables (POST /api/session)") == 2
    assert list(fake._state.sessions.iter_rows()) == []


def test_the_tour_fails_if_the_server_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints the error and returns exit code 1."""
    fake = FakeServer()
    fake.fail(status=500, times=None)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", fake.api_key)

    with fake.serve() as url:
        monkeypatch.setenv("DOCASSEMBLE_URL", url)
        assert demo.main(["--server"]) == 1

    assert capsys.readouterr().out.startswith("users.get_current (GET /api/user): 500")


def test_the_command_serves_and_prints_the_environment_variables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """You can paste its output into a shell."""
    served: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: served.update(app=app, **options))

    main(["--port", "8123", "--version", "1.9.13"])

    assert (served["host"], served["port"]) == ("127.0.0.1", 8123)
    line = capsys.readouterr().out
    assert line.startswith("export DOCASSEMBLE_URL=http://127.0.0.1:8123 DOCASSEMBLE_API_KEY=")


@pytest.mark.parametrize(
    ("arguments", "outage"), [([], "waiting"), (["--outage", "unavailable"], "unavailable")]
)
def test_the_command_chooses_what_a_restart_does(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], outage: str
) -> None:
    """By default requests wait, as on a server without a proxy; other programs expect that."""
    options: dict[str, Any] = {}

    def make_server(**arguments: Any) -> FakeServer:
        options.update(arguments)
        return FakeServer(**arguments)

    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: None)
    monkeypatch.setattr("docassemble_client.testing.__main__.FakeServer", make_server)
    main(arguments)

    assert options["outage"] == outage
    assert FakeServer().outage == "waiting"


def test_the_command_names_the_free_port_that_it_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Port 0 is a free port."""
    ports: list[int] = []
    monkeypatch.setattr(uvicorn, "run", lambda *_, port, **__: ports.append(port))

    main(["--port", "0"])

    assert ports[0] > 0
    assert f"http://127.0.0.1:{ports[0]} " in capsys.readouterr().out


def test_the_command_refuses_a_port_that_it_cannot_use(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, before it writes a URL."""
    with pytest.raises(SystemExit) as caught:
        main(["--port", "99999"])

    output = capsys.readouterr()
    assert (caught.value.code, output.out) == (2, "")
    assert output.err == "the port must be a number from 0 to 65535\n"


async def test_the_command_replays_recordings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Programs in other languages can use recorded interviews."""
    served: list[Any] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **_: served.append(app))
    i = "docassemble.mine:data/questions/recorded.yml"
    screens = [RecordedScreen(reply=RecordedReply(json=["recorded"]))]
    text = Recording(filename=i, screens=screens, encrypted=False).to_json()
    (tmp_path / "recorded.json").write_text(text, encoding="utf-8")

    main(["--recordings", str(tmp_path)])

    key = capsys.readouterr().out.strip().rpartition("=")[2]

    transport = httpx.ASGITransport(served[0])
    async with AsyncDocassemble("http://127.0.0.1", key, transport=transport) as da:
        s = await da.sessions.start(i)
        assert await da.sessions.get_question(i, s.session) == JSONReply(["recorded"])


async def test_the_fixtures_are_a_server_and_its_client(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """Waiting and retrying take no time."""
    fake_docassemble.fail("users.get_current", times=2)

    me = await docassemble.users.get_current()
    assert me.email == fake_docassemble.admin_email
    result = await docassemble.wait_for_task(await docassemble.packages.install(pip="cowsay"))
    assert result is not None


def test_the_blocking_fixture_is_a_client_of_the_same_server(
    fake_docassemble: FakeServer, blocking_docassemble: Docassemble
) -> None:
    """Waiting and retrying take no time there, too."""
    fake_docassemble.fail("users.get_current", times=2)

    assert blocking_docassemble.users.get_current().email == fake_docassemble.admin_email
    result = blocking_docassemble.wait_for_task(blocking_docassemble.packages.install(pip="cowsay"))
    assert result is not None
