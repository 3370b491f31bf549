"""Makes small documents and packages without other libraries."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats"
_SETUP = """\
from setuptools import find_namespace_packages, setup

setup(
    name='docassemble.{name}',
    version='{version}',
    description='A package for the tests',
    license='MIT',
    packages=find_namespace_packages(include=['docassemble.*']),
    package_data={{'': ['data/*/*']}},
)
"""


def make_zip(files: Mapping[str, str]) -> bytes:
    """Make a ZIP file from texts by path."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def make_docx(*paragraphs: str) -> bytes:
    """Make a Word document with these paragraphs."""
    text = "".join(f"<w:p><w:r><w:t>{paragraph}</w:t></w:r></w:p>" for paragraph in paragraphs)
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    main = f"{_OFFICE}-officedocument.wordprocessingml.document.main+xml"
    return make_zip(
        {
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
            f'<Default Extension="rels" ContentType="{_OFFICE}-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="r1" Type="{relation}" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{_WORD}">'
            f"<w:body>{text}</w:body></w:document>",
        }
    )


def make_pdf_form() -> bytes:
    """Make a PDF form with the text field `client` and the checkbox `agree`."""
    widget = "/Type /Annot /Subtype /Widget /P 3 0 R"
    mark = "<< /N << /Agreed 6 0 R /Off 6 0 R >> >>"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R 5 0 R] >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Annots [4 0 R 5 0 R] >>",
        f"<< {widget} /FT /Tx /T (client) /V (Ada) /Rect [100 700 300 720] >>",
        f"<< {widget} /FT /Btn /T (agree) /V /Off /Rect [100 600 120 620] /AP {mark} >>",
        "<< /Type /XObject /Subtype /Form /BBox [0 0 20 20] /Length 0 >>\nstream\n\nendstream",
    )
    content = b"%PDF-1.7\n"
    offsets: list[int] = []
    for number, text in enumerate(objects, start=1):
        offsets.append(len(content))
        content += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return (
        content
        + (
            f"xref\n0 {size}\n0000000000 65535 f \n{table}"
            f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF\n"
        ).encode()
    )


def make_package_files(
    name: str, version: str = "0.1.0", *, modules: bool = False
) -> dict[str, str]:
    """Make a docassemble package with a file in each folder: texts by path."""
    root = f"docassemble/{name}"
    files = {
        "setup.py": _SETUP.format(name=name, version=version),
        "README.md": "# A package for the tests\n",
        f"{root}/__init__.py": f"__version__ = '{version}'\n",
        f"{root}/data/questions/hello.yml": "question: Hello from the package\nmandatory: True\n",
        f"{root}/data/sources/words.json": '{"yes": "ja"}\n',
        f"{root}/data/static/style.css": "body { color: black; }\n",
        f"{root}/data/templates/letter.md": "Dear {{ client }},\n",
    }
    return files | ({f"{root}/rules.py": "LIMIT = 1500\n"} if modules else {})


def make_package(name: str, version: str = "0.1.0", *, modules: bool = False) -> bytes:
    """Make the ZIP file of such a package, with a top-level folder as in ZIP files of GitHub."""
    files = make_package_files(name, version, modules=modules)
    return make_zip({f"docassemble-{name}/{path}": text for path, text in files.items()})
