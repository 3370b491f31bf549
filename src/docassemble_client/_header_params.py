"""Media types, charsets and parameters of headers, which a server may send in any form."""

from __future__ import annotations

import codecs
import re
from urllib.parse import unquote_to_bytes

# A name of 200 bytes needs 600 characters. A longer header is an attack or an accident.
MAX_HEADER_LENGTH = 8192
# Linear on any text: what a part may contain cannot begin the next one.
_PARAMETER = r';\s*([^\s;="]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)'
_ESCAPE = r"\\(.)"
_CONTINUATION = r"([^*]+)\*([0-9]{1,3})(\*?)"
_MAX_CHARSET_LENGTH = 40
# Python-only codecs: never a real charset, and some are quadratic on hostile input.
_PYTHON_ONLY_CODECS = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)


def parse_media_type(content_type: str) -> str:
    """Return the media type of a Content-Type header, in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def decode_text(content: bytes, content_type: str) -> str:
    """Decode text in the charset that its Content-Type names; never fails."""
    charset = next(
        (value for name, value in parse_parameters(content_type) if name == "charset"), ""
    )
    try:
        codec = codecs.lookup(charset[:_MAX_CHARSET_LENGTH] or "utf-8").name
        return content.decode("utf-8" if codec in _PYTHON_ONLY_CODECS else codec, errors="replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", errors="replace")


def parse_parameters(header: str) -> list[tuple[str, str]]:
    """
    Return the parameters of a header in their order, with lower-case names.

    Args:
        header: The header. What exceeds 8,192 characters is ignored.

    Returns:
        Pairs of name and value. Quotes are removed; an extended value is not decoded.
    """
    matches = re.finditer(_PARAMETER, header[:MAX_HEADER_LENGTH], re.DOTALL)
    return [(match[1].lower(), _unquote(match[2])) for match in matches]


def find_values(header: str, name: str) -> list[str]:
    """
    Return the values of a parameter, the preferred one first.

    Args:
        header: The header.
        name: Name of the parameter, in lower case.

    Returns:
        The extended values (`name*=`, RFC 8187), then the value in parts (`name*0=`, RFC 2231),
        then the plain ones. Values that cannot be decoded are left out.
    """
    parameters = parse_parameters(header)
    extended = [decode_extended(value) for key, value in parameters if key == f"{name}*"]
    plain = [value for key, value in parameters if key == name]
    values = [*extended, _join_parts(parameters, name), *plain]
    return [value for value in values if value is not None]


def decode_extended(value: str) -> str | None:
    """Decode a value such as UTF-8''%C3%A9; None if its charset cannot decode it."""
    charset, first_quote, rest = value.partition("'")
    _, second_quote, text = rest.partition("'")
    if not (first_quote and second_quote):
        charset, text = "", value
    content = unquote_to_bytes(text)
    try:
        return content.decode(charset or "latin-1", "replace")
    except LookupError:
        return content.decode("latin-1")
    except ValueError:
        return None


def _join_parts(parameters: list[tuple[str, str]], name: str) -> str | None:
    parts: dict[int, tuple[str, bool]] = {}
    for key, value in parameters:
        match = re.fullmatch(_CONTINUATION, key)
        if match and match[1] == name:
            parts.setdefault(int(match[2]), (value, bool(match[3])))
    if 0 not in parts:
        return None
    charset, number, content = "", 0, b""
    while number in parts:
        value, is_encoded = parts[number]
        if is_encoded and number == 0 and value.count("'") > 1:
            charset, _, value = value.split("'", 2)
        content += unquote_to_bytes(value) if is_encoded else value.encode(errors="replace")
        number += 1
    try:
        return content.decode(charset or "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")
    except ValueError:
        return None


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value.strip()
    return re.sub(_ESCAPE, r"\1", value[1:].removesuffix('"'), flags=re.DOTALL)
