"""Small types: UNSET, bytes and responses, and parameters of the table."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

from docassemble_client import operations
from docassemble_client._types import UNSET, Unset, is_json_array, is_json_object, is_mapping
from docassemble_client.config import Confidential
from docassemble_client.operation import Param
from docassemble_client.responses import BinaryContent, CallResult, Response

if TYPE_CHECKING:
    from pathlib import Path


def test_unset_is_a_false_singleton() -> None:
    """UNSET is false, shows its name, and is the same object after pickle and copy."""
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert list(Unset) == [UNSET]
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET  # noqa: S301 - our own
    assert copy.deepcopy(UNSET) is UNSET


@pytest.mark.parametrize(
    ("value", "mapping", "array", "json_object"),
    [
        ({}, True, False, True),
        (Confidential({}), True, False, False),
        ([], False, True, False),
        ((), False, True, False),
        (range(2), False, True, False),
        ("text", False, False, False),
        (b"bytes", False, False, False),
        (bytearray(), False, False, False),
        (memoryview(b""), False, False, False),
        (set(), False, False, False),
        (None, False, False, False),
    ],
)
def test_values_are_classified_for_json(
    value: object, *, mapping: bool, array: bool, json_object: bool
) -> None:
    """Any mapping is an object and any sequence an array, except text and bytes."""
    assert (is_mapping(value), is_json_array(value), is_json_object(value)) == (
        mapping,
        array,
        json_object,
    )


def test_bytes_are_saved_under_a_name_or_into_a_folder(tmp_path: Path) -> None:
    """In a folder, the file has the server's name, or `download` without one."""
    named = BinaryContent(content=b"x", filename="a.pdf")
    unnamed = BinaryContent(content=b"y")

    paths = [named.save(tmp_path / "b"), named.save(tmp_path), unnamed.save(str(tmp_path))]

    assert [path.name for path in paths] == ["b", "a.pdf", "download"]
    assert [path.read_bytes() for path in paths] == [b"x", b"x", b"y"]
    assert {path.parent for path in paths} == {tmp_path}


def test_responses_show_no_content() -> None:
    """The repr of bytes and responses shows only their size, and no headers."""
    response = Response(status=200, headers={"x": "hunter2"}, content=b"hunter2")
    content = BinaryContent(content=b"hunter2")
    result = CallResult(value=5, status=200, headers={"x": "hunter2"}, content=b"hunter2")

    assert repr(response) == "Response(status=200, content=<7 bytes>)"
    assert repr(result) == "CallResult(value=5, status=200, content=<7 bytes>)"
    assert "<7 bytes>" in repr(content)
    assert "hunter2" not in repr(content)


@pytest.mark.parametrize(
    ("content", "value"), [(b'{"a": [1]}', {"a": [1]}), (b"null", None), (b"5", 5)]
)
def test_a_response_can_be_read_as_json(content: bytes, value: object) -> None:
    """json() parses the body for any media type."""
    response = Response(status=200, headers={}, content=content)

    assert response.json() == value
    assert response.content_type == ""


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_a_response_that_is_not_json_is_a_value_error(content: bytes) -> None:
    """Any invalid body is a ValueError, and no other error."""
    with pytest.raises(ValueError, match=r"."):
        Response(status=200, headers={}, content=content).json()


def test_operations_and_parameters_have_names() -> None:
    """An operation has a full name; the wire name of a parameter is its own by default."""
    operation = operations.USERS_GET

    assert operation.id == str(operation) == "users.get"
    assert repr(operation) == "<Operation users.get>"
    assert Param("a", "query", "str").wire == "a"
    assert Param("a", "query", "str", alias="b").wire == "b"


@pytest.mark.parametrize(
    ("status", "expected"), [(200, True), (204, False), (299, True), (300, None), (404, None)]
)
def test_a_result_is_found_by_status_or_group(status: int, *, expected: bool | None) -> None:
    """An exact status has priority over its group; any other status has no result."""
    result = operations.SESSIONS_SET_VARIABLES.find_result(status)

    assert (None if result is None else not result.is_empty) is expected


def test_an_operation_shows_its_name() -> None:
    """Its text is the name; its repr is short, although it has many attributes."""
    operation = operations.USERS_GET

    assert (str(operation), repr(operation)) == ("users.get", "<Operation users.get>")
    assert operation == operations.OPERATIONS["users.get"]
    assert {operation: 1}[operations.OPERATIONS["users.get"]] == 1
