"""Encodes and decodes JSON; decodes with msgspec if it is installed (the extra `speed`)."""

from __future__ import annotations

import json
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING

from docassemble_client._types import is_json_array, is_mapping
from docassemble_client.config import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from docassemble_client._types import JSON

_MAX_DEPTH = 1000
_MAX_BITS = 14_000  # Python writes integers of up to 4,300 digits
_MAX_PATH_LENGTH = 100


def decode_json(content: bytes) -> JSON:
    """
    Decode JSON; NaN and infinity, which the server's Python writes, are floats.

    Args:
        content: The document, in UTF-8, UTF-16 or UTF-32.

    Returns:
        The value.

    Raises:
        ValueError: The document is not valid JSON, or nested too deeply; the original error
            contains it.
    """
    if _msgspec_decode is not None:
        with suppress(*_msgspec_errors):
            # msgspec is stricter (it refuses lone surrogates and NaN), so fall back on error.
            return _msgspec_decode(content)
    try:
        # Same as json.loads, which would create a decoder for each document.
        value: JSON = DECODER.decode(decode_document(content))
    except RecursionError:
        message = "the JSON is nested too deeply"
        raise ValueError(message) from None
    return value


def decode_document(content: bytes) -> str:
    """Decode the text of a JSON document, in UTF-8, UTF-16 or UTF-32."""
    return content.decode(json.detect_encoding(content), "surrogatepass")


def encode_json(value: object) -> str:
    """
    Encode a value as JSON.

    Args:
        value: Any JSON value, with any mapping and sequence.

    Returns:
        The document, without unnecessary whitespace.

    Raises:
        ValueError: The value cannot be encoded; the error does not show it.
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        # The text of some Python versions shows the value.
        raise ValueError(type(error).__name__) from None


def find_json_problem(value: object, name: str) -> str:
    """
    Find out why a value cannot be encoded.

    Args:
        value: A value that `encode_json` refuses, or that contains text that UTF-8 refuses.
        name: Name of the value.

    Returns:
        The name, the path to the faulty part with keys and positions, and the problem; empty if
        the value can be encoded, or only its depth is the problem.
    """
    parts: list[tuple[str, int, object]] = [(name, 0, value)]
    while parts:
        path, depth, part = parts.pop()
        problem = (
            "nested too deeply, or containing itself" if depth > _MAX_DEPTH else _find_problem(part)
        )
        if problem:
            return f"{_shorten(path)} cannot be sent: {problem}"
        items: Iterable[tuple[object, object]] = (
            part.items() if is_mapping(part) else enumerate(part) if is_json_array(part) else ()
        )
        parts += [(_join(path, key), depth + 1, item) for key, item in items]
    return ""


def is_unicode(text: str) -> bool:
    """Whether a text contains no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _find_problem(value: object) -> str:
    """Return the problem of a value, or an empty text; the problems of its items do not count."""
    if is_mapping(value):
        return next(
            (f"a key: {problem}" for key in value if (problem := _find_key_problem(key))), ""
        )
    if isinstance(value, Secret):
        value = value.reveal()
    if value is None or is_json_array(value):
        return ""
    if isinstance(value, str):
        return "" if is_unicode(value) else "a lone surrogate, which is not a valid character"
    if isinstance(value, float):
        return "" if isfinite(value) else "a number that is not finite"
    if isinstance(value, int):
        return "" if value.bit_length() <= _MAX_BITS else "a number with too many digits"
    return f"a value of type {type(value).__name__}"


def _find_key_problem(key: object) -> str:
    is_container = is_mapping(key) or is_json_array(key) or isinstance(key, Secret)
    return f"a value of type {type(key).__name__}" if is_container else _find_problem(key)


def _join(path: str, key: object) -> str:
    return f"{path}[{_shorten(repr(key))}]" if len(path) <= _MAX_PATH_LENGTH else path


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_PATH_LENGTH else f"{text[:_MAX_PATH_LENGTH]}…"


def _to_plain(value: object) -> object:
    if is_mapping(value):
        return dict(value)
    if isinstance(value, Secret):
        return value.reveal()
    if is_json_array(value):
        return list(value)
    raise TypeError


def _import_msgspec() -> tuple[Callable[[bytes], JSON] | None, tuple[type[Exception], ...]]:
    """Return the decoder of msgspec and its error classes, if it is installed."""
    # msgspec accepts nothing that json refuses, and integers of any size are exact.
    try:
        from msgspec import MsgspecError
        from msgspec.json import Decoder
    except ImportError:
        return None, ()
    # In older versions, MsgspecError is not a ValueError.
    return Decoder().decode, (MsgspecError, ValueError, RecursionError)


DECODER = json.JSONDecoder()
_ENCODER = json.JSONEncoder(
    default=_to_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")
)
_msgspec_decode, _msgspec_errors = _import_msgspec()
