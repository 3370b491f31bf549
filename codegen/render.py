"""Renders the representation to files in memory, formatted by ruff."""

from __future__ import annotations

import re
import subprocess
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

if TYPE_CHECKING:
    from collections.abc import Callable

    from codegen.ir import Field, Operation, Result, Spec, Tag

_ROOT = Path(__file__).parent.parent
_PACKAGE = "src/docassemble_client"
_WIDTH = 100
# Removes imports a file does not need, sorts the others and keeps those for types apart.
_TIDY = ["check", "--fix-only", "--unsafe-fixes", "--select", "F401,I,TC"]
# Class names by status, as in errors.py.
_ERRORS = {
    400: "BadRequest",
    401: "AccessDenied",
    403: "AccessDenied",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "PayloadTooLarge",
    429: "RateLimited",
    **dict.fromkeys(range(500, 600), "ServerError"),
}
_PLAIN = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "map": "a map",
    "str": "a text",
    "secret": "a text that does not show itself",
    "object": "a JSON object",
    "json": "any JSON",
    "confidential": "a JSON object that does not show its values",
}


def render(spec: Spec) -> dict[str, str]:
    """Render every generated file."""

    def python(template: str, **names: object) -> str:
        return _environment().get_template(template).render(spec=spec, **names)

    sources = {
        "models/__init__": python("names.py.jinja"),
        "operations/__init__": python("table.py.jinja"),
        "api/__init__": python("namespaces.py.jinja"),
    }
    if any(len(tags) > 1 for tags in spec.homes.values()):
        sources["operations/_errors"] = python("errors.py.jinja")
    for tag in spec.tags:
        sources[f"api/{tag.name}"] = python("api.py.jinja", tag=tag)
        sources[f"operations/{tag.name}"] = python("operations.py.jinja", tag=tag)
        if tag.named:
            sources[f"models/{tag.name}"] = python("models.py.jinja", tag=tag)
    names = {one: f"{_PACKAGE}/{one}.py" for one in sources}
    files = {names[one]: _format(names[one], text) for one, text in sources.items()}
    for name in ("coverage", "server-differences", "versions"):
        files[f"docs/{name}.md"] = python(f"{name}.md.jinja")
    return files


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it writes Python and Markdown, no HTML
    )
    filters: tuple[Callable[..., object], ...] = (
        *(_assigned, _cell, _docstring, _foreign, _item, _lower, _privileges),
        *(_raises, _result, _returned, _wrap),
    )
    environment.filters.update({one.__name__[1:]: one for one in filters}, text=repr)
    return environment


def _format(name: str, text: str) -> str:
    place = ["--stdin-filename", str(_ROOT / name), "--quiet", "-"]
    for command in (_TIDY, ["format"]):
        done = subprocess.run(  # noqa: S603 - the command is ours
            [find_ruff_bin(), *command, *place],
            input=text,
            capture_output=True,
            encoding="utf-8",
            cwd=_ROOT,
            check=False,
        )
        if done.returncode:
            message = f"{name}: ruff {command[0]} refused it:\n{done.stderr}\n{text}"
            raise RuntimeError(message)
        text = done.stdout
    return text


def _wrap(text: str, indent: int = 4, further: str = "") -> str:
    """Wrap prose for a docstring; the first line stands where the template puts it."""
    lines = textwrap.wrap(
        text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"'),
        _WIDTH - indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return ("\n" + " " * indent).join(lines)


def _assigned(field: Field) -> str:
    """Print what stands behind a field's annotation."""
    options = [f"default={field.default}"] if field.default else []
    options += ["repr=hidden"] if field.sensitive else []
    options += [f"metadata={{'wire': {field.wire!r}}}"] if field.wire != field.name else []
    if field.sensitive or field.wire != field.name:
        return f" = field({', '.join(options)})"
    return f" = {field.default}" if field.default else ""


def _docstring(text: str, indent: int = 0) -> str:
    """Make a docstring of prose: on one line if it fits."""
    margin = " " * indent
    body = _wrap(text, indent)
    if "\n" not in body and len(body) + indent + 6 <= _WIDTH and not body.endswith('"'):
        return f'"""{body}"""'
    return f'"""\n{margin}{body}\n{margin}"""'


def _foreign(text: str, tag: Tag, spec: Spec) -> str:
    """Let an annotation find what another tag defines; it is loaded when that is resolved."""
    foreign = spec.docs.keys() - {one.name for one in tag.named}
    return re.sub(r"\w+", lambda word: "models." * (word[0] in foreign) + word[0], text)


def _item(text: str, indent: int = 12) -> str:
    """Wrap an entry of a docstring's list, with its further lines indented."""
    return _wrap(text, indent, "    ")


def _lower(text: str) -> str:
    """Let a sentence go on after a colon; a word in capitals stays as it is."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _cell(text: str) -> str:
    """Make a text safe in a table of Markdown."""
    return text.replace("|", "\\|")


def _privileges(operation: Operation) -> str:
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


def _result(result: Result) -> str:
    """Print the arguments of Result."""
    parts: list[str] = []
    if result.union:
        cases = ", ".join(f"{key!r}: models.{model}" for key, model in result.union.cases)
        default = f"models.{result.union.default}"
        parts.append(f"of=lambda: OneOf({result.union.key!r}, {{{cases}}}, {default})")
    elif result.type and result.type.kind == "task":
        parts.append(f"task={result.type.name!r}")
    elif result.type and result.type.kind != "none":
        parts.append(f"of=lambda: {(result.item or result.type).python('value', 'models.')}")
    parts += ["text=True"] if result.text else []
    parts += ["binary=True"] if result.binary else []
    return ", ".join(parts)


def _raises(operation: Operation) -> list[tuple[str, str]]:
    """List the errors a caller may see, by class."""
    grouped: dict[str, list[str]] = {}
    for error in operation.all_errors:
        name = _ERRORS.get(error.status, "APIError")
        grouped.setdefault(name, []).append(error.message.replace("{}", "…").rstrip("."))
    return [
        (name, "; ".join(dict.fromkeys(texts)) + ".") for name, texts in sorted(grouped.items())
    ]


def _returned(operation: Operation, spec: Spec) -> str:
    """Say in words what a success brings."""
    if operation.brings:
        return operation.brings
    if operation.paging:
        return "The list; await it for its first page."
    if operation.binary_only:
        return "The file; await it for its content, or save or enter it to stream."
    docs = _PLAIN | spec.docs
    parts: list[str] = []
    for result in operation.results:
        kind = result.type
        if kind and kind.kind == "task":
            parts.append(f"a handle of the {kind.name} the server has begun")
        elif kind and kind.kind == "none":
            several = len(operation.results) > 1
            parts.append("None if nothing more happens" if several else "nothing")
        elif kind:
            words = [_lower(docs[one.name or one.kind]) for one in kind.chain]
            parts.append("; each item: ".join(words))
        parts += ["text"] if result.text else []
        parts += ["bytes with their media type"] if result.binary and not result.union else []
    text = ", or ".join(part.rstrip(".") for part in dict.fromkeys(parts))
    return f"{text[:1].upper()}{text[1:]}."
