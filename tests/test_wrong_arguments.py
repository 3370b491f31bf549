"""
Wrong arguments of any public callable end in UsageError, or in another error of this package.

An exception that your own object raises when a workflow reads it is raised unchanged.
"""

from __future__ import annotations

import inspect
import math
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    Assembly,
    AsyncDocassemble,
    Confidential,
    DADict,
    DAList,
    DAObject,
    Download,
    DownloadStream,
    Interview,
    InterviewSession,
    Paginator,
    PollPolicy,
    Project,
    Question,
    RetryBudget,
    RetryPolicy,
    Screen,
    Secret,
    TaskHandle,
    Timeouts,
    Upload,
)
from docassemble_client.errors import DocassembleError
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing import (
    FakeDocument,
    FakeServer,
    FakeUser,
    Field,
    ManualClock,
    Recorder,
    ScriptedInterview,
    ScriptedScreen,
    SessionVariables,
)
from tests.hostile_values import HOSTILE, OwnError
from tests.testing.conftest import LoopClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

WRONG: dict[str, Any] = {
    "None": None,
    "True": True,
    "text": "x",
    "bytes": b"x",
    "negative": -1,
    "zero": 0,
    "half": 0.5,
    "infinity": math.inf,
    "NaN": math.nan,
    "huge": 10**400,
    "object": object(),
    "list": [],
    "list of objects": [object()],
    "mapping": {},
    "mapping of objects": {"x": object()},
}
I = "docassemble.mine:data/questions/letter.yml"  # noqa: E741 - as in the API
CONSTRUCTORS: dict[Callable[..., Any], dict[str, Any]] = {
    AsyncDocassemble: {"base_url": "https://da.example.com", "api_key": "key"},
    Confidential: {"data": {}},
    DADict: {"elements": {}},
    DAList: {"elements": []},
    DAObject: {"class_name": "Individual"},
    FakeDocument: {"name": "Letter", "content": {}},
    FakeServer: {},
    FakeUser: {"id": 1, "email": "ada@example.com", "password": "x", "api_key": "x"},
    Field: {"variable": "name"},
    ManualClock: {},
    Recorder: {},
    PollPolicy: {},
    RetryBudget: {},
    RetryPolicy: {},
    ScriptedInterview: {"filename": I},
    ScriptedScreen: {"text": "Your name?"},
    Secret: {"value": "x"},
    SessionVariables: {"variables": {}},
    TaskHandle.from_token: {"token": "{}"},
    Timeouts: {},
    Timeouts.from_value: {"timeout": 1},
    Upload: {"content": b""},
}
OBJECTS = (
    Assembly,
    AsyncDocassemble,
    Download,
    DownloadStream,
    Interview,
    InterviewSession,
    Paginator,
    Project,
    Screen,
)
# Valid values of required arguments, and of those without which a call is refused.
VALID: dict[str, Any] = {
    "answers": {"name": "Ada"},
    "call": None,
    "changes": {"debug": True},
    "delete_all": True,
    "email": "ada@example.com",
    "folder": ".",
    "i": I,
    "method": "GET",
    "name": "default",
    "older_than": timedelta(days=1),
    "path": "/api/list",
    "rows": [{}],
    "session": "s",
    "source": ".",
    "task": None,
    "user": 1,
    "values": {"name": "Ada"},
}
SKIPPED = {"self", "options", "kwargs"}


def pass_arguments(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a function, by position where an argument has no name."""
    parameters = inspect.signature(function).parameters
    kinds = {name: parameter.kind for name, parameter in parameters.items()}
    positional = [
        arguments.pop(name)
        for name in list(arguments)
        if kinds.get(name) is inspect.Parameter.POSITIONAL_ONLY
    ]
    return function(*positional, **arguments)


async def use(result: Any) -> None:
    """Await a result, or iterate over it: some functions check their arguments only then."""
    if hasattr(result, "__aiter__") and not isinstance(result, Paginator):
        async with aclosing(result) as items:
            async for _ in items:
                break
    elif inspect.isawaitable(result):
        await result


async def find_faults(
    function: Callable[..., Any],
    name: str,
    valid: dict[str, Any],
    allowed: tuple[type[Exception], ...] = (DocassembleError, OwnError),
) -> list[str]:
    """Pass every wrong value; return those that end in another error than the allowed ones."""
    faults = []
    for label in (*WRONG, *HOSTILE):
        value = WRONG[label] if label in WRONG else HOSTILE[label]()
        try:
            await use(pass_arguments(function, {**valid, name: value}))
        except allowed as error:
            str(error)
        except OwnError:
            # The exception of an iterable that you upload is your own.
            if "generator" not in label:
                faults.append(f"{label}: OwnError")
        except Exception as error:  # noqa: BLE001 - this is what the test looks for
            faults.append(f"{label}: {type(error).__name__}: {error}"[:150])
    return faults


@pytest.mark.parametrize(
    ("constructor", "name"),
    [
        pytest.param(constructor, name, id=f"{constructor.__qualname__}-{name}")
        for constructor in CONSTRUCTORS
        for name in inspect.signature(constructor).parameters
        if name != "attributes"
    ],
)
async def test_wrong_argument_of_a_constructor_is_refused(
    constructor: Callable[..., Any], name: str
) -> None:
    """Each raises UsageError, or accepts the value."""
    assert await find_faults(constructor, name, CONSTRUCTORS[constructor]) == []


def list_required(function: Callable[..., Any]) -> dict[str, Any]:
    """Return valid values of the required arguments."""
    return {
        name: VALID.get(name, 1)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty and name not in SKIPPED
    }


def list_methods(kind: type) -> list[str]:
    """Return the public methods of a class that take arguments."""
    return [
        name
        for name, function in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and len(inspect.signature(function).parameters) > 1
    ]


@asynccontextmanager
async def make_object(kind: type) -> AsyncGenerator[Any]:
    """Create an object of a class on the fake server."""
    fake = FakeServer(clock=LoopClock())
    fake.add_interview(I, ScriptedScreen("Your name?", [Field("name", "Name")]))
    async with fake.client() as client:
        if kind is AsyncDocassemble:
            yield client
        elif kind is Interview:
            yield client.interview(I)
        elif kind is Paginator:
            yield client.users.list()
        elif kind is Download:
            yield client.files.download(1)
        elif kind is Project:
            async with client.project("mine", create=True) as project:
                yield project
        elif kind is DownloadStream:
            await client.playground.upload_files([Upload(b"x", "letter.yml")], folder="questions")
            async with client.playground.download_file("letter.yml", folder="questions") as stream:
                yield stream
        elif kind is Assembly:
            yield client.interview(I).assemble({"name": "Ada"})
        elif kind is Screen:
            async with client.interview(I).session() as session:
                question = await session.question()
                assert isinstance(question, Question)
                yield Screen(question)
        else:
            async with client.interview(I).session() as session:
                yield session


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        pytest.param(kind, method, id=f"{kind.__name__}.{method}")
        for kind in OBJECTS
        for method in list_methods(kind)
        if kind is not Screen or method == "answers"  # others take objects of the screen
    ],
)
async def test_wrong_argument_of_a_method_is_refused(
    kind: type, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each raises UsageError, or another error of this package once the call reached the server."""
    monkeypatch.chdir(tmp_path)
    faults = {}
    for name in inspect.signature(getattr(kind, method)).parameters:
        if name in SKIPPED:
            continue
        async with make_object(kind) as subject:
            function = getattr(subject, method)
            valid = list_required(function)
            if kind is DownloadStream and "path" in valid:
                valid["path"] = "letter.yml"  # of a file, not of a request
            faults[name] = await find_faults(function, name, valid)

    assert {name: texts for name, texts in faults.items() if texts} == {}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_wrong_argument_of_an_operation_is_refused(operation: str) -> None:
    """Nothing but errors of this package comes out of any operation."""
    tag, _, method = operation.partition(".")
    faults = {}
    async with FakeServer().client() as client:
        function = getattr(getattr(client, tag), method)
        for name in inspect.signature(function).parameters:
            required = list_required(function)
            faults[name] = await find_faults(function, name, required, (DocassembleError,))

    assert {name: texts for name, texts in faults.items() if texts} == {}
