"""Removes secrets and random values from recorded exchanges."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit

from tests.secret_detection import (
    ADDRESS,
    BEFORE,
    HARMLESS_HOSTS,
    LONG_HEX,
    LONG_WORD,
    STAND_IN,
    TOKEN,
    is_random,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_SECRET_NAMES = (
    "password|old_password|admin_password|secret|api_key|stash_key|csrf_token|token|secretkey"
)
_IN_JSON = re.compile(rf'("(?:{_SECRET_NAMES})"\s*:\s*")((?:[^"\\]|\\.)*)(?=")')
_IN_ESCAPED_JSON = re.compile(rf'(\\"(?:{_SECRET_NAMES})\\"\s*:\s*\\")([^"\\]*)(?=\\")')
_IN_QUERY = re.compile(rf"((?:[?&;]|^)(?:{_SECRET_NAMES})=)([^&#\s\"'<>\\]*)")
# The package sources of pip only describe the machine.
_PACKAGE_SOURCES = re.compile(
    r"(?:Looking in (?:indexes|links): |WARNING: Location 'file:)[^\\\n\"]*(?:\\\\n|\\n|\n)?"
)
_LOCAL_FILE = re.compile(r"file:///[^\s\"'\\,]*")
_MASKED = re.compile(r"\*{28}(\w{4})")
_LAST_FOUR = re.compile(r'("last_four"\s*:\s*")(\w{4})(?=")')
# Also as the name of a project, and in capitals.
_RANDOM_NAME = re.compile(
    rf"(?:{BEFORE}|(?<=playground\d))(?:[a-z][0-9a-f]{{16}}(?![0-9a-f])|[A-Z][0-9A-F]{{16}}(?![0-9A-F]))"
)
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_TEMPORARY = re.compile(r"\btmp[a-z0-9_]{8}\b")
# In a URL, or in a connection in a log of pip.
_AUTHORITY = re.compile(r"(?<=://)[^\s/\"'<>?#\\]+|(?<=connection \(\d\): )[\w.-]+")
_MIN_SECRET_LENGTH = 8  # characters; a shorter secret is only replaced next to its name

# Directives without private data; all others are left out.
HARMLESS_DIRECTIVES = frozenset(
    {
        "allow configuration editing",
        "allow demo",
        "allow restarting",
        "allow updates",
        "client test directive",
        "debug",
        "enable api",
        "enable playground",
        "language",
        "locale",
        "pagination limit",
        "timezone",
    }
)


class Sanitiser:
    """
    Replaces each secret by a stand-in, always the same one.

    A stand-in has the length of its secret. It begins with EXAMPLE and ends with letters that
    count the secrets in the order of learning.

    Sensitive arguments with user data (answers of an interview, stashed data) contain test data;
    only values under the name of a secret are replaced in them.
    """

    def __init__(
        self, secrets: Iterable[str] = (), locations: Mapping[str, str] | None = None
    ) -> None:
        """
        Create a sanitiser for one scenario.

        Args:
            secrets: Known secrets.
            locations: Addresses and folders of the machine, with their replacements.
        """
        self._names: dict[tuple[str, str], int] = {}
        self._stand_ins: dict[str, str] = {}
        self._replacements: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        for location, replacement in (locations or {}).items():
            for encode in (str, _quote_all, _escape_slashes):
                self._replacements.setdefault(encode(location), encode(replacement))
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Learn a secret, in every encoding."""
        if urlsplit(secret).netloc:
            self._learn_url(secret)
        elif len(secret) >= _MIN_SECRET_LENGTH and not (secret.isalpha() and secret.islower()):
            stand_in = self._assign_stand_in(secret)
            for encoded, replacement in _list_encodings(secret, stand_in):
                self._replacements.setdefault(encoded, replacement)
            self._replacements.setdefault("*" * 28 + secret[-4:], "*" * 28 + stand_in[-4:])
            self._pattern = None

    def learn_from(self, text: str) -> None:
        """Learn the values under the names of secrets in a text."""
        for pattern in (_IN_JSON, _IN_ESCAPED_JSON, _IN_QUERY):
            for match in pattern.finditer(text):
                value = match[2]
                if pattern is _IN_JSON:
                    value = json.loads(f'"{value}"', strict=False)
                elif pattern is _IN_QUERY:
                    value = unquote_plus(value)
                self.learn(value)

    def sanitise_text(self, text: str) -> str:
        """Remove the secrets from any text: JSON, a page, a URL, a traceback."""
        if self._pattern is None:
            # Longest first: a folder before its parent.
            texts = sorted(self._replacements, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, texts)) or r"(?!)")
        text = self._pattern.sub(lambda match: self._replacements[match[0]], text)
        text = _PACKAGE_SOURCES.sub("", text)
        text = _LOCAL_FILE.sub("file:///packages", text)
        for pattern in (_IN_JSON, _IN_ESCAPED_JSON):
            text = pattern.sub(lambda match: match[1] + self._assign_stand_in(match[2]), text)
        text = _IN_QUERY.sub(
            lambda match: match[1] + self._assign_stand_in(unquote_plus(match[2])), text
        )
        text = _LAST_FOUR.sub(lambda match: match[1] + self._mask_tail(match[2]), text)
        text = _MASKED.sub(lambda match: "*" * 28 + self._mask_tail(match[1]), text)
        for pattern in (TOKEN, LONG_WORD, LONG_HEX):
            text = pattern.sub(self._replace_if_random, text)
        text = _AUTHORITY.sub(_replace_host, text)
        text = _RANDOM_NAME.sub(
            self._make_numbering("name", lambda n, name: f"{name[0]}{n:016}"), text
        )
        text = _UUID.sub(
            self._make_numbering("uuid", lambda n, _: f"00000000-0000-0000-0000-{n:012}"), text
        )
        text = _TEMPORARY.sub(self._make_numbering("tmp", lambda n, _: f"tmp{n:08}"), text)
        return ADDRESS.sub(self._make_numbering("address", lambda n, _: f"0x{n:012}"), text)

    def has_secret(self, content: bytes) -> bool:
        """Whether binary content contains a learned secret."""
        text = content.decode("latin-1")
        return any(secret in text for secret in self._replacements)

    def sanitise_value(self, value: Any) -> Any:
        """Remove the secrets from a JSON value."""
        return json.loads(self.sanitise_text(json.dumps(value, ensure_ascii=False)))

    def _learn_url(self, url: str) -> None:
        """Learn the tokens of a URL that grants access."""
        parts = urlsplit(url)
        values = [parts.path.rpartition("/")[2], *(value for _, value in parse_qsl(parts.query))]
        for value in values:
            is_token = re.fullmatch(r"[\w.~-]*\d[\w.~-]*|[A-Za-z]+", value)
            if len(value) >= 2 * _MIN_SECRET_LENGTH and is_token:
                self.learn(value)

    def _assign_stand_in(self, secret: str) -> str:
        if not secret or STAND_IN.fullmatch(secret):
            return secret
        if secret not in self._stand_ins:
            letters = _number_to_letters(len(self._stand_ins))
            self._stand_ins[secret] = make_stand_in(len(secret), letters)
        return self._stand_ins[secret]

    def _mask_tail(self, tail: str) -> str:
        """Return the last four characters of the key's stand-in."""
        if STAND_IN.fullmatch(tail):
            return tail
        masked = "*" * 28 + tail
        return self._replacements.get(masked, "*" * 28 + self._assign_stand_in(tail))[-4:]

    def _replace_if_random(self, match: re.Match[str]) -> str:
        return self._assign_stand_in(match[0]) if is_random(match[0]) else match[0]

    def _make_numbering(
        self, kind: str, format_name: Callable[[int, str], str]
    ) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            name = match[0]
            key = (kind, name.lower())
            is_replacement = any(format_name(n, name) == name for n in self._names.values())
            if key not in self._names and is_replacement:
                return name
            count = sum(1 for name_kind, _ in self._names if name_kind == kind)
            return format_name(self._names.setdefault(key, count + 1), name)

        return replace


def make_stand_in(length: int, letters: str) -> str:
    """
    Make a stand-in of this length.

    Short stand-ins only consist of x and letters, and may not be unique.
    """
    prefix_length = length - len(letters)
    word = "EXAMPLE" if prefix_length >= len("EXAMPLE") else ""
    return word.ljust(prefix_length, "x") + letters[:length]


def filter_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the directives of a configuration that contain no private data."""
    return {name: config[name] for name in sorted(HARMLESS_DIRECTIVES & config.keys())}


def _number_to_letters(number: int) -> str:
    """Count A, B, …, Z, BA, BB and so on."""
    more, last = divmod(number, 26)
    return (_number_to_letters(more) if more else "") + chr(ord("A") + last)


def _quote_all(text: str) -> str:
    return quote(text, safe="")


def _escape_slashes(text: str) -> str:
    return text.replace("/", "\\/")


def _list_encodings(secret: str, stand_in: str) -> Iterator[tuple[str, str]]:
    """List the encodings of a secret, each with its replacement."""
    in_json = json.dumps(secret)[1:-1]
    for encoded in (
        *(secret, quote(secret), _quote_all(secret), quote_plus(secret)),
        *(html.escape(secret), repr(secret)[1:-1]),
        *(in_json, json.dumps(in_json)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]),
    ):
        yield encoded, stand_in
    # In base64 three bytes become four letters; the secret begins at any of the three.
    for offset in range(3):
        padded = base64.b64encode(b"\0" * offset + secret.encode())
        inner = padded[(offset * 8 + 5) // 6 : (offset + len(secret.encode())) * 8 // 6].decode()
        for encoded in (inner, inner.replace("+", "-").replace("/", "_")):
            yield encoded, make_stand_in(len(encoded), stand_in[-1])


def _replace_host(match: re.Match[str]) -> str:
    """Keep only public hosts, without user name and password."""
    _, credentials, host = match[0].rpartition("@")
    is_public = HARMLESS_HOSTS.fullmatch(host.partition(":")[0])
    return ("user@" if credentials else "") + (host if is_public else "host.example.com")
