"""Names of variables and packages: which are valid, and which are the same."""

from __future__ import annotations

import keyword
import re
import unicodedata

_NAME = r"[^\W\d]\w*"
# Without Python's own names, such as __class__.
_PUBLIC_NAME = rf"(?!__){_NAME}"
# The escapes that repr() writes, and a few more. Python refuses incomplete ones, such as \x.
_ESCAPE = (
    r"\\(?:[\\'\"abfnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U(?:000[0-9A-Fa-f]|0010)[0-9A-Fa-f]{4})"
)
_TEXT_LITERAL = rf"""'(?:[^'\\]|{_ESCAPE})*'|"(?:[^"\\]|{_ESCAPE})*\""""
_INTEGER = r"-?(?:0|[1-9][0-9]{0,99})"  # Python refuses leading zeros and 5,000 digits
_CONSTANT = "True|False|None"
VARIABLE_NAME_HINT = "Pass a name such as client.name.first or children[0].pets['cat']"
_MAX_NAME_LENGTH = 100
# A variable such as children[i].pets['cat'].name.
_VARIABLE = (
    rf"{_PUBLIC_NAME}(?:\.{_PUBLIC_NAME}"
    rf"|\[(?:{_INTEGER}|{_TEXT_LITERAL}|{_CONSTANT}|{_PUBLIC_NAME}(?:\.{_PUBLIC_NAME})*)\])*"
)
_NO_NAMES = rf"{_TEXT_LITERAL}|\[(?:{_CONSTANT})\]"
# Python would end the line at some of them; lone surrogates cannot be sent.
_CONTROL = r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]"


def is_variable_name(name: object) -> bool:
    """
    Whether a name can be the name of a variable, and nothing else.

    The server executes `name = value` as Python (interview/helpers.py, set_session_variables).
    Valid are a name, its attributes, and its items at an integer, a text, True, False, None or a
    variable: client.name.first, children[0].pets['cat'], fruit[i].
    """
    if not isinstance(name, str) or re.search(_CONTROL, name) or not re.fullmatch(_VARIABLE, name):
        return False
    return all(map(_is_identifier, re.findall(_NAME, re.sub(_NO_NAMES, "", name))))


def describe_name(name: object) -> str:
    """Describe an invalid name for an error message; hide a text that cannot be meant as a name."""
    if not isinstance(name, str):
        return f"a key of type {type(name).__name__}"
    if re.search(_CONTROL, name):
        return "a text with a line break or control character"
    return repr(name if len(name) <= _MAX_NAME_LENGTH else f"{name[:_MAX_NAME_LENGTH]}…")


def _is_identifier(name: str) -> bool:
    # Python normalizes identifiers: it would set a variable of another name.
    is_normal = name.isascii() or unicodedata.normalize("NFKC", name) == name
    return is_normal and name.isidentifier() and not keyword.iskeyword(name)


def normalize_package_name(name: str) -> str:
    """Return pip's form of a package name, the same for all spellings; cut version and extras."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@]", name.strip(), maxsplit=1)[0]).lower()
