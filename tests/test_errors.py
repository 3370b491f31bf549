"""Errors survive pickle and copy, and say what happened, where, and what to do next."""

from __future__ import annotations

import ast
import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import docassemble_client
from docassemble_client import AsyncDocassemble, errors
from docassemble_client.errors import APIError, DocassembleError, get_error_class
from docassemble_client.tasks import TaskHandle
from docassemble_client.workflows import errors as workflow_errors
from tests.mock import MockServer, build_response
from tests.raw_server import NO_RETRIES

CLASSES: list[type[DocassembleError]] = [
    value
    for module in (errors, workflow_errors)
    for value in vars(module).values()
    if isinstance(value, type)
    and issubclass(value, DocassembleError)
    and value.__module__ == module.__name__
]
COMMON = {"operation": "users.get", "method": "GET", "path": "/api/user/7", "hint": "Check"}
CLASS_ATTRIBUTES: dict[type[DocassembleError], dict[str, Any]] = {
    errors.RequestTimeout: {"maybe_processed": False},
    errors.RedirectRefused: {"status": 307, "location": "https://x"},
    errors.DecodeError: {"status": 203, "content": b"hunter2"},
    errors.DownloadTooLarge: {"max_size": 5},
    errors.TaskFailed: {"log": "hunter2"},
    workflow_errors.MissingAnswer: {"variable": "hunter2", "question": "hunter2"},
    workflow_errors.InterviewFailed: {"body": "hunter2"},
    workflow_errors.NoDocuments: {"question": "hunter2", "end_type": "hunter2"},
    workflow_errors.InstallFailed: {"log": "hunter2", "name": "docassemble.hunter2"},
    workflow_errors.ProjectNotFound: {"project": "hunter2"},
    workflow_errors.ApiKeyNotCreated: {"name": "hunter2"},
    workflow_errors.InvalidDocument: {"format": "hunter2", "content": b"hunter2"},
}
# Callers catch these; what is raised is always a subclass.
BASE_CLASSES = {"APIError", "DocassembleError", "InterviewError", "TaskError", "TransportError"}
HANDLE = TaskHandle(id="hunter2", kind="restart", operation="server.restart", started_at=1.5)


def get_class_attributes(error_class: type[DocassembleError]) -> dict[str, Any]:
    """Return the attributes of only this class, with values other than the defaults."""
    if issubclass(error_class, APIError):
        return {"status": 444, "body": {"text": ["hunter2"]}}
    task = {"handle": HANDLE} if issubclass(error_class, errors.TaskError) else {}
    return {**CLASS_ATTRIBUTES.get(error_class, {}), **task}


def make_error(error_class: type[DocassembleError]) -> DocassembleError:
    error = error_class("It broke", **COMMON, **get_class_attributes(error_class))
    error.page_token = "hunter2"
    error.request_number = 7
    error.headers = {"date": "hunter2"}
    error.retry_after = 2.5
    return error


@pytest.mark.parametrize("error_class", CLASSES)
@pytest.mark.parametrize(
    "make_copy",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_every_error_survives_pickle_and_copy(
    error_class: type[DocassembleError], make_copy: Any
) -> None:
    """A pickled or copied error has the same class, text and attributes."""
    error = make_error(error_class)
    error.add_note("noted")

    copied = make_copy(error)

    assert type(copied) is error_class
    assert copied is not error
    assert vars(copied) == vars(error)
    assert copied.args == error.args
    assert str(copied) == str(error)
    texts = {"message": "It broke", "page_token": "hunter2", **COMMON}
    response = {"request_number": 7, "headers": {"date": "hunter2"}, "retry_after": 2.5}
    for name, value in {**texts, **response, **get_class_attributes(error_class)}.items():
        assert getattr(copied, name) == value
    assert copied.__notes__ == ["noted"]


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_can_be_created_without_arguments(error_class: type[DocassembleError]) -> None:
    """Such an error, for example of a mock, has all of its attributes."""
    error = error_class()

    assert str(error) == ""
    assert (error.page_token, error.request_number, error.retry_after) == (None, None, None)
    assert error.headers == {}
    assert type(error.maybe_processed) is type(error.is_transient) is bool
    assert vars(error).keys() >= {"message", *COMMON, *get_class_attributes(error_class)}


@pytest.mark.parametrize("error_class", CLASSES)
def test_errors_show_no_content(error_class: type[DocassembleError]) -> None:
    """Data of the server and page tokens are attributes, but not part of any text."""
    error = make_error(error_class)

    assert "hunter2" not in f"{error} {error!r}"
    assert error.args == ("It broke",)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "It broke."),
        ({"operation": "users.get"}, "users.get: It broke."),
        ({"method": "GET"}, "GET: It broke."),
        ({"path": "/x"}, "/x: It broke."),
        ({"method": "GET", "path": "/x"}, "GET /x: It broke."),
        ({"operation": "o", "method": "GET", "path": "/x"}, "o (GET /x): It broke."),
        ({"operation": "o", "hint": "Check"}, "o: It broke. Check."),
        ({"hint": "Check."}, "It broke. Check."),
        ({"message": "It broke..."}, "It broke."),
        ({"message": "It broke: …"}, "It broke: …"),
        ({"message": "It broke: …", "hint": "Check"}, "It broke: … Check."),
        ({"message": "", "hint": "Check"}, "Check."),
        ({"message": "", "operation": "o"}, "o"),
        ({"message": ""}, ""),
    ],
)
def test_the_text_has_context_message_and_hint(parts: dict[str, str], text: str) -> None:
    """The text is: operation (method path): message. Hint. Missing parts are omitted."""
    error = DocassembleError(**{"message": "It broke", **parts})

    assert str(error) == text


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (400, errors.BadRequest),
        (401, errors.AccessDenied),
        (402, errors.APIError),
        (403, errors.AccessDenied),
        (404, errors.NotFound),
        (405, errors.MethodNotAllowed),
        (413, errors.PayloadTooLarge),
        (429, errors.RateLimited),
        (499, errors.APIError),
        (500, errors.ServerError),
        (502, errors.ServerError),
        (599, errors.ServerError),
        (999, errors.ServerError),
    ],
)
def test_each_status_has_an_error_class(status: int, error_class: type[APIError]) -> None:
    """Some statuses have their own class, the rest has one of two classes."""
    assert get_error_class(status) is error_class


def test_the_class_hierarchy() -> None:
    """All classes have one base, with groups for transport, server and usage errors."""
    transport_errors = {
        errors.NotSent,
        errors.MaybeSent,
        errors.RequestTimeout,
        errors.RedirectRefused,
    }

    assert all(issubclass(error_class, DocassembleError) for error_class in CLASSES)
    assert {
        error_class for error_class in CLASSES if issubclass(error_class, errors.TransportError)
    } == {
        errors.TransportError,
        *transport_errors,
    }
    assert issubclass(errors.UsageError, ValueError)
    assert not issubclass(errors.DecodeError, APIError)


@pytest.mark.parametrize(
    ("error", "maybe_processed", "is_transient"),
    [
        (errors.DocassembleError(), False, False),
        (errors.UsageError(), False, False),
        (errors.TransportError(), True, True),
        (errors.NotSent(), False, True),
        (errors.MaybeSent(), True, True),
        (errors.RequestTimeout(), True, True),
        (errors.RequestTimeout(maybe_processed=False), False, True),
        (errors.RedirectRefused(), False, False),
        (errors.BadRequest(status=400), False, False),
        (errors.NotFound(status=404), False, False),
        (errors.RateLimited(status=429), False, True),
        (errors.ServerError(status=500), True, False),
        (errors.ServerError(status=502), True, True),
        (errors.ServerError(status=503), True, True),
        (errors.ServerError(status=504), True, True),
        (errors.DecodeError(), True, True),
        (errors.DownloadTooLarge(), False, False),
        (errors.PaginationError(), False, False),
        (errors.TaskFailed(), False, False),
    ],
    ids=lambda value: f"{type(value).__name__}{getattr(value, 'status', '')}",
)
def test_an_error_says_whether_to_repeat_the_call(
    error: DocassembleError, *, maybe_processed: bool, is_transient: bool
) -> None:
    """An unknown outcome counts as processed; a proxy's error and a lost response may pass."""
    assert (error.maybe_processed, error.is_transient) == (maybe_processed, is_transient)


def test_every_error_class_is_public() -> None:
    """You can import each error class from the package root."""
    for error_class in CLASSES:
        assert getattr(docassemble_client, error_class.__name__) is error_class


async def test_an_error_has_the_harmless_headers_of_its_response() -> None:
    """Retry-After is also a number; cookies, locations and unknown headers are left out."""
    shown = {"retry-after": "90", "x-request-id": "abc", "server": "nginx"}
    hidden = {"set-cookie": "hunter2", "location": "https://x.example/hunter2", "x-a": "hunter2"}
    server = MockServer(lambda _: build_response(503, None, {**shown, **hidden}))

    async with AsyncDocassemble(
        server.url, "key", transport=server.transport, retry=NO_RETRIES
    ) as da:
        with pytest.raises(errors.ServerError) as caught:
            await da.users.get(1)
        error = caught.value

    assert error.headers.items() >= shown.items()
    assert "hunter2" not in str(vars(error))
    assert (error.retry_after, error.is_transient, error.maybe_processed) == (90.0, True, True)


def find_base_errors(source: str) -> list[int]:
    """Return the lines on which an error of a base class is created or raised."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Call, ast.Raise))
        and (target := node.func if isinstance(node, ast.Call) else node.exc)
        and ast.unparse(target).rpartition(".")[2] in BASE_CLASSES
    ]


def test_no_error_of_a_base_class_is_raised() -> None:
    """Callers can tell every situation by its class."""
    folder = Path(docassemble_client.__file__).parent
    lines = {
        f"{path.relative_to(folder)}:{line}"
        for path in folder.rglob("*.py")
        for line in find_base_errors(path.read_text(encoding="utf-8"))
    }

    assert lines == set()


def test_errors_of_base_classes_are_recognised() -> None:
    """The rule can fail."""
    source = "raise errors.TaskError\nerror = DocassembleError('x')\nraise NotFound('x')\nraise"

    assert find_base_errors(source) == [1, 2]
