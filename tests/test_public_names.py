"""Everything public can be imported from the package, and nothing heavy comes with it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import docassemble_client
from docassemble_client import errors, events, models
from docassemble_client.workflows import errors as workflow_errors

NAMES = dir(docassemble_client)
LISTED = {name for one in (errors, events, workflow_errors, models) for name in one.__all__}
# Names of the design that users rely on.
PROMISED = {
    "APIError",
    "AsyncDocassemble",
    "BinaryContent",
    "Confidential",
    "DecodeError",
    "DocassembleError",
    "Download",
    "DownloadStream",
    "FileInput",
    "JSON",
    "JSONInput",
    "JSONReply",
    "Operation",
    "Page",
    "Paginator",
    "PollPolicy",
    "Question",
    "Response",
    "RetryPolicy",
    "Secret",
    "TaskEvent",
    "TaskHandle",
    "TaskResult",
    "Timeouts",
    "UNSET",
    "Unset",
    "Upload",
    "User",
    "__version__",
}


def run(code: str) -> str:
    """Run this in a fresh interpreter, and return what it prints."""
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_imported(name: str) -> None:
    """What dir() lists is there, the same object each time."""
    value = getattr(docassemble_client, name)

    assert value is not None
    assert getattr(docassemble_client, name) is value


def test_dir_lists_all_that_is_promised() -> None:
    """dir() is sorted and holds the client, the settings, all errors, events and models."""
    assert sorted(set(NAMES)) == NAMES
    assert set(NAMES) >= PROMISED | LISTED
    assert not [name for name in NAMES if name.startswith("_") and name != "__version__"]


def test_checkers_see_what_is_there() -> None:
    """The names type checkers see are exactly those that are loaded lazily."""
    tree = ast.parse(Path(docassemble_client.__file__).read_text(encoding="utf-8"))
    aliases = [
        alias
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    ]

    assert {alias.asname for alias in aliases} | LISTED == set(NAMES)


@pytest.mark.parametrize(
    "name", ["NoSuchThing", "_private", "__wrapped__", "httpx", "decode", "field", ""]
)
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    """What is not public is not there, though a module inside may have it."""
    with pytest.raises(AttributeError) as caught:
        getattr(docassemble_client, name)

    assert str(caught.value) == f"module 'docassemble_client' has no attribute {name!r}"


@pytest.mark.parametrize("name", ["errors", "events", "models", "operations"])
def test_public_modules_are_there_at_first_sight(name: str) -> None:
    """docassemble_client.operations works without another import, and not only the second time."""
    shown = run(f"import docassemble_client; print(docassemble_client.{name}.__name__)")

    assert shown == f"docassemble_client.{name}"


def test_importing_the_package_loads_nothing_heavy() -> None:
    """The import costs next to nothing: no HTTP library, converter, models or table."""
    heavy = ["attrs", "cattrs", "httpx", "asyncio", "docassemble_client.models"]

    loaded = run(
        "import sys; import docassemble_client;"
        f" print([name for name in {heavy} + ['docassemble_client.operations']"
        " if name in sys.modules])"
    )

    assert loaded == "[]"


def test_an_error_class_loads_no_model() -> None:
    """Whoever imports an error only does not pay for the models."""
    loaded = run(
        "import sys; from docassemble_client import NotFound, RetryPolicy, Secret;"
        " print([n for n in ('cattrs', 'httpx', 'docassemble_client.models') if n in sys.modules])"
    )

    assert loaded == "[]"


def test_making_a_client_loads_no_http_library() -> None:
    """A client is cheap to make: the HTTP library and the converter come with the first call."""
    loaded = run(
        "import sys; from docassemble_client import AsyncDocassemble;"
        " AsyncDocassemble('https://da.example.com', 'key');"
        " print([name for name in ('cattrs', 'httpx') if name in sys.modules])"
    )

    assert loaded == "[]"


def test_a_client_loads_no_job_before_it_is_used() -> None:
    """The jobs are methods of the client, and cost nothing before the first is called."""
    loaded = run(
        "import sys; from docassemble_client import AsyncDocassemble;"
        " AsyncDocassemble('https://da.example.com', 'key');"
        " print(sorted(n for n in sys.modules if n.startswith('docassemble_client.workflows.')))"
    )

    assert loaded == "['docassemble_client.workflows.methods']"


def test_the_package_is_typed_and_has_a_version() -> None:
    """Type checkers find the marker, and the version has its three numbers."""
    assert Path(docassemble_client.__file__).with_name("py.typed").is_file()
    assert len(docassemble_client.__version__.split(".")) >= 3


def test_no_http_library_is_imported_before_it_is_used() -> None:
    """Importing the package and making a client of any library costs no import of one."""
    code = (
        "import sys; from docassemble_client import AsyncDocassemble, UsageError, User;"
        "[AsyncDocassemble('http://x', 'k', transport=one)"
        " for one in ('httpx', 'httpx2', 'aiohttp')];"
        "print(sorted({'httpx', 'httpx2', 'aiohttp', 'opentelemetry'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.strip() == "[]"
