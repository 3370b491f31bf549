"""Problems in a specification, reported with file and line; the cases are in failures/."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codegen.__main__ import SpecificationError, read

CASES = Path(__file__).parent / "failures"
NAMES = sorted(path.stem for path in CASES.glob("*") if path.suffix != ".txt")


def _read_problems(folder: Path) -> str:
    with pytest.raises(SpecificationError) as caught:
        read(folder)
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_problem_is_reported_with_file_and_line(name: str, tmp_path: Path) -> None:
    """Every problem is reported as file, line and message, exactly as in the case."""
    folder = CASES / name
    expected = folder / "expected.txt" if folder.is_dir() else CASES / f"{name}.txt"
    if not folder.is_dir():
        folder = tmp_path
        shutil.copy(CASES / f"{name}.yaml", folder / "things.yaml")

    problems = _read_problems(folder)

    assert f"{problems}\n" == expected.read_text(encoding="utf-8")


def test_all_problems_are_reported_together_and_sorted(tmp_path: Path) -> None:
    """One run reports all problems."""
    cases = ["model-unused", "docs-without-documentation", "operations-out-of-order"]
    texts = []
    for name in cases:
        tag = name.replace("-", "_")
        text = (CASES / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{tag}.yaml").write_text(text.replace("tag: things", f"tag: {tag}"), "utf-8")
        texts.append(
            (CASES / f"{name}.txt").read_text("utf-8").replace("things.yaml", f"{tag}.yaml")
        )

    problems = _read_problems(tmp_path)

    assert problems.splitlines() == sorted("".join(texts).splitlines())


def test_problems_are_sorted_by_line_number(tmp_path: Path) -> None:
    """Line 10 comes after line 9; problems of one line are sorted by message."""
    many = "".join(f"key_{letter}: 1\n" for letter in "zyxwvutsrqponm")
    (tmp_path / "things.yaml").write_text(f"tag: [{{}}]\n{many}", encoding="utf-8")

    lines = [int(problem.split(":")[1]) for problem in _read_problems(tmp_path).splitlines()]

    assert lines == sorted(lines)
    assert lines[-1] == 15


def test_folder_without_specification_is_a_problem(tmp_path: Path) -> None:
    """A wrong folder is not treated as an empty API."""
    assert _read_problems(tmp_path) == f"{tmp_path}:1: no YAML files found"
    assert _read_problems(tmp_path / "missing") == f"{tmp_path / 'missing'}:1: no YAML files found"


def test_file_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    """A file in another encoding is a problem of that file, not a crash of the generator."""
    (tmp_path / "things.yaml").write_bytes("tag: größe\n".encode("latin-1"))

    assert _read_problems(tmp_path) == "things.yaml:1: invalid YAML: the file is not UTF-8 text"


def test_dates_are_strings(tmp_path: Path) -> None:
    """YAML has dates and JSON does not, so dates need no quotes."""
    text = (CASES / "unknown-key.yaml").read_text(encoding="utf-8")
    dated = text.replace("auht: false", "description: 2024-01-31")
    (tmp_path / "things.yaml").write_text(dated, encoding="utf-8")

    assert read(tmp_path).operations[0].description == "2024-01-31"
