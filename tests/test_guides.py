"""The README and the guide: each block of Python runs as it stands, and prints what is shown."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from docassemble_client.client import KEY_VARIABLE, URL_VARIABLE
from docassemble_client.testing import FakeServer
from tests.clock import Jumping
from tests.guides import GUIDE, INDEX, PAGES, README, Block, arrange, blocks

if TYPE_CHECKING:
    from pathlib import Path

# Blocks in other languages run nothing.
LANGUAGES = {"python", "text", "console", "yaml", ""}


def sessions(fake: FakeServer) -> set[str]:
    """Return the IDs of all sessions of a server."""

    async def job() -> set[str]:
        async with fake.client() as da:
            return {one.session async for one in da.sessions.list()}

    return asyncio.run(job())


@pytest.mark.parametrize("block", [one for page in PAGES for one in blocks(page)], ids=str)
def test_block_runs(
    block: Block,
    default_transport: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A block runs on the fake server, prints what the page shows, and leaves no session."""
    fake = FakeServer()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(default_transport, "transport", fake.transport())
    monkeypatch.setenv(URL_VARIABLE, fake.url)
    monkeypatch.setenv(KEY_VARIABLE, fake.api_key)
    arrange(block.page, fake)
    before = sessions(fake)

    names = block.run(Jumping)

    printed = capsys.readouterr().out
    own = [one for one in names.values() if isinstance(one, FakeServer)]
    assert sessions(fake) <= before
    assert [sessions(one) for one in own] == [set()] * len(own)
    assert fake.received or own
    assert block.output is None or block.explains(printed), printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_is_run(page: Path) -> None:
    """No fence has a spelling of its own under which its block would be left out."""
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^ *[`~]{3,}(.*)$", text, re.MULTILINE)

    assert set(fences) <= LANGUAGES
    assert len(fences) % 2 == 0
    assert fences.count("python") == len(blocks(page))
    assert blocks(page) or page == INDEX


def test_every_page_is_listed() -> None:
    """The index leads to each page and to nothing else, and the README to all of them."""
    pages = {page.name for page in PAGES if page not in {README, INDEX}}
    links = re.findall(r"\]\((\w+\.md)\)", INDEX.read_text(encoding="utf-8"))

    assert pages
    assert sorted(links) == sorted(pages)
    front = README.read_text(encoding="utf-8")
    assert [page for page in [INDEX.name, *pages] if f"(docs/guide/{page})" not in front] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """What a page refers to is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert links or page not in {README, INDEX}
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_arrangement_belongs_to_a_page() -> None:
    """No module arranges a server for a page that is not there."""
    arranged = {one.stem for one in (GUIDE.parents[1] / "tests" / "guides").glob("[!_]*.py")}

    assert arranged <= {page.stem for page in PAGES}


def test_output_is_compared() -> None:
    """What a page shows must be what is printed, but for what it leaves out."""
    block = Block(page=README, line=1, code="", output="a: …\nb\n")

    assert block.explains("a: 1, 2\nb\n")
    assert not block.explains("a: 1, 2\nc\n")
