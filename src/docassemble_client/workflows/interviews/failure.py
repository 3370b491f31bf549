"""Explains why the server refused an answer, or could not run the interview."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from docassemble_client.workflows.errors import InterviewFailed

if TYPE_CHECKING:
    from docassemble_client.errors import APIError, BadRequest
    from docassemble_client.workflows.interviews.transcript import Transcript

# webapp/interview/helpers.py:618, 645, 684 and 782 prepend these words to the text of an exception.
_EXCEPTION = re.compile(
    r"(?:Problem getting current question:|Error processing session: )?"
    r"(?:get_question_data: failure to assemble interview: )?(?P<name>[A-Z]\w{2,}+): (?P<text>.*)",
    re.DOTALL | re.ASCII,
)
_UNDEFINED_NAME = re.compile(
    r"(?:Problem setting variables:)?name '(?P<name>[^'\"]++)' is not defined"
)
# A KeyError with the number of a field, from as_data (base/parse.py:1125).
_FIELD_NUMBER = re.compile(
    r"(?:Problem getting current question:)?'?(?P<number>\d{1,6}(?:_\d{1,6})?)'?", re.ASCII
)
# Texts that only quote the interview's source: base/interview_source.py and base/parse.py.
_YAML_ERROR = re.compile(
    r"(?:Problem getting current question:)?(?:\w*+: )?Error reading YAML file (?P<place>[^\n]++)"
    r".*?(?:\n\nError was:\n\n(?P<text>[^\n]++(?:\n[^\n]++)?))?\Z",
    re.DOTALL,
)
_SOURCE_ERROR = re.compile(
    r"(?P<text>(?:Syntax (?:Error|Exception): |There appears to be an infinite loop)[^\n]++)"
    r"(?:\n\nIn file (?P<place>[^\n]++))?"
)
_NO_END, _SOURCE_EXCEPTION = "DAErrorNoEndpoint", "DASourceError"
# webapp/interview/helpers.py:742; a traceback follows.
_START = "DAException: create_new_interview: failure to assemble interview: "


class _Explanation(NamedTuple):
    message: str
    hint: str
    exception: str = ""


def is_interview_failure(error: APIError) -> bool:
    """
    Return whether a session's call failed because of its answers or interview.

    Args:
        error: Error of the call.

    Returns:
        Whether its status is 400, or 501 for an exception that the server does not expect.
    """
    return error.status in {400, 501}


def make_interview_failed(error: APIError, transcript: Transcript) -> InterviewFailed:
    """
    Make the error of a session's call that failed while the interview ran.

    Args:
        error: Error of the call.
        transcript: Transcript so far.

    Returns:
        The error. It shows the server's message only if that cannot contain an answer.
    """
    body = error.body if isinstance(error.body, str) else ""
    return _make_error(error, transcript, _explain(body, error.hint))


def explain_start(error: BadRequest) -> BadRequest:
    """
    Add to the hint of an error why the interview cannot start.

    Args:
        error: Error of sessions.start.

    Returns:
        The error.
    """
    body = error.body if isinstance(error.body, str) else ""
    if body.startswith('"'):
        # JSON that was cut, because the traceback is long.
        body = body[1:].replace("\\n", "\n")
    text = body.removeprefix(_START).partition("\nTraceback")[0]
    explanation = _explain(text, error.hint, has_answers=False)
    if explanation.exception:
        message = explanation.message[0].upper() + explanation.message[1:]
        error.hint = f"{message.rstrip('.')}. {error.hint}"
    return error


def make_variables_error(
    error: APIError, transcript: Transcript, purpose: str, hint: str = ""
) -> InterviewFailed:
    """
    Make the error of variables that cannot be read.

    Args:
        error: Error of the call.
        transcript: Transcript so far.
        purpose: What needs them, such as "the choice of 'helper'".
        hint: What to do; by default to look for the object that is not JSON.

    Returns:
        The error.
    """
    message = f"the server could not return the session's variables, which {purpose} needs"
    if match := _UNDEFINED_NAME.fullmatch(error.body if isinstance(error.body, str) else ""):
        message += f": {match['name']!r} is not defined"
    reason = (
        "Probably it cannot convert an object of the interview to JSON, such as one with a property"
        " that raises; see the error's body"
    )
    return _make_error(
        error, transcript, _Explanation(message, ". ".join(filter(None, (hint, reason))))
    )


def _make_error(
    error: APIError, transcript: Transcript, explanation: _Explanation
) -> InterviewFailed:
    return InterviewFailed(
        explanation.message,
        operation=error.operation,
        method=error.method,
        path=error.path,
        hint=explanation.hint,
        transcript=transcript,
        body=error.body,
        exception=explanation.exception,
    )


def _explain(body: str, hint: str, *, has_answers: bool = True) -> _Explanation:
    """Explain the text of an error; it may quote answers, unless a pattern excludes that."""
    if match := _FIELD_NUMBER.fullmatch(body):
        return _Explanation(
            f"the server could not describe field {match['number']} of the screen (a KeyError)",
            "Most likely the field, counted from 0, has a show if with both code and variable, and"
            " the code is false: the API cannot return such a screen, though a browser shows it",
            "KeyError",
        )
    if match := _YAML_ERROR.match(body):
        words = ": ".join(filter(None, (match["place"], match["text"])))
        return _Explanation(
            f"the interview's YAML has an error: {' '.join(words.split())}",
            "Correct the interview",
            _SOURCE_EXCEPTION,
        )
    if match := _EXCEPTION.fullmatch(body):
        return _explain_exception(match["name"], match["text"], has_answers=has_answers)
    message = "the server refused an answer, or could not run the interview"
    if _UNDEFINED_NAME.fullmatch(body):
        message = "the server could not set a variable, because its object is not defined"
    return _Explanation(message, hint or "See the error's body for the server's message")


def _explain_exception(name: str, text: str, *, has_answers: bool) -> _Explanation:
    if name == _NO_END:
        return _Explanation(
            f"the interview has no end screen ({name}): {text.strip()}",
            "Add a mandatory question to the end of the interview",
            name,
        )
    if name == _SOURCE_EXCEPTION:
        words = ""
        if source := _SOURCE_ERROR.match(text):
            place = (source["place"] or "").rstrip(":")
            words = f"{source['text']} in {place}" if place else source["text"]
        elif not has_answers and not text.startswith("Got error"):
            words = text.partition("\n")[0]
        if words:
            message = f"the interview has an error: {words}"
            return _Explanation(message, "Correct the interview", name)
    return _Explanation(
        f"the interview's code, or a template in it, raised {name}",
        "See the error's body for the message of the exception, which may quote answers",
        name,
    )
