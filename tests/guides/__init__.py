"""Finds and runs the Python blocks of README.md and docs/guide/*.md."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client.testing import FakeServer

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "guide"
INDEX = GUIDE / "README.md"
PAGES = [README, *sorted(GUIDE.glob("*.md"))]
# A text block directly after a Python block is the output of that block.
_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(\n```text\n(?P<output>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
_ANYTHING = "…"


@frozen(kw_only=True)
class Block:
    """
    A block of Python on a page.

    Attributes:
        page: File of the page.
        line: Number of the line before the code.
        code: The code.
        output: Output that the page shows, if any; … matches any text.
    """

    page: Path
    line: int
    code: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def run(
        self, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    ) -> dict[str, Any]:
        """Run the code with top-level await, as in `python -m asyncio`; return its variables."""
        names: dict[str, Any] = {"__name__": "__guide__"}
        code = compile(
            "\n" * self.line + self.code,
            str(self.page),
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            dont_inherit=True,
        )
        result = eval(code, names)  # noqa: S307 - our own text
        if inspect.iscoroutine(result):
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(result)
        return names

    def matches_output(self, printed: str) -> bool:
        """Whether the output on the page matches this text."""
        return matches(self.output or "", printed)


def matches(output: str, printed: str) -> bool:
    """Whether the output on a page matches a text; … matches anything."""
    parts = (re.escape(part) for part in output.split(_ANYTHING))
    return re.fullmatch(".*?".join(parts), printed, re.DOTALL) is not None


def find_blocks(page: Path) -> list[Block]:
    """Find the Python blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start("code")),
            code=match["code"],
            output=match["output"],
        )
        for match in _BLOCK.finditer(text)
    ]


def prepare_server(page: Path, fake: FakeServer) -> None:
    """Add the data that the blocks of a page need, from the module with the page's name."""
    name = f"{__name__}.{page.stem.replace('-', '_')}"
    if page != README and find_spec(name):
        import_module(name).prepare_server(fake)
