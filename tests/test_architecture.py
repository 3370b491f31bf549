"""What a module may import; import-linter holds the layers (see pyproject.toml)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "docassemble_client"
SOURCES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
# Where a library or standard module may be imported; a folder ends with a slash.
HOMES = {
    "asyncio": ("_concurrency.py", "_blocking.py", "_http/aiohttp_adapter.py", "testing/"),
    "threading": ("_concurrency.py", "_blocking.py", "testing/"),
    "time": ("_concurrency.py", "_blocking.py", "testing/"),
    "httpx": ("_http/httpx_adapter.py", "_http/network.py", "testing/"),
    "httpx2": ("_http/httpx_adapter.py", "_http/network.py", "testing/"),
    "aiohttp": (
        "_http/aiohttp_adapter.py",
        "_http/aiohttp_connector.py",
        "_http/aiohttp_response.py",
    ),
    "yarl": ("_http/aiohttp_adapter.py",),
    "cattrs": ("_core/structure.py",),
    "msgspec": ("_core/json_codec.py",),
    "opentelemetry": ("otel.py",),
    "cyclopts": ("cli/",),
    "rich": ("cli/",),
}
# Where imports may stand inside functions, and why.
LOCAL_IMPORTS = {
    "__init__.py": "a name is loaded at its first use",
    "__main__.py": "the command line is optional",
    "api/__init__.py": "a namespace is loaded at its first use",
    "models/__init__.py": "a model is loaded at its first use",
    "operations/__init__.py": "an operation is loaded at its first use",
    "workflows/__init__.py": "a name is loaded at its first use",
    "workflows/methods.py": "a workflow is loaded at its first use",
    "workflows/account_methods.py": "a workflow is loaded at its first use",
    "_base_client.py": "creating a client loads no HTTP library and no model",
    "_client_options.py": "creating a client loads no HTTP library and no model",
    "cli/": "a command loads only what it uses",
    "_core/deserialize.py": "few responses take the slow path, are files or start tasks",
    "_core/executor.py": "few calls wait, load files or emit events, few responses are large",
    "_core/json_codec.py": "an optional library",
    "_core/serialize.py": "few calls upload files",
    "_http/connections.py": "only the adapter that is used",
    "_http/transport.py": "multipart for uploads, events for hooks",
    "blocking/__init__.py": "a name is loaded at its first use",
    "blocking/client.py": "a namespace is loaded at its first use",
    "responses.py": "few responses are saved",
    "transfer.py": "few clients transfer files",
    "pytest_plugin.py": "pytest imports it in every run",
    "testing/": "uvicorn, httpx and PyYAML are optional",
}


@frozen
class Import:
    """An import statement: what it names, whether only for type checkers, and where it stands."""

    module: str
    names: tuple[str, ...]
    for_types: bool
    in_function: bool


def read_imports(path: Path) -> list[Import]:
    """Read every import of a file."""
    return list(_walk(ast.parse(path.read_text(encoding="utf-8"))))


def _walk(node: ast.AST, *, for_types: bool = False, in_function: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            names = tuple(alias.name for alias in child.names)
            yield Import(child.module or "", names, for_types, in_function)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, (), for_types, in_function)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from _walk(ast.Module(child.body, []), for_types=True, in_function=in_function)
            yield from _walk(ast.Module(child.orelse, []), in_function=in_function)
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _walk(child, for_types=for_types, in_function=in_function or function)


IMPORTS = {name: read_imports(path) for name, path in SOURCES.items()}


def is_listed(name: str, places: tuple[str, ...]) -> bool:
    """Whether a file is one of these, or below one of these folders."""
    return any(name == place or (place[-1] == "/" and name.startswith(place)) for place in places)


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_where_it_belongs(library: str) -> None:
    """One place decides what waits, sends or structures; `TYPE_CHECKING` imports do not count."""
    importers = {
        name
        for name, imports in IMPORTS.items()
        for item in imports
        if item.module.partition(".")[0] == library and not item.for_types
    }

    assert {name for name in importers if not is_listed(name, HOMES[library])} == set()


def test_nobody_inside_imports_from_the_package_root() -> None:
    """The root imports lazily, and would hide a cycle."""
    assert [
        name
        for name, imports in IMPORTS.items()
        for item in imports
        if item.module == "docassemble_client" and item.names
    ] == []


def test_the_package_root_is_used_in_annotations_only() -> None:
    """They name classes that are loaded when somebody resolves the annotation."""
    uses = {name: _find_uses_of_the_root(path) for name, path in SOURCES.items()}

    assert {name for name, lines in uses.items() if lines} == set()


def _find_uses_of_the_root(path: Path) -> list[int]:
    """Return the lines that use the package root outside annotations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    annotations = [
        annotation
        for node in ast.walk(tree)
        for name in ("annotation", "returns")
        if (annotation := getattr(node, name, None)) is not None
    ]
    allowed = {id(node) for annotation in annotations for node in ast.walk(annotation)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
        and node.id == "docassemble_client"
        and id(node) not in allowed
    ]


def test_imports_inside_functions_stand_where_they_are_listed() -> None:
    """Everything else is imported at the top of its file."""
    importers = {name for name, imports in IMPORTS.items() for item in imports if item.in_function}

    assert {name for name in importers if not is_listed(name, tuple(LOCAL_IMPORTS))} == set()


def test_only_adapters_import_a_library_by_its_name() -> None:
    """`import_module` loads modules of this package, but for HTTP libraries in `_http/`."""
    calls = {
        name: [
            ast.unparse(node.args[0])
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")
        ]
        for name, path in SOURCES.items()
    }
    foreign = {
        name: arguments
        for name, arguments in calls.items()
        if any("__name__" not in item and "self._package" not in item for item in arguments)
    }

    assert {name for name in foreign if not is_listed(name, ("_http/", "testing/_yaml/"))} == set()


def _modules() -> dict[str, str]:
    """Return the file of each module, by its dotted name."""
    names = {
        name: "docassemble_client."
        + name.removesuffix(".py").replace("/", ".").removesuffix("__init__").rstrip(".")
        for name in SOURCES
    }
    return {dotted.rstrip("."): name for name, dotted in names.items()}


def test_no_module_imports_itself_in_a_circle() -> None:
    """Every module can be imported first; the package root counts too."""
    modules = _modules()
    graph = {
        dotted: {
            target
            for item in IMPORTS[name]
            if not item.for_types
            for target in (item.module, *(f"{item.module}.{part}" for part in item.names))
            if target in modules and target != dotted
        }
        for dotted, name in modules.items()
    }
    # Remove what imports nothing of the rest, until nothing is left but circles.
    while leaves := {module for module, targets in graph.items() if not targets & graph.keys()}:
        graph = {module: targets for module, targets in graph.items() if module not in leaves}

    assert graph == {}


def test_contributing_lists_every_file() -> None:
    """The tree in CONTRIBUTING.md has one line for each file of spec, codegen and src."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = text.partition("```text\n")[2].partition("```")[0]
    folder, listed = "", dict[str, str]()
    for line in block.splitlines():
        name, _, description = line.strip().partition(" ")
        if line.startswith(" "):
            listed[folder + name] = description.strip()
        else:
            folder = line
    files = {
        path.relative_to(ROOT).as_posix()
        for name in ("spec", "codegen", "src")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "py.typed"
    }

    assert listed.keys() == files
    assert all(listed.values())
