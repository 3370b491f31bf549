"""Runs the Python blocks of the README and the guide, and compares their output."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import pytest

from docassemble_client import Docassemble
from docassemble_client._environment import KEY_VARIABLE, URL_VARIABLE
from docassemble_client.testing import FakeServer
from tests.clock import VirtualClockLoop
from tests.guides import INDEX, PAGES, README, ROOT, Block, find_blocks, prepare_server
from tests.guides._console import CONSOLE_BLOCK, find_commands, run_commands

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE_URL = "https://da.example.com"
# Only blocks in these languages are allowed, because others are not tested.
LANGUAGES = {"python", "text", "console", "toml", "yaml", ""}


def get_session_ids(fake: FakeServer) -> set[str]:
    """Return the IDs of all sessions of a server."""

    async def scenario() -> set[str]:
        async with fake.client() as da:
            return {summary.session async for summary in da.sessions.list()}

    return asyncio.run(scenario())


@pytest.mark.parametrize("block", [block for page in PAGES for block in find_blocks(page)], ids=str)
def test_block_runs(
    block: Block,
    default_transport: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A block runs on the fake server, prints the output on the page, and leaves no session."""
    fake = FakeServer()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(default_transport, "transport", fake.transport())
    defaults = Docassemble.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "transport", fake.transport())
    monkeypatch.setenv(URL_VARIABLE, fake.url)
    monkeypatch.setenv(KEY_VARIABLE, fake.api_key)
    monkeypatch.setenv("TEST_API_KEY", fake.api_key)  # of the profile in client.md
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    prepare_server(block.page, fake)
    session_ids = get_session_ids(fake)

    names = block.run(VirtualClockLoop)

    printed = capsys.readouterr().out
    own_servers = [value for value in names.values() if isinstance(value, FakeServer)]
    assert get_session_ids(fake) <= session_ids
    assert [get_session_ids(server) for server in own_servers] == [set()] * len(own_servers)
    assert fake.received_requests or own_servers
    assert block.output is None or block.matches_output(printed), printed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if CONSOLE_BLOCK.search(page.read_text(encoding="utf-8"))],
    ids=lambda page: page.name,
)
def test_commands_run(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The shell commands of a page run one after the other, and print the output on the page."""
    fake = FakeServer(restart_seconds=0.1, install_seconds=0.1, outage="waiting")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    prepare_server(page, fake)
    with fake.serve() as url:
        replacements = {EXAMPLE_URL: url, "API_KEY=...": f"API_KEY={fake.api_key}"}
        commands = find_commands(page, replacements)
        environment = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}
        environment |= {"PROD_KEY": fake.api_key, "NO_COLOR": "1"}
        outputs = run_commands(commands, tmp_path / "bin", environment)

    assert len(outputs) == len(commands), outputs
    assert [
        f"{command.place}: {command.text}\n{printed}"
        for command, printed in zip(commands, outputs, strict=True)
        if not command.matches_output(printed)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_is_run(page: Path) -> None:
    """No block is skipped because its fence is written in another way."""
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^ *[`~]{3,}(.*)$", text, re.MULTILINE)

    assert set(fences) <= LANGUAGES
    assert len(fences) % 2 == 0
    assert fences.count("python") == len(find_blocks(page))
    assert fences.count("console") == len(CONSOLE_BLOCK.findall(text))
    assert find_blocks(page) or "console" in fences or page == INDEX


def test_every_page_is_listed() -> None:
    """The index links to every page and to nothing else; the README links to all pages."""
    pages = {page.name for page in PAGES if page not in {README, INDEX}}
    links = re.findall(r"\]\(([\w-]+\.md)\)", INDEX.read_text(encoding="utf-8"))

    assert pages
    assert sorted(links) == sorted(pages)
    readme = README.read_text(encoding="utf-8")
    assert [page for page in [INDEX.name, *pages] if f"(docs/guide/{page})" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page: Path) -> None:
    """Every local link of a page leads to a file."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert links or page not in {README, INDEX}
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_module_belongs_to_a_page() -> None:
    """No module in tests/guides prepares a server for a page that does not exist."""
    modules = {path.stem for path in (ROOT / "tests" / "guides").glob("[!_]*.py")}

    assert modules <= {page.stem.replace("-", "_") for page in PAGES}


def test_output_is_compared() -> None:
    """The output on a page must match the printed text, except for …."""
    block = Block(page=README, line=1, code="", output="a: …\nb\n")

    assert block.matches_output("a: 1, 2\nb\n")
    assert not block.matches_output("a: 1, 2\nc\n")


async def test_every_fake_server_has_the_interviews_of_the_guide() -> None:
    """Also the served one; other blocks add their own interviews."""
    names = {
        name
        for page in PAGES
        for block in find_blocks(page)
        if "add_interview" not in block.code
        for name in re.findall(r"docassemble\.(?:base|demo):[\w/.-]+\.yml", block.code)
    }
    async with FakeServer().client() as da:
        for name in names:
            assert (await da.interviews.get_data(name)).vocabulary, name

    assert len(names) >= 6
