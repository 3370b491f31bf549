"""Text becomes a number, date or time only where its meaning is certain."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from docassemble_client import TextFormat, UsageError
from docassemble_client.workflows.interviews.text_format import (
    PLAIN_TEXT,
    parse_boolean,
    parse_date,
    parse_datetime,
    parse_limit,
    parse_time,
)

GERMAN = TextFormat(decimal=",", thousands=".")


@pytest.mark.parametrize(
    ("text_format", "text", "number"),
    [
        (PLAIN_TEXT, "-1234.5", -1234.5),
        (PLAIN_TEXT, " .5\n", 0.5),
        (PLAIN_TEXT, "1,234.5", None),
        (PLAIN_TEXT, "1e3", None),
        (PLAIN_TEXT, "+5", None),
        (PLAIN_TEXT, "5.", None),
        (PLAIN_TEXT, "", None),
        (PLAIN_TEXT, "nan", None),
        (PLAIN_TEXT, "9" * 399, None),
        (PLAIN_TEXT, "9" * 5000, None),
        (GERMAN, "1.234.567,5", 1234567.5),
        (GERMAN, "1234,5", 1234.5),
        (GERMAN, ",5", 0.5),
        (GERMAN, "12.34,5", None),
        (GERMAN, "1.5", None),
        (TextFormat(thousands=" "), "1 234", 1234.0),
    ],
)
def test_numbers_follow_the_format(
    text_format: TextFormat, text: str, number: float | None
) -> None:
    """Anything else than digits, groups of three and the decimal separator is refused."""
    assert text_format.parse_number(text) == number


@pytest.mark.parametrize(
    ("text_format", "text", "number"),
    [(PLAIN_TEXT, " -7 ", -7), (PLAIN_TEXT, "7.0", None), (GERMAN, "1.000", 1000)],
)
def test_integers_have_no_fraction(text_format: TextFormat, text: str, number: int | None) -> None:
    """A whole number has digits and groups only."""
    assert text_format.parse_integer(text) == number


@pytest.mark.parametrize(
    "options",
    [
        {"decimal": ""},
        {"decimal": ",,"},
        {"thousands": ".."},
        {"decimal": ",", "thousands": ","},
        {"decimal": "1"},
        {"thousands": "-"},
    ],
)
def test_ambiguous_formats_are_refused(options: dict[str, str]) -> None:
    """Both separators are single characters, and differ."""
    with pytest.raises(UsageError, match="decimal and thousands must"):
        TextFormat(**options)


def test_choices_are_split_by_the_separator() -> None:
    """Without one, a text is one choice."""
    assert PLAIN_TEXT.split_choices("a; b") == ["a; b"]
    assert TextFormat(separator=";").split_choices("a; b;;") == ["a", "b"]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_boolean, " YES ", True),
        (parse_boolean, "false", False),
        (parse_boolean, "1", None),
        (parse_date, "2026-03-14", date(2026, 3, 14)),
        (parse_date, "2026-02-30", None),
        (parse_date, "20260314", None),
        (parse_time, "09:05", time(9, 5)),
        (parse_time, "25:00", None),
        (parse_time, "24:00", None),
        (parse_datetime, "2026-03-14T24:00", None),
        (parse_time, "9:05", None),
        (parse_datetime, "2026-03-14 09:05", datetime(2026, 3, 14, 9, 5)),  # noqa: DTZ001
        (parse_datetime, "2026-03-14T09:05:06Z", datetime(2026, 3, 14, 9, 5, 6, tzinfo=UTC)),
        (parse_datetime, "2026-03-14", None),
        (parse_datetime, "2026-03-32T09:05", None),
        (parse_limit, "March 14, 2026", date(2026, 3, 14)),
        (parse_limit, "3/14/2026", date(2026, 3, 14)),
        (parse_limit, "14 mars 2026", None),
    ],
)
def test_moments_are_in_iso_format(parse: Any, text: str, value: object) -> None:
    """Limits may also be in the formats that docassemble writes in English."""
    assert parse(text) == value
