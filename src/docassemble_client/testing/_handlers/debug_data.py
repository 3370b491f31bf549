"""Debug information about a screen: why it is shown, and how readable it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docassemble_client.testing.interviews import TraceStep

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.testing.interviews import ScriptedInterview, ShowScreen

_REASONS = {
    "initial": "Ran initial code",
    "mandatory question": "Tried to ask mandatory question",
    "mandatory code": "Tried to run mandatory code",
    "asking": "Tried to ask question",
    "running": "Tried to run block",
    "needed": "Needed definition of",
    "complete": "Completed processing",
}
_COMPLETE = TraceStep("complete")
_NEEDED = "needed"


def make_source(interview: ScriptedInterview, outcome: ShowScreen) -> dict[str, JSON]:
    """
    Build the debug information of a screen.

    Args:
        interview: The interview.
        outcome: The screen and its trace.

    Returns:
        The data behind the link "Source" on the web page.
    """
    screen = outcome.screen
    steps: list[JSON] = [
        _make_step(number, trace_step)
        for number, trace_step in enumerate([*outcome.trace, _COMPLETE], 1)
    ]
    return {
        "label": "Source",
        "title": "How this question came to be asked",
        "varsLabel": "Show variables and values",
        "varsLink": f"/vars?i={interview.filename}",
        "history": {"source_code": outcome.source or screen.code, "steps": steps},
        "readability": {
            "question": _measure_readability(f"{screen.text}. {screen.subtext}"),
            "help": _measure_readability(""),
        },
    }


def _make_step(number: int, trace_step: TraceStep) -> dict[str, JSON]:
    step: dict[str, JSON] = {
        "index": number,
        "reason": trace_step.reason,
        "reason_text": _REASONS[trace_step.reason],
        "time": f"{(number - 1) / 10_000:.5f}s",
    }
    if trace_step is _COMPLETE:
        return step
    if trace_step.reason == _NEEDED:
        return {**step, "variable_name": trace_step.text}
    return {**step, "code": trace_step.text}


def _measure_readability(text: str) -> list[JSON]:
    """Apply some of the server's formulas; syllables are counted by their vowels."""
    words = re.findall(r"\w+", text) or ["-"]
    sentences = max(1, len(re.findall(r"[.!?]+\s", text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.lower()))) for word in words)
    sentence_length = len(words) / sentences
    word_syllables = syllables / len(words)
    word_length = sum(map(len, words)) / len(words)
    ease = 206.835 - 1.015 * sentence_length - 84.6 * word_syllables
    grade = 0.39 * sentence_length + 11.8 * word_syllables - 15.59
    index = 4.71 * word_length + 0.5 * sentence_length - 21.43
    return [
        ["Flesch Reading Ease", round(ease, 2)],
        ["Flesch-Kincaid Grade Level", round(grade, 1)],
        ["Automated Readability Index", round(index, 1)],
        ["Readability Consensus", f"{grade - 1:.0f}th and {grade:.0f}th grade"],
    ]
