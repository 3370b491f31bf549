"""What a package says of itself, read without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.packages.metadata import Metadata, read_metadata, same_version

if TYPE_CHECKING:
    from collections.abc import Mapping

INSIDE = {"docassemble/mine/__init__.py": "__version__ = '3.0'\nother: str = '3.1'\nx = f()\n"}
NAMED = "setup(\n    name='docassemble.mine',\n"


def read(files: Mapping[str, str], root: str = "") -> Metadata:
    """Read a package of these files."""
    content = {root + path: text.encode() for path, text in {**files, **INSIDE}.items()}
    return read_metadata(list(content), content.__getitem__)


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"setup.py": f"{NAMED}    version='1.0')"}, "1.0"),
        ({"setup.py": f'VERSION = "1.1"\n{NAMED}    version=VERSION)'}, "1.1"),
        ({"setup.py": f"import setuptools\nsetuptools.{NAMED}    version='1.2')"}, "1.2"),
        ({"setup.py": f"{NAMED}    version=read('VERSION'))"}, None),
        ({"setup.py": f"{NAMED}    version=OTHER)"}, None),
        ({"setup.py": f"{NAMED})"}, None),
        ({"setup.py": f"{NAMED}    version='1.0'"}, None),
        ({"setup.py": 'NAME = "docassemble.mine"\nsetup(name=NAME, version="1.3")\n'}, "1.3"),
        ({"setup.py": f"{NAMED})", "setup.cfg": "[metadata]\nversion = 1.4\n"}, "1.4"),
        ({"setup.py": f"{NAMED})", "setup.cfg": "[metadata]\nversion = file: VERSION\n"}, None),
        (
            {
                "setup.py": f"{NAMED})",
                "setup.cfg": "[metadata]\nversion = attr: docassemble.mine.__version__\n",
            },
            "3.0",
        ),
        ({"setup.py": f"{NAMED})", "setup.cfg": "version = 1.4\n"}, None),
        ({"pyproject.toml": "[project]\nname = 'docassemble.mine'\nversion = '2.0'\n"}, "2.0"),
        (
            {
                "setup.py": f"{NAMED}    version='1.0')",
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
    """Also in a folder of the archive; what would have to be run is not known."""
    expected = Metadata(name="docassemble.mine", version=version)

    assert read(files) == read(files, "docassemble-mine-main/") == expected


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({}, "neither a setup.py nor a pyproject.toml"),
        ({"setup.cfg": "[metadata]\nname = docassemble.mine\n"}, "neither a setup.py"),
        ({"setup.py": "setup(name=NAME)"}, "could not read the package's name from its setup.py"),
        ({"setup.py": "setup(name='docassemble.mine', version='1')"}, "name from its setup.py"),
        (
            {"setup.py": "setup(\n  name='docassemble.mine', version='1')"},
            "could not read the package's name",
        ),
        ({"pyproject.toml": "[build-system]\n"}, "could not read the package's name from its pypr"),
        ({"pyproject.toml": "[project]\nname = 7\n"}, "could not read the package's name"),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml is not valid TOML"),
        (
            {"pyproject.toml": "[project]\nname = 'requests'\n"},
            "requests is no docassemble package",
        ),
    ],
)
def test_what_the_server_could_not_list_is_refused(files: Mapping[str, str], what: str) -> None:
    """The server reads setup.py line by line, and not setup.cfg at all."""
    with pytest.raises(UsageError, match=what) as caught:
        read(files)

    assert caught.value.hint


def test_package_without_its_folder_is_refused() -> None:
    """There must be something in docassemble/Name beside the setup.py."""
    content = {"setup.py": f"{NAMED})".encode(), "docassemble/__init__.py": b"", "mine/x.py": b""}

    with pytest.raises(UsageError, match="nothing in a folder docassemble/Name"):
        read_metadata(list(content), content.__getitem__)


def test_setup_is_chosen_as_the_server_chooses_it() -> None:
    """The highest one; a setup.py that comes earlier wins though it is deeper."""
    content = {
        "x/examples/setup.py": b"NAME = 'docassemble.example'\n",
        "x/pyproject.toml": b"[project]\nname = 'docassemble.mine'\n",
        "x/docassemble/mine/a.yml": b"",
        "x/examples/docassemble/example/a.yml": b"",
        "x/later/setup.py": b"NAME = 'docassemble.later'\n",
    }
    paths = list(content)

    earlier = read_metadata(paths, content.__getitem__)
    later = read_metadata(paths[1:], content.__getitem__)

    assert (earlier.name, later.name) == ("docassemble.example", "docassemble.mine")


@pytest.mark.parametrize(
    ("one", "other", "same"),
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
def test_versions_are_compared_as_pip_does(one: str, other: str, *, same: bool) -> None:
    """PEP 440 has many spellings of a version; what is none is compared as it is."""
    assert same_version(one, other) is same
