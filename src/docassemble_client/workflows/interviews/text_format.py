"""Converts text to numbers, dates, times and truth values, where its meaning is certain."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from math import isfinite
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import frozen

from docassemble_client._checks import Kind, is_kind_of
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Not 24:00, which a browser refuses and some versions of Python take for the next day.
_TIME = r"(?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,6})?)?"
_TIME_ONLY = re.compile(_TIME, re.ASCII)
_DATETIME = re.compile(rf"\d{{4}}-\d\d-\d\d[T ]{_TIME}(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_BLANKS = " \t\r\n"
# Formats in which an interview may write a limit, such as ${ today() } (base/util.py, DADateTime).
_LIMIT_FORMATS = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%Y/%m/%d", "%m/%d/%Y")
_CLOCK_FORMATS = ("%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%H:%M")
_TRUTH_VALUES = {"true": True, "yes": True, "false": False, "no": False}
# int() refuses longer text, and a float cannot hold it.
_MAX_NUMBER_LENGTH = 400


@frozen(kw_only=True)
class TextFormat:
    """
    How text is written that answers a number field or several choices.

    The default takes plain numbers such as -1234.5. Dates and times are always in ISO format.

    Attributes:
        decimal: Decimal separator.
        thousands: Separator of groups of three digits; empty to refuse groups.
        separator: Text between several choices; empty if a text is one choice.

    Example:
        ```python
        TextFormat(decimal=",", thousands=".", separator=";")  # 1.234,50 and apple;pear
        ```
    """

    decimal: str = "."
    thousands: str = ""
    separator: str = ""

    def __attrs_post_init__(self) -> None:
        marks = self.decimal + self.thousands
        if len(self.decimal) != 1 or len(self.thousands) > 1 or len({*marks}) != len(marks):
            message = "decimal and thousands must be two different characters"
            raise UsageError(message, hint='Pass for example decimal="," and thousands="."')
        if any(mark.isalnum() or mark in "+-" for mark in marks):
            message = "decimal and thousands must not be letters, digits or signs"
            raise UsageError(message)

    def parse_integer(self, text: str) -> int | None:
        """Parse a whole number; return None if the text is anything else."""
        digits = self._find_digits(text, fraction="")
        return None if digits is None else int(digits)

    def parse_number(self, text: str) -> float | None:
        """Parse a number; return None if the text is anything else."""
        digits = self._find_digits(text, fraction=re.escape(self.decimal) + r"\d+")
        if digits is None:
            return None
        number = float(digits.replace(self.decimal, "."))
        return number if isfinite(number) else None

    def split_choices(self, text: str) -> list[str]:
        """Split a text into choices."""
        if not self.separator:
            return [text]
        return [part for item in text.split(self.separator) if (part := item.strip(_BLANKS))]

    def _find_digits(self, text: str, *, fraction: str) -> str | None:
        """Return the text without blanks and groups, if it is a number."""
        text = text.strip(_BLANKS)
        group = rf"\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|" if self.thousands else ""
        pattern = rf"-?(?:{group}\d+)(?:{fraction})?" + (f"|{fraction}" if fraction else "")
        if len(text) > _MAX_NUMBER_LENGTH or not re.fullmatch(pattern, text, re.ASCII):
            return None
        return text.replace(self.thousands, "") if self.thousands else text


TEXT_FORMAT = Kind("a TextFormat", is_kind_of(TextFormat))


PLAIN_TEXT: Final = TextFormat()
"""Plain numbers, and a text as one choice."""


def parse_boolean(text: str) -> bool | None:
    """Parse yes, no, true or false; return None if the text is anything else."""
    return _TRUTH_VALUES.get(text.strip(_BLANKS).casefold())


def parse_date(text: str) -> date | None:
    """Parse a date in ISO format; return None if the text is anything else."""
    return _parse_iso(text, _DATE, date.fromisoformat)


def parse_time(text: str) -> time | None:
    """Parse a time in ISO format; return None if the text is anything else."""
    return _parse_iso(text, _TIME_ONLY, time.fromisoformat)


def parse_datetime(text: str) -> datetime | None:
    """Parse a date with a time in ISO format; return None if the text is anything else."""
    return _parse_iso(text, _DATETIME, datetime.fromisoformat)


def _parse_iso(text: str, form: re.Pattern[str], parse: Callable[[str], T]) -> T | None:
    """Parse a text of this form, such as 2026-02-30, which may still not be valid."""
    text = text.strip(_BLANKS)
    try:
        return parse(text) if form.fullmatch(text) else None
    except ValueError:
        return None


def parse_limit(text: str) -> date | None:
    """
    Parse the limit of a date field, as an interview may write it.

    Args:
        text: Text in ISO format, or in a format of docassemble in English.

    Returns:
        The date or datetime; None if the format is not known.
    """
    if (moment := parse_datetime(text) or parse_date(text)) is not None:
        return moment
    written = _parse_written(text, _LIMIT_FORMATS)
    return None if written is None else written.date()


def parse_clock(text: str) -> time | None:
    """Parse a time that an interview wrote, such as 9:30 AM; return None if it is anything else."""
    # Unicode's locale data separate AM by a narrow no-break space.
    written = _parse_written(text.replace("\u202f", " "), _CLOCK_FORMATS)
    return None if written is None else written.time()


def _parse_written(text: str, formats: Iterable[str]) -> datetime | None:
    for pattern in formats:
        try:
            return datetime.strptime(text.strip(_BLANKS), pattern)  # noqa: DTZ007 - has no zone
        except ValueError:
            continue
    return None


def is_blank(text: str) -> bool:
    """Whether a text is empty or has only blanks."""
    return not text.strip(_BLANKS)
