"""The blocking client is printed from any class of the asynchronous one, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from codegen.__main__ import ROOT, read
from codegen.blocking import BlockingClientError, BlockingPrinter

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "src" / "docassemble_client"
BASES = (PACKAGE / "blocking" / "_bases.py").read_text(encoding="utf-8")
HEAD = '''
"""Things."""
from __future__ import annotations
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Self
from docassemble_client.transfer import Download

class Thing:
    """A thing; use it with `async with`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._secret = 1

'''


def print_class(body: str) -> str:
    """Print the blocking form of a class with these members."""
    text = HEAD + "\n".join(f"    {line}" for line in body.splitlines())
    sources = {
        "thing": text,
        "blocking._bases": BASES,
        "transfer": "class Download:\n    async def read(self): ...",
    }
    printer = BlockingPrinter(sources.__getitem__, {"thing": ["Thing"], "transfer": ["Download"]})
    return printer.print_all()["thing"]


def test_a_new_method_is_printed_without_a_rule() -> None:
    """Its signature, its docstring and its imports are taken from the source."""
    text = print_class(
        '''
async def check(self, names: list[str], *, limit: int = 5, concurrency: int = 4) -> list[int]:
    """
    Check; see `await thing.check(["a"])`.

    Args:
        names: Names.
        limit: Maximum.
        concurrency: Number of checks
            at a time.
    """
'''
    )

    assert "class Thing(BlockingObject[AsyncThing]):" in text
    assert "A thing; use it with `with`." in text
    assert "def check(self, names: list[str], *, limit: int=5) -> list[int]:" in text
    assert "return run_blocking(self._inner.check(names, limit=limit))" in text
    assert 'see `thing.check(["a"])`' in text
    assert "at a time" not in text
    assert "name: str = delegate()" in text
    assert "_secret" not in text


@pytest.mark.parametrize(
    ("method", "line"),
    [
        (
            "def view(self) -> Self: ...",
            "return self._derive(call_blocking(lambda: self._inner.view()))",
        ),
        ("async def __aenter__(self) -> Self: ...", "return self"),
        (
            "def fetch(self) -> Download: ...",
            "return blocking.Download(call_blocking(lambda: self._inner.fetch()))",
        ),
        (
            "def events(self) -> AsyncGenerator[int]: ...",
            "return ClosableIterator(call_blocking(lambda: self._inner.events()))",
        ),
        ("@property\ndef id(self) -> int: ...", "return self._inner.id"),
        ("async def aclose(self) -> None: ...", "return run_blocking(self._inner.aclose())"),
    ],
)
def test_results_are_wrapped_by_their_type(method: str, line: str) -> None:
    """An object of the asynchronous client becomes one of the blocking client."""
    text = print_class(f"async def read(self) -> int: ...\n{method}")

    assert f"        {line}\n" in f"{text}\n"


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("async def load(self, f: Callable[[int], Awaitable[int]]) -> int: ...", "by hand"),
        ("async def load(self) -> list[Download]: ...", "cannot be wrapped"),
        ("def load(self) -> AsyncGenerator[Download]: ...", "cannot be wrapped"),
        ("@staticmethod\ndef load() -> int: ...", "by hand"),
        ('async def load(self) -> int:\n    """Load by asyncio."""', "no phrase for 'asyncio'"),
        ("def __init__(self) -> None:\n    self.size = len('a')", "has no type"),
    ],
)
def test_a_member_without_a_blocking_form_is_refused(method: str, message: str) -> None:
    """The error says what to do; nothing is left out silently."""
    with pytest.raises(BlockingClientError, match=message):
        print_class(f"async def read(self) -> int: ...\n{method}")


def test_every_phrase_is_used() -> None:
    """blocking.yaml has no rule that changes nothing."""
    public = yaml.safe_load((ROOT / "codegen" / "public_names.yaml").read_text(encoding="utf-8"))
    spec = read(ROOT / "spec")
    public |= {f"api.{tag.name}": [tag.class_name] for tag in spec.tags}

    def read_module(name: str) -> str:
        path: Path = PACKAGE / name.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        return file.read_text(encoding="utf-8")

    printer = BlockingPrinter(read_module, public)
    printer.print_all()

    assert printer.unused_phrases == set()


def test_a_base_that_is_no_class_of_its_module_is_ignored() -> None:
    """Such as an alias of a class of Python."""
    text = "from docassemble_client.other import Base\n" + HEAD.replace(
        "class Thing:", "class Thing(Base):"
    )
    sources = {"thing": text, "other": "Base = object", "blocking._bases": BASES}
    printer = BlockingPrinter(sources.__getitem__, {"thing": ["Thing"]})

    assert [cls.name for _, cls in printer._iter_bases("thing", "Thing")] == ["Thing"]
