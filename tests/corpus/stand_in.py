"""
Stands in for a program that a real server has: copies a document, or writes a small one.

It runs on the Python of the server, under the name of the program.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff"
    "3f0005fe02fe0dc435ec0000000049454e44ae426082"
)
TEXTS = {".rtf": r"{\rtf1 }", ".txt": "", ".md": "", ".html": ""}


def write(target: Path, sources: Iterable[str]) -> None:
    """Copy the first source of the same kind, or write a small document."""
    for source in map(Path, sources):
        if source.suffix == target.suffix and source != target and source.is_file():
            shutil.copyfile(source, target)
            return
    if target.suffix == ".docx":
        import docx  # type: ignore[import-not-found]  # a dependency of the server

        docx.Document().save(target)
    elif target.suffix in TEXTS:
        target.write_text(TEXTS[target.suffix], encoding="utf-8")
    else:
        target.write_bytes(PICTURE if target.suffix == ".png" else PDF)


def flatten(target: Path) -> None:
    """Remove the fields of a PDF form, as if their values were part of the pages."""
    import pikepdf  # type: ignore[import-not-found]  # a dependency of the server

    with pikepdf.open(target, allow_overwriting_input=True) as pdf:
        for page in pdf.pages:
            annotations = page.get("/Annots", [])
            page.Annots = pikepdf.Array(
                [item for item in annotations if item.get("/Subtype") != "/Widget"]
            )
        if "/AcroForm" in pdf.Root:
            del pdf.Root.AcroForm
        pdf.save()


def find_target(program: str, arguments: list[str]) -> str | None:
    """Find the file that the program would write; None if it would write no file."""
    target = None
    if program == "libreoffice":
        target = _find_converted_file(arguments)
    elif program == "pdflatex" and "-output-directory" in arguments:
        folder = arguments[arguments.index("-output-directory") + 1]
        target = str(Path(folder, Path(arguments[-1]).stem + ".pdf"))
    elif program == "pdftk" and "output" in arguments:
        target = arguments[arguments.index("output") + 1]
    elif program == "qpdf" and len(arguments) > 1:
        target = arguments[-1]
    elif program == "pdftoppm" and len(arguments) > 1:
        target = f"{arguments[-1]}-1.png"
    elif program == "gs":
        prefix = "-sOutputFile="
        names = [item.removeprefix(prefix) for item in arguments if item.startswith(prefix)]
        target = names[0] if names else None
    return target


def _find_converted_file(arguments: list[str]) -> str | None:
    macro = re.search(r"\.ConvertToPdf\([^,]+,([^,]+),", " ".join(arguments))
    if macro:
        return macro[1]
    if "--convert-to" not in arguments:
        return None
    position = arguments.index("--convert-to") + 1
    source = next(Path(item) for item in arguments[position + 1 :] if Path(item).is_file())
    folder = arguments[arguments.index("--outdir") + 1]
    return str(Path(folder, f"{source.stem}.{arguments[position].partition(':')[0]}"))


if __name__ == "__main__":
    TARGET = find_target(Path(sys.argv[0]).name, sys.argv[1:])
    if TARGET is not None:
        write(Path(TARGET), sys.argv[1:])
        if "flatten" in sys.argv:
            flatten(Path(TARGET))
