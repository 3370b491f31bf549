"""A damaged or hostile package is refused with a UsageError, or read as far as it can be."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client._long_work import run_in_thread
from docassemble_client.errors import UsageError
from docassemble_client.workflows.packages.archive import make_archive
from docassemble_client.workflows.packages.metadata import is_same_version, read_metadata

SETUP = b"""from setuptools import setup
setup(
    name='docassemble.Mine',
    version='1.0',
)
"""
MODULE = "docassemble/Mine/__init__.py"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
SETUPTOOLS = '[project]\nname = "docassemble.Mine"\ndynamic = ["version"]\n'
DEEP = "[" * 50_000
LONG = "9" * 5000
HOSTILE_TOML = (
    f"x = {DEEP}",
    f"x = {LONG}",
    "x = 2026-13-45T99:99:99Z",
    "project = 3",
    "tool = 3",
    '[[tool]]\nname = "a"',
    SETUPTOOLS + "[tool]\nsetuptools = 3",
    SETUPTOOLS + "[tool.setuptools]\ndynamic = []",
    SETUPTOOLS + '[tool.setuptools.dynamic]\nversion = "1"',
    SETUPTOOLS + "[tool.setuptools.dynamic]\nversion = {file = 3}",
    SETUPTOOLS + "[tool.setuptools.dynamic]\nversion = {file = [3, ['a']]}",
    SETUPTOOLS + "[tool.setuptools.dynamic]\nversion = {attr = 3}",
)
HOSTILE_SETUP = (
    "\udcff".encode("utf-8", "surrogateescape") + SETUP,
    SETUP.replace(b"'1.0'", b"+".join([b"'1'"] * 50_000)),
    SETUP.replace(b"'1.0'", b"+".join([b"'1'"] * 700)),
    SETUP.replace(b"'1.0'", b"(" * 5000 + b"'1'" + b")" * 5000),
    SETUP.replace(b"'1.0'", LONG.encode()),
    b"V = 'x'\n" + b"V = V + V\n" * 100 + SETUP.replace(b"'1.0'", b"V"),
    b"\x00" + SETUP,
    SETUP.replace(b"'1.0'", b"open('setup.py').read()"),
)


def compress_package(method: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("mine/setup.py", SETUP)
        archive.writestr(f"mine/{MODULE}", "x = 1\n" * 100)
    return content.getvalue()


ARCHIVES = [compress_package(method) for method in METHODS]


@given(
    content=st.sampled_from(ARCHIVES),
    position=st.integers(0, 2000),
    replacement=st.binary(min_size=1, max_size=8),
    cut=st.integers(0, 20),
)
async def test_a_damaged_archive_is_read_or_refused(
    content: bytes, position: int, replacement: bytes, cut: int
) -> None:
    """Whatever zipfile and its decoders raise becomes a UsageError."""
    position %= len(content)
    damaged = content[:position] + replacement + content[position + len(replacement) :]

    with TemporaryDirectory() as folder, suppress(UsageError):
        path = Path(folder, "mine.zip")
        path.write_bytes(damaged[: len(damaged) - cut])
        (await run_in_thread(make_archive(path))).close()


@pytest.mark.parametrize("text", HOSTILE_TOML, ids=range(len(HOSTILE_TOML)))
def test_a_hostile_pyproject_is_read_or_refused(text: str) -> None:
    """Wrong types count as missing; what cannot be parsed is refused."""
    files = {"pyproject.toml": text.encode(), MODULE: b""}

    with suppress(UsageError):
        assert read_metadata(list(files), files.__getitem__, is_folder=True).version is None


@pytest.mark.parametrize("content", HOSTILE_SETUP, ids=range(len(HOSTILE_SETUP)))
def test_a_hostile_setup_is_read_or_refused(content: bytes) -> None:
    """The version is unknown, or short."""
    files = {"setup.py": content, MODULE: b""}

    with suppress(UsageError):
        version = read_metadata(list(files), files.__getitem__, is_folder=True).version
        assert len(version or "") <= 10_000


@pytest.mark.parametrize(
    ("content", "has_modules"),
    [
        (b"x = 1\n" * 100, False),
        (b"x = 1\n" * 100_000, True),
        (b"x = {[]: 1}", True),
        (b"x = {{}}", True),
    ],
)
def test_a_long_module_is_not_parsed(content: bytes, *, has_modules: bool) -> None:
    """Parsing 16 MB would take 10 GB of memory; the module counts as code that may be loaded."""
    files = {"setup.py": SETUP, MODULE: content, "docassemble/__init__.py": content}

    metadata = read_metadata(list(files), files.__getitem__, is_folder=True)

    assert metadata.has_modules is has_modules


@pytest.mark.parametrize("name", ["setup.py", "pyproject.toml"])
def test_a_long_project_file_counts_as_missing(name: str) -> None:
    """A small archive can contain files of any size."""
    files = {name: SETUP + b"#" * 300_000, MODULE: b""}

    with pytest.raises(UsageError, match=f"cannot read the package's name from its {name}"):
        read_metadata(list(files), files.__getitem__, is_folder=True)


def test_versions_may_have_more_digits_than_an_integer() -> None:
    """They are compared as pip compares them, without the limit of int()."""
    assert is_same_version(f"{LONG}.00", f"v{LONG}")
    assert not is_same_version(f"1.{LONG}", f"1.{LONG}1")
    assert is_same_version("1.0rc01.post02.dev", "1rc1.post2.dev0")
