"""What one server called something, in the words of another: keys, secrets, tokens, numbers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from attrs import field, frozen

from tests.scanner import STAND_IN

# Numbers mean something only under these names, and in these places of a path.
_NUMBERS = {
    "user_id": "user",
    "id": "user",
    "number": "file",
    "zip_file_number": "file",
    "file_number": "file",
}
_IN_PATH = re.compile(r"(?<=/api/)(user|file)/(\d+)")
_IN_TEXT = re.compile(r"(?<=docassemble\.playground)\d+|(?<=user_id == )\d+")
_TOKENS = {"next_id", "task_id"}


@frozen
class Translation:
    """
    Learns names from pairs of answers, and puts them into requests.

    Attributes:
        words: Texts by what was recorded in their place.
        numbers: Numbers by their kind and what was recorded in their place.
    """

    words: dict[str, str] = field(factory=dict)
    numbers: dict[tuple[str, int], int] = field(factory=dict)

    def learn(self, recorded: Any, answered: Any, name: str = "") -> None:
        """
        Note what stands in the same place of both answers.

        Args:
            recorded: Value from the recording.
            answered: Value from the other server.
            name: Key under which both stand.
        """
        if isinstance(recorded, dict) and isinstance(answered, dict):
            for key in recorded.keys() & answered.keys():
                self.learn(recorded[key], answered[key], key)
        elif isinstance(recorded, list) and isinstance(answered, list):
            if len(recorded) == len(answered):
                for here, there in zip(recorded, answered, strict=True):
                    self.learn(here, there, name)
        elif isinstance(recorded, str) and isinstance(answered, str):
            if name in _TOKENS or STAND_IN.fullmatch(recorded):
                self.words[recorded] = answered
        elif name in _NUMBERS and isinstance(recorded, int) and isinstance(answered, int):
            self.numbers[_NUMBERS[name], recorded] = answered

    def value(self, value: Any, name: str = "") -> Any:
        """Translate what is in a JSON value."""
        if isinstance(value, dict):
            return {self.text(key): self.value(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self.value(one, name) for one in value]
        if isinstance(value, str):
            return self.text(value)
        if name in _NUMBERS and isinstance(value, int):
            return self.numbers.get((_NUMBERS[name], value), value)
        return value

    def text(self, text: str) -> str:
        """Translate a text, or what is in it."""
        if text in self.words:
            return self.words[text]
        known = sorted(filter(STAND_IN.fullmatch, self.words), key=len, reverse=True)
        long = [re.escape(one) for one in known if one.startswith("EXAMPLE")]
        if long:
            text = re.sub("|".join(long), lambda found: self.words[found[0]], text)
        return _IN_TEXT.sub(lambda found: str(self._number("user", found[0])), text)

    def target(self, target: str) -> str:
        """Translate a path and its query."""
        path, _, query = target.partition("?")
        path = _IN_PATH.sub(lambda found: f"{found[1]}/{self._number(found[1], found[2])}", path)
        pairs = [
            (name, self._parameter(name, value))
            for name, value in parse_qsl(query, keep_blank_values=True)
        ]
        return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path

    def _parameter(self, name: str, value: str) -> str:
        if name in _NUMBERS and value.isdecimal():
            return str(self._number(_NUMBERS[name], value))
        return self.text(value)

    def _number(self, kind: str, number: str) -> int:
        return self.numbers.get((kind, int(number)), int(number))
