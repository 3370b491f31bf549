"""The fixtures of docassemble_client; outside this repository pytest finds them by itself."""

from docassemble_client.pytest_plugin import docassemble, fake_docassemble

__all__ = ["docassemble", "fake_docassemble"]
