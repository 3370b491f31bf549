"""Puts generated modules in the place of the package's own for one test."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

from codegen import render
from codegen.__main__ import FOLDERS
from tests.codegen import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Everything of the package is loaded first. Then only the generated modules are replaced, and the
# hand-written ones that import them; the others hold what must exist once, such as log filters.
for _name in ("client", "_core.executor", "_http.transport"):
    importlib.import_module(f"{harness.PACKAGE}.{_name}")
_REPLACED = {
    harness.PACKAGE,
    *(
        f"{harness.PACKAGE}.{name}"
        for name in ("models", "operations", "api", "client", "_core.executor")
    ),
}


def _replaced() -> list[str]:
    folders = tuple(f"{harness.PACKAGE}.{name}." for name in ("api", "models", "operations"))
    return [name for name in sys.modules if name in _REPLACED or name.startswith(folders)]


@pytest.fixture(scope="session", autouse=True)
def _formatted_once() -> Iterator[None]:
    """Start the formatter once for each text: it takes most of the time, and most are alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "_format", cache(render._format))
        yield


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[harness.Generate]:
    """Make and import a client, once per test; its modules are gone after it."""
    for name in _replaced():
        monkeypatch.delitem(sys.modules, name)

    def make(*texts: str, common: str = "") -> harness.Generated:
        generated = harness.generate(tmp_path, *texts, common=common)
        package = importlib.import_module(harness.PACKAGE)
        package.__path__.insert(0, str(tmp_path / FOLDERS[0]))
        return generated

    yield make
    for name in _replaced():
        del sys.modules[name]
