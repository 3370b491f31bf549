"""Name and version of a package, read without running its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from docassemble_client import UsageError
from docassemble_client.workflows.packages.metadata import Metadata, is_same_version, read_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = {"docassemble/mine/__init__.py": "__version__ = '3.0'\nother: str = '3.1'\nx = f()\n"}
SETUP = "setup(\n    name='docassemble.mine',\n"


def read_package(files: Mapping[str, str], root: str = "") -> Metadata:
    """Read a package of these files."""
    content = {root + path: text.encode() for path, text in {**files, **MODULE}.items()}
    return evolve(read_metadata(list(content), content.__getitem__), has_modules=False)


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"setup.py": f"{SETUP}    version='1.0')"}, "1.0"),
        ({"setup.py": f'VERSION = "1.1"\n{SETUP}    version=VERSION)'}, "1.1"),
        ({"setup.py": f"import setuptools\nsetuptools.{SETUP}    version='1.2')"}, "1.2"),
        ({"setup.py": f"{SETUP}    version=read('VERSION'))"}, None),
        ({"setup.py": f"{SETUP}    version=OTHER)"}, None),
        ({"setup.py": f"{SETUP})"}, None),
        ({"setup.py": f"{SETUP}    version='1.0'"}, None),
        ({"setup.py": 'NAME = "docassemble.mine"\nsetup(name=NAME, version="1.3")\n'}, "1.3"),
        ({"setup.py": f"{SETUP})", "setup.cfg": "[metadata]\nversion = 1.4\n"}, "1.4"),
        ({"setup.py": f"{SETUP})", "setup.cfg": "[metadata]\nversion = file: VERSION\n"}, None),
        (
            {
                "setup.py": f"{SETUP})",
                "setup.cfg": "[metadata]\nversion = attr: docassemble.mine.__version__\n",
            },
            "3.0",
        ),
        ({"setup.py": f"{SETUP})", "setup.cfg": "version = 1.4\n"}, None),
        ({"setup.py": f"a = b = '1'\nV = a + '.' + b\n{SETUP}    version=V)"}, "1.1"),
        ({"setup.py": f"minor: str = '7'\n{SETUP}    version=f'1.{{minor}}')"}, "1.7"),
        ({"setup.py": f"{SETUP}    version=f'1.{{minor!r}}')"}, None),
        (
            {"setup.py": f"{SETUP}    version=open('VERSION').read().strip())", "VERSION": "1.8\n"},
            "1.8",
        ),
        (
            {
                "setup.py": f"from pathlib import Path\n{SETUP}    version=Path('V').read_text())",
                "V": "1.9",
            },
            "1.9",
        ),
        ({"setup.py": f"{SETUP}    version=open(__file__).read())"}, None),
        (
            {"setup.py": f"from docassemble.mine import __version__ as v\n{SETUP}    version=v)"},
            "3.0",
        ),
        ({"setup.py": f"from . import x\nfrom os import x\n{SETUP}    version=x)"}, None),
        (
            {
                "setup.py": f"{SETUP})",
                "setup.cfg": "[metadata]\nversion = file: VERSION\n",
                "VERSION": "1.10\n",
            },
            "1.10",
        ),
        ({"pyproject.toml": "[project]\nname = 'docassemble.mine'\nversion = '2.0'\n"}, "2.0"),
        (
            {
                "setup.py": f"{SETUP}    version='1.0')",
                "pyproject.toml": "[project]\nname = 'docassemble.mine'\nversion = '2.1'\n",
            },
            "2.1",
        ),
        (
            {
                "pyproject.toml": "[project]\nname = 'docassemble.mine'\ndynamic = ['version']\n"
                "[tool.setuptools.dynamic]\nversion = {attr = 'docassemble.mine.other'}\n"
            },
            "3.1",
        ),
        (
            {
                "pyproject.toml": "[project]\nname = 'docassemble.mine'\ndynamic = ['version']\n"
                "[tool.setuptools.dynamic]\nversion = {attr = 'docassemble.gone.VERSION'}\n"
            },
            None,
        ),
        (
            {
                "pyproject.toml": "[project]\nname = 'docassemble.mine'\ndynamic = ['version']\n"
                "[tool.setuptools.dynamic]\nversion = {file = 'VERSION'}\n",
                "VERSION": "2.2\n",
            },
            "2.2",
        ),
        (
            {
                "pyproject.toml": "[project]\nname = 'docassemble.mine'\ndynamic = ['version']\n"
                "[tool.setuptools.dynamic]\nversion = {file = ['MAJOR', 'MINOR']}\n",
                "MAJOR": "2",
                "MINOR": ".3\n",
            },
            "2.3",
        ),
    ],
)
def test_version_is_found_where_setuptools_finds_it(
    files: Mapping[str, str], version: str | None
) -> None:
    """It works in a subfolder of the archive too; a computed version is None."""
    expected = Metadata(name="docassemble.mine", version=version)

    assert read_package(files) == read_package(files, "docassemble-mine-main/") == expected


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({}, "neither a setup.py nor a pyproject.toml"),
        ({"setup.cfg": "[metadata]\nname = docassemble.mine\n"}, "neither a setup.py"),
        ({"setup.py": "setup(name=NAME)"}, "cannot read the package's name from its setup.py"),
        ({"setup.py": "setup(name='docassemble.mine', version='1')"}, "name from its setup.py"),
        (
            {"setup.py": "setup(\n  name='docassemble.mine', version='1')"},
            "cannot read the package's name",
        ),
        ({"pyproject.toml": "[build-system]\n"}, "cannot read the package's name from its pyproj"),
        ({"pyproject.toml": "[project]\nname = 7\n"}, "cannot read the package's name"),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml is not valid TOML"),
        (
            {"pyproject.toml": "[project]\nname = 'requests'\n"},
            "requests is not a docassemble package",
        ),
    ],
)
def test_package_whose_name_the_server_cannot_read_is_refused(
    files: Mapping[str, str], error: str
) -> None:
    """The server reads setup.py line by line, and does not read setup.cfg."""
    with pytest.raises(UsageError, match=error) as caught:
        read_package(files)

    assert caught.value.hint


def test_package_without_its_folder_is_refused() -> None:
    """A file in docassemble/Name beside the setup.py is required."""
    content = {"setup.py": f"{SETUP})".encode(), "docassemble/__init__.py": b"", "mine/x.py": b""}

    with pytest.raises(UsageError, match="no file in a folder docassemble/Name"):
        read_metadata(list(content), content.__getitem__)


def test_setup_file_is_chosen_as_the_server_does() -> None:
    """The highest file wins. If a deeper setup.py comes earlier, the server misreads the name."""
    content = {
        "x/examples/setup.py": b"NAME = 'docassemble.example'\n",
        "x/pyproject.toml": b"[project]\nname = 'docassemble.mine'\n",
        "x/docassemble/mine/a.yml": b"",
        "x/examples/docassemble/example/a.yml": b"",
        "x/later/setup.py": b"NAME = 'docassemble.later'\n",
    }
    paths = list(content)

    metadata = read_metadata(paths[1:], content.__getitem__)
    with pytest.raises(UsageError, match="cannot read the package's name"):
        read_metadata(paths, content.__getitem__)

    assert metadata.name == "docassemble.mine"


@pytest.mark.parametrize(
    ("version", "other_version", "same"),
    [
        ("1.0", "1.0.0", True),
        ("v1.0", "1", True),
        ("1.0-alpha1", "1.0a1", True),
        ("1.0.RC2", "1.0c2", True),
        ("1.0-1", "1.0.post1", True),
        ("1.0rev", "1.0.post0", True),
        ("1.0.DEV3", "1.0.dev3", True),
        ("1.0+Local-1", "1.0+local.1", True),
        ("01.02", "1.2", True),
        ("1!1.0", "1.0", False),
        ("1.0", "1.1", False),
        ("1.0a1", "1.0", False),
        ("1.0a", "1.0b", False),
        ("1.0.post1", "1.0", False),
        ("1.0.dev1", "1.0", False),
        ("1.0+a", "1.0+b", False),
        ("10", "1", False),
        ("main", "main", True),
        ("main", "master", False),
    ],
)
def test_versions_are_compared_as_pip_does(version: str, other_version: str, *, same: bool) -> None:
    """PEP 440 allows many spellings of a version; other texts are compared as they are."""
    assert is_same_version(version, other_version) is same


NAMES = {
    "one line": {"setup.py": "setup(name='docassemble.mine', version='1')"},
    "one line, more below": {"setup.py": "setup(\n  name='docassemble.mine', version='1')"},
    "constant": {"setup.py": "PACKAGE = 'docassemble.mine'\nsetup(name=PACKAGE, version='1')"},
    "setup.cfg": {
        "setup.py": "from setuptools import setup\nsetup()\n",
        "setup.cfg": "[metadata]\nname = docassemble.mine\nversion = 1\n",
    },
    "pyproject.toml": {
        "setup.py": "from setuptools import setup\nsetup()\n",
        "pyproject.toml": "[project]\nname = 'docassemble.mine'\nversion = '1'\n",
    },
}


@pytest.mark.parametrize("files", NAMES.values(), ids=NAMES)
def test_name_of_a_folder_may_stand_anywhere(files: Mapping[str, str]) -> None:
    """The archive of a folder gets a line from which the server can read the name."""
    content = {path: text.encode() for path, text in {**files, **MODULE}.items()}

    metadata = read_metadata(list(content), content.__getitem__, is_folder=True)

    assert (metadata.name, metadata.version) == ("docassemble.mine", "1")
    assert metadata.needs_name_line


@pytest.mark.parametrize("project", ["docassemble-mine", "docassemble_Mine"])
def test_name_is_spelled_as_in_the_server_s_list(project: str) -> None:
    """The server reads setup.py, although pip uses pyproject.toml."""
    files = {"setup.py": f"{SETUP})", "pyproject.toml": f"[project]\nname = '{project}'\n"}

    assert read_package(files) == Metadata(name="docassemble.mine", version=None)


def test_setup_with_another_name_is_refused_in_an_archive() -> None:
    """The server would look for a package that pip does not install."""
    files = {"setup.py": f"{SETUP})", "pyproject.toml": "[project]\nname = 'docassemble.other'\n"}

    with pytest.raises(UsageError, match="cannot read the package's name"):
        read_package(files)


@pytest.mark.parametrize(
    ("roots", "is_folder", "message", "hint"),
    [
        (["docassemble-mine"], True, "the package is in the folder docassemble-mine", "Deploy th"),
        (["a", "b"], True, "there are packages in the folders a, b", "Deploy one of these"),
        (["top/mine"], False, "the package is in the folder top/mine", "Pack that folder"),
        (["top/a", "top/b"], False, "packages in the folders top/a, top/b", "Pack one of these"),
        (["mine", "__MACOSX"], False, "there are packages in the folders", "Pack one of these"),
    ],
)
def test_package_in_a_deeper_folder_is_refused(
    roots: list[str], *, is_folder: bool, message: str, hint: str
) -> None:
    """Pip looks for the package at the top, or in the only folder there."""
    files = {"setup.py": f"{SETUP})", **MODULE}
    content = {f"{root}/{path}": text.encode() for root in roots for path, text in files.items()}

    with pytest.raises(UsageError, match=message) as caught:
        read_metadata(list(content), content.__getitem__, is_folder=is_folder)

    assert caught.value.hint is not None
    assert hint in caught.value.hint
