"""A whole answer becomes what its operation promises: by status, media type and shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docassemble_client import models, operations
from docassemble_client._core.deserialize import decode, strict
from docassemble_client._core.messages import Reply, Request
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


def take(
    operation: Operation[Any],
    content: bytes,
    kind: str = JSON_TYPE,
    status: int = 200,
    disposition: str = "",
) -> Any:
    """Decode this answer of an operation."""
    headers = {"content-disposition": disposition, **({"content-type": kind} if kind else {})}
    request = Request(operation=operation.id, method=operation.method, path="/p")
    return decode(operation, request, Reply(status=status, headers=headers, content=content))


def take_json(operation: Operation[Any], data: object, status: int = 200) -> Any:
    return take(operation, json.dumps(data).encode(), status=status)


def problem(
    operation: Operation[Any], content: bytes, kind: str = JSON_TYPE, status: int = 200
) -> str:
    """Decode what the operation never brings, and return what the error says."""
    with pytest.raises(DecodeError) as caught:
        take(operation, content, kind, status)
    assert caught.value.status == status
    assert caught.value.operation == operation.id
    return caught.value.message


def made(**results: Result) -> Operation[Any]:
    """Make an operation of results by status, such as s200."""
    return Operation(
        tag="t",
        name="n",
        method="GET",
        path="/p",
        summary="S.",
        results={status[1:]: result for status, result in results.items()},
    )


@pytest.mark.parametrize("kind", [JSON_TYPE, "Application/JSON; charset=utf-8", JSON_TYPE + " ;"])
def test_a_model_comes_out_of_json(kind: str) -> None:
    """JSON becomes the promised model, however its media type is written."""
    with strict():
        user = take(operations.USERS_GET, json.dumps(USER).encode(), kind)

    assert isinstance(user, models.User)
    assert (user.id, user.email, user.privileges, user.extra) == (7, None, ["user"], {})


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"<html>Sign in</html>", HTML_TYPE, "text/html"),
        (b"", HTML_TYPE, "text/html"),
        (b"{}", "", "of no stated type"),
        (b"{}", "text/plain", "text/plain"),
        (b"{}", "application/problem+json", "application/problem+json"),
    ],
)
@pytest.mark.parametrize(
    "operation", [operations.USERS_GET, operations.USERS_LIST, operations.PACKAGES_INSTALL]
)
def test_an_answer_that_is_not_json_is_an_error(
    operation: Operation[Any], content: bytes, kind: str, said: str
) -> None:
    """An HTML page, or JSON that is not declared as such, is refused where JSON was promised."""
    message = problem(operation, content, kind)

    assert message == f"the answer is {said} where JSON was expected"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"hunter2",
        b'{"a": 1,}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"[-1e999]",
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
@pytest.mark.parametrize("kind", [JSON, dict[str, JSON], models.User, int])
def test_no_text_that_is_not_json_breaks_the_error(content: bytes, kind: Any) -> None:
    """Cut, wrong, absurdly nested or endless: invalid JSON is a DecodeError that shows nothing."""
    with pytest.raises(DecodeError) as caught:
        take(made(s200=Result(of=lambda: kind)), content)

    assert caught.value.message == "the answer is not valid JSON"
    assert caught.value.content == content[:65536]


def test_json_may_begin_with_a_mark_and_hold_any_character() -> None:
    """A byte order mark, escapes and characters beyond the basic plane are read."""
    value = take(
        made(s200=Result(of=lambda: JSON)), b'\xef\xbb\xbf["\\u00e9", "\xf0\x9f\x98\x80", 1.5, 1e3]'
    )

    assert value == ["é", "😀", 1.5, 1000.0]


@pytest.mark.parametrize("status", [202, 204, 301, 418])
def test_a_status_nobody_promised_is_an_error(status: int) -> None:
    """Where an operation brings something, a status it is not known for brings nothing to trust."""
    message = problem(operations.USERS_GET, b"{}", status=status)

    assert message == f"status {status} is none this operation is known to answer with"


@pytest.mark.parametrize("status", [200, 202, 204])
@pytest.mark.parametrize(("content", "kind"), [(b"", ""), (b"", HTML_TYPE), (b"{", JSON_TYPE)])
def test_what_brings_nothing_takes_any_success(status: int, content: bytes, kind: str) -> None:
    """Where nothing is promised, every success is one, and its body is not even read."""
    result = take(operations.INTERVIEWS_CLEAR_CACHE, content, kind, status)

    assert result is None


def test_a_page_is_not_nothing() -> None:
    """A page in place of nothing, such as a proxy's login, must not pass for the work done."""
    message = problem(operations.INTERVIEWS_CLEAR_CACHE, b"<p>Log in</p>", HTML_TYPE, status=200)

    assert message == "the answer is a page (status 200) where nothing was expected"


def test_a_group_of_statuses_holds_for_those_not_listed() -> None:
    """2XX stands for every success that has no entry of its own."""
    operation = made(s200=Result(of=lambda: int), s204=Result(), s2XX=Result(text=True))

    results = [take(operation, b"5", status=status) for status in (200, 204, 206)]

    assert results == [5, None, "5"]


def test_text_comes_in_its_charset() -> None:
    """A text answer is decoded as its media type says, and never fails."""
    german = take(
        operations.FILES_CONVERT_TO_MARKDOWN, b"Gr\xf6\xdfe", "text/plain; charset=latin1"
    )
    broken = take(operations.FILES_CONVERT_TO_MARKDOWN, b"\xff", "")

    assert german == "Größe"
    assert broken == "\ufffd"


def test_json_or_text_is_told_by_the_media_type() -> None:
    """An operation that brings either reads JSON as its model and anything else as text."""
    fields = take(operations.FILES_EXTRACT_FIELDS, b'{"fields": ["a"]}')
    text = take(operations.FILES_EXTRACT_FIELDS, b"---\nfields: {}\n", "text/plain")

    assert fields == models.TemplateFields(fields=["a"])
    assert text == "---\nfields: {}\n"


def test_bytes_come_with_what_the_server_said() -> None:
    """A file keeps its content, type, status and name, and the name loses its folders."""
    file = take(
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
    """Where only bytes are promised, even JSON stays bytes."""
    file = take(operations.FILES_DOWNLOAD, b"{}", JSON_TYPE)

    assert file.content == b"{}"


def test_a_session_answers_with_what_its_text_says() -> None:
    """The key questionType tells an undefined variable from a question."""
    with strict():
        undefined = take_json(operations.SESSIONS_SET_VARIABLES, UNDEFINED)
        question = take_json(operations.SESSIONS_SET_VARIABLES, QUESTION, 201)
    newer = take_json(operations.SESSIONS_SET_VARIABLES, {**QUESTION, "questionType": "novel"})

    assert isinstance(undefined, models.UndefinedVariable)
    assert undefined.variable == "x.y"
    assert isinstance(question, models.Question)
    assert newer.question_type == "novel"


@pytest.mark.parametrize(
    "data", [{}, {"questionType": None}, {"questionType": ["fields"]}, [], [1], "text", 5, None]
)
def test_a_session_may_answer_with_any_json(data: object) -> None:
    """What an interview answers with json_response is kept as it is, with its status."""
    with strict():
        result = take_json(operations.SESSIONS_SET_VARIABLES, data, 202)

    assert result == JSONReply(data, 202)  # type: ignore[arg-type]  # any JSON


@pytest.mark.parametrize(
    "data",
    [
        {"questionType": "mine"},
        {"questionType": "undefined_variable"},
        {**QUESTION, "fields": 5},
        {**UNDEFINED, "variable": ["x"]},
    ],
)
def test_json_that_only_looks_like_a_question_is_kept_in_use(data: Any) -> None:
    """An interview may use the key questionType in its own JSON; tests notice any change."""
    result = take_json(operations.SESSIONS_SET_VARIABLES, data, 202)
    with strict():
        message = problem(operations.SESSIONS_SET_VARIABLES, json.dumps(data).encode())

    assert result == JSONReply(data, 202)
    assert message.startswith("the answer does not fit: ")


def test_a_session_may_answer_with_a_file_or_nothing() -> None:
    """What is no JSON is kept as bytes; 204 brings nothing."""
    page = take(operations.SESSIONS_SET_VARIABLES, b"<p>hi</p>", HTML_TYPE, 203)
    nothing = take(operations.SESSIONS_SET_VARIABLES, b"", HTML_TYPE, 204)

    assert (page.text, page.status) == ("<p>hi</p>", 203)
    assert nothing is None


def test_a_task_is_known_by_its_number() -> None:
    """Work that goes on in the server comes as a handle with its kind and where it came from."""
    task = take_json(operations.PACKAGES_INSTALL, {"task_id": "abc", "new": 1})

    assert task == TaskHandle(id="abc", kind="install", operation="packages.install")


@pytest.mark.parametrize(
    ("operation", "target", "date", "expected"),
    [
        (operations.PACKAGES_INSTALL, "x", "Thu, 01 Jan 1970 00:00:09 GMT", (9.0, "x", "listed")),
        (operations.PACKAGES_UNINSTALL, "x", "Thu, 01 Jan 1970 00:00:09", (9.0, "x", "gone")),
        (operations.PACKAGES_INSTALL, "", "yesterday", (None, "", "")),
        (operations.SERVER_RESTART, "", "", (None, "", "")),
    ],
)
def test_a_task_knows_when_it_began_and_how_its_work_shows(
    operation: Operation[Any], target: str, date: str, expected: tuple[object, ...]
) -> None:
    """The server's own date, and the package that must be listed or gone, if it has a name."""
    request = Request(operation=operation.id, method="POST", path="/p", target=target)
    headers = {"content-type": JSON_TYPE, "date": date}

    task: Any = decode(
        operation, request, Reply(status=200, headers=headers, content=b'{"task_id": "abc"}')
    )

    assert (task.started, task.target, task.expects) == expected


@pytest.mark.parametrize("data", [{}, {"task_id": 5}, {"task_id": None}, [], "abc", None])
def test_a_task_without_a_number_is_an_error(data: object) -> None:
    """Without a task number there is nothing to wait for, so the answer is refused."""
    message = problem(operations.PACKAGES_INSTALL, json.dumps(data).encode())

    assert message == "the answer holds no task_id"


def test_secrets_and_configurations_are_wrapped() -> None:
    """A new API key comes as a Secret, the configuration as a Confidential object."""
    key = take_json(operations.API_KEYS_CREATE, "hunter2")
    config = take_json(operations.SERVER_GET_CONFIG, {"secretkey": "hunter2"})

    assert isinstance(key, Secret)
    assert isinstance(config, Confidential)
    assert key.reveal() == config["secretkey"] == "hunter2"
    assert "hunter2" not in f"{key} {key!r} {config} {config!r}"
