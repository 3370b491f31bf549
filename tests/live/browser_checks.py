"""The checks of a browser and of docassemble's scripts on what a user types into a field."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.live.web_page import Control

# https://html.spec.whatwg.org/multipage/input.html: other values of these inputs become empty.
_FORMATS = {
    "date": ("%Y-%m-%d",),
    "time": ("%H:%M", "%H:%M:%S"),
    "datetime-local": ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"),
}
# Both from docassemble's static/app/jquery.validate.js.
_NUMBER = re.compile(r"(?:-?\d+|-?\d{1,3}(?:,\d{3})+)?(?:\.\d+)?", re.ASCII)
_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_URL = re.compile(r"(?:(?:https?|ftp):)?//\S+\.\S+", re.IGNORECASE)
_UNTRIMMED = {"password", "date", "datetime", "file"}


def complete_value(control: Control, text: str) -> tuple[str, list[str]]:
    """
    Convert what a user types to the value of the control.

    Args:
        control: The control.
        text: What the user types.

    Returns:
        The value to post, and why the control cannot hold the text. Such a text is posted as it is.
    """
    if control.kind in _FORMATS:
        fits = not text or _has_format(text, control.kind)
        return text, [] if fits else [f"does not fit a {control.kind} input"]
    # app.js: daInjectTrim; `.dacurrency` and `.danumeric` on change.
    if control.kind not in _UNTRIMMED:
        text = text.strip()
    if "daslider" in control.classes:
        return text, _check_slider(control, text)
    if "dacurrency" in control.classes:
        return _complete_currency(text), []
    if "danumeric" in control.classes:
        text = re.sub(r"[$,()]", "", text)
    if control.kind == "textarea":
        # Browsers post line breaks of a textarea as CR LF.
        return re.sub(r"\r?\n", "\r\n", text), []
    return text, ["has no room for several lines"] if "\n" in text else []


def check_value(control: Control, value: str, rules: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """
    Check a value as the page does before it posts the form.

    Args:
        control: The control.
        value: Value to post.
        rules: Rules of jQuery Validation by encoded name.

    Returns:
        Why the page does not post the form.
    """
    rule = rules.get(control.name, {})
    if not value:
        is_required = rule.get("required", "required" in control.attributes)
        return ["is required"] if is_required or rule.get("ajaxrequired") else []
    problems = [
        *_check_number(control, value, rule),
        *_check_text(control, value, rule),
        *_check_moment(value, rule),
    ]
    return list(dict.fromkeys(problems))


def check_boxes(
    controls: Sequence[Control], count: int, rules: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """
    Check how many choices are selected.

    Args:
        controls: The boxes of a field, or its select.
        count: Number of selected choices.
        rules: Rules of jQuery Validation by encoded name.

    Returns:
        Why the page does not post the form.
    """
    problems: list[str] = []
    for name in _list_rule_names(controls):
        rule = rules.get(name, {})
        if rule.get("required") and not count:
            problems.append("is required")
        least = _get_limit(rule, count, "checkatleast", "checkexactly", "selectexactly")
        most = _get_limit(rule, count, "checkatmost", "checkexactly", "selectexactly")
        if not least <= count <= most:
            problems.append("has too few or too many choices")
    if "required" in controls[0].attributes and not count:
        problems.append("is required")
    return list(dict.fromkeys(problems))


def _list_rule_names(controls: Sequence[Control]) -> list[str]:
    """List the names of a field in the rules; that of its number of checked boxes is _ignore0."""
    numbers = {
        name.removeprefix("dafield")
        for control in controls
        for name in control.classes
        if re.fullmatch(r"dafield\d+", name)
    }
    return [*(control.name for control in controls), *(f"_ignore{number}" for number in numbers)]


def _get_limit(rule: Mapping[str, Any], default: int, *names: str) -> int:
    values = [rule[name] for name in names if name in rule]
    # The rules of checkboxes are [number of the field, limit].
    return int(values[0][1] if isinstance(values[0], list) else values[0]) if values else default


def _check_number(control: Control, value: str, rule: Mapping[str, Any]) -> list[str]:
    pattern = control.attributes.get("pattern")
    if (pattern and not re.fullmatch(pattern, value, re.ASCII)) or (
        rule.get("number") and not _NUMBER.fullmatch(value)
    ):
        return ["is not a number"]
    if not rule.get("number"):
        return []
    number = float(value.replace(",", "") or 0)
    problems: list[str] = []
    step = control.attributes.get("step", "any")
    if step != "any" and (
        _count_decimals(value) > _count_decimals(step) or round(number / float(step), 9) % 1
    ):
        problems.append(f"is not a multiple of {step}")
    if number < float(rule.get("min", number)):
        problems.append(f"is less than {rule['min']}")
    if number > float(rule.get("max", number)):
        problems.append(f"is greater than {rule['max']}")
    return problems


def _count_decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _check_text(control: Control, value: str, rule: Mapping[str, Any]) -> list[str]:
    problems: list[str] = []
    if control.kind == "email" and not _EMAIL.fullmatch(value):
        problems.append("is not an e-mail address")
    if control.kind == "url" and not _URL.fullmatch(value):
        problems.append("is not a URL")
    shortest = int(rule.get("minlength") or control.attributes.get("minlength") or 0)
    longest = int(rule.get("maxlength") or control.attributes.get("maxlength") or len(value))
    if len(value) < shortest:
        problems.append(f"has fewer than {shortest} characters")
    if len(value) > longest:
        problems.append(f"has more than {longest} characters")
    return problems


def _check_moment(value: str, rule: Mapping[str, Any]) -> list[str]:
    problems: list[str] = []
    for kind in ("date", "time", "datetime"):
        earliest, latest = rule.get(f"minmax{kind}") or (
            rule.get(f"min{kind}"),
            rule.get(f"max{kind}"),
        )
        if earliest and value < earliest:
            problems.append(f"is before {earliest}")
        if latest and value > latest:
            problems.append(f"is after {latest}")
    return problems


def _has_format(text: str, kind: str) -> bool:
    return any(_parses(text, format_) for format_ in _FORMATS[kind])


def _parses(text: str, format_: str) -> bool:
    try:
        moment = datetime.strptime(text, format_)  # noqa: DTZ007 - inputs have no time zone
    except ValueError:
        return False
    return moment.strftime(format_) == text


def _complete_currency(text: str) -> str:
    if "." not in text:
        return re.sub(r"[^0-9.-]", "", text)
    text = re.sub(r"[$,()]", "", text)
    # parseFloat reads the number at the beginning.
    number = re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.IGNORECASE | re.ASCII)
    return f"{float(number[0]):.2f}" if number else text


def _check_slider(control: Control, text: str) -> list[str]:
    try:
        number = float(text)
    except ValueError:
        return ["a slider holds only numbers"]
    low, high = (float(control.attributes[f"data-slider-{end}"]) for end in ("min", "max"))
    if not low <= number <= high:
        return ["is outside of the slider"]
    step = float(control.attributes.get("data-slider-step", 1))
    return ["is between two steps of the slider"] if round((number - low) / step, 9) % 1 else []
