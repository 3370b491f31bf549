"""A response becomes the result of its operation, by status, media type and shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docassemble_client import models, operations
from docassemble_client._core.deserialize import deserialize, strict_mode
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client._types import JSON
from docassemble_client.config import Confidential, Secret
from docassemble_client.errors import DecodeError
from docassemble_client.operation import Operation, Result
from docassemble_client.responses import BinaryContent, JSONReply
from docassemble_client.tasks import TaskHandle

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"
USER = {
    "id": 7,
    "email": None,
    "first_name": "Ada",
    "last_name": "",
    "country": "US",
    "subdivisionfirst": "",
    "subdivisionsecond": "",
    "subdivisionthird": "",
    "organization": None,
    "timezone": "America/New_York",
    "language": "",
    "privileges": ["user"],
}
UNDEFINED = {"questionType": "undefined_variable", "variable": "x.y", "message_log": []}
QUESTION = {
    "questionType": "deadend",
    "questionName": "q",
    "questionText": "Done",
    "continueLabel": "Continue",
    "allow_going_back": False,
    "exit_label": "Exit",
    "exit_link": "leave",
    "exit_url": None,
    "progress": None,
    "steps": 1,
    "section": None,
    "display_section": None,
    "sections": [],
    "message_log": [],
    "validation_messages": {},
    "title": "T",
    "short_title": "T",
    "display_title": "T",
    "browser_title": "T",
    "lang": "en",
    "language": "en",
    "menu": {"items": [], "top": {"anchor": "Menu"}},
    "navbarVariant": "dark",
    "interview_options": {},
}


def decode(
    operation: Operation[Any],
    content: bytes,
    content_type: str = JSON_TYPE,
    status: int = 200,
    disposition: str = "",
) -> Any:
    """Decode this response of an operation."""
    headers = {
        "content-disposition": disposition,
        **({"content-type": content_type} if content_type else {}),
    }
    request = Request(operation=operation.id, method=operation.method, path="/p")
    return deserialize(
        operation, request, RawResponse(status=status, headers=headers, content=content)
    )


def decode_json(operation: Operation[Any], data: object, status: int = 200) -> Any:
    return decode(operation, json.dumps(data).encode(), status=status)


def decode_failure(
    operation: Operation[Any], content: bytes, content_type: str = JSON_TYPE, status: int = 200
) -> str:
    """Decode a response that the operation does not return; return the text of the error."""
    with pytest.raises(DecodeError) as caught:
        decode(operation, content, content_type, status)
    assert caught.value.status == status
    assert caught.value.operation == operation.id
    return caught.value.message


def make_operation(**results: Result) -> Operation[Any]:
    """Make an operation from results by status, such as s200."""
    return Operation(
        tag="t",
        name="n",
        method="GET",
        path="/p",
        summary="S.",
        results={status[1:]: result for status, result in results.items()},
    )


@pytest.mark.parametrize(
    "content_type", [JSON_TYPE, "Application/JSON; charset=utf-8", JSON_TYPE + " ;"]
)
def test_json_becomes_a_model(content_type: str) -> None:
    """JSON becomes the expected model, for every spelling of its media type."""
    with strict_mode():
        user = decode(operations.USERS_GET, json.dumps(USER).encode(), content_type)

    assert isinstance(user, models.User)
    assert (user.id, user.email, user.privileges, user.extra) == (7, None, ["user"], {})


@pytest.mark.parametrize(
    ("content", "content_type", "problem"),
    [
        (b"<html>Sign in</html>", HTML_TYPE, "text/html"),
        (b"", HTML_TYPE, "text/html"),
        (b"{}", "", "of no media type"),
        (b"{}", "text/plain", "text/plain"),
        (b"{}", "application/problem+json", "application/problem+json"),
    ],
)
@pytest.mark.parametrize(
    "operation", [operations.USERS_GET, operations.USERS_LIST, operations.PACKAGES_INSTALL]
)
def test_a_response_that_is_not_json_is_an_error(
    operation: Operation[Any], content: bytes, content_type: str, problem: str
) -> None:
    """HTML, or JSON with another media type, is refused where JSON is expected."""
    message = decode_failure(operation, content, content_type)

    assert message == f"the response is {problem}, not JSON"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"hunter2",
        b'{"a": 1,}',
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"\xff\xfe"',
        b"\x00",
        b"\xff",
        b'"line\nbreak"',
        b"{} {}",
    ],
)
@pytest.mark.parametrize("type_", [JSON, dict[str, JSON], models.User, int])
def test_invalid_json_is_a_decode_error(content: bytes, type_: Any) -> None:
    """Truncated, invalid or excessively nested JSON raises a DecodeError without content."""
    with pytest.raises(DecodeError) as caught:
        decode(make_operation(s200=Result(type=lambda: type_)), content)

    assert caught.value.message == "the response is not valid JSON"
    assert caught.value.content == content[:65536]


@pytest.mark.parametrize(
    ("operation", "data", "problem"),
    [
        (
            operations.USERS_CREATE,
            {"user_id": None, "password": "x"},
            "int, got NoneType @ $.user_id",
        ),
        (
            operations.SERVER_GET_HEALTH,
            {"ok": None, "server_start_time": 1.5, "version": "1.10.14"},
            "bool, got NoneType @ $.ok",
        ),
        (operations.PRIVILEGES_LIST, ["user", None], "str, got NoneType @ $[1]"),
    ],
)
def test_null_is_refused_where_the_server_never_sends_it(
    operation: Operation[Any], data: object, problem: str
) -> None:
    """A value that must not be null would otherwise be None, against its annotation."""
    message = decode_failure(operation, json.dumps(data).encode())

    assert message == f"the response does not match: expected {problem}"


def test_json_may_have_a_byte_order_mark_and_any_character() -> None:
    """A byte order mark, escapes and characters beyond the basic plane are decoded."""
    value = decode(
        make_operation(s200=Result(type=lambda: JSON)),
        b'\xef\xbb\xbf["\\u00e9", "\xf0\x9f\x98\x80", 1.5, 1e3]',
    )

    assert value == ["é", "😀", 1.5, 1000.0]


@pytest.mark.parametrize("status", [202, 204, 301, 418])
def test_an_unknown_success_status_is_an_error(status: int) -> None:
    """An operation with a result refuses statuses that it does not describe."""
    message = decode_failure(operations.USERS_GET, b"{}", status=status)

    assert message == f"status {status} is not a known status of this operation"


@pytest.mark.parametrize("status", [200, 202, 204])
@pytest.mark.parametrize(
    ("content", "content_type"), [(b"", ""), (b"", HTML_TYPE), (b"{", JSON_TYPE)]
)
def test_an_operation_without_result_accepts_any_success(
    status: int, content: bytes, content_type: str
) -> None:
    """An operation without a result accepts every success, and does not read its body."""
    result = decode(operations.INTERVIEWS_CLEAR_CACHE, content, content_type, status)

    assert result is None


def test_an_html_page_is_not_an_empty_result() -> None:
    """An HTML page in place of an empty result, such as a proxy's login page, is an error."""
    message = decode_failure(
        operations.INTERVIEWS_CLEAR_CACHE, b"<p>Log in</p>", HTML_TYPE, status=200
    )

    assert message == "the response is an HTML page (status 200), expected no content"


def test_2xx_applies_to_statuses_without_an_entry() -> None:
    """2XX applies to every success that has no entry of its own."""
    operation = make_operation(s200=Result(type=lambda: int), s204=Result(), s2XX=Result(text=True))

    results = [decode(operation, b"5", status=status) for status in (200, 204, 206)]

    assert results == [5, None, "5"]


def test_text_is_decoded_in_its_charset() -> None:
    """Text is decoded as its media type says, and never fails."""
    german = decode(
        operations.FILES_CONVERT_TO_MARKDOWN, b"Gr\xf6\xdfe", "text/plain; charset=latin1"
    )
    broken = decode(operations.FILES_CONVERT_TO_MARKDOWN, b"\xff", "")

    assert german == "Größe"
    assert broken == "\ufffd"


def test_the_media_type_selects_json_or_text() -> None:
    """An operation with both results decodes JSON to its model and anything else as text."""
    fields = decode(operations.FILES_EXTRACT_FIELDS, b'{"fields": ["a"]}')
    text = decode(operations.FILES_EXTRACT_FIELDS, b"---\nfields: {}\n", "text/plain")

    assert fields == models.TemplateFields(fields=["a"])
    assert text == "---\nfields: {}\n"


def test_a_file_has_its_metadata() -> None:
    """A file has content, media type, status and a name without folders."""
    file = decode(
        operations.FILES_DOWNLOAD,
        b"%PDF hunter2",
        "application/pdf",
        disposition='attachment; filename="../../a.pdf"',
    )

    assert file == BinaryContent(
        content=b"%PDF hunter2", content_type="application/pdf", filename="a.pdf", status=200
    )
    assert "hunter2" not in repr(file)


def test_a_file_that_is_json_is_still_a_file() -> None:
    """Where only bytes are expected, JSON also stays bytes."""
    file = decode(operations.FILES_DOWNLOAD, b"{}", JSON_TYPE)

    assert file.content == b"{}"


def test_the_question_type_selects_the_model() -> None:
    """The key questionType distinguishes an undefined variable from a question."""
    with strict_mode():
        undefined = decode_json(operations.SESSIONS_SET_VARIABLES, UNDEFINED)
        question = decode_json(operations.SESSIONS_SET_VARIABLES, QUESTION, 201)
    newer = decode_json(operations.SESSIONS_SET_VARIABLES, {**QUESTION, "questionType": "novel"})

    assert isinstance(undefined, models.UndefinedVariable)
    assert undefined.variable == "x.y"
    assert isinstance(question, models.Question)
    assert newer.question_type == "novel"


@pytest.mark.parametrize(
    "data", [{}, {"questionType": None}, {"questionType": ["fields"]}, [], [1], "text", 5, None]
)
def test_an_interview_may_return_any_json(data: object) -> None:
    """JSON from json_response() is unchanged, and has its status."""
    with strict_mode():
        result = decode_json(operations.SESSIONS_SET_VARIABLES, data, 202)

    assert result == JSONReply(data, 202)  # type: ignore[arg-type]  # any JSON


@pytest.mark.parametrize(
    "data",
    [
        {"questionType": "mine"},
        {"questionType": "undefined_variable"},
        {"questionType": "fields", "questionText": "Mine"},
    ],
)
def test_json_that_resembles_a_question_is_kept_except_in_strict_mode(data: Any) -> None:
    """An interview may use the key questionType in its own JSON; strict mode reports a mismatch."""
    result = decode_json(operations.SESSIONS_SET_VARIABLES, data, 202)
    with strict_mode():
        message = decode_failure(operations.SESSIONS_SET_VARIABLES, json.dumps(data).encode())

    assert result == JSONReply(data, 202)
    assert message.startswith("the response does not match: ")


@pytest.mark.parametrize(
    "data", [{**QUESTION, "fields": 5}, {**UNDEFINED, "variable": ["x"]}], ids=["question", "name"]
)
def test_a_question_that_does_not_match_is_an_error(data: Any) -> None:
    """With the second key of every model, it cannot be an interview's own JSON."""
    message = decode_failure(operations.SESSIONS_SET_VARIABLES, json.dumps(data).encode())

    assert message.startswith("the response does not match: ")


def test_an_interview_may_return_a_file_or_no_content() -> None:
    """A response that is not JSON becomes bytes; 204 has no result."""
    page = decode(operations.SESSIONS_SET_VARIABLES, b"<p>hi</p>", HTML_TYPE, 203)
    no_content = decode(operations.SESSIONS_SET_VARIABLES, b"", HTML_TYPE, 204)

    assert (page.text, page.status) == ("<p>hi</p>", 203)
    assert no_content is None


def test_a_task_becomes_a_handle() -> None:
    """A started task becomes a handle with its kind and operation."""
    task = decode_json(operations.PACKAGES_INSTALL, {"task_id": "abc", "new": 1})

    assert task == TaskHandle(id="abc", kind="install", operation="packages.install")


@pytest.mark.parametrize(
    ("operation", "package", "date", "expected"),
    [
        (operations.PACKAGES_INSTALL, "x", "Thu, 01 Jan 1970 00:00:09 GMT", (9.0, "x", "listed")),
        (operations.PACKAGES_UNINSTALL, "x", "Thu, 01 Jan 1970 00:00:09", (9.0, "x", "gone")),
        (operations.PACKAGES_INSTALL, "", "yesterday", (None, "", "")),
        (operations.SERVER_RESTART, "", "", (None, "", "")),
    ],
)
def test_a_handle_has_the_start_and_the_expected_state(
    operation: Operation[Any], package: str, date: str, expected: tuple[object, ...]
) -> None:
    """A handle has the server's date, and the package that must be listed or gone, if known."""
    request = Request(operation=operation.id, method="POST", path="/p", package=package)
    headers = {"content-type": JSON_TYPE, "date": date}

    task: Any = deserialize(
        operation, request, RawResponse(status=200, headers=headers, content=b'{"task_id": "abc"}')
    )

    assert (task.started_at, task.package, task.expected_state) == expected


@pytest.mark.parametrize("data", [{}, {"task_id": 5}, {"task_id": None}, [], "abc", None])
def test_a_task_without_an_id_is_an_error(data: object) -> None:
    """A response without a task ID is refused."""
    message = decode_failure(operations.PACKAGES_INSTALL, json.dumps(data).encode())

    assert message == "the response has no task_id"


def test_secrets_and_configurations_are_wrapped() -> None:
    """A new API key becomes a Secret, the configuration a Confidential object."""
    key = decode_json(operations.API_KEYS_CREATE, "hunter2")
    config = decode_json(operations.SERVER_GET_CONFIG, {"secretkey": "hunter2"})

    assert isinstance(key, Secret)
    assert isinstance(config, Confidential)
    assert key.reveal() == config["secretkey"] == "hunter2"
    assert "hunter2" not in f"{key} {key!r} {config} {config!r}"
