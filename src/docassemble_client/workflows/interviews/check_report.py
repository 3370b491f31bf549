"""The report of a check of interviews: for people, as JSON, and as JUnit XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Literal

from attrs import frozen

from docassemble_client._types import JSON
from docassemble_client.errors import DocassembleError

_LABELS = {"passed": "ok", "failed": "FAILED", "error": "ERROR"}
_SUITE = "docassemble interviews"
_MAX_NAME_WIDTH = 72  # of the first column, in characters


@frozen(kw_only=True)
class CheckedInterview:
    """
    An interview that was started once.

    Attributes:
        i: File name of the interview.
        outcome: `passed` if it reached a screen, or returned a file or JSON; `failed` if it cannot
            be loaded or started, or failed before its first screen; `error` if the server or the
            network failed, so that the outcome is unknown.
        seconds: Duration of the check.
        question_name: Name of the first question; empty without a question.
        error: Why it did not pass; None if it did.
    """

    i: str
    outcome: Literal["passed", "failed", "error"]
    seconds: float
    question_name: str = ""
    error: DocassembleError | None = None

    @property
    def reason(self) -> str:
        """Why it did not pass, in one line; empty if it did."""
        if self.error is None:
            return ""
        return " ".join(f"{type(self.error).__name__}: {self.error}".split())

    def __str__(self) -> str:
        details = self.reason or f"{self.seconds:.1f} s"
        return f"{self.i.ljust(_MAX_NAME_WIDTH)}  {_LABELS[self.outcome]:6}  {details}"


@frozen(kw_only=True)
class InterviewCheckReport:
    """
    The result of `check_interviews`.

    Attributes:
        interviews: The interviews, in the order in which they were named or listed.
    """

    interviews: tuple[CheckedInterview, ...]

    @property
    def failed(self) -> tuple[CheckedInterview, ...]:
        """Interviews that did not pass, including those with an error."""
        return tuple(interview for interview in self.interviews if interview.outcome != "passed")

    def to_json(self) -> dict[str, JSON]:
        """
        Return the report as a JSON object.

        Returns:
            The number of interviews by outcome, and a list of all.
        """
        interviews: list[JSON] = [
            {
                "i": interview.i,
                "outcome": interview.outcome,
                "seconds": round(interview.seconds, 3),
                "question_name": interview.question_name,
                "reason": interview.reason,
            }
            for interview in self.interviews
        ]
        return {"total": len(interviews), **self._count_outcomes(), "interviews": interviews}

    def to_junit(self) -> str:
        """
        Return the report as XML in JUnit's form, which CI systems show as tests.

        Returns:
            The XML document.
        """
        counts = self._count_outcomes()
        attributes = {
            "name": _SUITE,
            "tests": str(len(self.interviews)),
            "failures": str(counts["failed"]),
            "errors": str(counts["error"]),
            "time": _format_time(sum(interview.seconds for interview in self.interviews)),
        }
        root = ET.Element("testsuites", attributes)
        suite = ET.SubElement(root, "testsuite", attributes)
        for interview in self.interviews:
            package, _, _ = interview.i.partition(":")
            case = {
                "name": _make_valid(interview.i),
                "classname": _make_valid(package),
                "time": _format_time(interview.seconds),
            }
            element = ET.SubElement(suite, "testcase", case)
            if interview.error is not None:
                tag = "failure" if interview.outcome == "failed" else "error"
                kind = {
                    "message": _make_valid(interview.reason),
                    "type": type(interview.error).__name__,
                }
                ET.SubElement(element, tag, kind).text = _make_valid(interview.reason)
        ET.indent(root)
        return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"

    def _count_outcomes(self) -> dict[str, JSON]:
        outcomes = [interview.outcome for interview in self.interviews]
        return {outcome: outcomes.count(outcome) for outcome in ("passed", "failed", "error")}

    def __str__(self) -> str:
        count = f"{len(self.failed)} of {len(self.interviews)} interviews failed"
        return "\n".join([*map(str, self.interviews), count])


def _format_time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _make_valid(text: str) -> str:
    """Replace characters that XML cannot contain."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
