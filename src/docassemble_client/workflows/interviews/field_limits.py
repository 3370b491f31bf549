"""Compares values with the limits of their fields: min, max, step, minlength and maxlength."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING

from docassemble_client.workflows.interviews.text_format import parse_limit, parse_time

if TYPE_CHECKING:
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.screen_field import ScreenField

_NAMES = ("min", "max", "step", "minlength", "maxlength")
_ROUNDING = 1e-6
_LENGTHS = ("minlength", "maxlength")


def list_limits(field: ScreenField) -> dict[str, str]:
    """Return the limits of a field by name, as the interview wrote them."""
    if field.type is bytes:
        return {}  # `max` is the maximum size of an upload
    limits = {name: getattr(field.raw, name) for name in _NAMES}
    return {name: str(limit) for name, limit in limits.items() if limit is not None}


def find_exceeded_limit(field: ScreenField, value: Answer) -> str:
    """
    Return the limit that a value exceeds.

    A limit that is not a number, a date or a time, such as a date in another language, is ignored.

    Args:
        field: The field.
        value: Value of the field's type.

    Returns:
        A sentence about the limit; empty if the value is within the limits.
    """
    limits = list_limits(field)
    size = _measure(value, is_area=field.raw.inputtype == "area")
    if size is not None:
        shortest, longest = (parse_length(limits.get(name)) for name in _LENGTHS)
        unit = "choices" if isinstance(value, list) else "characters"
        # The browser does not check the minimum of an empty text.
        if (size or unit == "choices") and shortest is not None and size < shortest:
            return f"has fewer than {shortest} {unit}"
        if longest is not None and size > longest:
            return f"has more than {longest} {unit}"
        return ""
    for name, sign in (("min", 1), ("max", -1)):
        order = _compare(value, limits.get(name))
        if order is not None and order * sign < 0:
            return f"is {'below' if sign > 0 else 'above'} {name}"
    return "" if _is_multiple(field, value, limits) else "is not a multiple of step"


def get_slider_position(field: ScreenField) -> float:
    """Return the value of a number field without an answer: 0, or that of a browser's slider."""
    low, high = parse_float(field.raw.min), parse_float(field.raw.max)
    if field.datatype != "range" or low is None or high is None:
        return 0.0
    default = parse_float(field.raw.default)
    # base/standardformatter.py:3375
    return float(int((high + low) / 2)) if default is None else default


def parse_length(text: str | None) -> int | None:
    """Parse a length, such as 30 or 30.0."""
    number = parse_float(text)
    return None if number is None else int(number)


def parse_float(text: object) -> float | None:
    """Parse a number as the server does; None if it is not finite, or not a number."""
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if isfinite(number) else None


def _is_multiple(field: ScreenField, value: Answer, limits: Mapping[str, str]) -> bool:
    """Whether a number is a multiple of the step; a slider's steps begin at its minimum."""
    step = parse_float(limits.get("step"))
    if not step or not isinstance(value, (int, float, Decimal)):
        return True
    start = parse_float(limits.get("min")) if field.datatype == "range" else None
    try:
        steps = (float(value) - (start or 0.0)) / step
        return abs(steps - round(steps)) < _ROUNDING
    except OverflowError:  # a float that large is a multiple of any step
        return True


def _measure(value: Answer, *, is_area: bool) -> int | None:
    if isinstance(value, str):
        if is_area:
            # A browser posts two characters for the end of a line.
            value = value.replace("\r\n", "\n").replace("\n", "\r\n")
        # JavaScript counts UTF-16 code units.
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    return len(value) if isinstance(value, list) else None


def _compare(value: Answer, limit: str | None) -> int | None:
    """Return -1, 0 or 1 if the value is below, at or above the limit; None if it has no order."""
    if limit is None:
        return None
    if isinstance(value, (int, float, Decimal)):
        number = parse_float(limit)
        return None if number is None else (value > number) - (value < number)
    if isinstance(value, time):
        moment = parse_time(limit)
        return None if moment is None else (value > moment) - (value < moment)
    if not isinstance(value, date) or (boundary := parse_limit(limit)) is None:
        return None
    if isinstance(value, datetime) and isinstance(boundary, datetime):
        # A datetime without a zone is in the server's, which is not known.
        if (value.tzinfo is None) != (boundary.tzinfo is None):
            value, boundary = value.replace(tzinfo=UTC), boundary.replace(tzinfo=UTC)
        return (value > boundary) - (value < boundary)
    day, last = _to_day(value), _to_day(boundary)
    return (day > last) - (day < last)


def _to_day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
