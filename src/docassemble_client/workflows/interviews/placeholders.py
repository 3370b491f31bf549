"""Finds the values of x and [i] by comparing a name with the requested variable."""

from __future__ import annotations

import re

from docassemble_client.workflows.interviews.screen_field import INDEX, PLACEHOLDER


def match_placeholders(name: str, requested: str) -> dict[str, str] | None:
    """Return the texts for x and [i] that turn a name into the requested one, if any."""
    pattern, end = "", 0
    placeholders: list[str] = []
    for match in PLACEHOLDER.finditer(name):
        placeholders.append(match[1] or match[2])
        pattern += re.escape(name[end : match.start()])
        pattern += r"(.+?)" if match[1] else r"(\[[^\[\]]+\])"
        end = match.end()
    values = re.fullmatch(pattern + re.escape(name[end:]), requested)
    return dict(zip(placeholders, values.groups(), strict=True)) if values else None


def match_prefix(name: str, requested: str) -> dict[str, str] | None:
    """Match the part of a name up to its last index with the beginning of the requested name."""
    end = max((match.end() for match in PLACEHOLDER.finditer(name) if match[2]), default=0)
    starts = [match.end() for match in INDEX.finditer(requested)]
    matches = (match_placeholders(name[:end], requested[:start]) for start in starts if end)
    return next((values for values in matches if values is not None), None)
