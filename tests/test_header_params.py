"""Headers of the server may be of any form and length."""

from __future__ import annotations

import random

import pytest

from docassemble_client._core.messages import parse_http_date
from docassemble_client._filenames import parse_filename
from docassemble_client._header_params import (
    decode_text,
    find_values,
    parse_media_type,
    parse_parameters,
)
from docassemble_client.responses import BinaryContent, Response

PARTS = ["filename", "*", "0", "1", "=", ";", '"', "\\", "'", " ", "utf-8''", "%C3", "charset", "é"]


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("a; filename*0=a; filename*=utf-8''b", ["b", "a"]),
        ("a; filename*0=a; filename*1=b; filename*3=d", ["ab"]),
        ("a; filename*0*=idna''%FF; filename=b", ["b"]),
        ("a; filename*0*=nonsense''%FF", ["\ufffd"]),
        ("a; filename*0*=a%20b", ["a b"]),
        ("a; filename*1=b", []),
        ("a; filename*=a%20b", ["a b"]),
        ('a; filename="a;b', ["a;b"]),
        ('a; filename="a\\\\b"; x=y', ["a\\b"]),
    ],
)
def test_the_preferred_value_comes_first(header: str, values: list[str]) -> None:
    """Extended values win, then values in parts, then plain ones."""
    assert find_values(header, "filename") == values


def test_random_headers_have_a_name_or_none() -> None:
    """No header raises an error."""
    generator = random.Random(1)  # noqa: S311 - not a secret
    for _ in range(10_000):
        header = "a;" + "".join(generator.choices(PARTS, k=generator.randrange(20)))
        parse_filename({"content-disposition": header})
        decode_text(b"x", header)
        parse_http_date(header)


def test_long_headers_are_cut() -> None:
    """What exceeds 8,192 characters is ignored, so that the work is bounded."""
    for first in PARTS:
        for second in PARTS:
            header = "a;" + (first + second) * 20_000
            assert len(parse_parameters(header)) < 8192
            parse_filename({"content-disposition": header})
            decode_text(b"x", header)
            parse_http_date(header)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", "application/json"),
        (" Application/JSON ; charset=utf-8", "application/json"),
        (";", ""),
        ("", ""),
    ],
)
def test_a_media_type_has_no_parameters(header: str, expected: str) -> None:
    """Case, whitespace and parameters are removed."""
    assert parse_media_type(header) == expected


@pytest.mark.parametrize(
    ("content", "header", "text"),
    [
        ("ü".encode(), "text/plain", "ü"),
        ("ü".encode(), "text/plain; charset=UTF-8", "ü"),
        (b"\xfc", 'text/plain; charset="iso-8859-1"', "ü"),
        (b"\xfc", "text/plain; charset=cp1252", "ü"),
        (b"\xfc", "", "\ufffd"),
        (b"ff", "text/plain; charset=hex", "ff"),
        (b"a", "text/plain; charset=none-such", "a"),
        (b"a", "text/plain; charset=", "a"),
        (b"a", "text/plain; charset=a\x00b", "a"),
        (b"a", "text/plain; charset=\ufffd", "a"),
        (b"a", "text/plain\r\n; charset=x", "a"),
        (b"a", "text/plain; charset*=idna''%FF", "a"),
        (b"a", ";;;", "a"),
        (b"a-b9", "text/plain; charset=punycode", "a-b9"),
        (b"\\d", "text/plain; charset=unicode_escape", "\\d"),
        (b"\\d", "text/plain; charset=raw-unicode-escape", "\\d"),
        (b"a", "text/plain; charset=undefined", "a"),
        (b"a..b", "text/plain; charset=idna", "a..b"),
    ],
)
def test_every_text_can_be_decoded(content: bytes, header: str, text: str) -> None:
    """Known charsets are used; unknown ones, and Python-only codecs, count as UTF-8."""
    assert decode_text(content, header) == text
    assert Response(status=200, headers={"content-type": header}, content=content).text == text
    assert BinaryContent(content=content, content_type=header).text == text
