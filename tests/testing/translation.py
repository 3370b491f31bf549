"""Translates the keys, secrets, tokens and numbers of one server into those of another."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from attrs import field, frozen

from tests.secret_detection import STAND_IN

# Numbers are translated only under these names, and in these positions of a path.
_NUMBERS = {
    "user_id": "user",
    "id": "user",
    "number": "file",
    "zip_file_number": "file",
    "file_number": "file",
}
_NUMBER_IN_PATH = re.compile(r"(?<=/api/)(user|file)/(\d+)")
_NUMBER_IN_TEXT = re.compile(r"(?<=docassemble\.playground)\d+|(?<=user_id == )\d+")
_TOKENS = {"next_id", "task_id"}


@frozen
class Translation:
    """
    Learns a translation from pairs of responses and applies it to requests.

    Attributes:
        texts: Texts by the recorded text.
        numbers: Numbers by kind and recorded number.
    """

    texts: dict[str, str] = field(factory=dict)
    numbers: dict[tuple[str, int], int] = field(factory=dict)

    def learn(self, recorded: Any, actual: Any, name: str = "") -> None:
        """
        Learn the translation of the values in a response.

        Args:
            recorded: Value from the recording.
            actual: Value from the other server.
            name: Key of both values.
        """
        if isinstance(recorded, dict) and isinstance(actual, dict):
            for key in recorded.keys() & actual.keys():
                self.learn(recorded[key], actual[key], key)
        elif isinstance(recorded, list) and isinstance(actual, list):
            if len(recorded) == len(actual):
                for recorded_item, actual_item in zip(recorded, actual, strict=True):
                    self.learn(recorded_item, actual_item, name)
        elif isinstance(recorded, str) and isinstance(actual, str):
            if name in _TOKENS or STAND_IN.fullmatch(recorded):
                self.texts[recorded] = actual
        elif name in _NUMBERS and isinstance(recorded, int) and isinstance(actual, int):
            self.numbers[_NUMBERS[name], recorded] = actual

    def translate_value(self, value: Any, name: str = "") -> Any:
        """Translate a JSON value."""
        if isinstance(value, dict):
            return {
                self.translate_text(key): self.translate_value(item, key)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.translate_value(item, name) for item in value]
        if isinstance(value, str):
            return self.translate_text(value)
        if name in _NUMBERS and isinstance(value, int):
            return self.numbers.get((_NUMBERS[name], value), value)
        return value

    def translate_text(self, text: str) -> str:
        """Translate a text and its parts."""
        if text in self.texts:
            return self.texts[text]
        stand_ins = sorted(filter(STAND_IN.fullmatch, self.texts), key=len, reverse=True)
        patterns = [re.escape(name) for name in stand_ins if name.startswith("EXAMPLE")]
        if patterns:
            text = re.sub("|".join(patterns), lambda match: self.texts[match[0]], text)
        return _NUMBER_IN_TEXT.sub(
            lambda match: str(self._translate_number("user", match[0])), text
        )

    def translate_target(self, target: str) -> str:
        """Translate a path and its query."""
        path, _, query = target.partition("?")
        path = _NUMBER_IN_PATH.sub(
            lambda match: f"{match[1]}/{self._translate_number(match[1], match[2])}", path
        )
        pairs = [
            (name, self._translate_parameter(name, value))
            for name, value in parse_qsl(query, keep_blank_values=True)
        ]
        return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path

    def _translate_parameter(self, name: str, value: str) -> str:
        if name in _NUMBERS and value.isdecimal():
            return str(self._translate_number(_NUMBERS[name], value))
        return self.translate_text(value)

    def _translate_number(self, kind: str, number: str) -> int:
        return self.numbers.get((kind, int(number)), int(number))
