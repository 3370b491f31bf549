"""The blocking client has every name and parameter of the asynchronous one, but for a list."""

from __future__ import annotations

import inspect
import re
import typing
from typing import TYPE_CHECKING, Any

import pytest

import docassemble_client
from docassemble_client import AsyncDocassemble, Docassemble, blocking
from docassemble_client._client_options import ClientOptions
from docassemble_client.blocking import BlockingOptions
from docassemble_client.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

# Methods that only one side has, and why.
ONLY_ASYNC = {
    "AsyncDocassemble.aclose": "its blocking name is close",
    "AsyncDocassemble.watch_task": "pass on_progress to wait_for_task",
    "DownloadStream.release_slot": "for batches, which run several calls at once",
    "Interview.assemble_many": "runs rows at the same time; the docstring says what to do instead",
    "Project.watch": "runs until it is cancelled; the docstring says what to do instead",
}
ONLY_BLOCKING = {
    "AsyncDocassemble.close": "as aclose",
    "Paginator.first_page": "in place of await",
}
# Parameters that only the asynchronous side has, and why.
ONLY_ASYNC_PARAMETERS = {
    "AsyncDocassemble.__init__": {"cleanup_timeout": "nothing is cleaned up in the background"},
    "AsyncDocassemble.check_interviews": {"concurrency": "as cleanup_sessions"},
    "AsyncDocassemble.cleanup_sessions": {"concurrency": "calls are made one after the other"},
    "Paginator.items": {"prefetch": "pages are requested one after the other"},
    "Paginator.pages": {"prefetch": "pages are requested one after the other"},
}
# Methods whose parameters differ, and why.
OTHER_PARAMETERS = {"AsyncDocassemble.with_response": "takes a function instead of an awaitable"}
SPECIAL = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__len__": "__len__",
    "__getitem__": "__getitem__",
}


def find_pairs() -> dict[str, tuple[type, type]]:
    """Find every asynchronous class and its blocking form, by the name of the former."""
    client = AsyncDocassemble("https://da.example.com", "key")
    other = Docassemble("https://da.example.com", "key")
    tags = {operation.tag for operation in OPERATIONS.values()}
    pairs: dict[str, tuple[type, type]] = {
        tag: (type(getattr(client, tag)), type(getattr(other, tag))) for tag in tags
    }
    for name in dir(docassemble_client):
        cls = getattr(docassemble_client, name)
        if inspect.isclass(cls) and is_asynchronous(cls):
            pairs[name] = (cls, getattr(blocking, name.removeprefix("Async")))
    return dict(sorted(pairs.items()))


def is_asynchronous(cls: type) -> bool:
    """Whether a class has coroutines, or can be awaited."""
    return hasattr(cls, "__await__") or any(
        inspect.iscoroutinefunction(member) for _, member in inspect.getmembers(cls)
    )


PAIRS = find_pairs()


def list_names(cls: type) -> set[str]:
    """Return the public names of a class, and its special methods by their blocking names."""
    names = {name for name in dir(cls) if not name.startswith("_")}
    return names | {SPECIAL[name] for name in SPECIAL if hasattr(cls, name)}


@pytest.mark.parametrize("name", PAIRS)
def test_every_public_name_is_on_both_sides(name: str) -> None:
    """A new method needs no rule, or an entry in a list with a reason."""
    source, target = PAIRS[name]
    only_async = {key.partition(".")[2] for key in ONLY_ASYNC if key.startswith(f"{name}.")}
    only_blocking = {key.partition(".")[2] for key in ONLY_BLOCKING if key.startswith(f"{name}.")}
    # Attributes that __init__ sets are not in the class of the asynchronous side.
    attributes = set(re.findall(r"^ {4,8}(\w+): ", inspect.getdoc(source) or "", re.MULTILINE))
    names = {item for item in list_names(target) if not item.startswith("__") or item in SPECIAL}

    assert list_names(source) - names - set(SPECIAL.values()) == only_async
    assert names - list_names(source) - attributes - {"keep"} == only_blocking
    assert [
        item for item in SPECIAL if hasattr(source, item) and not hasattr(target, SPECIAL[item])
    ] == []
    assert [item for item in attributes if not hasattr(target, item)] == []


def iter_methods() -> list[tuple[str, Callable[..., object], Callable[..., object]]]:
    """Return each method that both sides have."""
    return [
        (f"{name}.{method}", getattr(source, method), getattr(target, method))
        for name, (source, target) in PAIRS.items()
        for method in sorted(list_names(source) & list_names(target) | {"__init__"})
        if inspect.isfunction(getattr(source, method)) or inspect.ismethod(getattr(source, method))
        if method != "__init__" or name == "AsyncDocassemble"
    ]


METHODS = iter_methods()


@pytest.mark.parametrize(("name", "source", "target"), METHODS, ids=[item[0] for item in METHODS])
def test_every_parameter_is_on_both_sides(
    name: str, source: Callable[..., object], target: Callable[..., object]
) -> None:
    """With the same kind and the same default."""
    if name in OTHER_PARAMETERS:
        return
    own = dict(inspect.signature(source).parameters)
    others = dict(inspect.signature(target).parameters)
    missing = ONLY_ASYNC_PARAMETERS.get(name, {})

    assert own.keys() - others.keys() == missing.keys()
    assert [n for n in own if n not in missing] == list(others)
    for parameter, value in others.items():
        assert value.kind is own[parameter].kind
        assert value.default == own[parameter].default or parameter == "transport"


def test_the_lists_of_exceptions_name_what_exists() -> None:
    """An exception is removed together with its method."""
    for key in [*ONLY_ASYNC, *OTHER_PARAMETERS, *ONLY_ASYNC_PARAMETERS]:
        name, _, method = key.partition(".")
        assert hasattr(PAIRS[name][0], method)
    assert len(METHODS) > 100


def test_the_options_are_the_parameters() -> None:
    """`from_env` takes what the constructor takes."""
    parameters = set(inspect.signature(Docassemble).parameters) - {"base_url", "api_key"}

    assert set(BlockingOptions.__annotations__) == parameters
    assert set(ClientOptions.__annotations__) - parameters == {"cleanup_timeout"}


@pytest.mark.parametrize("name", PAIRS)
def test_no_docstring_speaks_of_async(name: str) -> None:
    """The docstrings are translated, and say what to do instead of what is not offered."""
    target = PAIRS[name][1]
    docs = [inspect.getdoc(target) or ""]
    docs += [inspect.getdoc(getattr(target, item)) or "" for item in list_names(target)]
    words = re.compile(r"\b(await|async|aclose|coroutine|event loop|cancelled)\b", re.IGNORECASE)

    assert [doc for doc in docs if words.search(doc)] == []


@pytest.mark.parametrize("name", PAIRS)
def test_annotations_can_be_resolved_and_contain_no_any(name: str) -> None:
    """As those of the asynchronous client."""
    target = PAIRS[name][1]
    for method in list_names(target):
        function: Any = inspect.getattr_static(target, method)
        function = getattr(function, "__func__", getattr(function, "fget", function))
        if not inspect.isfunction(function) or not function.__module__.startswith("docassemble"):
            continue
        assert typing.get_type_hints(function)
        assert not re.search(r"\bAny\b", " ".join(map(str, function.__annotations__.values())))


def test_what_is_not_offered_is_named_with_its_alternative() -> None:
    """The docstring says what to do instead."""
    assert "assemble_many" in (blocking.Interview.__doc__ or "")
    assert "`AsyncDocassemble`" in (blocking.Project.__doc__ or "")
    assert "on_progress" in (Docassemble.__doc__ or "")
