"""Prepares docs/guide/deploy.md: a package in the current folder and one on PyPI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

_INSIDE = "docassemble/MyForm"
_FILES = {
    "setup.py": (
        "from setuptools import find_namespace_packages, setup\n\n"
        "setup(\n    name='docassemble.MyForm',\n    version='1.2.0',\n"
        "    packages=find_namespace_packages(include=['docassemble.*']),\n"
        "    package_data={'': ['data/*/*']},\n)\n"
    ),
    ".env": "DOCASSEMBLE_API_KEY=...\n",
    f"{_INSIDE}/__init__.py": "__version__ = '1.2.0'\n",
    f"{_INSIDE}/rules.py": "LIMIT = 1500\n",
    f"{_INSIDE}/data/questions/main.yml": (
        "mandatory: True\nquestion: What is your name?\nfields:\n  - Name: user_name\n"
    ),
    f"{_INSIDE}/data/templates/Cover letter.docx": "Dear {{ user_name }},\n",
}


def prepare_server(fake: FakeServer) -> None:
    """Write the package, and add one from PyPI and one from GitHub to the server."""
    for path, text in _FILES.items():
        file = Path("docassemble-MyForm") / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    fake.add_package("docassemble.AssemblyLine", "3.5.0")
    fake.add_package("docassemble.helloworld", "1.0")
