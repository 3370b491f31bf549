"""What `python -m codegen` does."""

from __future__ import annotations

import os
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
    "src/docassemble_client/api/__init__.py",
    "src/docassemble_client/api/things.py",
    "src/docassemble_client/models/__init__.py",
    "src/docassemble_client/operations/__init__.py",
    "src/docassemble_client/operations/things.py",
]
THINGS = "src/docassemble_client/api/things.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose generated files are up to date."""
    write_spec(tmp_path, SPEC)
    assert main(["--root", str(tmp_path)]) == 0
    return tmp_path


def _files(root: Path) -> dict[str, bytes]:
    paths = [path for path in root.rglob("*") if path.is_file() and path.parent.name != "spec"]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_committed_files_are_what_the_specification_makes() -> None:
    """Nobody edits generated files, and nobody forgets to make them anew."""
    assert main(["--check"]) == 0


def test_writing_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file that was written is named; all of them say that they are generated."""
    write_spec(tmp_path, SPEC)

    code = main(["--root", str(tmp_path)])

    assert code == 0
    assert sorted(capsys.readouterr().out.splitlines()) == [f"wrote {one}" for one in GENERATED]
    assert sorted(_files(tmp_path)) == GENERATED
    assert all(b"@generated" in text.splitlines()[0] for text in _files(tmp_path).values())


def test_writing_twice_gives_the_same_bytes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the specification decides what is written."""
    before = _files(root)
    capsys.readouterr()

    code = main(["--root", str(root)])

    assert code == 0
    assert _files(root) == before
    assert capsys.readouterr().out == ""


def test_another_process_gives_the_same_bytes(root: Path) -> None:
    """The command is a module, and hash seeds and locales change nothing."""
    command = [sys.executable, "-m", "codegen", "--root", str(root), "--check"]

    done = subprocess.run(  # noqa: S603 - the command is ours
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "1", "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_check_of_files_up_to_date_is_silent(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is to be mended, nothing is said."""
    capsys.readouterr()

    code = main(["--root", str(root), "--check"])

    assert code == 0
    assert capsys.readouterr() == ("", "")


def test_check_shows_what_was_edited(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An edit is shown as a unified diff, with the command that takes it back."""
    path = root / THINGS
    edited = path.read_text(encoding="utf-8").replace("Do it.", "Do that.")
    path.write_text(edited, encoding="utf-8")

    code = main(["--root", str(root), "--check"])
    errors = capsys.readouterr().err

    assert code == 1
    assert errors.startswith(f"""\
{THINGS} differs; mend it with: python -m codegen
--- {THINGS} (as it is)
+++ {THINGS} (as the specification makes it)
@@ """)
    assert "\n-        Do that.\n+        Do it.\n" in errors
    assert path.read_text(encoding="utf-8") == edited


def test_check_compares_bytes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other line ends and bytes that are no text are differences too."""
    things, models = root / THINGS, root / GENERATED[5]
    things.write_bytes(things.read_bytes().replace(b"\n", b"\r\n"))
    models.write_bytes(models.read_bytes() + b"# \xff\n")

    code = main(["--root", str(root), "--check"])
    errors = capsys.readouterr().err

    assert code == 1
    assert f"{THINGS} differs" in errors
    assert "\n-# \ufffd" in errors


def test_check_names_missing_files(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is a difference, and every difference is reported."""
    for name in GENERATED[:2]:
        (root / name).unlink()

    code = main(["--root", str(root), "--check"])

    assert code == 1
    assert sorted(capsys.readouterr().err.splitlines()) == [
        f"{name} is missing; mend it with: python -m codegen" for name in GENERATED[:2]
    ]


@pytest.mark.parametrize("name", ["src/docassemble_client/api/boxes.py", "docs/old.md"])
def test_files_that_nothing_makes_any_more_are_removed(
    root: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A stale file fails the check and goes when the files are written."""
    (root / name).write_text("# @generated by codegen\n", encoding="utf-8")
    capsys.readouterr()

    checked = main(["--root", str(root), "--check"])
    errors = capsys.readouterr().err
    written = main(["--root", str(root)])

    assert (checked, written) == (1, 0)
    assert errors == f"{name} is generated by nothing; mend it with: python -m codegen\n"
    assert capsys.readouterr().out == f"removed {name}\n"
    assert sorted(_files(root)) == GENERATED


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
def test_files_written_by_hand_are_left_alone(root: Path, name: str, text: bytes) -> None:
    """Only Python and Markdown files in the package and docs/ that are marked may go."""
    (root / name).write_bytes(text)

    checked, written = (main(["--root", str(root), *more]) for more in (["--check"], []))

    assert (checked, written) == (0, 0)
    assert (root / name).read_bytes() == text


def test_folder_of_a_misleading_name_is_no_file(root: Path) -> None:
    """A folder called like a file is not opened."""
    (root / "docs" / "folder.md").mkdir()

    assert main(["--root", str(root), "--check"]) == 0


def test_tag_that_goes_takes_its_module_with_it(root: Path) -> None:
    """Writing brings the tree to what the specification makes, whatever was there."""
    (root / "spec" / "things.yaml").unlink()
    (root / "spec").rmdir()
    write_spec(root, f"tag: boxes\n{SPEC}")

    assert main(["--root", str(root)]) == 0
    assert sorted(_files(root)) == sorted(one.replace("things", "boxes") for one in GENERATED)


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_problems_of_the_specification_are_printed(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """All problems go to stderr with their number, and nothing is written."""
    before = _files(root)
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
boxes.yaml:1: lacks title, description, operations
cases.yaml:1: not YAML: expected the node content, but found '<stream end>'
2 problem(s) in the specification
"""
    )
    assert _files(root) == before
