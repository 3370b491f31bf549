"""What the corpus is made of, and the page about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.corpus import report
from tests.corpus.runs import Outcome
from tests.corpus.server import Corpus, read_corpus
from tests.corpus.stand_in import find_target, write
from tests.live.server import LiveServer

SERVER = LiveServer("http://127.0.0.1:1", "key", "1.10.14", Path(), "admin@example.com", "x")


def test_packages_are_pinned() -> None:
    """The runs can be repeated with the same packages."""
    corpus = read_corpus()

    assert len(corpus.packages) >= 15
    assert all(re.fullmatch(r"\d[\w.]*", version) for version in corpus.packages.values())
    assert corpus.custom_values.keys() >= {"BirthDate", "ThreePartsDate"}


@pytest.mark.parametrize(
    ("program", "arguments", "target"),
    [
        (
            "libreoffice",
            "--headless macro:///Standard.Module1.ConvertToPdf(a.docx,b.pdf,x)",
            "b.pdf",
        ),
        ("libreoffice", "--version", None),
        ("pdflatex", "-output-directory out x/input.tex", "out/input.pdf"),
        ("pdftk", "a.pdf fill_form x.fdf output b.pdf flatten", "b.pdf"),
        ("qpdf", "a.pdf b.pdf", "b.pdf"),
        ("gs", "-dPDFA -sOutputFile=b.pdf a.pdf", "b.pdf"),
        ("pdftoppm", "-png a.pdf page", "page-1.png"),
        ("pdftk", "--help", None),
    ],
)
def test_stand_in_writes_the_file_of_the_program(
    program: str, arguments: str, target: str | None
) -> None:
    """The output file is found among the arguments."""
    assert find_target(program, arguments.split()) == target


def test_stand_in_converts_to_the_format_of_the_arguments(tmp_path: Path) -> None:
    """The new file has the name of the source."""
    source = tmp_path / "letter.docx"
    source.touch()
    arguments = ["--convert-to", "pdf:writer", str(source), "--outdir", str(tmp_path / "out")]

    assert find_target("libreoffice", arguments) == str(tmp_path / "out/letter.pdf")


def test_stand_in_copies_a_source_of_the_same_kind(tmp_path: Path) -> None:
    """Otherwise it writes a small document."""
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 template")

    write(tmp_path / "b.pdf", [str(tmp_path / "a.pdf")])
    write(tmp_path / "c.pdf", ["x.docx"])

    assert (tmp_path / "b.pdf").read_bytes() == b"%PDF-1.7 template"
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF-1.4")


def test_page_lists_interviews_and_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files without a screen are only counted."""
    monkeypatch.setattr(report, "REPORT", tmp_path / "corpus.md")
    prefix = "docassemble.a:data/questions/"
    outcomes = [
        Outcome(interview=f"{prefix}x.yml", screens=2, documents=("x.pdf",)),
        Outcome(interview=f"{prefix}y.yml", screens=1, error="E", reason="E: a|b"),
        Outcome(interview=f"{prefix}z.yml", error="E", reason="no screen"),
    ]

    report.write_report(SERVER, Corpus(packages={"docassemble.a": "1"}), ["gs"], {}, outcomes)

    page = (tmp_path / "corpus.md").read_text(encoding="utf-8")
    assert "| a | 1 | x.yml | yes | x.pdf |" in page
    assert "| a | 1 | y.yml | no | E: a\\|b |" in page
    assert "z.yml" not in page
    assert "| E | 1 |" in page
    assert "| `gs` |" in page
