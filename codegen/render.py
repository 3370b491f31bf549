"""Renders every generated file in memory and formats it with ruff."""

from __future__ import annotations

import re
import subprocess
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import yaml
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

from codegen.blocking import BlockingPrinter
from codegen.decoders import Decoders
from codegen.names import to_snake_case
from codegen.openapi import describe_api, format_document
from codegen.openapi_schemas import convert_to_3_0

if TYPE_CHECKING:
    from collections.abc import Callable

    from codegen.ir import Field, Operation, Result, Spec, Tag

_ROOT = Path(__file__).parent.parent
_PACKAGE = "src/docassemble_client"
_WIDTH = 100
# Removes unused imports, sorts the others and moves those for types under TYPE_CHECKING: but not
# in api/, whose annotations `typing.get_type_hints` resolves at run time.
_RUFF_FIX_ARGUMENTS = ["check", "--fix-only", "--unsafe-fixes", "--select", "F401,I,TC,RUF022"]
_RUFF_FIX_ARGUMENTS += [
    "--config",
    f"lint.per-file-ignores = {{'{_PACKAGE}/**/api/*' = ['TC'], '{_PACKAGE}/blocking/*' = ['TC']}}",
]
# Class names by status, as in errors.py.
_ERROR_CLASSES = {
    400: "BadRequest",
    401: "AccessDenied",
    403: "AccessDenied",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "PayloadTooLarge",
    429: "RateLimited",
    **dict.fromkeys(range(500, 600), "ServerError"),
}
_TYPE_TEXTS = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "map": "a dict",
    "str": "a string",
    "secret": "a string that its repr hides",
    "object": "a JSON object",
    "json": "any JSON value",
    "confidential": "a JSON object whose repr hides the values",
}

_SKILL = f"{_PACKAGE}/.agents/skills/docassemble-client"
_FILES_FOR_AGENTS = {
    "llms.txt": "docs/llms.txt",
    "SKILL.md": f"{_SKILL}/SKILL.md",
    "skill-operations.md": f"{_SKILL}/references/operations.md",
}
_PUBLIC_NAMES = Path(__file__).with_name("public_names.yaml")
_ROOT_DOCSTRING = """A typed, async client for the HTTP API of docassemble.

Import every public name from here. Each is loaded at its first use."""
_MODELS_DOCSTRING = """Models of the server's responses, frozen; unknown keys are kept in `extra`.

There is one module per tag of the API, imported when one of its names is first used."""
_WORKFLOWS_DOCSTRING = """Workflows: tasks that need several API calls, each as one method.

The methods of the client are in `methods`. Each name here is loaded at its first use."""
_BLOCKING_API = "The namespaces of the blocking client, one module per tag of the API."
_BLOCKING_DOCSTRING = """The blocking client: the same calls for code that is not async.

Start with `Docassemble`. Each class runs its namesake of the asynchronous client."""


def render(spec: Spec) -> dict[str, str]:
    """Render every generated file."""

    def render_template(template: str, **names: object) -> str:
        return _environment().get_template(template).render(spec=spec, **names)

    models = {tag.name: [type_.name for type_ in tag.types] for tag in spec.tags if tag.types}
    public: dict[str, list[str]] = yaml.safe_load(_PUBLIC_NAMES.read_text(encoding="utf-8"))
    workflows = {
        module.removeprefix("workflows."): names
        for module, names in public.items()
        if module.startswith("workflows.")
    }
    decoders = {tag.name: Decoders(tag, spec) for tag in spec.tags}
    tags_with_decoders = tuple(tag for tag in decoders if not decoders[tag].is_empty)
    root = public | {f"models.{tag}": names for tag, names in models.items()}

    def render_lazy_package(package: str, modules: tuple[str, ...] = (), **names: object) -> str:
        template = "lazy_package.py.jinja"
        return render_template(template, package=package, modules=modules, **names)

    sources = {
        "__init__": render_lazy_package(
            "docassemble_client",
            sources=f"{_PUBLIC_NAMES.name} and spec/",
            docstring=_ROOT_DOCSTRING,
            names_by_module=dict(sorted(root.items())),
            modules=("blocking", "errors", "events", "models", "operations"),
        ),
        "models/__init__": render_lazy_package(
            "docassemble_client.models",
            sources="spec/",
            docstring=_MODELS_DOCSTRING,
            names_by_module=models,
        ),
        "workflows/__init__": render_lazy_package(
            "docassemble_client.workflows",
            sources=_PUBLIC_NAMES.name,
            docstring=_WORKFLOWS_DOCSTRING,
            names_by_module=workflows,
        ),
        "operations/__init__": render_template("table.py.jinja"),
        "decoders/__init__": render_template("decoders_package.py.jinja", tags=tags_with_decoders),
        "api/__init__": render_template("namespaces.py.jinja"),
    }
    if any(len(tags) > 1 for tags in spec.modules_by_group.values()):
        sources["operations/_errors"] = render_template("errors.py.jinja")
    for tag in spec.tags:
        sources[f"api/{tag.name}"] = render_template("api.py.jinja", tag=tag)
        names = {"tag": tag, "decoders": decoders[tag.name]}
        sources[f"operations/{tag.name}"] = render_template("operations.py.jinja", **names)
        if tag.types:
            sources[f"models/{tag.name}"] = render_template("models.py.jinja", tag=tag)
        if tag.name in tags_with_decoders:
            sources[f"decoders/{tag.name}"] = render_template("decoders.py.jinja", **names)
    blocking = BlockingPrinter(
        lambda module: _read_module(module, sources),
        public | {f"api.{tag.name}": [tag.class_name] for tag in spec.tags},
    )
    sources |= {
        f"blocking/{name.replace('.', '/')}": text for name, text in blocking.print_all().items()
    }
    sources["blocking/api/__init__"] = (
        f'# @generated by codegen - do not edit\n"""{_BLOCKING_API}"""\n'
    )
    sources["blocking/__init__"] = render_lazy_package(
        "docassemble_client.blocking",
        sources=_PUBLIC_NAMES.name,
        docstring=_BLOCKING_DOCSTRING,
        names_by_module=blocking.names_by_module,
    )
    paths = {module: f"{_PACKAGE}/{module}.py" for module in sources}
    files = {paths[module]: _format_python(paths[module], text) for module, text in sources.items()}
    for name in ("coverage", "server-differences", "versions"):
        files[f"docs/{name}.md"] = render_template(f"{name}.md.jinja")
    if spec.openapi:
        document = describe_api(spec)
        files["docs/openapi.json"] = format_document(document)
        for name, path in _FILES_FOR_AGENTS.items():
            files[path] = render_template(f"{name}.jinja").lstrip()
        files["docs/openapi-3.0.json"] = format_document(
            convert_to_3_0(document) | {"openapi": "3.0.4"}
        )
    return files


def _read_module(module: str, sources: dict[str, str]) -> str:
    """Return the source of a module that is generated, or written by hand."""
    path = module.replace(".", "/")
    for name in (path, f"{path}/__init__"):
        if name in sources:
            return sources[name]
    return (_ROOT / _PACKAGE / f"{path}.py").read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is Python and Markdown, not HTML
    )
    filters: tuple[Callable[..., object], ...] = (
        *(_describe_privileges, _describe_result, _escape_cell, _format_default),
        *(_format_docstring, _format_result, _format_signature, _group_errors, _lower_first),
        *(_qualify_types, _wrap, _wrap_item),
    )
    environment.filters.update({function.__name__[1:]: function for function in filters})
    environment.filters |= {"repr": repr, "to_snake_case": to_snake_case}
    return environment


def _format_python(name: str, text: str) -> str:
    options = ["--stdin-filename", str(_ROOT / name), "--quiet", "-"]
    for command in (_RUFF_FIX_ARGUMENTS, ["format"]):
        process = subprocess.run(  # noqa: S603 - the command is a constant
            [find_ruff_bin(), *command, *options],
            input=text,
            capture_output=True,
            encoding="utf-8",
            cwd=_ROOT,
            check=False,
        )
        if process.returncode:
            message = f"{name}: ruff {command[0]} failed:\n{process.stderr}\n{text}"
            raise RuntimeError(message)
        text = process.stdout
    return text


def _wrap(text: str, indent: int = 4, hanging: str = "") -> str:
    """Wrap prose for a docstring; the template indents the first line."""
    lines = textwrap.wrap(
        text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"'),
        _WIDTH - indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return ("\n" + " " * indent).join(lines)


def _format_default(field: Field) -> str:
    """Format the default of a field, or its call of `field()`."""
    options = [f"default={field.default}"] if field.default else []
    options += ["repr=mask"] if field.sensitive else []
    options += [f"metadata={{'wire': {field.wire!r}}}"] if field.wire != field.name else []
    if field.sensitive or field.wire != field.name:
        return f" = field({', '.join(options)})"
    return f" = {field.default}" if field.default else ""


def _format_docstring(text: str, indent: int = 0) -> str:
    """Format prose as a docstring, on one line if it fits."""
    margin = " " * indent
    body = _wrap(text, indent)
    if "\n" not in body and len(body) + indent + 6 <= _WIDTH and not body.endswith('"'):
        return f'"""{body}"""'
    return f'"""\n{margin}{body}\n{margin}"""'


def _qualify_types(text: str, tag: Tag, spec: Spec) -> str:
    """Prefix types of other tags with `models.`, which imports them when they are resolved."""
    foreign = spec.docs_by_type.keys() - {definition.name for definition in tag.types}
    return re.sub(r"\w+", lambda match: "models." * (match[0] in foreign) + match[0], text)


def _format_signature(operation: Operation, tag: Tag) -> str:
    """Format the signature of a method, without the options that all methods have."""
    positional = [
        f"{param.name}: {param.annotation}" for param in operation.parameters if param.required
    ]
    keywords = [
        f"{param.name}: {param.annotation} = {param.default_value}"
        for param in operation.parameters
        if not param.required
    ]
    result = operation.return_annotation()
    if operation.paging:
        result = result.replace("Page[", "Paginator[")
    elif operation.binary_only:
        result = "Download"
    arguments = ", ".join([*positional, *(["*"] if keywords else []), *keywords])
    return f"da.{tag.name}.{operation.name}({arguments}) -> {result}".replace("models.", "")


def _wrap_item(text: str, indent: int = 12) -> str:
    """Wrap an entry of a docstring section with a hanging indent."""
    return _wrap(text, indent, "    ")


def _lower_first(text: str) -> str:
    """Lower the first letter, unless the first word is in capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _escape_cell(text: str) -> str:
    """Escape a text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


def _describe_privileges(operation: Operation) -> str:
    if not operation.auth:
        return "none, not even an API key."
    parts: list[str] = []
    if operation.roles:
        parts.append(" or ".join(operation.roles))
    if operation.permissions:
        noun = "permission" if len(operation.permissions) == 1 else "permissions"
        names = ", ".join(operation.permissions)
        parts.append(f"a key with limited permissions: the {noun} {names}")
    if operation.privilege_note:
        parts.append(operation.privilege_note)
    return ("; ".join(parts) or "none") + "."


def _format_result(result: Result, tag: Tag, decoders: Decoders) -> str:
    """Format the arguments of `Result(...)`."""
    parts: list[str] = []
    decoded_type = result.decoded_type
    if result.union:
        cases = ", ".join(f"{key!r}: models.{model}" for key, model in result.union.cases)
        default = f"models.{result.union.default}"
        last = f", {result.union.second_key!r}" if result.union.second_key else ""
        union = f"DiscriminatedUnion({result.union.key!r}, {{{cases}}}, {default}{last})"
        parts.append(f"type=lambda: {union}")
    elif decoded_type:
        parts.append(f"type=lambda: {decoded_type.to_annotation('value', 'models.')}")
    elif result.type and result.type.kind == "task":
        parts.append(f"task={result.type.name!r}")
    if decoded_type:
        name = decoders.format_name(decoded_type)
        prefix = "" if "." in name else f"decoders.{tag.name}."
        parts.append(f"decoder=lambda: {prefix}{name}")
    parts += ["text=True"] if result.text else []
    parts += ["binary=True"] if result.binary else []
    return ", ".join(parts)


def _group_errors(operation: Operation) -> list[tuple[str, str]]:
    """Group the messages of the known errors by exception class."""
    messages: dict[str, list[str]] = {}
    for error in operation.all_errors:
        name = _ERROR_CLASSES.get(error.status, "APIError")
        messages.setdefault(name, []).append(error.message.replace("{}", "…").rstrip("."))
    return [
        (name, "; ".join(dict.fromkeys(texts)) + ".") for name, texts in sorted(messages.items())
    ]


def _describe_result(operation: Operation, spec: Spec) -> str:
    """Describe the return value in words."""
    if operation.returns_text:
        return operation.returns_text
    if operation.paging:
        return "A paginator: iterate over it with `async for`, or await it for the first page."
    if operation.binary_only:
        return "A download: await it for the content, or use `save()` or `async with` to stream it."
    docs = _TYPE_TEXTS | spec.docs_by_type
    parts: list[str] = []
    for result in operation.results:
        kind = result.type
        if kind and kind.kind == "task":
            parts.append(f"a handle of the {kind.name} task")
        elif kind and kind.kind == "none":
            parts.append("None if the response is empty" if len(operation.results) > 1 else "None")
        elif kind:
            descriptions = [_lower_first(docs[part.name or part.kind]) for part in kind.chain]
            parts.append("; each item: ".join(descriptions))
        parts += ["text"] if result.text else []
        parts += ["bytes with their media type"] if result.binary and not result.union else []
    text = ", or ".join(part.rstrip(".") for part in dict.fromkeys(parts))
    return f"{text[:1].upper()}{text[1:]}."
