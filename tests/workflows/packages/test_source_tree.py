"""Which files of a folder count."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docassemble_client.workflows.packages.source_tree import scan
from tests.workflows.package_files import write

if TYPE_CHECKING:
    from collections.abc import Mapping

links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")


def kept(folder: Path, *paths: str, ignore: str = "") -> list[str]:
    """Which of these files count, where this is the .gitignore."""
    write(folder, {**dict.fromkeys(paths, "x"), **({".gitignore": ignore} if ignore else {})})
    return [path for path in scan(folder).files if path != ".gitignore"]


def test_caches_secrets_and_what_editors_leave_do_not_count(tmp_path: Path) -> None:
    """Nothing that Git, Python or an editor keeps for itself, and no file that holds secrets."""
    never = (
        *(".git/config", ".hg/x", "__pycache__/a.pyc", "docassemble/X/__pycache__/a.py", "a.pyo"),
        *("docassemble.X.egg-info/PKG-INFO", "build/lib/a.py", "dist/a.whl", ".mypy_cache/x"),
        *("node_modules/x/index.js", ".venv/bin/python", ".idea/x.xml", ".vscode/x", "a.yml~"),
        *(".a.yml.swp", "#a.yml#", ".#a.yml", ".DS_Store", "Thumbs.db", ".env", ".env.local"),
        *("docassemble/X/data/sources/.env", "keys/id_rsa", "server.pem", "x.key", "x.p12"),
        *(".netrc", ".pypirc", ".docassemblecli", ".coverage", ".tox/x", ".history/x"),
    )
    always = (
        *(".env.example", ".gitignore", "README.md", "docassemble/X/data/static/build/app.js"),
        *("docassemble/X/data/static/dist/app.js", "docassemble/X/data/sources/monkey.yml"),
        *("id_rsa.pub", "environment.py"),
    )

    write(tmp_path, dict.fromkeys((*never, *always), "x"))
    tree = scan(tmp_path)

    assert tree.files == tuple(sorted(always))
    assert {".git/", "build/", ".env", "keys/id_rsa", "docassemble/X/__pycache__/"} <= set(
        tree.left_out
    )


def test_virtual_environment_is_known_by_its_file(tmp_path: Path) -> None:
    """Whatever it is called, and only where it is one."""
    assert kept(tmp_path, "py/pyvenv.cfg", "py/lib/x.py", "env/x.py") == ["env/x.py"]


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
    """Patterns, folders, negations and comments; a line that cannot be read says nothing."""
    assert kept(tmp_path, "a/b/c.md", "a/b/c.txt", "a/c.txt", "c.txt", ignore=ignore) == expected


def test_names_with_signs_are_matched_by_patterns_that_say_so(tmp_path: Path) -> None:
    """A backslash takes a sign for itself, also a blank at the end."""
    names = ("!a.txt", "#b.txt", "c ", "d.txt")

    assert kept(tmp_path, *names, ignore="\\!a.txt\n\\#b.txt\nc\\ \n") == ["d.txt"]


def test_gitignore_takes_back_what_is_left_out_otherwise(tmp_path: Path) -> None:
    """Only Git's own folder never counts."""
    kept_now = kept(tmp_path, "cert.pem", "my.key", ".git/x", ignore="!*.pem\n!.git\n!.git/\n")

    assert kept_now == ["cert.pem"]


def test_gitignores_above_and_below_count(tmp_path: Path) -> None:
    """Those from the top of the repository to the folder, and those in it; the lowest wins."""
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
    write(tmp_path, files)

    tree = scan(tmp_path / "packages" / "mine")

    assert [path for path in tree.files if path.endswith((".txt", ".log"))] == [
        *("b.txt", "d.txt"),
        *("sub/a.txt", "sub/b.txt", "sub/c.txt"),
    ]
    assert tree.left_out == ("a.txt", "c.txt", "sub/d.txt", "x.log")


def test_ignored_folder_may_be_scanned_itself(tmp_path: Path) -> None:
    """Whoever names a folder means it, though the repository ignores it."""
    write(tmp_path, {".git/HEAD": "x", ".gitignore": "out/\n", "out/a.txt": "x"})

    assert scan(tmp_path / "out").files == ("a.txt",)


@links
def test_links_are_followed_to_files_that_count(tmp_path: Path) -> None:
    """Not out of the folder, not to what is left out, not into folders, not in circles."""
    outside = write(tmp_path / "other", {"passwords.txt": "x"})
    folder = write(tmp_path / "mine", {"a.txt": "x", ".env": "x", "sub/b.txt": "x"})
    for name, target in (
        *(("good.txt", "a.txt"), ("deep.txt", "sub/b.txt"), ("secret.txt", ".env")),
        *(("out.txt", outside / "passwords.txt"), ("folder", "sub"), ("none.txt", "gone.txt")),
        *(("circle.txt", "circle.txt"), ("up", "..")),
    ):
        (folder / name).symlink_to(target)

    tree = scan(folder)

    assert tree.files == ("a.txt", "deep.txt", "good.txt", "sub/b.txt")
    assert tree.left_out == (
        *(".env", "circle.txt", "folder", "none.txt", "out.txt", "secret.txt", "up"),
    )


@links
def test_what_is_no_file_does_not_count(tmp_path: Path) -> None:
    """A pipe would never end; the .git of a worktree is a file."""
    write(tmp_path, {"a.txt": "x", ".git": "gitdir: elsewhere"})
    os.mkfifo(tmp_path / "pipe")

    tree = scan(tmp_path)

    assert (tree.files, tree.left_out) == (("a.txt",), (".git", "pipe"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_name_that_is_no_text_does_not_count(tmp_path: Path) -> None:
    """It could not be sent; it is told with a sign for what cannot be read."""
    write(tmp_path, {"a.txt": "x"})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.txt")).write_text("x", encoding="utf-8")

    tree = scan(tmp_path)

    assert (tree.files, tree.left_out) == (("a.txt",), ("b�.txt",))


def test_folder_that_is_ignored_itself_counts_when_it_is_named(tmp_path: Path) -> None:
    """What a pattern above says of it, as in a virtual environment, does not empty it."""
    folder = tmp_path / "environment" / "package"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "environment" / ".gitignore").write_text("*", encoding="utf-8")
    (folder / "setup.py").write_text("", encoding="utf-8")

    assert scan(folder).files == ("setup.py",)
