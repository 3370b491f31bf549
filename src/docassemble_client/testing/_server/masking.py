"""Masks what belongs to a server or to a user in recordings, in any spelling."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from html.entities import html5
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import httpx

from docassemble_client._types import is_json_array, is_json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Replace = Callable[[re.Match[str]], str]

_SCHEME = "(?P<scheme>https?://)?"
# A dot at the end of a sentence is not a part of the host.
_DOT = r"""(?:\.(?=[:/?#%"'\\]))?"""
_PORT = "(?::[0-9]{1,5}(?![0-9]))?"
_NAME_END = "(?![A-Za-z0-9-])"
# The end of an encoded character, such as %2F, may look like a part of the address.
_ADDRESS_START = "(?:(?<![0-9A-Fa-f:.])|(?<=%[0-9A-Fa-f]{2})|(?<=25[0-9A-Fa-f]{2}))"
_ADDRESS_END = r"(?![0-9A-Fa-f]|\.[0-9])"


class Masks:
    """
    What is replaced, by which placeholder.

    Texts are found in any capitals, and encoded for a URL, for HTML or for JSON inside of a text.
    """

    def __init__(self) -> None:
        self._replacements: dict[str, tuple[re.Pattern[str], Replace]] = {}

    def add_text(self, text: str, placeholder: str) -> None:
        """
        Mask a text.

        Args:
            text: The text; an empty text is ignored.
            placeholder: What replaces it.
        """
        if text:
            self._add(_spell(text), lambda _: placeholder)

    def add_server(self, url: str, address: str, *, url_mask: str, host_mask: str) -> None:
        """
        Mask a server, in all spellings of its host.

        Args:
            url: URL of the server.
            address: Its IP address; empty if it is unknown.
            url_mask: What replaces the URL.
            host_mask: What replaces the host and the port.
        """

        def replace(match: re.Match[str]) -> str:
            return url_mask if match["scheme"] else host_mask

        def replace_after_mark(match: re.Match[str]) -> str:
            return match["mark"] + host_mask

        names = [] if address == "" else [address]
        for name in dict.fromkeys((*_find_names(url), *names)):
            if addresses := _find_spellings_of_address(name):
                for spelling in addresses:
                    self._add(f"{_SCHEME}{spelling}{_PORT}", replace)
            elif "." in name:
                self._add(f"{_SCHEME}{_spell(name)}{_NAME_END}{_DOT}{_PORT}", replace)
            else:
                # It may also be a word, such as docassemble.
                end = rf"{_NAME_END}(?!\.[A-Za-z0-9])"
                marks = "|".join(_spell(mark) for mark in ("//", "@"))
                self._add(f"(?P<scheme>https?://){_spell(name)}{end}{_DOT}{_PORT}", replace)
                self._add(f"(?P<mark>{marks}){_spell(name)}{end}{_DOT}{_PORT}", replace_after_mark)
                self._add(
                    rf"(?P<mark>\b|{_ADDRESS_START}){_spell(name)}\.?:[0-9]{{1,5}}(?![0-9])",
                    replace_after_mark,
                )

    def apply(self, value: Any) -> Any:
        """Mask a JSON value: all of its texts and names."""
        if isinstance(value, str):
            return self._apply_to_text(value)
        if is_json_object(value):
            return {self._apply_to_text(name): self.apply(item) for name, item in value.items()}
        if is_json_array(value):
            return [self.apply(item) for item in value]
        return value

    def apply_to_bytes(self, content: bytes) -> bytes:
        """Mask what is readable in bytes."""
        return self._apply_to_text(content.decode("latin-1")).encode("latin-1")

    def _apply_to_text(self, text: str) -> str:
        for pattern, replace in self._replacements.values():
            text = pattern.sub(replace, text)
        return text

    def _add(self, pattern: str, replace: Replace) -> None:
        if pattern not in self._replacements:
            self._replacements[pattern] = (re.compile(pattern, re.IGNORECASE), replace)


def _find_names(url: str) -> Iterable[str]:
    """Find the names of a host: in Unicode, composed and decomposed, and as DNS knows it."""
    encoded = httpx.URL(url).raw_host.decode().rstrip(".")
    for name in (encoded, ".".join(map(_decode_label, encoded.split(".")))):
        yield name
        yield unicodedata.normalize("NFD", name)
        with suppress(UnicodeError):
            # httpx follows the newer standard for names.
            yield name.encode("idna").decode()


def _decode_label(label: str) -> str:
    try:
        return label[4:].encode().decode("punycode") if label.startswith("xn--") else label
    except UnicodeError:
        return label


def _find_spellings_of_address(name: str) -> list[str]:
    """Find the patterns of an IP address; none if the name is not an address."""
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return []
    texts = dict.fromkeys((address.compressed, address.exploded))
    return [rf"\[?{_ADDRESS_START}{_spell(text)}{_ADDRESS_END}\]?" for text in texts]


def _spell(text: str) -> str:
    """Return a pattern for a text in all encodings."""
    return "".join(_spell_character(character) for character in text)


def _spell_character(character: str) -> str:
    spellings: list[str] = []
    for form in dict.fromkeys((character, character.lower(), character.upper())):
        codes = "".join(f"%(?:25)*{byte:02x}" for byte in form.encode(errors="replace"))
        spellings += (re.escape(form), codes)
        for letter in form:
            number = ord(letter)
            spellings += (f"&#0*{number};?", f"&#x0*{number:x};?", rf"\\+u{number:04x}")
        spellings += (f"&{name}" for name, value in html5.items() if value == form)
    return f"(?:{'|'.join(dict.fromkeys(spellings))})"
