"""Shows the lines on effects, privileges and server code of a docstring as paragraphs."""

from __future__ import annotations

import re
from typing import Any

import griffe

_LINE = re.compile(r"\n(?=(?:Privileges|Server code|See also): )")


class SeparateLines(griffe.Extension):
    """An extension of mkdocstrings."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Separate the lines of a function's docstring."""
        if func.docstring is not None:
            func.docstring.value = _LINE.sub("\n\n", func.docstring.value)
