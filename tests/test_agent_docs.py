"""docs/llms.txt and the skill in the package: every example runs, every name exists."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import docassemble_client
from docassemble_client import AsyncDocassemble, testing
from docassemble_client._environment import KEY_VARIABLE, URL_VARIABLE
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing import FakeServer
from docassemble_client.testing._server.routes import find_route
from docassemble_client.testing.server import LATEST_VERSION
from docassemble_client.workflows.interviews.interview import Interview
from docassemble_client.workflows.interviews.session import InterviewSession
from tests.clock import VirtualClockLoop
from tests.guides import ROOT, Block, find_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LLMS = ROOT / "docs" / "llms.txt"
# Of the installed package, which is a wheel when nox runs the tests.
FOLDER = Path(docassemble_client.__file__).parent / ".agents" / "skills" / "docassemble-client"
SKILL = FOLDER / "SKILL.md"
REFERENCE = FOLDER / "references" / "operations.md"
PAGES = [LLMS, SKILL]
MAX_BYTES = {LLMS: 6_000, SKILL: 8_000}
OWNERS = {"da": AsyncDocassemble, "interview": Interview, "s": InterviewSession}
# Not public names, but arguments, fields, variables and the like.
OTHER_NAMES = {
    "DOCASSEMBLE_API_KEY",
    "DOCASSEMBLE_URL",
    "async for",
    "dactl",
    "datetime.date",
    "delete_all=True",
    "docassemble-client",
    "docassemble.pkg:data/questions/x.yml",
    "docassemble_client.testing",
    "error.hint",
    "event_list",
    "question_name",
}


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _find_names(text: str) -> Iterator[str]:
    """Find what stands between backticks outside of the code blocks."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", prose)


def _find_method(path: str) -> Callable[..., object]:
    """Find a method such as da.users.get; the namespaces are attributes of an instance."""
    owner, *names = path.split(".")
    value: Any = OWNERS[owner]
    if len(names) > 1:
        value = type(getattr(FakeServer().client(), names.pop(0)))
    method: Callable[..., object] = getattr(value, names[0])
    return method


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_is_short(page: Path) -> None:
    """A model reads the whole page each time."""
    assert page.stat().st_size <= MAX_BYTES[page]


@pytest.mark.parametrize(
    "block",
    [block for page in PAGES for block in find_blocks(page)],
    ids=lambda block: f"{block.page.name}:{block.line}",
)
def test_block_runs(
    block: Block, default_transport: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each example runs on a fake server."""
    fake = FakeServer()
    monkeypatch.setitem(default_transport, "transport", fake.transport())
    monkeypatch.setenv(URL_VARIABLE, fake.url)
    monkeypatch.setenv(KEY_VARIABLE, fake.api_key)

    names = block.run(VirtualClockLoop)

    assert fake.received_requests or names["fake"].received_requests


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_is_a_block_that_runs(page: Path) -> None:
    """No fence is written in another way, or in a language that is not tested."""
    fences = re.findall(r"^ *[`~]{3,}(.*)$", _read(page), re.MULTILINE)

    assert fences == ["python", ""] * len(find_blocks(page))
    assert find_blocks(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_all_methods_are_listed(page: Path) -> None:
    """The page lists the 74 methods and no other."""
    lines = re.findall(r"^- `da\.(\w+)`: (.+)$", _read(page), re.MULTILINE)
    methods = [f"{tag}.{name}" for tag, names in lines for name in names.split(", ")]

    assert sorted(methods) == sorted(OPERATIONS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_exists(page: Path) -> None:
    """What stands in backticks is a public name, a method, an endpoint or listed above."""
    public = {*docassemble_client.__all__, *testing.__all__}
    unknown = [
        name
        for name in _find_names(_read(page))
        if name not in public | OTHER_NAMES
        and not re.fullmatch(r"[A-Z]+ /api/\S+", name)
        and not (
            name.startswith("da.")
            and name.removeprefix("da.") in {op.tag for op in OPERATIONS.values()}
        )
        and not _is_method(name)
    ]

    assert unknown == []


def _is_method(text: str) -> bool:
    """Whether the text is a call of a method, such as da.interview(i).session()."""
    text = text.replace("da.interview(i).", "interview.")
    path, has_call, _ = text.partition("(")
    if "." not in path:
        return bool(has_call) and any(
            hasattr(owner, path) for owner in (*OWNERS.values(), docassemble_client.Secret)
        )
    return bool(has_call) and callable(_find_method(path))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_missing_endpoints_do_not_exist(page: Path) -> None:
    """No operation has an endpoint of the list, and each entry names one that exists."""
    text = _read(page)
    section = text[text.index("## These do not exist") : text.index("## Rules")]
    entries = re.findall(r"^- `([A-Z]+) (\S+)`: use `da\.([\w.]+)\(\)`$", section, re.MULTILINE)

    assert len(entries) == section.count("\n- ") > 10
    for method, path, name in entries:
        match = find_route(path, LATEST_VERSION)
        assert match is None or not match.route.find_operations(method)
        assert name in OPERATIONS


def _format(parameters: list[inspect.Parameter]) -> str:
    plain = [param.replace(annotation=inspect.Parameter.empty) for param in parameters]
    return str(inspect.Signature(plain)).removeprefix("(").removesuffix(")")


def test_signatures_of_workflows_are_those_of_the_code() -> None:
    """A signature that ends with … has further options; the others are complete."""
    section = _read(SKILL).partition("## Workflows")[2].partition("## Methods")[0]
    signatures = re.findall(r"`((?:da|interview|s)\.\w+)\((.*?)\)`", section)

    assert len(signatures) > 20
    for path, arguments in signatures:
        parameters = list(inspect.signature(_find_method(path)).parameters.values())[1:]
        shown = arguments.removesuffix("…")
        assert _format(parameters).startswith(shown), path
        assert (_format(parameters) == shown) == (arguments == shown), path


@pytest.mark.parametrize("operation", OPERATIONS)
def test_signature_of_a_method_is_that_of_the_code(operation: str) -> None:
    """Names, kinds, defaults and types are those of inspect.signature."""
    pattern = rf"^- `da\.{re.escape(operation)}(\(.*?\) -> .*?)`: "
    (text,) = re.findall(pattern, _read(REFERENCE), re.MULTILINE)
    tree = ast.parse(f"def f{text}: ...").body[0]
    signature = inspect.signature(_find_method(f"da.{operation}"))
    options = {"self", "timeout", "retry", "headers"}
    expected = [param for name, param in signature.parameters.items() if name not in options]

    assert isinstance(tree, ast.FunctionDef)
    assert [arg.arg for arg in tree.args.args] == [
        param.name for param in expected if param.kind is param.POSITIONAL_OR_KEYWORD
    ]
    assert [
        (arg.arg, ast.unparse(default) if default else None)
        for arg, default in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True)
    ] == [
        (param.name, str(param.default)) for param in expected if param.kind is param.KEYWORD_ONLY
    ]
    annotations = [
        ast.unparse(arg.annotation)
        for arg in (*tree.args.args, *tree.args.kwonlyargs)
        if arg.annotation
    ]
    assert annotations == [_shorten(param.annotation) for param in expected]
    assert tree.returns
    assert ast.unparse(tree.returns) == _shorten(signature.return_annotation)


def _shorten(annotation: str) -> str:
    return ast.unparse(ast.parse(annotation.replace("models.", "").replace("builtins.", "")))


def test_linked_files_exist() -> None:
    """Links lead to files; those of the skill to files of the package."""
    for page in (*PAGES, REFERENCE):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", _read(page))
        assert [link for link in links if not (page.parent / link).exists()] == []
    assert len(re.findall(r"\]\(", _read(LLMS))) > 8


def test_skill_has_the_metadata_that_tools_read() -> None:
    """The name is that of the folder; the description fits into 1024 characters."""
    lines = _read(SKILL).splitlines()
    metadata = dict(line.split(": ", 1) for line in lines[2 : lines.index("---", 1)])

    assert lines[0] == "---"
    assert metadata["name"] == FOLDER.name
    assert 0 < len(metadata["description"]) <= 1024
