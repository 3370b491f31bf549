"""Everything public can be imported from the package root, without heavy modules."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import docassemble_client
from docassemble_client import models, workflows

NAMES = dir(docassemble_client)
LIST = Path(__file__).parents[1] / "codegen" / "public_names.yaml"
LISTED: dict[str, list[str]] = yaml.safe_load(LIST.read_text(encoding="utf-8"))
LISTED_NAMES = {name for names in LISTED.values() for name in names}
# Names that users rely on.
REQUIRED_NAMES = {
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


def run_code(code: str) -> str:
    """Run code in a new interpreter, and return its output."""
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_imported(name: str) -> None:
    """Each name in dir() is an attribute, the same object each time."""
    value = getattr(docassemble_client, name)

    assert value is not None
    assert getattr(docassemble_client, name) is value


def test_dir_lists_every_public_name() -> None:
    """dir() and `__all__` have the names of the list, the models, and nothing else."""
    assert sorted(set(NAMES)) == NAMES
    assert set(NAMES) == LISTED_NAMES | set(models.__all__) | {"__version__"}
    assert set(docassemble_client.__all__) == set(NAMES)
    assert set(NAMES) >= REQUIRED_NAMES


def test_workflows_has_the_names_of_its_modules() -> None:
    """Annotations of the client's methods find them there."""
    listed = [names for module, names in LISTED.items() if module.startswith("workflows.")]

    assert set(workflows.__all__) == {name for names in listed for name in names}
    for name in workflows.__all__:
        assert getattr(workflows, name) is getattr(docassemble_client, name)


def test_type_checkers_see_the_same_names() -> None:
    """The names for type checkers are exactly those that are loaded lazily."""
    tree = ast.parse(Path(docassemble_client.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and not node.orelse][:1]
    imported = {
        alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert imported | {"__version__"} == set(NAMES)


def test_a_star_import_imports_every_public_name() -> None:
    """`from docassemble_client import *` needs no other import."""
    output = run_code("from docassemble_client import *; print(AsyncDocassemble, Interview, User)")

    assert output.count("<class") == 3


@pytest.mark.parametrize(
    "name", ["NoSuchThing", "_private", "__wrapped__", "httpx", "decode", "field", ""]
)
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    """A private name is not an attribute, even if an internal module has it."""
    with pytest.raises(AttributeError) as caught:
        getattr(docassemble_client, name)

    assert str(caught.value) == f"module 'docassemble_client' has no attribute {name!r}"


@pytest.mark.parametrize("name", ["errors", "events", "models", "operations"])
def test_public_modules_need_no_import(name: str) -> None:
    """docassemble_client.operations works without another import."""
    output = run_code(f"import docassemble_client; print(docassemble_client.{name}.__name__)")

    assert output == f"docassemble_client.{name}"


def test_importing_the_package_loads_no_heavy_module() -> None:
    """The import loads no HTTP library, cattrs, models or operations."""
    heavy = ["attrs", "cattrs", "httpx", "asyncio", "docassemble_client.models"]

    loaded = run_code(
        "import sys; import docassemble_client;"
        f" print([name for name in {heavy} + ['docassemble_client.operations']"
        " if name in sys.modules])"
    )

    assert loaded == "[]"


def test_an_error_class_loads_no_model() -> None:
    """Importing an error class does not load the models."""
    loaded = run_code(
        "import sys; from docassemble_client import NotFound, RetryPolicy, Secret;"
        " print([n for n in ('cattrs', 'httpx', 'docassemble_client.models') if n in sys.modules])"
    )

    assert loaded == "[]"


def test_creating_a_client_loads_no_http_library() -> None:
    """The first call loads the HTTP library and cattrs."""
    loaded = run_code(
        "import sys; from docassemble_client import AsyncDocassemble;"
        " AsyncDocassemble('https://da.example.com', 'key');"
        " print([name for name in ('cattrs', 'httpx') if name in sys.modules])"
    )

    assert loaded == "[]"


def test_a_client_loads_no_workflow_before_it_is_used() -> None:
    """Workflows are methods of the client, and are loaded by their first call."""
    loaded = run_code(
        "import sys; from docassemble_client import AsyncDocassemble;"
        " AsyncDocassemble('https://da.example.com', 'key');"
        " print(sorted(n for n in sys.modules if n.startswith('docassemble_client.workflows.')))"
    )

    modules = [f"docassemble_client.workflows.{name}" for name in ("account_methods", "methods")]
    assert loaded == str(modules)


def test_the_package_is_typed_and_has_a_version() -> None:
    """The package has the marker for type checkers, and a version of three numbers."""
    assert Path(docassemble_client.__file__).with_name("py.typed").is_file()
    assert len(docassemble_client.__version__.split(".")) >= 3


def test_unused_http_libraries_are_not_imported() -> None:
    """Neither the import of the package nor a new client imports an HTTP library."""
    code = (
        "import sys; from docassemble_client import AsyncDocassemble, UsageError, User;"
        "[AsyncDocassemble('http://x', 'k', transport=library)"
        " for library in ('httpx', 'httpx2', 'aiohttp')];"
        "print(sorted({'httpx', 'httpx2', 'aiohttp', 'opentelemetry'} & set(sys.modules)))"
    )

    process = subprocess.run(  # noqa: S603 - the command is a constant
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert process.stdout.strip() == "[]"
