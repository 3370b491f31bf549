"""Reads the specification's YAML files; every value knows its file and line."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

import jsonschema
import yaml
from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path_ = tuple[str | int, ...]
COMMON = "common.yaml"
SCHEMA = Path(__file__).parent.parent / "spec" / "dialect.schema.json"
_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "object": "a mapping",
    "string": "a text",
}
_PATTERNS = {
    "^[a-z][a-z0-9_]*$": "is not a safe Python identifier",
    "^[A-Z][A-Za-z0-9]*$": "is not a safe Python class name",
}


@frozen(order=True)
class Problem:
    """Something wrong in the specification, at a place a person can open."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@frozen
class Document:
    """One YAML file as plain data, and the line of every key and item in it."""

    file: str
    data: Any
    lines: dict[Path_, int] = field(repr=False)

    def problem(self, path: Path_, message: str) -> Problem:
        """Say what is wrong with the value under this path; its line is the nearest one known."""
        text = f"{'.'.join(map(str, path))}: {message}" if path else message
        while path and path not in self.lines:
            path = path[:-1]
        return Problem(self.file, self.lines.get(path, 1), text)


class _Reader:
    """Turns YAML nodes into plain data, keeping lines and refusing what YAML lets through."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self._scalars = yaml.SafeLoader("")

    def read(self, node: yaml.Node, path: Path_ = ()) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                # YAML reads 200 and null as numbers and nothing; keys here are always text.
                key = str(key_node.value)
                place, line = (*path, key), key_node.start_mark.line + 1
                if key in mapping:
                    message = f"duplicate key {key!r}, first on line {self.lines[place]}"
                    self.problems.append(Problem(self.file, line, message))
                    continue
                self.lines[place] = line
                mapping[key] = self.read(value_node, place)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value  # JSON has no dates
        return self._scalars.construct_object(node)


def load(folder: Path) -> tuple[dict[str, Document], list[Problem]]:
    """Read every YAML file of a folder and check its shape against the dialect."""
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        reader = _Reader(path.name)
        try:
            node = yaml.compose(path.read_bytes(), yaml.SafeLoader)
            data = None if node is None else reader.read(node)
        except yaml.YAMLError as error:
            # Bytes that are no text have no mark.
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            reason = getattr(error, "problem", "this is no UTF-8 text")
            problems.append(Problem(path.name, line, f"not YAML: {reason}"))
            continue
        documents[path.name] = Document(path.name, data, reader.lines)
        problems += reader.problems
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for document in documents.values():
        problems += _shape(document, schema)
    if not documents and not problems:
        problems.append(Problem(str(folder), 1, "no YAML file here"))
    return documents, problems


def load_proven(folder: Path) -> list[dict[str, Any]]:
    """Read what the live tests have proven, the newest server first."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(runs, key=lambda run: [-int(part) for part in run["server"].split(".")])


def _shape(document: Document, schema: dict[str, Any]) -> Iterator[Problem]:
    if document.file == COMMON:
        schema = {"$ref": "#/$defs/common", "$defs": schema["$defs"]}
    validator = jsonschema.Draft202012Validator(schema)
    for error in map(_deepest, validator.iter_errors(document.data)):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            yield from _unknown(document, path, error.instance, error.schema)
        elif "propertyNames" in error.absolute_schema_path:
            yield document.problem((*path, str(error.instance)), _message(error))
        else:
            yield document.problem(path, _message(error))


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Of alternatives that all fail, take the one that got furthest: the one that was meant."""
    while error.context and not _exclusive(error):
        error = max(
            error.context, key=lambda one: (len(one.absolute_path), one.validator != "type")
        )
    return error


def _exclusive(error: jsonschema.ValidationError) -> list[str]:
    """Keys of which a mapping must have exactly one, if that is what the error is about."""
    choices: Any = error.validator_value if error.validator == "oneOf" else ()
    return [one["required"][0] for one in choices if "required" in one]


def _unknown(document: Document, path: Path_, instance: Any, schema: Any) -> Iterator[Problem]:
    known = list(schema.get("properties", ()))
    patterns = schema.get("patternProperties", ())
    for key in instance:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        hint = f"; known are {', '.join([*known, *(f'what matches {one}' for one in patterns)])}"
        yield document.problem((*path, key), f"unknown key{similar(key, known) or hint}")


def similar(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest of the known names was meant, if one is near."""
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _message(error: jsonschema.ValidationError) -> str:
    """Say what is wrong in the words of the dialect, not of its schema."""
    limit: Any = error.validator_value
    value: Any = error.instance
    text = str(error.message)  # of the limits of a number: in plain words already
    match error.validator:
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            text = f"must be {' or '.join(_KINDS[one] for one in kinds)}, not {_show(value)}"
        case "required":
            text = f"lacks {', '.join(one for one in limit if one not in value)}"
        case "enum" | "const":
            choices = limit if error.validator == "enum" else [limit]
            text = f"must be {' or '.join(map(json.dumps, choices))}, not {_show(value)}"
        case "pattern":
            schema: Any = error.schema
            hint = f" ({schema['description'].rstrip('.')})" if "description" in schema else ""
            text = f"{value!r} {_PATTERNS.get(limit, f'does not match {limit}')}{hint}"
        case "oneOf":
            text = f"must have exactly one of {', '.join(_exclusive(error))}"
        case "uniqueItems":
            text = "has an item twice"
        case "minLength" | "minItems" | "minProperties":
            text = f"has {_count(value)}; {limit} is the least"
        case "maxLength":
            text = f"has {_count(value)}; {limit} is the most"
    return text


def _count(value: str | list[Any] | dict[str, Any]) -> str:
    return f"{len(value)} {'characters' if isinstance(value, str) else 'items'}"


def _show(value: object) -> str:
    plain = json.dumps(value, ensure_ascii=False, default=str)
    return {dict: "a mapping", list: "a list", NoneType: "empty"}.get(type(value), plain)
