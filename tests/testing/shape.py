"""Compares two JSON values by their shape: types and keys at every depth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.scanner import STAND_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape: TypeAlias = "str | dict[str, Shape] | list[Shape]"
# Names that say nothing: stand-ins of secrets, numbers, and names a run has made up.
_ID = re.compile(rf"{STAND_IN.pattern}|\d+|[0-9a-f-]{{36}}|[A-Za-z]{{16}}|\w*@[\w.]+")


def shape_of(value: Any) -> Shape:
    """Reduce a value to its types and keys; a list to the different shapes of its items."""
    if isinstance(value, dict):
        return {name: shape_of(one) for name, one in value.items()}
    if isinstance(value, list):
        shapes: list[Shape] = []
        for one in map(shape_of, value):
            if one not in shapes:
                shapes.append(one)
        return shapes
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "null" if value is None else "string"


def differences(
    recorded: Shape, answered: Shape, where: str = "", *, cut: bool = False
) -> Iterator[str]:
    """
    Tell where two shapes differ.

    Args:
        recorded: What came from the real server.
        answered: What the fake server answers.
        where: Place of both in the answers.
        cut: Whether what was recorded had longer lists.

    Yields:
        Each difference with its place.
    """
    if isinstance(recorded, dict) and isinstance(answered, dict):
        yield from _of_objects(recorded, answered, where, cut=cut)
    elif isinstance(recorded, list) and isinstance(answered, list):
        yield from _of_lists(recorded, answered, where, cut=cut)
    elif recorded != answered:
        yield f"{where or 'the whole'} is {_kind(answered)} and not {_kind(recorded)}"


def _of_objects(
    recorded: dict[str, Shape], answered: dict[str, Shape], where: str, *, cut: bool
) -> Iterator[str]:
    missing = [name for name in recorded if name not in answered]
    added = [name for name in answered if name not in recorded]
    pairs = [(name, name) for name in recorded if name in answered]
    for name in [one for one in missing if _ID.fullmatch(one)][: len(added)]:
        missing.remove(name)
        pairs.append((name, added.pop(0)))
    yield from (f"{where}.{name} is missing" for name in missing)
    yield from (f"{where}.{name} is too much" for name in added)
    for here, there in pairs:
        yield from differences(recorded[here], answered[there], f"{where}.{here}", cut=cut)


def _of_lists(
    recorded: list[Shape], answered: list[Shape], where: str, *, cut: bool
) -> Iterator[str]:
    missing = [one for one in recorded if one not in answered]
    added = [one for one in answered if one not in recorded]
    for here, there in zip(missing, added, strict=False):
        yield from differences(here, there, f"{where}[]", cut=cut)
    yield from (f"{where}[] is never {_kind(one)}" for one in missing[len(added) :])
    if not cut:
        yield from (f"{where}[] is also {_kind(one)}" for one in added[len(missing) :])


def _kind(shape: Shape) -> str:
    if isinstance(shape, str):
        return shape
    return f"object of {', '.join(shape)}" if isinstance(shape, dict) else "list"
