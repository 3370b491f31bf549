"""Every block of the guide runs with `Docassemble`, too, unless it uses what is not offered."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from docassemble_client import blocking
from docassemble_client._environment import KEY_VARIABLE, URL_VARIABLE
from docassemble_client.testing import FakeServer
from tests.guides import PAGES, README, Block, find_blocks, prepare_server
from tests.test_guides import get_session_ids

if TYPE_CHECKING:
    from pathlib import Path

# Words of blocks that have no blocking form, and why.
EXCLUDED = {
    "assemble_many": "not offered",
    ".watch(": "not offered",
    "prefetch": "not offered",
    "asyncio": "about event loops",
    "with_response": "takes a function",
    "docassemble_client.testing": "has an asynchronous client of its own",
    "async def": "has a coroutine function of its own",
}
_BLOCKING_PAGE = "blocking.md"


class _Translator(ast.NodeTransformer):
    """Translates a block: without `await`, and with the names of the blocking client."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        """`await x` becomes `finish(x)`."""
        value = self.visit(node.value)
        return ast.Call(func=ast.Name("finish", ast.Load()), args=[value], keywords=[])

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        """Leave out `async`."""
        self.generic_visit(node)
        return ast.With(items=node.items, body=node.body)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        """Leave out `async`."""
        self.generic_visit(node)
        return ast.For(target=node.target, iter=node.iter, body=node.body, orelse=node.orelse)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        """Leave out `async`."""
        self.generic_visit(node)
        node.is_async = 0
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Use the blocking client."""
        node.id = node.id.replace("AsyncDocassemble", "Docassemble")
        return node

    def visit_alias(self, node: ast.alias) -> ast.AST:
        """Import the blocking client."""
        node.name = node.name.replace("AsyncDocassemble", "Docassemble")
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Use the blocking name."""
        self.generic_visit(node)
        node.attr = "close" if node.attr == "aclose" else node.attr
        return node


def finish(value: object) -> object:
    """Return what `await` returns."""
    match value:
        case blocking.Paginator():
            return value.first_page()
        case blocking.Download() | blocking.DocumentDownload() | blocking.Assembly():
            return value.read()
        case _:
            return value


ALL_BLOCKS = [block for page in PAGES if page.name != _BLOCKING_PAGE for block in find_blocks(page)]
BLOCKS = [block for block in ALL_BLOCKS if not any(word in block.code for word in EXCLUDED)]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block_runs_without_an_event_loop(
    block: Block,
    default_blocking_transport: dict[str, object],
    default_transport: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It prints the output on the page, and leaves no session."""
    fake = FakeServer()
    monkeypatch.chdir(tmp_path)
    for defaults in (default_blocking_transport, default_transport):  # the latter for from_env
        monkeypatch.setitem(defaults, "transport", fake.transport())
    monkeypatch.setenv(URL_VARIABLE, fake.url)
    monkeypatch.setenv(KEY_VARIABLE, fake.api_key)
    monkeypatch.setenv("TEST_API_KEY", fake.api_key)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    prepare_server(block.page, fake)
    session_ids = get_session_ids(fake)
    tree = ast.fix_missing_locations(_Translator().visit(ast.parse(block.code)))

    exec(compile(tree, str(block), "exec"), {"__name__": "__guide__", "finish": finish})  # noqa: S102 - our own text

    printed = capsys.readouterr().out
    assert get_session_ids(fake) <= session_ids
    assert fake.received_requests
    assert block.output is None or block.matches_output(printed), printed


def test_most_blocks_have_a_blocking_form() -> None:
    """The reasons for the others are few, and each is used."""
    assert len(BLOCKS) > 0.7 * len(ALL_BLOCKS)
    assert {word for word in EXCLUDED if not any(word in b.code for b in ALL_BLOCKS)} == set()
    assert README in {block.page for block in BLOCKS}
