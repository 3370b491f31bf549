"""Imports the fixtures of docassemble_client. Outside of this repository, pytest finds them."""

from docassemble_client.pytest_plugin import docassemble, fake_docassemble

__all__ = ["docassemble", "fake_docassemble"]
