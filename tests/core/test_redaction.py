"""Redaction: URLs without secrets, harmless arguments only, no cookies in the log."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import operations
from docassemble_client._core.redaction import (
    redact_arguments,
    redact_url,
)
from docassemble_client._types import UNSET
from docassemble_client.config import Secret
from docassemble_client.operation import Operation, Param, Result


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://da.example.com/api/user?key=hunter2", "https://da.example.com/api/user"),
        ("https://da.example.com/x#hunter2", "https://da.example.com/x"),
        ("https://hunter2@da.example.com/x", "https://da.example.com/x"),
        ("https://a:hunter2@da.example.com:8443/x", "https://da.example.com:8443/x"),
        ("https://a:hunter2@b@da.example.com/x", "https://da.example.com/x"),
        ("https://[::1]:8080/x?hunter2", "https://[::1]:8080/x"),
        ("//a:hunter2@da.example.com/x", "//da.example.com/x"),
        ("/path?next=hunter2", "/path"),
        ("path", "path"),
        ("?hunter2", ""),
        ("http:a:hunter2@da.example.com", "http:"),
        ("mailto:hunter2@example.com", "mailto:"),
        ("javascript:hunter2", "javascript:"),
        ("http://[hunter2", ""),
        ("http://\u2100hunter2/", ""),
        ("https://da.example.com/\r\nx", "https://da.example.com/x"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_possible_secrets(url: str, shown: str) -> None:
    """User, query and fragment are removed; an invalid URL becomes ""."""
    assert redact_url(url) == shown


def make_operation(*params: Param) -> Operation[Any]:
    return Operation(
        tag="t",
        name="n",
        method="GET",
        path="/p",
        summary="S.",
        results={"204": Result()},
        params=params,
    )


@pytest.mark.parametrize(
    ("param", "value", "shown"),
    [
        (Param("a", "query", "int"), 7, 7),
        (Param("a", "query", "int"), 0, 0),
        (Param("a", "query", "float"), 1.5, 1.5),
        (Param("a", "query", "bool"), True, True),
        (Param("a", "query", "bool"), False, False),
        (Param("a", "query", "int", sensitive=True), 7, "***"),
        (Param("a", "query", "int"), "hunter2", "***"),
        (Param("a", "query", "bool"), ["hunter2"], "***"),
        (Param("a", "query", "str"), "hunter2", "***"),
        (Param("a", "query", "str"), "", "***"),
        (Param("a", "query", "secret", sensitive=True), Secret("hunter2"), "***"),
        (Param("a", "query", "object"), {"hunter2": 1}, "***"),
        (Param("a", "query", "list[int]"), [1], "***"),
        (Param("a", "file", "file"), b"hunter2", "***"),
        (Param("a", "query", "kind of a newer version"), "hunter2", "***"),
    ],
)
def test_only_numbers_and_booleans_are_shown(param: Param, value: object, shown: object) -> None:
    """A value of any other type, or of the wrong type, is masked."""
    assert redact_arguments(make_operation(param), {"a": value}) == {"a": shown}


@pytest.mark.parametrize("arguments", [{}, {"a": None}, {"a": UNSET}, {"unknown": "hunter2"}])
def test_omitted_and_unknown_arguments_are_not_shown(arguments: dict[str, object]) -> None:
    """Neither omitted arguments nor unknown names appear."""
    assert redact_arguments(make_operation(Param("a", "query", "int")), arguments) == {}


@pytest.mark.parametrize("operation", operations.OPERATIONS.values(), ids=str)
def test_no_text_of_any_operation_is_shown(operation: Operation[Any]) -> None:
    """Every text argument of every operation is masked."""
    arguments = {param.name: "hunter2" for param in operation.params}

    shown = redact_arguments(operation, arguments)

    assert set(shown.values()) <= {"***"}
    assert shown.keys() == arguments.keys()
