"""The command `python -m codegen`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from codegen.__main__ import ROOT, main
from tests.codegen.harness import write_spec

if TYPE_CHECKING:
    from pathlib import Path

SPEC = "operations: {go: {call: POST /api/go}}"
GENERATED = [
    "docs/coverage.md",
    "docs/server-differences.md",
    "docs/versions.md",
    "src/docassemble_client/__init__.py",
    "src/docassemble_client/api/__init__.py",
    "src/docassemble_client/api/things.py",
    "src/docassemble_client/blocking/__init__.py",
    "src/docassemble_client/blocking/api/__init__.py",
    "src/docassemble_client/blocking/api/things.py",
    "src/docassemble_client/blocking/assembly.py",
    "src/docassemble_client/blocking/client.py",
    "src/docassemble_client/blocking/documents.py",
    "src/docassemble_client/blocking/interview.py",
    "src/docassemble_client/blocking/pagination.py",
    "src/docassemble_client/blocking/project.py",
    "src/docassemble_client/blocking/session.py",
    "src/docassemble_client/blocking/transfer.py",
    "src/docassemble_client/decoders/__init__.py",
    "src/docassemble_client/models/__init__.py",
    "src/docassemble_client/operations/__init__.py",
    "src/docassemble_client/operations/things.py",
    "src/docassemble_client/workflows/__init__.py",
]
THINGS = "src/docassemble_client/api/things.py"
MODELS = "src/docassemble_client/models/__init__.py"


@pytest.fixture(scope="module")
def generated_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose files were just generated; tests get copies of it."""
    folder = tmp_path_factory.mktemp("project")
    write_spec(folder, SPEC)
    assert main(["--root", str(folder)]) == 0
    return folder


@pytest.fixture
def root(tmp_path: Path, generated_root: Path) -> Path:
    """A project whose generated files are up to date."""
    return shutil.copytree(generated_root, tmp_path, dirs_exist_ok=True)


def _read_files(root: Path) -> dict[str, bytes]:
    paths = [path for path in root.rglob("*") if path.is_file() and path.parent.name != "spec"]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_committed_files_match_the_specification() -> None:
    """Generated files are never edited by hand and always up to date."""
    assert main(["--check"]) == 0


def test_written_files_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every written file is listed and is marked as generated."""
    write_spec(tmp_path, SPEC)

    code = main(["--root", str(tmp_path)])

    assert code == 0
    assert sorted(capsys.readouterr().out.splitlines()) == [f"wrote {name}" for name in GENERATED]
    assert sorted(_read_files(tmp_path)) == GENERATED
    assert all(b"@generated" in text.splitlines()[0] for text in _read_files(tmp_path).values())


def test_writing_twice_gives_the_same_bytes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output depends only on the specification."""
    before = _read_files(root)
    capsys.readouterr()

    code = main(["--root", str(root)])

    assert code == 0
    assert _read_files(root) == before
    assert capsys.readouterr().out == ""


def test_another_process_gives_the_same_bytes(root: Path) -> None:
    """Hash seeds and locales do not change the output."""
    command = [sys.executable, "-m", "codegen", "--root", str(root), "--check"]

    process = subprocess.run(  # noqa: S603 - the command is a constant
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "1", "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )

    assert (process.returncode, process.stdout, process.stderr) == (0, b"", b"")


def test_check_of_current_files_is_silent(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If no file differs, nothing is printed."""
    capsys.readouterr()

    code = main(["--root", str(root), "--check"])

    assert code == 0
    assert capsys.readouterr() == ("", "")


def test_check_shows_a_diff_of_edited_files(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An edit is shown as a unified diff, with the command that reverts it."""
    path = root / THINGS
    edited = path.read_text(encoding="utf-8").replace("Do it.", "Do that.")
    path.write_text(edited, encoding="utf-8")

    code = main(["--root", str(root), "--check"])
    errors = capsys.readouterr().err

    assert code == 1
    assert errors.startswith(f"""\
{THINGS} differs; to fix it, run: python -m codegen
--- {THINGS} (on disk)
+++ {THINGS} (generated)
@@ """)
    assert "\n-        Do that.\n+        Do it.\n" in errors
    assert path.read_text(encoding="utf-8") == edited


def test_check_compares_bytes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other line endings and invalid UTF-8 are differences too."""
    things, models = root / THINGS, root / MODELS
    things.write_bytes(things.read_bytes().replace(b"\n", b"\r\n"))
    models.write_bytes(models.read_bytes() + b"# \xff\n")

    code = main(["--root", str(root), "--check"])
    errors = capsys.readouterr().err

    assert code == 1
    assert f"{THINGS} differs" in errors
    assert "\n-# \ufffd" in errors


def test_check_names_missing_files(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file is a difference, and every difference is reported."""
    for name in GENERATED[:2]:
        (root / name).unlink()

    code = main(["--root", str(root), "--check"])

    assert code == 1
    assert sorted(capsys.readouterr().err.splitlines()) == [
        f"{name} is missing; to fix it, run: python -m codegen" for name in GENERATED[:2]
    ]


@pytest.mark.parametrize("name", ["src/docassemble_client/api/boxes.py", "docs/old.md"])
def test_stale_files_are_removed(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A stale file fails the check and is removed when the files are written."""
    (root / name).write_text("# @generated by codegen\n", encoding="utf-8")
    capsys.readouterr()

    checked = main(["--root", str(root), "--check"])
    errors = capsys.readouterr().err
    written = main(["--root", str(root)])

    assert (checked, written) == (1, 0)
    assert errors == f"{name} is no longer generated; to remove it, run: python -m codegen\n"
    assert capsys.readouterr().out == f"removed {name}\n"
    assert sorted(_read_files(root)) == GENERATED


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("src/docassemble_client/client.py", b"'''By hand; see the files marked\n@generated.'''\n"),
        ("src/docassemble_client/api/extra.py", b"# \xff\n"),
        ("src/docassemble_client/empty.py", b""),
        ("src/docassemble_client/data.bin", b"# @generated\n"),
        ("docs/guide.md", b"# Guide\n"),
        ("elsewhere.py", b"# @generated\n"),
    ],
)
def test_handwritten_files_are_not_removed(root: Path, name: str, text: bytes) -> None:
    """Only marked Python and Markdown files in the package and docs/ are removed."""
    (root / name).write_bytes(text)

    checked, written = (main(["--root", str(root), *more]) for more in (["--check"], []))

    assert (checked, written) == (0, 0)
    assert (root / name).read_bytes() == text


@pytest.mark.parametrize("name", ["docs/old.txt", "docs/old.md", "docs/old.json"])
def test_files_of_every_kind_can_be_stale(root: Path, name: str) -> None:
    """Texts may have the mark after their heading; JSON has it in its first line."""
    text = '{"x": "@generated"}' if name.endswith(".json") else "# Title\n\n<!-- @generated -->\n"
    (root / name).write_text(text, encoding="utf-8")

    assert main(["--root", str(root)]) == 0
    assert not (root / name).exists()


def test_folder_with_the_suffix_of_a_file_is_skipped(root: Path) -> None:
    """A folder with the name of a file is not opened."""
    (root / "docs" / "folder.md").mkdir()

    assert main(["--root", str(root), "--check"]) == 0


def test_module_of_a_removed_tag_is_removed(root: Path) -> None:
    """Writing makes the tree match the specification, whatever was there before."""
    (root / "spec" / "things.yaml").unlink()
    (root / "spec").rmdir()
    write_spec(root, f"tag: boxes\n{SPEC}")

    assert main(["--root", str(root)]) == 0
    names = sorted(name.replace("things", "boxes") for name in GENERATED)
    assert sorted(_read_files(root)) == names


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_problems_of_the_specification_are_printed(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """All problems and their number go to stderr, and nothing is written."""
    before = _read_files(root)
    (root / "spec" / "boxes.yaml").write_text("tag: boxes\n", encoding="utf-8")
    (root / "spec" / "cases.yaml").write_text("[", encoding="utf-8")
    capsys.readouterr()

    code = main(["--root", str(root), *arguments])
    output = capsys.readouterr()

    assert code == 1
    assert output.out == ""
    assert (
        output.err
        == """\
boxes.yaml:1: missing title, description, operations
cases.yaml:1: invalid YAML: expected the node content, but found '<stream end>'
2 problem(s) in the specification
"""
    )
    assert _read_files(root) == before
