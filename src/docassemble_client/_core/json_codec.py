"""Encodes and decodes JSON; decodes with msgspec if it is installed (the extra `speed`)."""

from __future__ import annotations

import json
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING

from docassemble_client._types import is_json_array, is_mapping
from docassemble_client.config import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client._types import JSON


def decode_json(content: bytes) -> JSON:
    """
    Decode JSON; NaN, infinity and excessive nesting are refused.

    Args:
        content: The document, in UTF-8, UTF-16 or UTF-32.

    Returns:
        The value.

    Raises:
        ValueError: The document is not valid JSON; the original error contains it.
    """
    if _msgspec_decode is not None:
        with suppress(*_msgspec_errors):
            # msgspec is stricter than json (it rejects lone surrogates), so fall back on error.
            return _msgspec_decode(content)
    try:
        # Same as json.loads, which would create a decoder for each document.
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        value: JSON = _DECODER.decode(text)
    except RecursionError:
        message = "the JSON is nested too deeply"
        raise ValueError(message) from None
    return value


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


def _to_plain(value: object) -> object:
    if is_mapping(value):
        return dict(value)
    if isinstance(value, Secret):
        return value.reveal()
    if is_json_array(value):
        return list(value)
    raise TypeError


def _parse_finite(text: str) -> float:
    """Parse a number; 1e999 is refused as well, because it becomes infinite."""
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


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


_DECODER = json.JSONDecoder(parse_constant=_parse_finite, parse_float=_parse_finite)
_ENCODER = json.JSONEncoder(
    default=_to_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")
)
_msgspec_decode, _msgspec_errors = _import_msgspec()
