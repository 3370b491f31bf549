"""Records the screens and answers of an interview run."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from docassemble_client.models import SessionReply
from docassemble_client.workflows.interviews.answers import Answer


def _format_names(answers: Mapping[str, Answer]) -> str:
    return f"<{', '.join(answers)}>"


@frozen(kw_only=True)
class TranscriptStep:
    """
    An answered screen; its repr shows no values.

    Attributes:
        question: Name of the question; empty for a variable that no question asks for.
        text: Heading of the question in Markdown.
        answers: Answers that were sent, by variable.
    """

    question: str
    text: str = field(default="", repr=False)
    answers: Mapping[str, Answer] = field(factory=dict[str, "Answer"], repr=_format_names)


@frozen(kw_only=True)
class Transcript:
    """
    A record of an interview run.

    Attributes:
        steps: Every answered screen, in order.
        end_type: Type of the last screen, such as deadend or exit; response if the interview
            returned something other than a screen; empty if it has not ended.
        final: The last question or other reply.
        unused: Names of the answers that no screen asked for, or not for all of their items.
        generated_answers: Variables that the policy answered, in order.
    """

    steps: tuple[TranscriptStep, ...] = ()
    end_type: str = ""
    final: SessionReply | None = field(default=None, repr=False)
    unused: tuple[str, ...] = ()
    generated_answers: tuple[str, ...] = ()
