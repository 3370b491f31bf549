"""Mapping of a working tree to the folders and file names of a Playground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.playground.filenames import (
    predict_lookup_name,
    predict_stored_name,
)
from docassemble_client.workflows.playground.layout import find_local_files
from tests.workflows.package_files import write_files

if TYPE_CHECKING:
    from pathlib import Path


def find_paths(folder: Path, *paths: str) -> dict[str, str]:
    """Write these files; return their paths on disk by path in the Playground."""
    local = find_local_files(write_files(folder, dict.fromkeys(paths, "x")))
    root = folder.resolve()
    return {
        "/".join(remote): path.relative_to(root).as_posix() for remote, path in local.files.items()
    }


@pytest.mark.parametrize("base", ["docassemble/Mine", "src/docassemble/Mine"])
def test_package_files_map_to_the_folders_that_the_server_uses(tmp_path: Path, base: str) -> None:
    """Data files go by their folder, modules are beside them; other files are ignored."""
    files = (
        *(f"{base}/data/questions/main.yml", f"{base}/data/templates/letter.docx"),
        *(f"{base}/data/static/a.css", f"{base}/data/sources/words.json", f"{base}/rules.py"),
    )
    ignored = (
        *("setup.py", "README.md", "tests/rules.py", "questions/other.yml", "data/questions/x.yml"),
        *(f"{base}/__init__.py", f"{base}/data/questions/README.md", f"{base}/data/static/.keep"),
        *(f"{base}/data/static/css/a.css", f"{base}/sub/more.py", f"{base}/data/modules/x.py"),
        *(f"{base}/data/a.yml", f"{base}/data/static/.env", f"{base}/notes.txt"),
    )

    paths = find_paths(tmp_path, *files, *ignored)
    local = find_local_files(tmp_path)

    assert paths == {
        "questions/main.yml": files[0],
        "templates/letter.docx": files[1],
        "static/a.css": files[2],
        "sources/words.json": files[3],
        "modules/rules.py": files[4],
    }
    assert local.ignored == tuple(sorted(ignored[7:]))
    assert local.renamed == {}


def test_files_of_open_editors_block_nothing(tmp_path: Path) -> None:
    """The server would store Word's `~$letter.docx` under the name of the document."""
    base = "docassemble/Mine/data/templates"
    temporary = (f"{base}/~$letter.docx", f"{base}/._letter.docx", f"{base}/letter.docx.bak")

    paths = find_paths(tmp_path, f"{base}/letter.docx", *temporary)

    assert paths == {"templates/letter.docx": f"{base}/letter.docx"}
    assert find_local_files(tmp_path).ignored == tuple(sorted(temporary))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["docassemble-Mine"], "the package is in the folder docassemble-Mine"),
        (["a", "b/c"], "there are packages in the folders a, b/c"),
    ],
)
def test_package_in_a_deeper_folder_is_named(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    """The folder of a repository may hold packages in subfolders."""
    with pytest.raises(UsageError, match=message):
        find_paths(
            tmp_path, *(f"{folder}/docassemble/Mine/data/questions/a.yml" for folder in folders)
        )


def test_module_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """The server reads the modules of Playgrounds too when it starts."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/rules.py").write_bytes(b"name = 'J\xf6rg'\n")

    with pytest.raises(UsageError, match=r"modules/rules\.py is not UTF-8"):
        find_local_files(tmp_path)


def test_working_tree_may_have_the_playground_layout(tmp_path: Path) -> None:
    """Only files directly in the five folders are included."""
    files = (
        *("questions/main.yml", "templates/a.docx", "static/a.css", "sources/w.json"),
        *("modules/rules.py", "static/README.md"),
    )
    ignored = ("modules/notes.txt", "questions/deep/a.yml", "static/.keep", "static/__pycache__/x")

    paths = find_paths(tmp_path, *files, *ignored, "packages/x", "other.yml", ".env", "more/a.yml")

    assert paths == {path: path for path in files}
    assert find_local_files(tmp_path).ignored == (
        *("modules/notes.txt", "questions/deep/a.yml", "static/.keep", "static/__pycache__/"),
    )


def test_names_that_the_server_changes_are_reported(tmp_path: Path) -> None:
    """It keeps ASCII letters, digits and a few characters, and strips underscores."""
    write_files(tmp_path, {"static/Brief für Ada.txt": "x", "modules/_helpers.py": "x"})

    local = find_local_files(tmp_path)

    assert local.renamed == {
        "static/Brief für Ada.txt": "Brief_fur_Ada.txt",
        "modules/_helpers.py": "helpers.py",
    }
    assert ("modules", "helpers.py") in local.files


@pytest.mark.parametrize(
    ("paths", "error"),
    [
        (["static/a b.txt", "static/a_b.txt"], "static/a b.txt and static/a_b.txt"),
        (["modules/_a.py", "modules/a.py", "static/é", "static/e"], "a.py; static/e and static/é"),
        (["static/日本"], "cannot store files with these names: static/日本"),
        (["static/" + "㏂" * 80], "cannot store files with these names"),
        (["docassemble/One/a.py", "docassemble/Two/a.py"], "several packages"),
        (["docassemble/__init__.py"], "neither a package nor laid out as a Playground"),
        (["questions", "readme.txt"], "neither a package nor laid out as a Playground"),
        ([".env"], "neither a package"),
    ],
)
def test_folder_that_cannot_be_synced_is_refused(
    tmp_path: Path, paths: list[str], error: str
) -> None:
    """The server would overwrite one of its files or could not store it."""
    with pytest.raises(UsageError, match=error) as caught:
        find_paths(tmp_path, *paths)

    assert caught.value.hint


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    """The error is the same for a file."""
    with pytest.raises(UsageError, match="no folder at this path"):
        find_local_files(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "stored", "lookup"),
    [
        ("main.yml", "main.yml", "main.yml"),
        ("two  blanks.txt", "two_blanks.txt", "two  blanks.txt"),
        ("Brief für 'Ada'.txt", "Brief_fur_Ada.txt", "Brief fur Ada.txt"),
        ("日本.txt", "txt", "txt"),
        ("../up.txt", "up.txt", "up.txt"),
        ("a/b.txt", "a_b.txt", "a_b.txt"),
        ("a\\b.txt", "ab.txt", "ab.txt"),
        ("tab\tand\nline.txt", "tab_and_line.txt", "tabandline.txt"),
        ("_private_.py_", "private_.py", "private_.py"),
        ("½.txt", "12.txt", "12.txt"),
        ("日本", "", ""),
    ],
)
def test_names_are_changed_as_the_server_does(name: str, stored: str, lookup: str) -> None:
    """The rules for uploads and for reading differ, but a stored name can always be read."""
    assert (predict_stored_name(name), predict_lookup_name(name)) == (stored, lookup)
    assert predict_lookup_name(stored) == stored
