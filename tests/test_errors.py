"""Errors are plain data: they survive pickle and copy, and say what, where and what next."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from docassemble_client import errors
from docassemble_client.errors import APIError, DocassembleError, api_error_class
from docassemble_client.tasks import TaskHandle
from docassemble_client.workflows import errors as workflow_errors

CLASSES: list[type[DocassembleError]] = [
    getattr(module, name) for module in (errors, workflow_errors) for name in module.__all__
]
COMMON = {"operation": "users.get", "method": "GET", "path": "/api/user/7", "hint": "Look"}
OWN: dict[type[DocassembleError], dict[str, Any]] = {
    errors.RequestTimeout: {"maybe_processed": False},
    errors.RedirectRefused: {"status": 307, "location": "https://x"},
    errors.DecodeError: {"status": 203, "content": b"hunter2"},
    errors.DownloadTooLarge: {"max_size": 5},
    errors.TaskFailed: {"log": "hunter2"},
    workflow_errors.MissingAnswer: {"variable": "hunter2", "question": "hunter2"},
    workflow_errors.InterviewFailed: {"body": "hunter2"},
    workflow_errors.NoDocuments: {"question": "hunter2", "ended": "hunter2"},
    workflow_errors.InstallFailed: {"log": "hunter2", "name": "docassemble.hunter2"},
    workflow_errors.InvalidDocument: {"format": "hunter2", "content": b"hunter2"},
}
HANDLE = TaskHandle(id="hunter2", kind="restart", operation="server.restart", started=1.5)


def own(kind: type[DocassembleError]) -> dict[str, Any]:
    """Attributes of this class alone, with values other than the defaults."""
    if issubclass(kind, APIError):
        return {"status": 444, "body": {"text": ["hunter2"]}}
    task = {"handle": HANDLE} if issubclass(kind, errors.TaskError) else {}
    return {**OWN.get(kind, {}), **task}


def filled(kind: type[DocassembleError]) -> DocassembleError:
    error = kind("It broke", **COMMON, **own(kind))
    error.resume_from = "hunter2"
    return error


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_every_error_survives_pickle_and_copy(kind: type[DocassembleError], again: Any) -> None:
    """An error comes out of another process or a copy with its class, text and attributes."""
    error = filled(kind)
    error.add_note("seen")

    other = again(error)

    assert type(other) is kind
    assert other is not error
    assert vars(other) == vars(error)
    assert other.args == error.args
    assert str(other) == str(error)
    texts = {"message": "It broke", "resume_from": "hunter2", **COMMON}
    for name, value in {**texts, **own(kind)}.items():
        assert getattr(other, name) == value
    assert other.__notes__ == ["seen"]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_can_be_made_of_nothing(kind: type[DocassembleError]) -> None:
    """An error without arguments, as mocks make it, has all its attributes."""
    error = kind()

    assert str(error) == ""
    assert error.resume_from is None
    assert vars(error).keys() >= {"message", *COMMON, *own(kind)}


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_show_no_content(kind: type[DocassembleError]) -> None:
    """What the server sent, and where a list goes on, is on the error and in none of its texts."""
    error = filled(kind)

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
        ({"operation": "o", "hint": "Look"}, "o: It broke. Look."),
        ({"hint": "Look."}, "It broke. Look."),
        ({"message": "It broke..."}, "It broke."),
        ({"message": "It broke: …"}, "It broke: …"),
        ({"message": "It broke: …", "hint": "Look"}, "It broke: … Look."),
        ({"message": "", "hint": "Look"}, "Look."),
        ({"message": "", "operation": "o"}, "o"),
        ({"message": ""}, ""),
    ],
)
def test_the_text_says_where_what_and_what_next(parts: dict[str, str], text: str) -> None:
    """Text: operation (method path): what happened. What to do. Missing parts leave no trace."""
    error = DocassembleError(**{"message": "It broke", **parts})

    assert str(error) == text


@pytest.mark.parametrize(
    ("status", "kind"),
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
def test_each_status_has_its_class(status: int, kind: type[APIError]) -> None:
    """Statuses with a meaning of their own have a class, the rest falls into two kinds."""
    assert api_error_class(status) is kind


def test_the_hierarchy_is_the_documented_one() -> None:
    """One base for all; errors of transport, server and use are told apart by their bases."""
    transport = {errors.NotSent, errors.MaybeSent, errors.RequestTimeout, errors.RedirectRefused}

    assert all(issubclass(kind, DocassembleError) for kind in CLASSES)
    assert {kind for kind in CLASSES if issubclass(kind, errors.TransportError)} == {
        errors.TransportError,
        *transport,
    }
    assert issubclass(errors.UsageError, ValueError)
    assert not issubclass(errors.DecodeError, APIError)


@pytest.mark.parametrize(
    ("kind", "maybe"),
    [
        (errors.TransportError, True),
        (errors.NotSent, False),
        (errors.MaybeSent, True),
        (errors.RequestTimeout, True),
        (errors.RedirectRefused, False),
    ],
)
def test_transport_errors_tell_whether_the_server_may_have_acted(
    kind: type[errors.TransportError], *, maybe: bool
) -> None:
    """What is unknown counts as processed, so that nothing is done twice."""
    assert kind("x").maybe_processed is maybe


def test_every_public_class_is_listed() -> None:
    """Each error class of the module is public."""
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, DocassembleError)
    }

    assert defined == set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)
