"""Modules that would keep a server from starting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.packages.metadata import read_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

SETUP = "from setuptools import setup\nsetup(\n    name='docassemble.mine',\n"
NAMESPACE = "docassemble/__init__.py"
PKG_RESOURCES = "__import__('pkg_resources').declare_namespace(__name__)\n"


def check(files: Mapping[str, bytes | str], setup: str = f"{SETUP})") -> None:
    """Read the metadata of a package with these files."""
    content = {"setup.py": setup.encode(), "docassemble/mine/data/x.yml": b""}
    for path, text in files.items():
        content[path] = text.encode() if isinstance(text, str) else text
    read_metadata(list(content), content.__getitem__, is_folder=True)


@pytest.mark.parametrize(
    "path", ["docassemble/mine/rules.py", "src/docassemble/mine/deep/rules.py", "setup.py"]
)
def test_module_that_is_not_utf_8_is_refused(path: str) -> None:
    """The server reads every module as UTF-8 when it starts, whatever Python would read."""
    latin = "# -*- coding: latin-1 -*-\nname = 'J\xf6rg'\n".encode("latin-1")

    with pytest.raises(UsageError, match=f"{path} is not UTF-8.* keeps the server from") as caught:
        check({path: latin})

    assert caught.value.hint == "Save the file as UTF-8; nothing was sent"


def test_all_modules_that_are_not_utf_8_are_listed() -> None:
    """They can be corrected together."""
    with pytest.raises(UsageError, match=r"a\.py, docassemble/mine/b\.py are not UTF-8"):
        check({"docassemble/mine/a.py": b"\xff", "docassemble/mine/b.py": b"\xff"})


def test_other_files_may_have_any_encoding() -> None:
    """The server reads only modules of the namespace when it starts."""
    check({"docassemble/mine/data/sources/x.csv": b"\xff", "tools/x.py": b"\xff"})


@pytest.mark.parametrize(
    "source",
    [
        PKG_RESOURCES,
        "import pkg_resources\npkg_resources.declare_namespace(__name__)\n",
        "from pkg_resources import declare_namespace\n",
        f"if True:\n    {PKG_RESOURCES}",
        f"try:\n    {PKG_RESOURCES}finally:\n    pass\n",
        f"try:\n    {PKG_RESOURCES}except KeyError:\n    pass\n",
    ],
)
def test_namespace_file_that_needs_pkg_resources_is_refused(source: str) -> None:
    """All packages share the file: with it, no process of the server can start."""
    with pytest.raises(UsageError, match="imports pkg_resources") as caught:
        check({NAMESPACE: source})

    assert caught.value.hint == "Delete the file; Python does not need it"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "import os\nos.getcwd()\n",
        "not Python:",
        f"try:\n    {PKG_RESOURCES}except ImportError:\n    pass\n",
        f"try:\n    {PKG_RESOURCES}except (KeyError, ModuleNotFoundError):\n    pass\n",
        f"try:\n    {PKG_RESOURCES}except:\n    pass\n",
    ],
)
def test_harmless_namespace_file_is_accepted(source: str) -> None:
    """A file that handles the missing module does no harm."""
    check({NAMESPACE: source})


@pytest.mark.parametrize(
    "setup",
    [
        f"{SETUP}    namespace_packages=['docassemble'])",
        f"{SETUP}    packages=['docassemble.mine'])",
    ],
)
def test_namespace_file_that_is_not_installed_is_accepted(setup: str) -> None:
    """Setuptools leaves out the file of a declared namespace package, as of one not listed."""
    check({NAMESPACE: PKG_RESOURCES}, setup)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("setup.cfg", "[options]\nnamespace_packages = docassemble\n"),
        ("pyproject.toml", "[tool.setuptools]\nnamespace-packages = ['docassemble']\n"),
    ],
)
def test_namespace_packages_may_be_declared_elsewhere(path: str, text: str) -> None:
    """The declaration has the same effect in each file."""
    check({path: text, NAMESPACE: PKG_RESOURCES})


def test_namespace_file_in_the_list_of_packages_is_refused() -> None:
    """It is installed."""
    with pytest.raises(UsageError, match="imports pkg_resources"):
        check(
            {NAMESPACE: PKG_RESOURCES},
            f"{SETUP}    packages=['docassemble', 'docassemble.mine'])",
        )
