"""What the server makes of the names of files in the Playground."""

from __future__ import annotations

import re
import unicodedata

_STRANGE = re.compile(r"[^A-Za-z0-9_.-]")
_STRANGE_BUT_BLANKS = re.compile(r"[^A-Za-z0-9_. -]")


def stored_name(filename: str) -> str:
    """
    Tell under which name the server stores an upload.

    Accents, letters beyond ASCII, and signs go; blanks become underscores; dots and underscores at
    either end go (werkzeug's secure_filename; develop/api.py:463).

    Args:
        filename: Name of the upload.

    Returns:
        Its name on the server; empty if nothing is left of it, and then the upload fails.
    """
    return _STRANGE.sub("", "_".join(_plain(filename).replace("/", " ").split())).strip("._")


def found_name(filename: str) -> str:
    """
    Tell which file the server looks for when it is asked for one, or told to delete one.

    Other than in uploads, blanks stay (secure_filename_spaces_ok; develop/api.py:443, :450): a file
    whose name is changed by this cannot be reached, and to delete it does nothing without an error.

    Args:
        filename: Name that is asked for.

    Returns:
        Name that is looked for.
    """
    return _STRANGE_BUT_BLANKS.sub("", _plain(filename).replace("/", "_")).strip("._ ")


def _plain(filename: str) -> str:
    return unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
