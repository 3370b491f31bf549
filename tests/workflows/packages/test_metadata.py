"""Name and version of a package, read without running its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.packages.metadata import Metadata, is_same_version, read_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = {"docassemble/mine/__init__.py": "__version__ = '3.0'\nother: str = '3.1'\nx = f()\n"}
SETUP = "setup(\n    name='docassemble.mine',\n"


def read_package(files: Mapping[str, str], root: str = "") -> Metadata:
    """Read a package of these files."""
    content = {root + path: text.encode() for path, text in {**files, **MODULE}.items()}
    return read_metadata(list(content), content.__getitem__)


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
    """The highest file wins, unless a deeper setup.py comes earlier in the archive."""
    content = {
        "x/examples/setup.py": b"NAME = 'docassemble.example'\n",
        "x/pyproject.toml": b"[project]\nname = 'docassemble.mine'\n",
        "x/docassemble/mine/a.yml": b"",
        "x/examples/docassemble/example/a.yml": b"",
        "x/later/setup.py": b"NAME = 'docassemble.later'\n",
    }
    paths = list(content)

    with_earlier_setup = read_metadata(paths, content.__getitem__)
    without = read_metadata(paths[1:], content.__getitem__)

    assert (with_earlier_setup.name, without.name) == ("docassemble.example", "docassemble.mine")


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
