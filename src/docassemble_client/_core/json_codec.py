"""Reads and writes JSON; reads it by a faster parser if one is installed (the extra `speed`)."""

from __future__ import annotations

import json
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING

from docassemble_client._types import is_list, is_mapping
from docassemble_client.config import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client._types import JSON


def parse(content: bytes) -> JSON:
    """
    Read JSON; not a number, infinity and absurd nesting are refused.

    Args:
        content: The document, in UTF-8, UTF-16 or UTF-32.

    Returns:
        The value.

    Raises:
        ValueError: It is no JSON; the original error carries the document.
    """
    if _fast is not None:
        with suppress(*_refusals):
            # It takes less than JSON's own parser, such as no halves of surrogate pairs.
            return _fast(content)
    try:
        # As json.loads does it, which would make a decoder for each document.
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        value: JSON = _DECODER.decode(text)
    except RecursionError:
        message = "the document is nested too deeply"
        raise ValueError(message) from None
    return value


def write(value: object) -> str:
    """
    Write JSON the server can read.

    Args:
        value: Any JSON value, with any mapping and sequence.

    Returns:
        The document, without needless blanks.

    Raises:
        ValueError: It cannot be written; the error shows nothing of it.
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        # Some Pythons name the value.
        raise ValueError(type(error).__name__) from None


def _plain(value: object) -> object:
    if is_mapping(value):
        return dict(value)
    if isinstance(value, Secret):
        return value.reveal()
    if is_list(value):
        return list(value)
    raise TypeError


def _finite(text: str) -> float:
    """Read a number; 1e999 is infinite as well."""
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


def _faster() -> tuple[Callable[[bytes], JSON] | None, tuple[type[Exception], ...]]:
    """Find a faster reader, and what it raises at a document that it does not take."""
    # msgspec takes nothing that json would refuse, and integers of any size are exact.
    try:
        from msgspec import MsgspecError  # noqa: PLC0415 - an extra
        from msgspec.json import Decoder  # noqa: PLC0415 - as above
    except ImportError:
        return None, ()
    # Older ones raise errors that are no ValueErrors.
    return Decoder().decode, (MsgspecError, ValueError, RecursionError)


_DECODER = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)
_ENCODER = json.JSONEncoder(
    default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")
)
_fast, _refusals = _faster()
