"""JSON is read the same with a faster parser and without, and written so that it can be read."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docassemble_client._core import json_codec
from docassemble_client._core.json_codec import parse, write
from docassemble_client.config import Secret

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


def _read(content: bytes) -> str:
    try:
        return repr(parse(content))
    except ValueError:
        return "refused"


@given(DOCUMENTS | st.binary(max_size=20) | st.text('[]{}",:0123456789.eE+-\\u ').map(str.encode))
@example(b"123456789012345678901234567890")
@example(b"-0")
@example(b"1e999")
@example(b"NaN")
@example(b"[-Infinity]")
@example(b'"\\ud800"')
@example(b'"\xed\xa0\x80"')
@example(b'"\xff"')
@example(b"\xef\xbb\xbf1")
@example('"é"'.encode("utf-16"))
@example(b"[" * 100_000)
@example(b"9" * 5000)
@example(b'{"a": 1, "a": 2}')
@example(b"")
def test_a_faster_parser_changes_nothing(content: bytes) -> None:
    """Whether or not it is installed, the same documents are taken, and as the same values."""
    assert json_codec._fast is not None
    fast = _read(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_codec, "_fast", None)
        slow = _read(content)

    assert fast == slow


@pytest.mark.parametrize("content", [b"NaN", b"1e999", b"[" * 100_000, b'"\xff"', b"", b"{"])
@pytest.mark.parametrize("installed", [True, False])
def test_what_is_no_json_is_refused(
    content: bytes, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a number, infinity, absurd nesting, bad UTF-8 and broken documents are a ValueError."""
    if not installed:
        monkeypatch.setattr(json_codec, "_fast", None)

    with pytest.raises(ValueError):  # noqa: PT011 - its text is nobody's business
        parse(content)


def test_the_faster_parser_is_used_only_if_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the extra there is none, and that is no error."""
    monkeypatch.setitem(sys.modules, "msgspec.json", None)

    assert json_codec._faster() == (None, ())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: object()}, b"x"])
def test_what_json_cannot_say_is_refused_without_showing_it(value: Any) -> None:
    """The error carries nothing of the value."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is looked at below
        write(value)

    assert repr(value) not in str(caught.value)


def test_mappings_sequences_and_secrets_are_written() -> None:
    """Any mapping and sequence is JSON, and a secret is its text."""
    assert write({"a": (1, Secret("s")), "é": None}) == '{"a":[1,"s"],"é":null}'
