"""File names from the server may be hostile; sanitized names are safe."""

from __future__ import annotations

import pytest

from docassemble_client._filenames import parse_filename, sanitize_filename


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.pdf", "a.pdf"),
        ("Größe 1.pdf", "Größe 1.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a/..\\b", "b"),
        ("C:\\Windows\\x.exe", "x.exe"),
        ("C:x.exe", "C_x.exe"),
        ("a.txt:stream", "a.txt_stream"),
        ("\\\\server\\share\\x", "x"),
        ('<>:"|?*.pdf', "_______.pdf"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("LPT9", "_LPT9"),
        ("COM\u00b9.txt", "_COM\u00b9.txt"),
        ("NUL .txt", "_NUL .txt"),
        ("CON.", "_CON"),
        ("conin$", "_conin$"),
        ("CONSOLE.txt", "CONSOLE.txt"),
        ("COM0", "COM0"),
        (".bashrc", "bashrc"),
        ("...hidden", "hidden"),
        ("a. . .", "a"),
        (" a ", "a"),
        ("a\x00b\r\nc\x1b\x7f.pdf", "abc.pdf"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u2028b\x85c", "abc"),
        ("a\ud800b", "ab"),
        ("/", None),
        (".", None),
        ("..", None),
        ("...", None),
        (" . . ", None),
        ("a/..", None),
        ("..\\", None),
        ("\x00\x01", None),
        ("", None),
        (None, None),
    ],
)
def test_unsafe_parts_of_a_name_are_removed(name: str | None, safe: str | None) -> None:
    """The name contains no folder, drive, device, hidden or reserved character."""
    assert sanitize_filename(name) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("x" * 300, "x" * 200),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 196 + ".pdf", "x" * 196 + ".pdf"),
        ("ä" * 150 + ".pdf", "ä" * 98 + ".pdf"),
        ("a." + "x" * 300, "a." + "x" * 198),
        ("日" * 100, "日" * 66),
        ("x" * 199 + ". y" * 9, "x" * 197 + ". y"),
        ("x" * 199 + " " + "y" * 200, "x" * 199),
    ],
)
def test_a_long_name_is_cut_and_keeps_its_extension(name: str, safe: str) -> None:
    """Names are cut to 200 bytes between two characters; every file system allows that."""
    result = sanitize_filename(name)

    assert result == safe
    assert len(safe.encode()) <= 200


@pytest.mark.parametrize("name", ["../x", "C:\\CON.txt", " .a. ", "x" * 999 + ".é", "\u202e..\\é"])
def test_a_safe_name_is_unchanged(name: str) -> None:
    """Sanitizing a sanitized name has no effect."""
    safe_name = sanitize_filename(name)

    assert sanitize_filename(safe_name) == safe_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment; filename=a.pdf", "a.pdf"),
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ('attachment; filename="a\\"b.pdf"', "a_b.pdf"),
        ("attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
        ("attachment; filename*=iso-8859-1'de'Gr%F6%DFe.pdf", "Größe.pdf"),
        ("attachment; filename*=UTF-8''..%2F..%2Fa.pdf", "a.pdf"),
        ("attachment; filename=a.pdf; filename*=UTF-8''%C3%A9.pdf", "é.pdf"),
        ("attachment; filename*=UTF-8''%C3%A9.pdf; filename=a.pdf", "é.pdf"),
        ("attachment; FILENAME=a.pdf; Filename*=UTF-8''%C3%A9.pdf", "é.pdf"),
        ("attachment; filename=a.pdf; filename*0*=UTF-8''%C3%A9; filename*1=b.pdf", "éb.pdf"),
        ("attachment; filename*=idna''%FF; filename=a.pdf", "a.pdf"),
        ("attachment; filename*=UTF-8''..; filename=a.pdf", "a.pdf"),
        ("filename=a.pdf", None),
        ("inline; filename=../../a.pdf", "a.pdf"),
        ("attachment; filename=a\r\nX-Evil: 1", "aX-Evil_ 1"),
        ("ATTACHMENT; FILENAME=a.pdf", "a.pdf"),
        ("attachment; filename*=nonsense''a.pdf", "a.pdf"),
        ("attachment; filename*=utf-8''%FF.pdf", "\ufffd.pdf"),
        ("attachment; filename*=unicode_escape''%5Cud800a", "a"),
        ("attachment; filename*=idna''%FF", None),
        ("attachment; filename*=undefined''a", None),
        ("attachment", None),
        ("attachment; filename=", None),
        ('attachment; filename=".."', None),
        (";;;=", None),
        ("\x00\xff", None),
        ("", None),
    ],
)
def test_the_name_is_parsed_from_the_header(header: str, name: str | None) -> None:
    """Plain, quoted and RFC 6266 names are parsed, and an invalid header has no name."""
    assert parse_filename({"content-disposition": header}) == name


def test_without_a_header_there_is_no_name() -> None:
    """A response need not have a file name."""
    assert parse_filename({}) is None
