"""Takes every secret out of what was exchanged, and what would differ for no reason."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit

from tests.scanner import (
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
# Where pip looks for packages says something about the machine only.
_SOURCES = re.compile(
    r"(?:Looking in (?:indexes|links): |WARNING: Location 'file:)[^\\\n\"]*(?:\\\\n|\\n|\n)?"
)
_LOCAL_FILE = re.compile(r"file:///[^\s\"'\\,]*")
_MASKED = re.compile(r"\*{28}(\w{4})")
_LAST_FOUR = re.compile(r'("last_four"\s*:\s*")(\w{4})(?=")')
# Also as the name of a project, and as a person would write it.
_RANDOM_NAME = re.compile(
    rf"(?:{BEFORE}|(?<=playground\d))(?:[a-z][0-9a-f]{{16}}(?![0-9a-f])|[A-Z][0-9A-F]{{16}}(?![0-9A-F]))"
)
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_TEMPORARY = re.compile(r"\btmp[a-z0-9_]{8}\b")
# Of a URL, or of a connection in a log of pip.
_AUTHORITY = re.compile(r"(?<=://)[^\s/\"'<>?#\\]+|(?<=connection \(\d\): )[\w.-]+")
_LEAST = 8  # characters; a shorter secret is replaced where it stands, not wherever it occurs

# Directives that say nothing about anybody; all others are left out.
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
    Replaces secrets by stand-ins, the same secret always by the same one.

    A stand-in has the length of its secret and begins with EXAMPLE; they are lettered in the order
    in which the secrets were learned.

    Arguments the specification calls sensitive because users' data is in them (answers of an
    interview, stashed data) hold what the tests made up; only what stands under the name of a
    secret is taken out of them.
    """

    def __init__(
        self, secrets: Iterable[str] = (), places: Mapping[str, str] | None = None
    ) -> None:
        """
        Begin a scenario.

        Args:
            secrets: What is known to be secret.
            places: Addresses and folders of the machine, and what to write instead.
        """
        self._names: dict[tuple[str, str], int] = {}
        self._stand_ins: dict[str, str] = {}
        self._forms: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        for place, neutral in (places or {}).items():
            for write in (str, _quoted, _escaped_slashes):
                self._forms.setdefault(write(place), write(neutral))
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Know a secret from now on, in every shape it may be written in."""
        if urlsplit(secret).netloc:
            self._learn_url(secret)
        elif len(secret) >= _LEAST and not (secret.isalpha() and secret.islower()):
            stand_in = self._stand_in(secret)
            for form, instead in _shapes(secret, stand_in):
                self._forms.setdefault(form, instead)
            self._forms.setdefault("*" * 28 + secret[-4:], "*" * 28 + stand_in[-4:])
            self._pattern = None

    def learn_from(self, text: str) -> None:
        """Know what stands under the name of a secret."""
        for pattern in (_IN_JSON, _IN_ESCAPED_JSON, _IN_QUERY):
            for found in pattern.finditer(text):
                value = found[2]
                if pattern is _IN_JSON:
                    value = json.loads(f'"{value}"', strict=False)
                elif pattern is _IN_QUERY:
                    value = unquote_plus(value)
                self.learn(value)

    def text(self, text: str) -> str:
        """Take the secrets out of any text: JSON, a page, a URL, a traceback."""
        if self._pattern is None:
            # The longest first: a folder before the one it is in.
            forms = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, forms)) or r"(?!)")
        text = _SOURCES.sub("", self._pattern.sub(lambda found: self._forms[found[0]], text))
        text = _LOCAL_FILE.sub("file:///packages", text)
        for pattern in (_IN_JSON, _IN_ESCAPED_JSON):
            text = pattern.sub(lambda found: found[1] + self._stand_in(found[2]), text)
        text = _IN_QUERY.sub(lambda found: found[1] + self._stand_in(unquote_plus(found[2])), text)
        text = _LAST_FOUR.sub(lambda found: found[1] + self._tail(found[2]), text)
        text = _MASKED.sub(lambda found: "*" * 28 + self._tail(found[1]), text)
        for pattern in (TOKEN, LONG_WORD, LONG_HEX):
            text = pattern.sub(self._if_random, text)
        text = _AUTHORITY.sub(_harmless_host, text)
        text = _RANDOM_NAME.sub(self._numbered("name", lambda n, old: f"{old[0]}{n:016}"), text)
        text = _UUID.sub(
            self._numbered("uuid", lambda n, _: f"00000000-0000-0000-0000-{n:012}"), text
        )
        text = _TEMPORARY.sub(self._numbered("tmp", lambda n, _: f"tmp{n:08}"), text)
        return ADDRESS.sub(self._numbered("address", lambda n, _: f"0x{n:012}"), text)

    def holds_secret(self, content: bytes) -> bool:
        """Whether bytes that are no text hold anything that would have to go."""
        text = content.decode("latin-1")
        return any(form in text for form in self._forms)

    def value(self, value: Any) -> Any:
        """Take the secrets out of a JSON value."""
        return json.loads(self.text(json.dumps(value, ensure_ascii=False)))

    def _learn_url(self, url: str) -> None:
        """Know the tokens of a URL that lets its owner in."""
        parts = urlsplit(url)
        for value in (parts.path.rpartition("/")[2], *(one for _, one in parse_qsl(parts.query))):
            if len(value) >= 2 * _LEAST and re.fullmatch(r"[\w.~-]*\d[\w.~-]*|[A-Za-z]+", value):
                self.learn(value)

    def _stand_in(self, secret: str) -> str:
        if not secret or STAND_IN.fullmatch(secret):
            return secret
        if secret not in self._stand_ins:
            letters = _letters(len(self._stand_ins))
            self._stand_ins[secret] = stand_in(len(secret), letters)
        return self._stand_ins[secret]

    def _tail(self, four: str) -> str:
        """Last four characters of a key's stand-in."""
        if STAND_IN.fullmatch(four):
            return four
        masked = "*" * 28 + four
        return self._forms.get(masked, "*" * 28 + self._stand_in(four))[-4:]

    def _if_random(self, found: re.Match[str]) -> str:
        return self._stand_in(found[0]) if is_random(found[0]) else found[0]

    def _numbered(
        self, kind: str, write: Callable[[int, str], str]
    ) -> Callable[[re.Match[str]], str]:
        def number(found: re.Match[str]) -> str:
            key = (kind, found[0].lower())
            if key not in self._names and any(
                write(n, found[0]) == found[0] for n in self._names.values()
            ):
                return found[0]
            of_kind = sum(1 for one, _ in self._names if one == kind)
            return write(self._names.setdefault(key, of_kind + 1), found[0])

        return number


def stand_in(length: int, letters: str) -> str:
    """
    Make what stands for a secret of this length.

    One too short for the whole word is made of x alone; such are not told apart for certain.
    """
    room = length - len(letters)
    word = "EXAMPLE" if room >= len("EXAMPLE") else ""
    return word.ljust(room, "x") + letters[:length]


def harmless_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a configuration what says nothing about anybody."""
    return {name: config[name] for name in sorted(HARMLESS_DIRECTIVES & config.keys())}


def _letters(number: int) -> str:
    """Count A, B, …, Z, BA, BB and so on."""
    more, last = divmod(number, 26)
    return (_letters(more) if more else "") + chr(ord("A") + last)


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _escaped_slashes(text: str) -> str:
    return text.replace("/", "\\/")


def _shapes(secret: str, instead: str) -> Iterator[tuple[str, str]]:
    """Write a secret in every way it may be met."""
    in_json = json.dumps(secret)[1:-1]
    for form in (
        *(secret, quote(secret), _quoted(secret), quote_plus(secret)),
        *(html.escape(secret), repr(secret)[1:-1]),
        *(in_json, json.dumps(in_json)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]),
    ):
        yield form, instead
    # Its characters begin anywhere among the three bytes that become four letters.
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + secret.encode())
        inner = whole[(before * 8 + 5) // 6 : (before + len(secret.encode())) * 8 // 6].decode()
        for form in (inner, inner.replace("+", "-").replace("/", "_")):
            yield form, stand_in(len(form), instead[-1])


def _harmless_host(found: re.Match[str]) -> str:
    """Keep a host everybody knows, without a user's name and password."""
    _, signed_in, host = found[0].rpartition("@")
    known = HARMLESS_HOSTS.fullmatch(host.partition(":")[0])
    return ("user@" if signed_in else "") + (host if known else "host.example.com")
