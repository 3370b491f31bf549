"""What a screen tells of itself in debug mode: how it came to be asked, and how it reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docassemble_client.testing.interviews import TEMPORARY, Stage

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.testing.interviews import Asked, Interview

_REASONS = {
    "initial": "Ran initial code",
    "mandatory question": "Tried to ask mandatory question",
    "mandatory code": "Tried to run mandatory code",
    "asking": "Tried to ask question",
    "running": "Tried to run block",
    "needed": "Needed definition of",
    "complete": "Completed processing",
}
_COMPLETE = Stage("complete")
_NEEDED = "needed"


def source_of(interview: Interview, asked: Asked) -> dict[str, JSON]:
    """
    Tell how a screen came to be asked.

    Args:
        interview: The interview.
        asked: The screen.

    Returns:
        What the server shows on the page when one clicks on Source.
    """
    screen = asked.screen
    # A screen that code has made is of no file; then each block tells of which it is.
    made = asked.name == TEMPORARY
    of_file: dict[str, JSON] = {"source_file": interview.filename} if made else {}
    steps: list[JSON] = [
        _step(number, stage, of_file) for number, stage in enumerate([*asked.trace, _COMPLETE], 1)
    ]
    code: dict[str, JSON] = {} if made else {"source_code": screen.code}
    return {
        "label": "Source",
        "title": "How this question came to be asked",
        "varsLabel": "Show variables and values",
        "varsLink": f"/vars?i={interview.filename}",
        "history": {**code, "steps": steps},
        "readability": {
            "question": _readability(f"{screen.text}. {screen.subtext}"),
            "help": _readability(""),
        },
    }


def _step(number: int, stage: Stage, of_file: dict[str, JSON]) -> dict[str, JSON]:
    step: dict[str, JSON] = {
        "index": number,
        "reason": stage.reason,
        "reason_text": _REASONS[stage.reason],
        "time": f"{(number - 1) / 10_000:.5f}s",
    }
    if stage is _COMPLETE:
        return step
    if stage.reason == _NEEDED:
        return {**step, "variable_name": stage.text}
    return {**step, "code": stage.text, **of_file}


def _readability(text: str) -> list[JSON]:
    """Some of the server's formulas, with syllables counted by their vowels."""
    words = re.findall(r"\w+", text) or ["-"]
    sentences = max(1, len(re.findall(r"[.!?]+\s", text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", one.lower()))) for one in words)
    long, heavy = len(words) / sentences, syllables / len(words)
    grade = 0.39 * long + 11.8 * heavy - 15.59
    letters = sum(map(len, words)) / len(words)
    return [
        ["Flesch Reading Ease", round(206.835 - 1.015 * long - 84.6 * heavy, 2)],
        ["Flesch-Kincaid Grade Level", round(grade, 1)],
        ["Automated Readability Index", round(4.71 * letters + 0.5 * long - 21.43, 1)],
        ["Readability Consensus", f"{grade - 1:.0f}th and {grade:.0f}th grade"],
    ]
