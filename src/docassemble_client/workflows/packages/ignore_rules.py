"""The rules of .gitignore files: which paths they exclude, as git decides."""

from __future__ import annotations

import os
import re
import string
from typing import TYPE_CHECKING, NamedTuple

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLASH = ord("/")
_ALL = frozenset(range(256))
_NOT_SLASH = _ALL - {_SLASH}
_WILDCARDS = rb"[*?\[\\]"
# Of ASCII, in any locale.
_CLASSES = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "cntrl": "".join(map(chr, [*range(32), 127])),
    "digit": string.digits,
    "graph": string.ascii_letters + string.digits + string.punctuation,
    "lower": string.ascii_lowercase,
    "print": string.ascii_letters + string.digits + string.punctuation + " ",
    "punct": string.punctuation,
    "space": string.whitespace,
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
}


class _Token(NamedTuple):
    """
    A part of a pattern.

    Attributes:
        members: The bytes that it matches; empty for a part that only skips others.
        repeats: Whether it matches any number of bytes, also none.
        skips: Number of the next parts that may be left out.
    """

    members: frozenset[int]
    repeats: bool = False
    skips: int = 0


@frozen
class _Pattern:
    """
    A pattern of bytes.

    Attributes:
        prefix: Bytes before the first wildcard.
        tokens: The rest; None if no path can match it.
        suffix: Bytes after the last wildcard; most paths fail there.
    """

    prefix: bytes
    tokens: tuple[_Token, ...] | None
    suffix: bytes

    def matches(self, path: bytes) -> bool:
        """Whether the pattern matches the whole path; takes time in proportion to both lengths."""
        if self.tokens is None or not path.startswith(self.prefix):
            return False
        rest = path[len(self.prefix) :]
        if not rest.endswith(self.suffix):
            return False
        states = self._follow({0})
        for byte in rest:
            states = self._follow(
                state + (not self.tokens[state].repeats)
                for state in states
                if state < len(self.tokens) and byte in self.tokens[state].members
            )
            if not states:
                return False
        return len(self.tokens) in states

    def _follow(self, states: Iterable[int]) -> set[int]:
        """Add the states that can be reached without a byte."""
        tokens = self.tokens or ()
        reached: set[int] = set()
        remaining = list(states)
        while remaining:
            state = remaining.pop()
            if state in reached:
                continue
            reached.add(state)
            if state < len(tokens):
                token = tokens[state]
                if token.repeats or not token.members:
                    remaining.append(state + 1)
                if token.skips:
                    remaining.append(state + 1 + token.skips)
        return reached


@frozen
class _Rule:
    """One line of a .gitignore."""

    pattern: _Pattern
    ignores: bool
    folders_only: bool
    matches_name: bool


class RuleSet:
    """The rules of one .gitignore."""

    def __init__(self, base: str, text: str, *, ignores_case: bool = False) -> None:
        """
        Read the rules.

        Args:
            base: Folder of the file relative to the repository; empty, or with a slash at the end.
            text: Content of the file.
            ignores_case: Whether capital and small letters are the same; for patterns in lower
                case.
        """
        self._base = base
        self._ignores_case = ignores_case
        # Only line feeds end a line, unlike in str.splitlines.
        rules = (_parse_rule(os.fsencode(line)) for line in text.split("\n"))
        self._rules = [rule for rule in rules if rule is not None][::-1]

    def is_ignored(self, path: str, *, is_folder: bool) -> bool | None:
        """Whether the path is ignored: the last rule that matches wins; None if none matches."""
        relative_path = path[len(self._base) :]
        if self._ignores_case:
            relative_path = relative_path.lower()
        full_path = os.fsencode(relative_path)
        name = full_path.rpartition(b"/")[2]
        for rule in self._rules:
            if (is_folder or not rule.folders_only) and rule.pattern.matches(
                name if rule.matches_name else full_path
            ):
                return rule.ignores
        return None


def _parse_rule(line: bytes) -> _Rule | None:
    """Parse one line; None if it is empty or a comment."""
    line = line.removesuffix(b"\r").partition(b"\0")[0]  # C strings end at NUL
    line = _strip_spaces(line)
    if not line or line.startswith(b"#"):
        return None
    ignores = not line.startswith(b"!")
    line = line if ignores else line[1:]
    folders_only = line.endswith(b"/")
    line = line.removesuffix(b"/")
    # Without a slash, a pattern matches names at every depth.
    matches_name = b"/" not in line
    pattern = _parse_pattern(line.removeprefix(b"/"), stops_at_slash=not matches_name)
    return _Rule(pattern, ignores, folders_only, matches_name)


def _strip_spaces(line: bytes) -> bytes:
    """Strip the spaces at the end, except an escaped one."""
    stripped = line.rstrip(b" ")
    backslashes = len(stripped) - len(stripped.rstrip(b"\\"))
    is_escaped = backslashes % 2 and len(stripped) < len(line)
    return stripped + b" " if is_escaped else stripped


def _parse_pattern(text: bytes, *, stops_at_slash: bool) -> _Pattern:
    # git compares the text before the first wildcard by itself: `**` after it counts as a start.
    first = re.search(_WILDCARDS, text)
    prefix = text[: first.start()] if first else text
    parser = _Parser(text[len(prefix) :], stops_at_slash=stops_at_slash)
    try:
        parser.parse()
    except ValueError:
        return _Pattern(prefix, None, b"")
    return _Pattern(prefix, tuple(parser.tokens), _find_suffix(parser.tokens))


def _find_suffix(tokens: list[_Token]) -> bytes:
    suffix = b""
    for token in reversed(tokens):
        if token.repeats or len(token.members) != 1 or _SLASH in token.members:
            break  # a slash may be left out
        suffix = bytes(token.members) + suffix
    return suffix


class _Parser:
    """Splits a pattern into its parts."""

    def __init__(self, text: bytes, *, stops_at_slash: bool) -> None:
        self.tokens: list[_Token] = []
        self._text = text
        self._any = _NOT_SLASH if stops_at_slash else _ALL
        self._position = 0

    def parse(self) -> None:
        """
        Find the parts.

        Raises:
            ValueError: Nothing can match, because a bracket or a backslash is incomplete.
        """
        while self._position < len(self._text):
            character = self._next()
            if character == b"*":
                self._parse_stars()
            elif character == b"[":
                self.tokens.append(_Token(self._parse_set()))
            elif character == b"?":
                self.tokens.append(_Token(self._any))
            else:
                literal = self._next() if character == b"\\" else character
                self.tokens.append(_Token(frozenset(literal)))

    def _next(self) -> bytes:
        if self._position == len(self._text):
            raise ValueError
        self._position += 1
        return self._text[self._position - 1 : self._position]

    def _parse_stars(self) -> None:
        start = self._position - 1
        while self._text.startswith(b"*", self._position):
            self._position += 1
        rest = self._text[self._position :]
        is_after_slash = self._text[:start].endswith(b"/") or not start
        is_before_slash = not rest or rest.startswith((b"/", rb"\/"))
        crosses = self._position - start > 1 and is_after_slash and is_before_slash
        if crosses and rest.startswith(b"/"):
            # Also no folder at all: then the slash is left out, too.
            self.tokens.append(_Token(frozenset(), skips=2))
        self.tokens.append(_Token(_ALL if crosses else self._any, repeats=True))

    def _parse_set(self) -> frozenset[int]:
        members: set[int] = set()
        is_negated = self._text[self._position : self._position + 1] in {b"!", b"^"}
        self._position += is_negated
        previous: int | None = None
        is_first = True
        while (character := self._next()) != b"]" or is_first:
            is_first = False
            if character == b"[" and self._text.startswith(b":", self._position):
                previous = self._add_class(members)
            elif character == b"-" and previous is not None and self._has_range_end():
                end = self._next()
                end = self._next() if end == b"\\" else end
                members.update(range(previous, end[0] + 1))
                previous = None
            else:
                literal = self._next() if character == b"\\" else character
                previous = literal[0]
                members.add(previous)
        matching = (_ALL - members if is_negated else frozenset(members)) & self._any
        if not matching:
            raise ValueError
        return matching

    def _has_range_end(self) -> bool:
        return self._text[self._position : self._position + 1] not in {b"", b"]"}

    def _add_class(self, members: set[int]) -> int | None:
        """Add a class such as [:digit:]; without its end, the bracket counts as itself."""
        end = self._text.find(b"]", self._position)
        if end < 0:
            raise ValueError
        name = self._text[self._position + 1 : end]
        if not name.endswith(b":"):
            members.add(ord("["))
            return ord("[")
        characters = _CLASSES.get(name[:-1].decode(errors="replace"))
        if characters is None:
            raise ValueError
        members.update(characters.encode())
        self._position = end + 1
        return None
