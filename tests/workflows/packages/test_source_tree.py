"""Source files of a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docassemble_client.workflows.packages.source_tree import scan_sources
from tests.workflows.package_files import write_files

if TYPE_CHECKING:
    from collections.abc import Mapping

needs_links = pytest.mark.skipif(
    sys.platform == "win32", reason="creating links needs a privilege on Windows"
)


def scan_files(folder: Path, *paths: str, ignore: str = "") -> list[str]:
    """Return which of these files are included, with this .gitignore."""
    write_files(folder, {**dict.fromkeys(paths, "x"), **({".gitignore": ignore} if ignore else {})})
    return [path for path in scan_sources(folder).files if path != ".gitignore"]


def test_caches_secrets_and_editor_files_are_ignored(tmp_path: Path) -> None:
    """So are internal files of Git and Python; similar names are included."""
    ignored = (
        *(".git/config", ".hg/x", "__pycache__/a.pyc", "docassemble/X/__pycache__/a.py", "a.pyo"),
        *("docassemble.X.egg-info/PKG-INFO", "build/lib/a.py", "dist/a.whl", ".mypy_cache/x"),
        *("node_modules/x/index.js", ".venv/bin/python", ".idea/x.xml", ".vscode/x", "a.yml~"),
        *(".a.yml.swp", "#a.yml#", ".#a.yml", ".DS_Store", "Thumbs.db", ".env", ".env.local"),
        *("docassemble/X/data/sources/.env", "keys/id_rsa", "server.pem", "x.key", "x.p12"),
        *(".netrc", ".pypirc", ".docassemblecli", ".coverage", ".tox/x", ".history/x"),
        *("docassemble/X/data/templates/~$letter.docx", "docassemble/X/data/questions/._main.yml"),
        *("docassemble/X/data/templates/.~lock.letter.docx#", "letter.tmp", "main.yml.bak"),
        *(".ENV", "ID_RSA", "Server.Pem", "client.ppk", ".git-credentials", ".npmrc", ".pgpass"),
        *(".ssh/config", ".aws/credentials", "id_work", "id_ed25519_sk", "id_rsa.old"),
    )
    included = (
        *(".env.example", ".gitignore", "README.md", "docassemble/X/data/static/build/app.js"),
        *("docassemble/X/data/static/dist/app.js", "docassemble/X/data/sources/monkey.yml"),
        *("id_rsa.pub", "environment.py", "id_card.docx", "docassemble/X/id_numbers.py"),
    )

    write_files(tmp_path, dict.fromkeys((*ignored, *included), "x"))
    tree = scan_sources(tmp_path)

    assert tree.files == tuple(sorted(included))
    assert {".git/", "build/", ".env", "keys/id_rsa", "docassemble/X/__pycache__/"} <= set(
        tree.ignored
    )


def test_virtual_environment_is_recognised_by_its_pyvenv_cfg(tmp_path: Path) -> None:
    """The name of the folder does not matter."""
    assert scan_files(tmp_path, "py/pyvenv.cfg", "py/lib/x.py", "env/x.py") == ["env/x.py"]


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ("*.txt\n", ["a/b/c.md"]),
        ("# a\n\n   \n/c.txt  \n", ["a/b/c.md", "a/b/c.txt", "a/c.txt"]),
        ("a/\n", ["c.txt"]),
        ("c.txt/\n", ["a/b/c.md", "a/b/c.txt", "a/c.txt", "c.txt"]),
        ("a/c.txt\n", ["a/b/c.md", "a/b/c.txt", "c.txt"]),
        ("a/*\n!a/b\n", ["a/b/c.md", "a/b/c.txt", "c.txt"]),
        ("a/\n!a/c.txt\n", ["c.txt"]),
        ("a/**\n", ["c.txt"]),
        ("**\n!c.txt\n", ["c.txt"]),
        ("**/b\n", ["a/c.txt", "c.txt"]),
        ("a/**/c.txt\n", ["a/b/c.md", "c.txt"]),
        ("?.m[a-e]\n", ["a/b/c.txt", "a/c.txt", "c.txt"]),
        ("c.[!m]*\n", ["a/b/c.md"]),
        ("[]c].txt\n", ["a/b/c.md"]),
        ("\\c.txt\n[z-a]\nc.md\\\n", ["a/b/c.md"]),
    ],
)
def test_gitignore_is_read_as_git_reads_it(
    tmp_path: Path, ignore: str, expected: list[str]
) -> None:
    """Patterns, folders, negations and comments work; an invalid line is skipped."""
    assert (
        scan_files(tmp_path, "a/b/c.md", "a/b/c.txt", "a/c.txt", "c.txt", ignore=ignore) == expected
    )


def test_backslash_escapes_special_characters_in_patterns(tmp_path: Path) -> None:
    """So it does for a space at the end."""
    names = ("!a.txt", "#b.txt", "c ", "d.txt")

    assert scan_files(tmp_path, *names, ignore="\\!a.txt\n\\#b.txt\nc\\ \n") == ["d.txt"]


def test_gitignore_can_include_ignored_files_again(tmp_path: Path) -> None:
    """Only Git's own folder is always ignored."""
    files = scan_files(tmp_path, "cert.pem", "my.key", ".git/x", ignore="!*.pem\n!.git\n!.git/\n")

    assert files == ["cert.pem"]


def test_gitignores_above_and_below_the_folder_apply(tmp_path: Path) -> None:
    """From the root of the repository down to each subfolder; the lowest one wins."""
    files: Mapping[str, str] = {
        ".git/HEAD": "x",
        ".gitignore": "*.log\n/packages/mine/a.txt\nb.txt\n",
        "packages/.gitignore": "c.txt\n",
        "packages/mine/.gitignore": "!b.txt\n",
        "packages/mine/sub/.gitignore": "!c.txt\n/d.txt\n",
        **{f"packages/mine/{name}.txt": "x" for name in "abcd"},
        **{f"packages/mine/sub/{name}.txt": "x" for name in "abcd"},
        "packages/mine/x.log": "x",
    }
    write_files(tmp_path, files)

    tree = scan_sources(tmp_path / "packages" / "mine")

    assert [path for path in tree.files if path.endswith((".txt", ".log"))] == [
        *("b.txt", "d.txt"),
        *("sub/a.txt", "sub/b.txt", "sub/c.txt"),
    ]
    assert tree.ignored == ("a.txt", "c.txt", "sub/d.txt", "x.log")


def test_ignored_folder_can_be_scanned(tmp_path: Path) -> None:
    """The caller asked for it, although the repository ignores it."""
    write_files(tmp_path, {".git/HEAD": "x", ".gitignore": "out/\n", "out/a.txt": "x"})

    assert scan_sources(tmp_path / "out").files == ("a.txt",)


@needs_links
def test_links_to_included_files_are_followed(tmp_path: Path) -> None:
    """Links to ignored files, folders, themselves or outside the folder are ignored."""
    outside = write_files(tmp_path / "other", {"passwords.txt": "x"})
    folder = write_files(tmp_path / "mine", {"a.txt": "x", ".env": "x", "sub/b.txt": "x"})
    for name, target in (
        *(("good.txt", "a.txt"), ("deep.txt", "sub/b.txt"), ("secret.txt", ".env")),
        *(("out.txt", outside / "passwords.txt"), ("folder", "sub"), ("none.txt", "gone.txt")),
        *(("circle.txt", "circle.txt"), ("up", "..")),
    ):
        (folder / name).symlink_to(target)

    tree = scan_sources(folder)

    assert tree.files == ("a.txt", "deep.txt", "good.txt", "sub/b.txt")
    assert tree.ignored == (
        *(".env", "circle.txt", "folder", "none.txt", "out.txt", "secret.txt", "up"),
    )


@needs_links
def test_pipe_and_git_file_are_ignored(tmp_path: Path) -> None:
    """Reading a pipe would never end; the .git of a worktree is a file."""
    write_files(tmp_path, {"a.txt": "x", ".git": "gitdir: elsewhere"})
    os.mkfifo(tmp_path / "pipe")

    tree = scan_sources(tmp_path)

    assert (tree.files, tree.ignored) == (("a.txt",), (".git", "pipe"))


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode elsewhere")
def test_file_name_that_is_not_unicode_is_ignored(tmp_path: Path) -> None:
    """It cannot be sent; it is listed with a replacement character."""
    write_files(tmp_path, {"a.txt": "x"})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.txt")).write_text("x", encoding="utf-8")

    tree = scan_sources(tmp_path)

    assert (tree.files, tree.ignored) == (("a.txt",), ("b�.txt",))


def test_folder_in_an_ignored_folder_can_be_scanned(tmp_path: Path) -> None:
    """The .gitignore of a virtual environment ignores everything in it."""
    folder = tmp_path / "environment" / "package"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "environment" / ".gitignore").write_text("*", encoding="utf-8")
    (folder / "setup.py").write_text("", encoding="utf-8")

    assert scan_sources(folder).files == ("setup.py",)
