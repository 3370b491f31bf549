"""Actions of links and buttons are decoded."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from docassemble_client import Screen, ScreenAction
from tests.workflows.screens import decode_question, make_screen


def encode_action(value: Any) -> str:
    """Encode an action as url_action does."""
    return base64.b64encode(json.dumps(value).encode()).decode().rstrip("=")


PICK = encode_action({"action": "pick", "arguments": {"doc": "letter"}})


@pytest.mark.parametrize(
    "text",
    [
        f"[Write a letter](/interview?action={PICK}&i=x:y.yml)",
        f"[Write a letter](?action={PICK}&i=x:y.yml)",
        f"[Write a letter](https://da.example.com/interview?i=x&action={PICK})",
        f'<a href="/interview?i=x&amp;action={PICK}" class="btn"><b>Write</b> a letter</a>',
        f'<a name="top"></a><a href="?action={PICK}">Write a letter</a>',
    ],
)
def test_action_of_a_link_is_decoded(text: str) -> None:
    """Name, arguments and text of the link are known; the same action counts once."""
    screen = Screen(decode_question(make_screen(kind="deadend", subquestionText=text * 2)))

    assert screen.actions == (
        ScreenAction(name="pick", arguments={"doc": "letter"}, label="Write a letter"),
    )
    assert "doc" not in repr(screen.actions)


@pytest.mark.parametrize(
    "action",
    ["pick", "%00", encode_action("pick"), encode_action({"action": 1}), "W1tb" * 100_000],
)
def test_invalid_action_is_ignored(action: str) -> None:
    """What is not the text of an action is a plain link."""
    text = f"[Go](/interview?action={action})"

    assert Screen(decode_question(make_screen(subquestionText=text))).actions == ()


def test_buttons_offer_actions() -> None:
    """An action button has no arguments if its action has none; other URLs are no actions."""
    common = {"color": "primary", **dict.fromkeys(("icon", "placement", "css_class", "target"))}
    code = encode_action({"action": "again", "arguments": None})
    buttons = [
        {"action": f"/interview?action={code}", "label": "Again", **common},
        {"action": "https://example.com/[", "label": "Go", **common},
    ]
    screen = Screen(decode_question(make_screen(additional_buttons=buttons)))

    assert screen.actions == (ScreenAction(name="again", label="Again"),)


def test_action_without_its_predecessors_has_its_own_name() -> None:
    """url_action(_forget_prior=True) wraps an action in another one."""
    wrapped = {"_action": "pick", "_arguments": {"doc": "letter"}}
    code = encode_action({"action": "_da_priority_action", "arguments": wrapped})
    screen = Screen(decode_question(make_screen(subquestionText=f"[Go](?action={code})")))

    assert screen.actions == (ScreenAction(name="pick", arguments={"doc": "letter"}, label="Go"),)
