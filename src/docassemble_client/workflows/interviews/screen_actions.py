"""Finds the actions that the links and buttons of a screen run."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs, urlsplit

from attrs import field, frozen

from docassemble_client._types import JSON

if TYPE_CHECKING:
    from docassemble_client.models import Question

_MARKDOWN_LINK = re.compile(r"\[(?P<label>[^\]]*)\]\((?P<url>[^()\s]+)")
_HTML_LINK = re.compile(
    r"<a\b[^>]*\bhref=[\"'](?P<url>[^\"']+)[\"'][^>]*>(?P<label>.*?)</a>", re.DOTALL | re.IGNORECASE
)
_PRIORITY_ACTION = "_da_priority_action"


@frozen(kw_only=True)
class ScreenAction:
    """
    An action that a link or button of a screen runs.

    Attributes:
        name: Name of the action, for `InterviewSession.action`.
        arguments: Its arguments.
        label: Text of the link or button.
    """

    name: str
    arguments: Mapping[str, JSON] = field(factory=dict[str, JSON], repr=False)
    label: str = ""


def find_actions(question: Question) -> tuple[ScreenAction, ...]:
    """
    Find the actions that a screen offers, each once.

    Args:
        question: The screen.

    Returns:
        Actions of url_action() in links of the text and in buttons, in order.
    """
    actions: dict[tuple[str, str], ScreenAction] = {}
    for label, url in _list_links(question):
        action = _parse_action(url, label)
        if action is not None:
            actions.setdefault((action.name, repr(action.arguments)), action)
    return tuple(actions.values())


def _list_links(question: Question) -> Iterator[tuple[str, str]]:
    fields = question.fields or []
    texts = [question.question_text, question.subquestion_text, question.under_text]
    for text in [*texts, question.right_text, *(item.note or item.html for item in fields)]:
        for pattern in (_MARKDOWN_LINK, _HTML_LINK):
            for match in pattern.finditer(text or ""):
                yield match["label"].strip(), match["url"].replace("&amp;", "&")
    for button in question.additional_buttons or []:
        yield button.label, button.action


def _parse_action(url: str, label: str) -> ScreenAction | None:
    """Decode the action of a URL: base64 of JSON (base/functions.py:3918)."""
    query = parse_qs(urlsplit(url).query)
    encoded = query.get("action", [""])[0].replace(" ", "+")
    try:
        content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        value = json.loads(content)
    except (binascii.Error, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    data = cast("dict[str, JSON]", value)
    name, arguments = data.get("action"), data.get("arguments")
    if name == _PRIORITY_ACTION and isinstance(arguments, dict):
        name, arguments = arguments.get("_action"), arguments.get("_arguments")
    if not isinstance(name, str) or not name:
        return None
    return ScreenAction(
        name=name, arguments=arguments if isinstance(arguments, dict) else {}, label=label
    )
