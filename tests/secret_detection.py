"""Finds secrets and traces of the machine in recordings."""

from __future__ import annotations

import base64
import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STAND_IN = re.compile(r"EXAMPLEx*[A-Z]{1,2}|x{0,6}[A-Z]{1,2}")
# In JSON a word may follow an escaped line break, in a URL a quoted character.
BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-F]{2}))"
AFTER = r"(?![A-Za-z0-9])"
TOKEN = re.compile(rf"{BEFORE}[A-Za-z0-9]{{32}}{AFTER}")
LONG_WORD = re.compile(rf"{BEFORE}(?:[A-Za-z]{{16}}|[A-Za-z]{{24}}){AFTER}")
LONG_HEX = re.compile(rf"{BEFORE}[0-9a-f]{{40,64}}{AFTER}")
ADDRESS = re.compile(r"0x[0-9a-f]{10,16}\b")
# Public hosts: examples, and link targets of docassemble's pages.
HARMLESS_HOSTS = re.compile(
    r"(?:[\w.-]+\.)?(?:example\.(?:com|org|net)|docassemble\.org|github\.com|python\.org"
    r"|w3\.org|jsdelivr\.net|cloudflare\.com|google\.com|googleapis\.com"
    r"|gstatic\.com|wikipedia\.org|wikimedia\.org|creativecommons\.org|youtube\.com|vimeo\.com"
    r"|schema\.org|openxmlformats\.org|microsoft\.com|mozilla\.org|jquery\.com|fontawesome\.com"
    r"|invalid)"
)
# Changes between upper case, lower case and digits; a random word has half as many as characters.
_MIN_CHANGES = 4
_CAMEL = re.compile(r"[A-Z]{0,3}[a-z]{3,}(?:[A-Z]{1,2}[a-z]{3,})*[A-Z]?")
_MIN_CHANGE_RATIO = 0.3  # changes per character of base64; a path has fewer
_FORBIDDEN_IF_RANDOM = {
    "a key": TOKEN,
    "a secret": LONG_WORD,
    "a digest": LONG_HEX,
    "a cookie": re.compile(r"\bsession=([\w.%-]{20,})"),
}
_FORBIDDEN = {
    "a cookie": re.compile(r"(?i)\bset-cookie\b|\bcookie:"),
    "a header with a key": re.compile(r"(?i)\bx-api-key\b|\bbearer +\w{8,}|\bauthorization:"),
    "a password": re.compile(
        r'"(?:old_|admin_)?password\\*"\s*:\s*\\*"(?!\\)[^"\\]+|[?&]password=[^&"]+'
    ),
    "a web token": re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),
    "a path of the machine": re.compile(r"(?<![\w.-])/(?:root|tmp|opt|home/(?!user\b)\w+|Users)\b"),
    "a port of the machine": re.compile(r"(?:127\.0\.0\.1|localhost):\d+"),
    "an address in memory": re.compile(r"0x[1-9a-f][0-9a-f]{9,15}\b|0x0[0-9a-f]*[a-f][0-9a-f]*\b"),
}
_BASE64 = re.compile(r"(?:(?<![\w/+%-])|(?<=\\[nrt]))[A-Za-z0-9+/_-]{40,}={0,2}")
_HOST = re.compile(
    r"(?:https?://(?:[^\s/\"'<>@]*@)?|connection \(\d\): )((?:[\w-]+\.)*[a-z]+\b|[\d.]+)"
)


def is_random(word: str) -> bool:
    """Whether a word looks random: people change case and digits less often."""
    if STAND_IN.fullmatch(word) or _CAMEL.fullmatch(word):
        return False
    return _count_changes(word) >= _MIN_CHANGES


def _count_changes(text: str) -> int:
    classes = ["d" if char.isdigit() else "u" if char.isupper() else "l" for char in text]
    return sum(a != b for a, b in pairwise(classes))


def find_secrets(text: str) -> Iterator[str]:
    """Find forbidden content in a text; report only its beginning."""
    for name, pattern in _FORBIDDEN_IF_RANDOM.items():
        for match in pattern.finditer(text):
            if is_random(match[pattern.groups]):
                yield f"{name}: {match[0][:12]}…"
    for name, pattern in _FORBIDDEN.items():
        for match in pattern.finditer(text):
            value = re.split(r"[=:]\s*\\*\"?", match[0])[-1]
            if not STAND_IN.fullmatch(value):
                yield f"{name}: {match[0][:24]}…"
    for match in _HOST.finditer(text):
        if not HARMLESS_HOSTS.fullmatch(match[1]):
            yield f"a host: {match[1]}"
    for match in _BASE64.finditer(text):
        yield from _scan_base64(match[0])


def _scan_base64(text: str) -> Iterator[str]:
    """Scan a text that may be base64; binary content is forbidden."""
    if _count_changes(text) < len(text) * _MIN_CHANGE_RATIO:
        return
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except ValueError:
        return
    try:
        decoded = content.decode()
    except UnicodeDecodeError:
        yield f"much base64: {text[:8]}…"
    else:
        yield from find_secrets(decoded)
