"""Replaces the package's generated modules for one test."""

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

# The whole package is imported first. Then only the generated modules and the handwritten ones
# that import them are replaced; others hold objects that must exist once, such as log filters.
for _name in ("client", "_core.executor", "_http.transport"):
    importlib.import_module(f"{harness.PACKAGE}.{_name}")
_REPLACED_MODULES = {
    harness.PACKAGE,
    *(f"{harness.PACKAGE}.{name}" for name in ("models", "decoders", "operations", "api")),
    *(f"{harness.PACKAGE}.{name}" for name in ("_core.executor", "_base_client")),
    *(
        f"{harness.PACKAGE}.{name}"
        for name in ("workflows.account_methods", "workflows.methods", "client")
    ),
}


def _find_replaced_modules() -> list[str]:
    names = ("api", "operations", "decoders", "models")
    folders = tuple(f"{harness.PACKAGE}.{name}." for name in names)
    return [name for name in sys.modules if name in _REPLACED_MODULES or name.startswith(folders)]


@pytest.fixture(scope="session", autouse=True)
def _cache_formatter() -> Iterator[None]:
    """Cache the formatter: it takes most of the time, and most texts are equal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "_format_python", cache(render._format_python))
        yield


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[harness.Generate]:
    """Generate and import a client, once per test; its modules are removed afterwards."""
    for name in _find_replaced_modules():
        monkeypatch.delitem(sys.modules, name)

    def generate_client(*texts: str, common: str = "") -> harness.Generated:
        generated = harness.generate(tmp_path, *texts, common=common)
        package = importlib.import_module(harness.PACKAGE)
        package.__path__.insert(0, str(tmp_path / FOLDERS[0]))
        return generated

    yield generate_client
    for name in _find_replaced_modules():
        del sys.modules[name]
