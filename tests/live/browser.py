"""Fills in the form of a question and posts it, as a browser and its scripts do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

from attrs import evolve, field, frozen

from tests.live.browser_checks import check_boxes, check_value, complete_value
from tests.live.web_page import (
    Condition,
    Control,
    Page,
    decode_json,
    decode_name,
    encode_name,
    parse_page,
)

if TYPE_CHECKING:
    import httpx

Entry: TypeAlias = str | Sequence[str] | None
"""What a user types or chooses, by value or label; several choices as a list; None: untouched."""

NO_CHOICE = "is not among the choices"
NOT_TOGETHER = "None of the above excludes other choices"
_BOXES = ("checkbox", "radio")
_BOX_KEY = re.compile(r"\[([BRO])'([\w-]*)'\]$")
# What the checkbox of a yes/no field means when it is not checked.
_UNCHECKED = {"True": ("False", "No", ""), "False": ("True", "No", "")}


@frozen(kw_only=True)
class Submission:
    """
    A form that is filled in.

    Attributes:
        posted: Posted names and values, decoded, without the hidden inputs of the page.
        refused: Why a browser would not post it.
        data: All that is posted.
    """

    posted: tuple[tuple[str, str], ...]
    refused: tuple[str, ...] = ()
    data: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Browser:
    """A visitor of one interview, with cookies."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._address = ""

    async def open(self, url: str) -> Page:
        """Open a link to a session and return the page of its question."""
        response = await self._client.get(url, follow_redirects=True)
        response.raise_for_status()
        self._address = str(response.url)
        page = parse_page(response.text)
        # A reload tells which rules the scripts of the page check.
        return await self.reload(page) if page.action else page

    async def reload(self, page: Page) -> Page:
        """Show the current question again."""
        return await self._post(page, (("csrf_token", page.hidden["csrf_token"]),))

    async def submit(
        self,
        page: Page,
        entries: Mapping[str, Entry],
        *,
        button: str = "",
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Page:
        """Fill in and post a form; return the next page, or the same with its errors."""
        submission = fill_in(page, entries, button=button)
        return await self._post(page, submission.data, files)

    async def post(self, page: Page, submission: Submission) -> Page:
        """Post a form that is filled in."""
        return await self._post(page, submission.data)

    async def _post(
        self,
        page: Page,
        data: Sequence[tuple[str, str]],
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Page:
        values: dict[str, list[str]] = {}
        for name, value in (*data, ("ajax", "1")):
            values.setdefault(name, []).append(value)
        names = {control.variable: control.name for control in page.controls}
        response = await self._client.post(
            urljoin(self._address, page.action),
            data=values,
            files={names[name]: content for name, content in (files or {}).items()} or None,
        )
        if response.is_error:
            return _read_error(response.text, page)
        if "json" not in response.headers["content-type"]:
            # Files are posted by a frame that gets a page of its own.
            return await self.reload(page)
        return _read_reply(response.json(), page)


def _read_reply(reply: Mapping[str, Any], page: Page) -> Page:
    if reply.get("action") != "body":
        return evolve(page, heading=f"<{reply.get('action')}>", text=json.dumps(reply), controls=())
    new = parse_page(reply["body"])
    scripts = [script for script in reply["extra_scripts"] if script["type"] == "validation"]
    rules = scripts[0]["rules"]["rules"] if scripts else {}
    names = decode_json(new.hidden.get("_varnames", ""))
    errors = {
        decode_name(names.get(name, name)): message
        for script in scripts
        for name, message in script["messages"].items()
    }
    alerts = re.findall(r'class="[^"]*\balert-(?:danger|error)\b.*?</div>', new.html, re.DOTALL)
    if alerts:
        errors[""] = " ".join(parse_page(f"<p {alerts[0]}").text.split())
    hidden = dict(new.hidden)
    hidden.setdefault("csrf_token", reply["csrf_token"])
    return evolve(new, action=new.action or page.action, hidden=hidden, rules=rules, errors=errors)


def _read_error(html: str, page: Page) -> Page:
    message = re.search(r"<(blockquote|pre)\b[^>]*>(.*?)</\1>", html, re.DOTALL)
    text = parse_page(message[2] if message else html).text
    return evolve(page, heading="<error>", text=text, controls=(), errors={"": text})


def fill_in(page: Page, entries: Mapping[str, Entry], *, button: str = "") -> Submission:
    """
    Fill in a form.

    Args:
        page: The page.
        entries: Values or labels by variable; others keep what the page shows.
        button: Value or label of the button to press, if the page has several.

    Returns:
        What the browser posts, and why it would refuse to. What a control cannot hold is posted
        nevertheless.
    """
    posted: list[tuple[str, str]] = []
    refused: list[str] = []
    visible: list[str] = []
    current: dict[str, str] = {}
    groups: dict[str, list[Control]] = {}
    group = ""
    for control in page.controls:
        # None of the above belongs to the boxes before it.
        group = group if control.name.startswith("_ignore") else get_field_variable(control)
        groups.setdefault(group, []).append(control)
    rows = {item.extra_row for name in entries for item in groups.get(name, ())}
    for variable, controls in groups.items():
        shown = [
            item
            for item in controls
            if item.extra_row in {"", *rows} and _is_visible(item, current)
        ]
        if not shown:
            continue
        entry = entries.get(variable)
        pairs, reasons = _fill_in_controls(page, shown, entry, is_given=entry is not None)
        posted += pairs
        refused += reasons
        visible += dict.fromkeys(item.name for item in shown if _counts_as_visible(item))
        current[variable] = pairs[0][1] if pairs else ""
        if any(_BOX_KEY.search(item.variable) for item in shown):
            values = dict(pairs)
            boxes = {_decode_keys(item.variable): values.get(item.name) for item in shown}
            current |= {name: value or "False" for name, value in boxes.items()}
        elif not pairs and shown[0].kind == "checkbox":
            current[variable] = _UNCHECKED[shown[0].value][0]
    data = [*page.hidden.items(), *posted]
    data = [(name, value) for name, value in data if name != "_visible"]
    data.append(("_visible", encode_name(json.dumps(visible))))
    unused_rows = {item.extra_row for item in page.controls} - {"", *rows}
    if unused_rows:
        data.append(("_collect_delete", json.dumps(sorted(map(int, unused_rows)))))
    pressed = [item for item in page.buttons if button in {item.value, item.label}]
    data += [(item.name, item.value) for item in pressed[:1]]
    return Submission(
        posted=tuple((_decode_keys(decode_name(name)), value) for name, value in posted),
        refused=tuple(refused),
        data=tuple(data),
    )


def get_field_variable(control: Control) -> str:
    """Return the variable of a control's field, without the key of a box."""
    return _BOX_KEY.sub("", control.variable)


def _decode_keys(name: str) -> str:
    """Decode the key of a box, as in answer[B'cmVk']."""

    def decode(match: re.Match[str]) -> str:
        key = decode_name(match[2])
        return f"[{decode_name(key)}]" if match[1] == "O" else f"[{key!r}]"

    return _BOX_KEY.sub(decode, name)


def _is_visible(control: Control, current: Mapping[str, str]) -> bool:
    return "disabled" not in control.attributes and all(
        _holds(condition, current) for condition in control.conditions
    )


def _holds(condition: Condition, current: Mapping[str, str]) -> bool:
    if not condition.variable:
        return condition.sign
    return (current.get(condition.variable, "") == condition.value) == condition.sign


def _counts_as_visible(control: Control) -> bool:
    # Scripts replace these by other elements and hide them.
    return control.kind != "hidden" and not control.classes & {"combobox", "daslider"}


def _fill_in_controls(
    page: Page, controls: Sequence[Control], entry: Entry, *, is_given: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    first = controls[0]
    if first.kind == "file":
        return [], check_value(first, "", page.rules)
    if first.kind in _BOXES:
        return _choose_boxes(page, controls, entry, is_given=is_given)
    if first.kind == "select":
        return _choose_options(page, first, entry)
    if not isinstance(entry, str) and entry is not None:
        return [], [NO_CHOICE]
    if entry is None:
        entry = first.attributes.get("data-slider-value", first.value)
    value, reasons = complete_value(first, entry)
    return [(first.name, value)], reasons or check_value(first, value, page.rules)


def _choose_boxes(
    page: Page, controls: Sequence[Control], entry: Entry, *, is_given: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    first = controls[0]
    labels = [entry] if isinstance(entry, str) else list(entry or ())
    if not is_given:
        checked = [item for item in controls if item.checked]
    elif first.kind == "checkbox" and len(controls) == 1 and "data-cbvalue" not in first.attributes:
        if entry in _UNCHECKED.get(first.value, ()):
            return [], []
        checked = [first] if entry in {first.value, first.label, "Yes"} else []
    else:
        checked = [item for item in controls if {_get_choice(item), item.label} & set(labels)]
    pairs = [(item.name, item.value) for item in checked]
    if len(checked) < len([label for label in labels if label]):
        # Only a program can post what is not a choice.
        others = [] if isinstance(entry, list) else [(first.name, label) for label in labels]
        return [*pairs, *others], [NO_CHOICE]
    if len(checked) > 1 and any("danota-checkbox" in item.classes for item in checked):
        return pairs, [NOT_TOGETHER]
    return pairs, check_boxes(controls, len(checked), page.rules)


def _get_choice(control: Control) -> str:
    encoded = control.attributes.get("data-cbvalue")
    if encoded is None:
        return control.value
    choice = decode_name(encoded)
    return decode_name(choice) if control.attributes.get("data-cbtype") == "O" else choice


def _choose_options(
    page: Page, control: Control, entry: Entry
) -> tuple[list[tuple[str, str]], list[str]]:
    if "damultiselect" in control.classes:
        labels = [entry] if isinstance(entry, str) else list(entry or ())
        pairs: list[tuple[str, str]] = []
        for option in control.options:
            choice = _decode_keys(decode_name(option.value)).partition("[")[2][:-1].strip("'")
            is_chosen = (
                option.selected if entry is None else bool({choice, option.label} & set(labels))
            )
            pairs.append((option.value, "True" if is_chosen else "False"))
        chosen = sum(value == "True" for _, value in pairs)
        if chosen < len([label for label in labels if label]):
            return pairs, [NO_CHOICE]
        return pairs, check_boxes([control], chosen, page.rules)
    if entry is None:
        selected = [option.value for option in control.options if option.selected]
        options = [option.value for option in control.options]
        entry = (selected or options or [""])[0]
    if not isinstance(entry, str):
        return [], [NO_CHOICE]
    chosen_values = [
        option.value for option in control.options if entry in {option.value, option.label}
    ]
    if chosen_values:
        return [(control.name, chosen_values[0])], check_value(
            control, chosen_values[0], page.rules
        )
    if not control.classes & {"combobox", "da-ajax-combobox"}:
        return [(control.name, entry)], [NO_CHOICE]
    text = entry.strip()
    return [(control.name, text)], check_value(control, text, page.rules)
