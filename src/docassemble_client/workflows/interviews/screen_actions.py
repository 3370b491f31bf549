"""Finds the actions that the links and buttons of a screen run."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

from attrs import field, frozen

from docassemble_client._types import JSON
from docassemble_client.workflows.interviews.file_links import iter_texts, split_url

if TYPE_CHECKING:
    from docassemble_client.models import Question

# No pattern may scan a text again from each of its characters: texts can be long, and hostile.
_MARKDOWN_LINK = re.compile(r"\[(?P<label>[^\[\]]*+)\]\(\s*+<?(?P<url>[^\s()<>]++)")
_HTML_LINK = re.compile(
    r"<a\b(?P<attributes>[^<>]*+)>(?P<label>(?:(?!</?a\b).)*+)</a>", re.DOTALL | re.IGNORECASE
)
_HREF = re.compile(r"\bhref\s*+=\s*+[\"']?(?P<url>[^\s\"']++)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*+>")
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
    for text in iter_texts(question):
        for match in _MARKDOWN_LINK.finditer(text):
            yield match["label"], match["url"]
        for match in _HTML_LINK.finditer(text):
            if href := _HREF.search(match["attributes"]):
                yield _TAG.sub("", match["label"]), href["url"]
    for button in question.additional_buttons or []:
        yield button.label, button.action


def _parse_action(url: str, label: str) -> ScreenAction | None:
    """Decode the action of a URL: base64 of JSON (base/functions.py:3918)."""
    parts = split_url(url)
    encoded = parse_qs(parts.query).get("action", [""])[0].replace(" ", "+") if parts else ""
    try:
        content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        value = json.loads(content)
    except (ValueError, RecursionError):
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
        name=name,
        arguments=arguments if isinstance(arguments, dict) else {},
        label=label.strip(),
    )
