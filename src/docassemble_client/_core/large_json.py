"""Parses large JSON in short steps, so that the event loop and the time limits keep working."""

from __future__ import annotations

import re
from json import decoder
from json.decoder import JSONDecodeError
from typing import TYPE_CHECKING, Any, cast

from docassemble_client._core.json_codec import DECODER

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from docassemble_client._types import JSON

STEP_LENGTH = 65_536
# Not in typeshed.
_scan_once: Callable[[str, int], tuple[Any, int]] = cast("Any", DECODER).scan_once
_scan_string: Callable[[str, int], tuple[str, int]] = cast("Any", decoder).scanstring
MAX_DEPTH = 1000
_BLANKS = r"[ \t\n\r]+"
_COMMA = r"[ \t\n\r]*,[ \t\n\r]*"
_TOO_DEEP = "the JSON is nested too deeply"
_CLOSING = {"{": "}", "[": "]"}


def parse_in_steps(text: str) -> Generator[None, None, JSON]:
    """
    Parse a document; each step parses at most 65,536 characters.

    A value that is longer, an array or an object, is parsed item by item. A long string is one
    step, because it is only copied.

    Args:
        text: The document.

    Yields:
        After each step.

    Returns:
        The value.

    Raises:
        ValueError: The document is not valid JSON, or nested too deeply.
    """
    reader = _Reader(text)
    open_containers: list[dict[str, Any] | list[Any]] = []
    while True:
        container = open_containers[-1] if open_containers else None
        if isinstance(container, list):
            reader.read_items(container)
        is_complete, value = reader.read_value()
        if reader.has_moved:
            reader.has_moved = False
            yield
        if not is_complete:
            if len(open_containers) >= MAX_DEPTH:
                raise ValueError(_TOO_DEEP)
            open_containers.append(value)
            # A container that is longer than a step may still be empty, or begin with a blank.
            if reader.read_closing(value):
                value = open_containers.pop()
            else:
                continue
        while open_containers:
            if not reader.add(open_containers[-1], value):
                break
            value = open_containers.pop()
        else:
            reader.check_end()
            result: JSON = value
            return result


class _Reader:
    """
    Reads values from a window of the document.

    Attributes:
        has_moved: Whether the window has moved.
    """

    def __init__(self, text: str) -> None:
        self.has_moved = False
        self._text = text
        self._window: str = ""
        self._start: int = 0
        self._position: int = self._skip_blanks(0)
        self._keys: list[str] = []

    def read_items(self, items: list[Any]) -> None:
        """Read those items that the window holds together with the comma after them."""
        scan, window = _scan_once, self._window
        match_comma = re.compile(_COMMA).match
        offset = self._position - self._start
        try:
            while True:
                value, end = scan(window, offset)
                comma = match_comma(window, end)
                if comma is None or comma.end() == len(window):
                    break
                items.append(value)
                offset = comma.end()
        except (StopIteration, ValueError):
            pass  # not valid, or longer than the window
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None
        self._position = self._start + offset

    def read_value(self) -> tuple[bool, Any]:
        """Return a value, or the empty container that begins here, whose items come next."""
        for _ in range(2):
            try:
                value, end = DECODER.raw_decode(self._window, self._position - self._start)
            except RecursionError:
                raise ValueError(_TOO_DEEP) from None
            except ValueError:
                pass  # not valid, or longer than the window
            else:
                # A number at the end of the window may continue, such as 1 in 1e+9.
                if end + 3 <= len(self._window) or self._is_last_window():
                    self._position = self._start + end
                    return True, value
            if self._start == self._position and self._window:
                break
            self._start = self._position
            self.has_moved = True
            self._window = self._text[self._start : self._start + STEP_LENGTH]
        opening = self._text[self._position : self._position + 1]
        self._position += 1
        if opening == '"':
            value, self._position = _scan_string(self._text, self._position)
            return True, value
        if opening not in _CLOSING or self._is_last_window():
            raise self._make_error()
        self._position = self._skip_blanks(self._position)
        return False, {} if opening == "{" else []

    def read_closing(self, container: object) -> bool:
        """Read the end of an empty container, or the key of its first item."""
        if self._text[self._position : self._position + 1] == _get_closing(container):
            self._position += 1
            return True
        if isinstance(container, dict):
            self._read_key()
        return False

    def add(self, container: dict[str, Any] | list[Any], value: object) -> bool:
        """Add an item; return whether the container ends after it."""
        if isinstance(container, dict):
            container[self._keys.pop()] = value
        else:
            container.append(value)
        self._position = self._skip_blanks(self._position)
        separator = self._text[self._position : self._position + 1]
        self._position += 1
        if separator == _get_closing(container):
            return True
        if separator != ",":
            raise self._make_error()
        self._position = self._skip_blanks(self._position)
        if isinstance(container, dict):
            self._read_key()
        return False

    def check_end(self) -> None:
        """Check that nothing follows the document."""
        if self._skip_blanks(self._position) != len(self._text):
            raise self._make_error()

    def _read_key(self) -> None:
        if self._text[self._position : self._position + 1] != '"':
            raise self._make_error()
        key, position = _scan_string(self._text, self._position + 1)
        position = self._skip_blanks(position)
        if self._text[position : position + 1] != ":":
            raise self._make_error()
        self._keys.append(key)
        self._position = self._skip_blanks(position + 1)

    def _is_last_window(self) -> bool:
        return self._start + len(self._window) >= len(self._text)

    def _skip_blanks(self, position: int) -> int:
        match = re.compile(_BLANKS).match(self._text, position)
        return position if match is None else match.end()

    def _make_error(self) -> JSONDecodeError:
        # Not with the document, which the exception would keep.
        return JSONDecodeError("invalid JSON", "", self._position)


def _get_closing(container: object) -> str:
    return "}" if isinstance(container, dict) else "]"
