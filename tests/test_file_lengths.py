"""Size limits that keep the code readable."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def _read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_no_hand_written_file_is_long() -> None:
    """A hand-written file has at most 400 lines; generated files are marked."""
    folders = ("src", "codegen", "tests", "examples", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]

    long_files = [
        path.name
        for path in files
        if len(lines := _read_lines(path)) > 400 and "@generated" not in lines[0]
    ]

    assert files
    assert long_files == []


def test_generator_stays_small() -> None:
    """The code generator has at most 2,900 lines: 600 for OpenAPI, 500 for the blocking client."""
    lines = sum(len(_read_lines(path)) for path in (ROOT / "codegen").glob("*.py"))

    assert 0 < lines <= 2900
