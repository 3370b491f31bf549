"""A program pays for what it uses: each call loads what there is of its tag, and little else."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import typing

import attrs
import pytest

from docassemble_client import models, operations

FIRST = """
import asyncio, sys
import httpx
from docassemble_client import AsyncDocassemble

def answer(request):
    return httpx.Response(200, content={content!r}, headers={{"content-type": "application/json"}})

async def main():
    transport = httpx.MockTransport(answer)
    async with AsyncDocassemble("https://da.example.com", "key", transport=transport) as da:
        await da.{call}

asyncio.run(main())
"""
LOADED = """
import sys
home = "docassemble_client."
print(*sorted(one.removeprefix(home) for one in sys.modules if one.startswith(home)))
"""
# Besides the modules of tags, what only some calls need.
SPECIAL = {
    *("_atomic_file", "_core.driver", "_core.flow", "_core.polling", "_core.structure"),
    *("_http.multipart", "events", "otel", "pagination", "responses", "tasks", "transfer"),
}
USER: dict[str, object] = {
    **dict.fromkeys(("country", "first_name", "last_name", "organization", "email"), "x"),
    **dict.fromkeys(("subdivisionfirst", "subdivisionsecond", "subdivisionthird"), ""),
    **dict.fromkeys(("timezone", "language")),
    "id": 1,
    "privileges": [],
    "active": True,
    "account_type": "local",
}
CALLS = [
    ("users.get_current()", USER, ["models.users"]),
    (
        "users.list()",
        {"items": [USER], "next_id": None},
        ["_core.driver", "_core.flow", "events", "models.users", "pagination"],
    ),
    ("stash.store({})", {"stash_key": "a", "secret": "b"}, ["models.stash"]),
    ("server.get_restart_status('a')", {"status": "working"}, ["models.server"]),
    # Its model holds an enumeration of another tag.
    (
        "packages.get_update_status('a')",
        {"status": "working"},
        ["models.packages", "models.server"],
    ),
    ("packages.install(pip='a')", {"task_id": "a"}, ["tasks"]),
    ("privileges.list()", ["user"], []),
    ("request('GET', '/x')", {}, ["_core.driver", "_core.flow", "responses"]),
    (
        "files.extract_fields(b'x', output_format='json')",
        {"fields": []},
        ["_atomic_file", "_http.multipart", "events", "models.files", "responses", "transfer"],
    ),
]
MODELS = [one for name in models.__all__ if attrs.has(one := getattr(models, name))]


def run(code: str) -> list[str]:
    """Run this in a fresh interpreter; return which modules of the package it has loaded."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", code + LOADED],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


def of_models(loaded: list[str]) -> list[str]:
    """Those that hold models."""
    return [one for one in loaded if one.startswith("models.")]


def of_table(loaded: list[str]) -> list[str]:
    """Those that hold operations."""
    return [one for one in loaded if one.startswith("operations.") and not one.endswith("_errors")]


@pytest.mark.parametrize(("call", "answer", "needed"), CALLS, ids=[call for call, *_ in CALLS])
def test_first_call_loads_what_it_needs(call: str, answer: object, needed: list[str]) -> None:
    """It loads the models of which its answer is made, and nothing that only other calls need."""
    loaded = run(FIRST.format(content=json.dumps(answer), call=call))

    assert sorted({*of_models(loaded), *(SPECIAL & set(loaded))}) == needed
    tag, dot, _ = call.partition(".")
    assert of_table(loaded) == ([f"operations.{tag}"] if dot else [])


def test_a_model_loads_no_other_tag() -> None:
    """Whoever imports a model by name pays for those of its tag only."""
    loaded = run("from docassemble_client import User; from docassemble_client.models import User")

    assert of_models(loaded) == ["models.users"]


def test_an_operation_loads_no_other_tag() -> None:
    """Whoever imports an operation by name, or looks it up, pays for those of its tag only."""
    loaded = run(
        "from docassemble_client.operations import OPERATIONS, STATUS_HINTS, TASKS, USERS_GET;"
        " assert OPERATIONS['users.get'] is USERS_GET and len(OPERATIONS) > 60;"
        " assert 'server.restart' in OPERATIONS and 'server.nothing' not in OPERATIONS;"
    )

    assert of_table(loaded) == ["operations.users"]


def test_every_operation_is_a_constant() -> None:
    """The table has each by its full name and each by its constant, and nothing else."""
    table = operations.OPERATIONS

    assert [one.id for one in table.values()] == list(table)
    for name, one in table.items():
        assert getattr(operations, name.replace(".", "_").upper()) is one
    assert len(dir(operations)) == len(table) + 3  # itself, TASKS and STATUS_HINTS
    with pytest.raises(KeyError):
        table["users.nothing"]
    with pytest.raises(AttributeError, match=r"^module 'docassemble_client.operations' has no"):
        operations.USERS_NOTHING  # type: ignore[attr-defined]  # noqa: B018


def test_every_model_says_where_it_is() -> None:
    """What models lists is there, under the name of its module; what it does not list is not."""
    assert sorted(models.__all__) == models.__all__ == dir(models)
    for kind in MODELS:
        assert getattr(sys.modules[kind.__module__], kind.__name__) is kind
    with pytest.raises(AttributeError, match=r"^module 'docassemble_client.models' has no attrib"):
        models.NoSuchThing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("kind", MODELS, ids=lambda one: one.__name__)
def test_annotations_of_every_model_can_be_resolved(kind: type) -> None:
    """Names of other modules can be looked up in the module of the model."""
    hints = typing.get_type_hints(kind)

    assert hints.keys() == {one.name for one in attrs.fields(kind)}
    assert not [one for one in hints.values() if isinstance(one, str)]


def test_a_pickled_model_brings_its_module() -> None:
    """A model can be sent to a process that has loaded no models, and is read as the same."""
    model = models.RestartStatus(status="working")
    code = f"import pickle; assert repr(pickle.loads({pickle.dumps(model)!r})) == {repr(model)!r}"

    loaded = run(code)

    assert of_models(loaded) == ["models.server"]
