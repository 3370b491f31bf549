"""JSON decodes to the same value with and without msgspec, and is encoded safely."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docassemble_client._core import json_codec
from docassemble_client._core.json_codec import decode_json, encode_json
from docassemble_client.config import Secret

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


def _decode(content: bytes) -> str:
    try:
        return repr(decode_json(content))
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
def test_msgspec_changes_nothing(content: bytes) -> None:
    """With and without msgspec, the same documents decode to the same values."""
    assert json_codec._msgspec_decode is not None
    with_msgspec = _decode(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_codec, "_msgspec_decode", None)
        without_msgspec = _decode(content)

    assert with_msgspec == without_msgspec


@pytest.mark.parametrize("content", [b"nan", b"[" * 100_000, b'"\xff"', b"", b"{"])
@pytest.mark.parametrize("installed", [True, False])
def test_invalid_json_is_refused(
    content: bytes, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Excessive nesting, invalid UTF-8 and broken documents are a ValueError."""
    if not installed:
        monkeypatch.setattr(json_codec, "_msgspec_decode", None)

    with pytest.raises(ValueError):  # noqa: PT011 - the text does not matter
        decode_json(content)


@pytest.mark.parametrize("installed", [True, False])
def test_floats_that_only_python_writes_are_read(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable may be NaN or infinite; the rest of the document is read as always."""
    if not installed:
        monkeypatch.setattr(json_codec, "_msgspec_decode", None)

    assert repr(decode_json(b'[NaN, Infinity, -Infinity, "a"]')) == "[nan, inf, -inf, 'a']"


def test_msgspec_is_optional(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the extra, there is no decoder and no error."""
    monkeypatch.setitem(sys.modules, "msgspec.json", None)

    assert json_codec._import_msgspec() == (None, ())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: object()}, b"x"])
def test_a_value_that_is_not_json_is_refused_without_showing_it(value: Any) -> None:
    """The error does not contain the value."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is checked below
        encode_json(value)

    assert repr(value) not in str(caught.value)


def test_mappings_sequences_and_secrets_are_encoded() -> None:
    """Any mapping and sequence is encoded, and a secret becomes its text."""
    assert encode_json({"a": (1, Secret("s")), "é": None}) == '{"a":[1,"s"],"é":null}'
