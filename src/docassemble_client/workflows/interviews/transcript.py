"""Records the screens and answers of an interview run."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from docassemble_client.models import Question, SessionReply
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.screen_actions import ScreenAction, find_actions


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
        end_type: How the interview ended. buttons: on a screen with only buttons that leave or
            restart it, which were not pressed. menu: on a screen without documents that continues
            with an action; see `actions`. response: with something other than a screen. Otherwise
            the type of the last screen: deadend; or exit, leave, restart and other commands if your
            answers pressed such a button, or the interview's code ran one. Empty if it has not
            ended.
        final: The last question or other reply; if your answers pressed a button that leaves or
            restarts the interview, the screen with that button.
        document_screens: Screens with documents or links to files, in order.
        unused: Names of the answers that no screen asked for, or not for all of their items.
        generated_answers: Variables that the policy answered, in order.
    """

    steps: tuple[TranscriptStep, ...] = ()
    end_type: str = ""
    final: SessionReply | None = field(default=None, repr=False)
    document_screens: tuple[Question, ...] = field(default=(), repr=False)
    unused: tuple[str, ...] = ()
    generated_answers: tuple[str, ...] = ()

    @property
    def actions(self) -> tuple[ScreenAction, ...]:
        """Actions that the last screen offers as links or buttons."""
        return find_actions(self.final) if isinstance(self.final, Question) else ()
