"""Predicts how the server changes the names of Playground files."""

from __future__ import annotations

import re
import unicodedata

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_UNSAFE_EXCEPT_SPACES = re.compile(r"[^A-Za-z0-9_. -]")


def predict_stored_name(filename: str) -> str:
    """
    Return the name under which the server stores an upload.

    The server uses werkzeug's secure_filename (develop/api.py:463). It removes accents, non-ASCII
    letters and special characters, replaces spaces by underscores, and strips dots and underscores
    from both ends.

    Args:
        filename: Name of the upload.

    Returns:
        Its name on the server; if it is empty, the upload fails.
    """
    return _UNSAFE.sub("", "_".join(_to_ascii(filename).replace("/", " ").split())).strip("._")


def predict_lookup_name(filename: str) -> str:
    """
    Return the name that the server looks up to read or delete a file.

    Unlike in uploads, spaces are kept (secure_filename_spaces_ok; develop/api.py:443, :450). If
    this changes the name of a stored file, the file cannot be read, and deleting it does nothing
    and raises no error.

    Args:
        filename: Requested name.

    Returns:
        The name that the server looks up.
    """
    return _UNSAFE_EXCEPT_SPACES.sub("", _to_ascii(filename).replace("/", "_")).strip("._ ")


def _to_ascii(filename: str) -> str:
    return unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
