"""Compares JSON values by their shape: types and keys at every depth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.secret_detection import STAND_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape: TypeAlias = "str | dict[str, Shape] | list[Shape]"
# Keys that differ from run to run: stand-ins of secrets, numbers, and generated names.
_ID = re.compile(rf"{STAND_IN.pattern}|\d+|[0-9a-f-]{{36}}|[A-Za-z]{{16}}|\w*@[\w.]+")


def get_shape(value: Any) -> Shape:
    """Reduce a value to its types and keys; a list to the different shapes of its items."""
    if isinstance(value, dict):
        return {name: get_shape(item) for name, item in value.items()}
    if isinstance(value, list):
        shapes: list[Shape] = []
        for shape in map(get_shape, value):
            if shape not in shapes:
                shapes.append(shape)
        return shapes
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "null" if value is None else "string"


def find_differences(
    recorded: Shape, actual: Shape, path: str = "", *, cut: bool = False
) -> Iterator[str]:
    """
    Find the differences of two shapes.

    Args:
        recorded: Shape of the real server's response.
        actual: Shape of the fake server's response.
        path: Path of both shapes in the responses.
        cut: Whether lists were shortened in the recording.

    Yields:
        Descriptions of the differences.
    """
    if isinstance(recorded, dict) and isinstance(actual, dict):
        yield from _compare_objects(recorded, actual, path, cut=cut)
    elif isinstance(recorded, list) and isinstance(actual, list):
        yield from _compare_lists(recorded, actual, path, cut=cut)
    elif recorded != actual:
        name = path or "the whole"
        yield f"{name} is {_describe_shape(actual)} instead of {_describe_shape(recorded)}"


def _compare_objects(
    recorded: dict[str, Shape], actual: dict[str, Shape], path: str, *, cut: bool
) -> Iterator[str]:
    missing = [name for name in recorded if name not in actual]
    added = [name for name in actual if name not in recorded]
    pairs = [(name, name) for name in recorded if name in actual]
    for name in [name for name in missing if _ID.fullmatch(name)][: len(added)]:
        missing.remove(name)
        pairs.append((name, added.pop(0)))
    yield from (f"{path}.{name} is missing" for name in missing)
    yield from (f"{path}.{name} is unexpected" for name in added)
    for name, actual_name in pairs:
        yield from find_differences(recorded[name], actual[actual_name], f"{path}.{name}", cut=cut)


def _compare_lists(
    recorded: list[Shape], actual: list[Shape], path: str, *, cut: bool
) -> Iterator[str]:
    missing = [shape for shape in recorded if shape not in actual]
    added = [shape for shape in actual if shape not in recorded]
    for recorded_shape, actual_shape in zip(missing, added, strict=False):
        yield from find_differences(recorded_shape, actual_shape, f"{path}[]", cut=cut)
    yield from (f"{path}[] is never {_describe_shape(shape)}" for shape in missing[len(added) :])
    if not cut:
        extra = added[len(missing) :]
        yield from (f"{path}[] is also {_describe_shape(shape)}" for shape in extra)


def _describe_shape(shape: Shape) -> str:
    if isinstance(shape, str):
        return shape
    return f"object of {', '.join(shape)}" if isinstance(shape, dict) else "list"
