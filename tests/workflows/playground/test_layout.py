"""Where the files of a working tree belong in a Playground, and what they are called there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.playground.filenames import found_name, stored_name
from docassemble_client.workflows.playground.layout import find_local
from tests.workflows.package_files import write

if TYPE_CHECKING:
    from pathlib import Path


def found(folder: Path, *paths: str) -> dict[str, str]:
    """Where these files belong: paths on disk by place in the Playground."""
    local = find_local(write(folder, dict.fromkeys(paths, "x")))
    root = folder.resolve()
    return {
        "/".join(place): path.relative_to(root).as_posix() for place, path in local.files.items()
    }


@pytest.mark.parametrize("base", ["docassemble/Mine", "src/docassemble/Mine"])
def test_package_is_laid_out_as_the_server_unpacks_it(tmp_path: Path, base: str) -> None:
    """Data by its folders, modules beside them; nothing from elsewhere."""
    files = (
        *(f"{base}/data/questions/main.yml", f"{base}/data/templates/letter.docx"),
        *(f"{base}/data/static/a.css", f"{base}/data/sources/words.json", f"{base}/rules.py"),
    )
    others = (
        *("setup.py", "README.md", "tests/rules.py", "questions/other.yml", "data/questions/x.yml"),
        *(f"{base}/__init__.py", f"{base}/data/questions/README.md", f"{base}/data/static/.keep"),
        *(f"{base}/data/static/css/a.css", f"{base}/sub/more.py", f"{base}/data/modules/x.py"),
        *(f"{base}/data/a.yml", f"{base}/data/static/.env", f"{base}/notes.txt"),
    )

    places = found(tmp_path, *files, *others)
    local = find_local(tmp_path)

    assert places == {
        "questions/main.yml": files[0],
        "templates/letter.docx": files[1],
        "static/a.css": files[2],
        "sources/words.json": files[3],
        "modules/rules.py": files[4],
    }
    assert local.left_out == tuple(sorted(others[7:]))
    assert local.renamed == {}


def test_working_tree_may_be_as_the_playground_is(tmp_path: Path) -> None:
    """Five folders at the top; only they count, and only what lies in them directly."""
    files = (
        *("questions/main.yml", "templates/a.docx", "static/a.css", "sources/w.json"),
        *("modules/rules.py", "static/README.md"),
    )
    others = ("modules/notes.txt", "questions/deep/a.yml", "static/.keep", "static/__pycache__/x")

    places = found(tmp_path, *files, *others, "packages/x", "other.yml", ".env", "more/a.yml")

    assert places == {path: path for path in files}
    assert find_local(tmp_path).left_out == (
        *("modules/notes.txt", "questions/deep/a.yml", "static/.keep", "static/__pycache__/"),
    )


def test_names_that_the_server_changes_are_told(tmp_path: Path) -> None:
    """It stores ASCII letters, digits and a few signs, and no underscore at an end."""
    write(tmp_path, {"static/Brief für Ada.txt": "x", "modules/_helpers.py": "x"})

    local = find_local(tmp_path)

    assert local.renamed == {
        "static/Brief für Ada.txt": "Brief_fur_Ada.txt",
        "modules/_helpers.py": "helpers.py",
    }
    assert ("modules", "helpers.py") in local.files


@pytest.mark.parametrize(
    ("paths", "what"),
    [
        (["static/a b.txt", "static/a_b.txt"], "static/a b.txt and static/a_b.txt"),
        (["modules/_a.py", "modules/a.py", "static/é", "static/e"], "a.py; static/e and static/é"),
        (["static/日本"], "cannot store a file under this name: static/日本"),
        (["static/" + "㏂" * 80], "cannot store a file under this name"),
        (["docassemble/One/a.py", "docassemble/Two/a.py"], "several packages"),
        (["docassemble/__init__.py"], "neither a package nor as the Playground has it"),
        (["questions", "readme.txt"], "neither a package nor as the Playground has it"),
        ([".env"], "neither a package"),
    ],
)
def test_folder_that_cannot_be_synced_is_refused(
    tmp_path: Path, paths: list[str], what: str
) -> None:
    """Files that would overwrite each other, or could not be stored, are found at once."""
    with pytest.raises(UsageError, match=what) as caught:
        found(tmp_path, *paths)

    assert caught.value.hint


def test_folder_must_be_there(tmp_path: Path) -> None:
    """A file or nothing is no folder."""
    with pytest.raises(UsageError, match="no folder at the path given"):
        find_local(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "stored", "asked"),
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
def test_names_are_changed_as_the_server_changes_them(name: str, stored: str, asked: str) -> None:
    """Uploads in one way, reading and deleting in another; what is stored can always be read."""
    assert (stored_name(name), found_name(name)) == (stored, asked)
    assert found_name(stored) == stored
