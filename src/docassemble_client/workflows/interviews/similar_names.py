"""Finds names that are probably the same name, written differently."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_SEPARATORS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_CLOSE = 0.75
_SHORT_NAME, _LONG_NAME = 4, 8
_MAX_DISTANCE = 2
_MAX_LENGTH = 200  # comparing longer names would block the event loop


def find_close_names(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """
    Find the names that somebody may have meant, for the text of an error.

    Args:
        name: The name that was looked for.
        candidates: Names to choose from.

    Returns:
        The closest names, at most three, best first.
    """
    texts = {
        candidate: candidate.casefold()
        for candidate in candidates
        if max(len(candidate), len(name)) <= _MAX_LENGTH
    }
    close = get_close_matches(name.casefold(), texts.values(), cutoff=_CLOSE)
    misspelled = [candidate for candidate in texts if is_misspelling(candidate, name)]
    found = [candidate for text in close for candidate in texts if texts[candidate] == text]
    return tuple(dict.fromkeys([*misspelled, *found]))[:3]


def is_misspelling(name: str, other: str) -> bool:
    """
    Whether two names are the same except for a typing error.

    Names that differ only in their numbers, such as child1 and child2, are different names.

    Args:
        name: A name.
        other: Another name.

    Returns:
        Whether they differ in case and separators only, or in at most two missing, additional or
        exchanged letters (one in a short name).
    """
    if name == other:
        return False
    first, second = _normalize(name), _normalize(other)
    if first == second or max(len(first), len(second)) > _MAX_LENGTH:
        return first == second != ""
    if _DIGITS.findall(first) != _DIGITS.findall(second):
        return False
    length = min(len(first), len(second))
    limit = _MAX_DISTANCE if length >= _LONG_NAME else 1
    return length >= _SHORT_NAME and _compute_distance(first, second) <= limit


def _normalize(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


def _compute_distance(first: str, second: str) -> int:
    """Count missing, additional and exchanged letters; a replaced letter counts twice."""
    before, previous = list[int](), list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        current = [row]
        for column, other in enumerate(second, 1):
            cost = min(
                previous[column] + 1,
                current[column - 1] + 1,
                previous[column - 1] + 2 * (letter != other),
            )
            pair = first[row - 2 : row]
            if row > 1 and column > 1 and pair[::-1] == second[column - 2 : column]:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]
