"""The pages for users, README.md and docs/guide/*.md: their blocks of Python, and how they run."""

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
# A block of text that follows one of Python at once is what that one prints.
_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(\n```text\n(?P<output>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
_ANYTHING = "…"


@frozen(kw_only=True)
class Block:
    """
    A block of Python that a reader copies.

    Attributes:
        page: File it stands in.
        line: Line before its first one.
        code: Its text.
        output: What it prints, where the page shows that; … stands for anything.
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
        """Run it as `python -m asyncio` does, with await at the top; return its variables."""
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

    def explains(self, printed: str) -> bool:
        """Whether the page shows what was printed."""
        parts = (re.escape(part) for part in (self.output or "").split(_ANYTHING))
        return re.fullmatch(".*?".join(parts), printed, re.DOTALL) is not None


def blocks(page: Path) -> list[Block]:
    """Find the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, one.start("code")),
            code=one["code"],
            output=one["output"],
        )
        for one in _BLOCK.finditer(text)
    ]


def arrange(page: Path, fake: FakeServer) -> None:
    """Put on a server what the blocks of a page need there, as a module named after it says."""
    name = f"{__name__}.{page.stem}"
    if page != README and find_spec(name):
        import_module(name).arrange(fake)
