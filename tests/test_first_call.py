"""A program loads only what it uses: a call loads the modules of its tag, and few others."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import typing

import attrs
import pytest

from docassemble_client import models, operations

CALL_PROGRAM = """
import asyncio, sys
import httpx
from docassemble_client import AsyncDocassemble

def respond(request):
    return httpx.Response(200, content={content!r}, headers={{"content-type": "application/json"}})

async def main():
    transport = httpx.MockTransport(respond)
    async with AsyncDocassemble("https://da.example.com", "key", transport=transport) as da:
        await da.{call}

asyncio.run(main())
"""
PRINT_MODULES = """
import sys
prefix = "docassemble_client."
print(*sorted(name.removeprefix(prefix) for name in sys.modules if name.startswith(prefix)))
"""
# Modules that only some calls need, in addition to the modules of tags.
OPTIONAL_MODULES = {"_core.structure", "events", "otel", "responses", "tasks", "transfer"}
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
    ("users.get_current()", USER, ["decoders.users", "models.users"]),
    (
        "users.list()",
        {"items": [USER], "next_id": None},
        ["decoders.users", "events", "models.users"],
    ),
    ("stash.store({})", {"stash_key": "a", "secret": "b"}, ["decoders.stash", "models.stash"]),
    (
        "server.get_restart_status('a')",
        {"status": "working"},
        ["decoders.server", "models.server", "tasks"],
    ),
    # Its model has an enumeration of another tag.
    (
        "packages.get_update_status('a')",
        {"status": "working"},
        ["decoders.packages", "models.packages", "responses", "tasks", "transfer"],
    ),
    ("packages.install(pip='a')", {"task_id": "a"}, ["responses", "tasks", "transfer"]),
    ("privileges.list()", ["user"], ["decoders.privileges"]),
    ("request('GET', '/x')", {}, ["responses", "transfer"]),
    (
        "files.extract_fields(b'x', output_format='json')",
        {"fields": []},
        ["decoders.files", "events", "models.files", "responses", "transfer"],
    ),
]
MODELS = [model for name in models.__all__ if attrs.has(model := getattr(models, name))]


def get_loaded_modules(code: str) -> list[str]:
    """Run the code in a new interpreter; return the loaded modules of the package."""
    process = subprocess.run(  # noqa: S603 - the command is a constant
        [sys.executable, "-W", "error", "-c", code + PRINT_MODULES],
        check=True,
        capture_output=True,
        text=True,
    )
    return process.stdout.split()


def select_models(modules: list[str]) -> list[str]:
    """Return the modules with models and decoders."""
    return [name for name in modules if name.startswith(("models.", "decoders."))]


def select_operations(modules: list[str]) -> list[str]:
    """Return the modules with operations."""
    return [
        name for name in modules if name.startswith("operations.") and not name.endswith("_errors")
    ]


@pytest.mark.parametrize(("call", "response", "expected"), CALLS, ids=[call for call, *_ in CALLS])
def test_the_first_call_loads_only_the_modules_it_needs(
    call: str, response: object, expected: list[str]
) -> None:
    """It loads models and decoders of its response, and no module that only other calls need."""
    loaded = get_loaded_modules(CALL_PROGRAM.format(content=json.dumps(response), call=call))

    assert sorted({*select_models(loaded), *(OPTIONAL_MODULES & set(loaded))}) == expected
    tag, dot, _ = call.partition(".")
    assert select_operations(loaded) == ([f"operations.{tag}"] if dot else [])


def test_a_model_loads_no_other_tag() -> None:
    """Importing a model by name loads only the models of its tag."""
    loaded = get_loaded_modules(
        "from docassemble_client import User; from docassemble_client.models import User"
    )

    assert select_models(loaded) == ["models.users"]


def test_an_operation_loads_no_other_tag() -> None:
    """Importing or looking up an operation loads only the operations of its tag."""
    loaded = get_loaded_modules(
        "from docassemble_client.operations import OPERATIONS, STATUS_HINTS, TASKS, USERS_GET;"
        " assert OPERATIONS['users.get'] is USERS_GET and len(OPERATIONS) > 60;"
        " assert 'server.restart' in OPERATIONS and 'server.nothing' not in OPERATIONS;"
    )

    assert select_operations(loaded) == ["operations.users"]


def test_every_operation_is_a_constant() -> None:
    """The table has each operation by its full name and by its constant, and nothing else."""
    table = operations.OPERATIONS

    assert [operation.id for operation in table.values()] == list(table)
    for name, operation in table.items():
        assert getattr(operations, name.replace(".", "_").upper()) is operation
    assert len(dir(operations)) == len(table) + 3  # OPERATIONS, TASKS and STATUS_HINTS
    with pytest.raises(KeyError):
        table["users.nothing"]
    with pytest.raises(AttributeError, match=r"^module 'docassemble_client.operations' has no"):
        operations.USERS_NOTHING  # type: ignore[attr-defined]  # noqa: B018


def test_every_listed_model_exists() -> None:
    """Each listed model is an attribute of its module; other names are not."""
    assert sorted(models.__all__) == models.__all__ == dir(models)
    for model in MODELS:
        assert getattr(sys.modules[model.__module__], model.__name__) is model
    with pytest.raises(AttributeError, match=r"^module 'docassemble_client.models' has no attrib"):
        models.NoSuchThing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_annotations_of_every_model_can_be_resolved(model: type) -> None:
    """Names of other modules can be resolved in the module of the model."""
    hints = typing.get_type_hints(model)

    assert hints.keys() == {field.name for field in attrs.fields(model)}
    assert not [hint for hint in hints.values() if isinstance(hint, str)]


def test_unpickling_a_model_loads_its_module() -> None:
    """A process that has loaded no models can unpickle an equal model."""
    model = models.RestartStatus(status="working")
    code = f"import pickle; assert repr(pickle.loads({pickle.dumps(model)!r})) == {repr(model)!r}"

    loaded = get_loaded_modules(code)

    assert select_models(loaded) == ["models.server"]
