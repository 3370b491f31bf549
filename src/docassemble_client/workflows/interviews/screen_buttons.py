"""Decides how an interview ended, and which buttons leave or restart it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docassemble_client.models import Question
from docassemble_client.workflows.interviews.file_links import find_file_links
from docassemble_client.workflows.interviews.screen_actions import find_actions

if TYPE_CHECKING:
    from docassemble_client.models import SessionReply
    from docassemble_client.workflows.interviews.screen import Screen
    from docassemble_client.workflows.interviews.screen_field import ScreenField

# Commands of buttons (base/parse.py:6792) after which the interview shows nothing new. The API does
# not run them: it returns a screen with this type. `continue` does continue.
_EXIT_COMMANDS = frozenset(
    {
        "exit", "logout", "exit_logout", "interview_exit", "leave", "new_session", "refresh",
        "register", "restart", "signin",
    }
)  # fmt: skip
# Screens of message(), whose buttons are exit, leave and restart unless its code passes others
# (base/parse.py:9800-9827).
_MESSAGE = "Question_Temp"
_CHOICES_KEY = re.compile(r"(?:buttons|choices|dropdown|combobox)\s*+:\s*+(?:#.*)?\Z")
_ITEM = re.compile(r" *+(?:- ++)?(?=[^\s#-])")
_COMMAND = re.compile(
    r"[ -]*+(?!(?:color|css class|default|group|help|image|show if|url)\s*+:)"
    r"(?:\"[^\"]*+\"|'[^']*+'|[^\"'#:][^:]*+)\s*+:\s++[\"']?(?P<command>\w++)[\"']?\s*+(?:#.*)?\Z"
)


def get_code_buttons(screen: Screen) -> ScreenField | None:
    """
    Return the field of a screen that has only buttons without a variable.

    Args:
        screen: The screen.

    Returns:
        The field; None if the screen asks for something else.
    """
    fields = screen.fields
    return fields[0] if len(fields) == 1 and fields[0].runs_code else None


def is_exit(reply: SessionReply | None) -> bool:
    """
    Return whether a reply is the command of a button that leaves or restarts the interview.

    Args:
        reply: Reply to the press of a button.

    Returns:
        Whether it is.
    """
    return isinstance(reply, Question) and reply.question_type in _EXIT_COMMANDS


def get_end_type(question: Question) -> str:
    """
    Return how an interview ended, by its last screen.

    Args:
        question: A screen without anything to answer.

    Returns:
        menu if the screen has no documents and continues with an action; else its type.
    """
    is_menu = find_actions(question) and not shows_documents(question)
    return "menu" if is_menu else question.question_type


def is_end_with_buttons(screen: Screen) -> bool:
    """
    Return whether a screen is an end although it has buttons.

    Args:
        screen: The screen.

    Returns:
        Whether all buttons leave or restart the interview. If the server does not say which do,
        whether the screen has nothing but documents and buttons without a variable.
    """
    field = get_code_buttons(screen)
    if field is None:
        return False
    exits = find_exit_buttons(screen.question)
    if exits is None:
        return shows_documents(screen.question)
    return len(exits) == len(field.choices)


def shows_documents(question: Question) -> bool:
    """
    Return whether a screen has documents or links to files.

    Args:
        question: The screen.

    Returns:
        Whether it has. [FILE n] does not count: it may be an image.
    """
    has_attachments = any(attachment.number for attachment in question.attachments or [])
    return has_attachments or not all(link.is_markup for link in find_file_links(question))


def find_exit_buttons(question: Question) -> frozenset[int] | None:
    """
    Find the buttons that leave or restart the interview, in the source that the screen comes with.

    The server describes all buttons without a variable alike (base/parse.py:1346), and sends the
    source of the block only if the interview is in debug mode.

    Args:
        question: A screen with buttons.

    Returns:
        Numbers of these buttons; None if the source is unknown or does not list them plainly.
    """
    choices = [choice for field in question.fields or [] for choice in field.choices or []]
    if question.question_name == _MESSAGE:
        return frozenset(range(len(choices)))
    commands = _read_commands(_get_source_code(question))
    if len(commands) != len(choices):
        return None
    return frozenset(number for number, command in enumerate(commands) if command in _EXIT_COMMANDS)


def _get_source_code(question: Question) -> str:
    history = (question.source or {}).get("history")
    code = history.get("source_code") if isinstance(history, dict) else None
    return code if isinstance(code, str) else ""


def _read_commands(source_code: str) -> list[str]:
    """Read the command of each button from a block in YAML; an empty text if it has none."""
    lines = iter(source_code.splitlines())
    if not any(_CHOICES_KEY.match(line) for line in lines):
        return []
    commands: list[str] = []
    start = ""
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        # The items of a list, which may begin in the first column, or the keys of a mapping.
        item = _ITEM.match(line)
        start = start or (item[0] if item else "")
        if not start or line[0] not in " -":
            break
        if item and item[0] == start:
            commands.append("")
        if (match := _COMMAND.match(line)) and match["command"] in _EXIT_COMMANDS:
            commands[-1] = match["command"]
    return commands
