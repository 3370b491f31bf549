"""What the corpus is made of, and the page about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docassemble_client import MISSING, Screen
from tests.corpus import report
from tests.corpus.answers import make_answers
from tests.corpus.runs import Outcome, hide_file_number
from tests.corpus.server import Corpus, read_corpus
from tests.corpus.stand_in import find_target, write
from tests.live.server import LiveServer
from tests.workflows.screens import decode_question, make_field, make_screen

SERVER = LiveServer("http://127.0.0.1:1", "key", "1.10.14", Path(), "admin@example.com", "x")


def test_packages_are_pinned() -> None:
    """The runs can be repeated with the same packages."""
    corpus = read_corpus()

    assert len(corpus.packages) >= 15
    assert all(re.fullmatch(r"\d[\w.]*", version) for version in corpus.packages.values())
    assert corpus.custom_values.keys() >= {"BirthDate", "ThreePartsDate"}


def test_answers_may_be_files_and_ticks(tmp_path: Path) -> None:
    """Files come from packages of the server; a datatype's value answers its other fields."""
    (tmp_path / "form.pdf").write_bytes(b"%PDF-1.7")
    answers = {"i": {"form": {"file": "form.pdf"}, "courts": {"checked": {"bmc": True}}, "n": 5}}
    corpus = Corpus(packages={}, custom_values={"BirthDate": 1985}, answers=answers)

    answer = make_answers(corpus, "i", tmp_path)

    assert answer("form", None).filename == "form.pdf"
    assert answer("courts", None).attributes["elements"] == {"bmc": True}
    assert (answer("n", None), answer("other", None)) == (5, MISSING)
    screen = Screen(decode_question(make_screen(make_field("born", datatype="BirthDate"))))
    (field,) = screen.fields
    assert answer(field, None) == 1985
    assert make_answers(corpus, "j", tmp_path)("n", None) is MISSING


@pytest.mark.parametrize(
    ("filename", "hidden"),
    [("181.pdf", "NUMBER.pdf"), ("letter 181.pdf", "letter 181.pdf"), ("1.2.pdf", "1.2.pdf")],
)
def test_file_numbers_do_not_change_the_page(filename: str, hidden: str) -> None:
    """The server counts its files, so the numbers differ in each run."""
    assert hide_file_number(filename) == hidden


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
