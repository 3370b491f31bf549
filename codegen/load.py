"""Reads the YAML files of the specification and keeps the line of every value."""

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

NodePath = tuple[str | int, ...]
COMMON = "common.yaml"
SCHEMA = Path(__file__).parent.parent / "spec" / "dialect.schema.json"
_TYPE_NAMES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "object": "a mapping",
    "string": "a string",
}
_PATTERN_MESSAGES = {
    "^[a-z][a-z0-9_]*$": "is not a safe Python identifier",
    "^[A-Z][A-Za-z0-9]*$": "is not a safe Python class name",
}


@frozen(order=True)
class Problem:
    """A problem in the specification, with file and line."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@frozen
class Document:
    """The data of one YAML file, with the line of every key and item."""

    file: str
    data: Any
    lines: dict[NodePath, int] = field(repr=False)

    def problem(self, path: NodePath, message: str) -> Problem:
        """Report a problem of the value at this path, with the nearest known line."""
        text = f"{'.'.join(map(str, path))}: {message}" if path else message
        while path and path not in self.lines:
            path = path[:-1]
        return Problem(self.file, self.lines.get(path, 1), text)


class _Reader:
    """Converts YAML nodes to plain data, records lines and reports duplicate keys."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[NodePath, int] = {}
        self.problems: list[Problem] = []
        self._scalars = yaml.SafeLoader("")

    def read(self, node: yaml.Node, path: NodePath = ()) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                # YAML reads the keys 200 and null as a number and None; keys here are strings.
                key = str(key_node.value)
                child_path, line = (*path, key), key_node.start_mark.line + 1
                if key in mapping:
                    message = f"duplicate key {key!r}, first on line {self.lines[child_path]}"
                    self.problems.append(Problem(self.file, line, message))
                    continue
                self.lines[child_path] = line
                mapping[key] = self.read(value_node, child_path)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value  # JSON has no dates
        return self._scalars.construct_object(node)


def load(folder: Path) -> tuple[dict[str, Document], list[Problem]]:
    """Read every YAML file of a folder and validate it against the schema."""
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        reader = _Reader(path.name)
        try:
            node = yaml.compose(path.read_bytes(), yaml.SafeLoader)
            data = None if node is None else reader.read(node)
        except yaml.YAMLError as error:
            # Errors about undecodable bytes have no mark.
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            reason = getattr(error, "problem", "the file is not UTF-8 text")
            problems.append(Problem(path.name, line, f"invalid YAML: {reason}"))
            continue
        documents[path.name] = Document(path.name, data, reader.lines)
        problems += reader.problems
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for document in documents.values():
        problems += _check_shape(document, schema)
    if not documents and not problems:
        problems.append(Problem(str(folder), 1, "no YAML files found"))
    return documents, problems


def load_proven(folder: Path) -> list[dict[str, Any]]:
    """Read the results of the live tests, newest server first."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(runs, key=lambda run: [-int(part) for part in run["server"].split(".")])


def _check_shape(document: Document, schema: dict[str, Any]) -> Iterator[Problem]:
    if document.file == COMMON:
        schema = {"$ref": "#/$defs/common", "$defs": schema["$defs"]}
    validator = jsonschema.Draft202012Validator(schema)
    for error in map(_find_deepest, validator.iter_errors(document.data)):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            yield from _find_unknown_keys(document, path, error.instance, error.schema)
        elif "propertyNames" in error.absolute_schema_path:
            yield document.problem((*path, str(error.instance)), _describe(error))
        else:
            yield document.problem(path, _describe(error))


def _find_deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """If all alternatives fail, return the error of the one that matched furthest."""
    while error.context and not _find_alternatives(error):
        error = max(
            error.context,
            key=lambda suberror: (len(suberror.absolute_path), suberror.validator != "type"),
        )
    return error


def _find_alternatives(error: jsonschema.ValidationError) -> list[str]:
    """Find the keys of which exactly one must be present, if the error is about that."""
    schemas: Any = error.validator_value if error.validator == "oneOf" else ()
    return [schema["required"][0] for schema in schemas if "required" in schema]


def _find_unknown_keys(
    document: Document, path: NodePath, instance: Any, schema: Any
) -> Iterator[Problem]:
    known = list(schema.get("properties", ()))
    patterns = schema.get("patternProperties", ())
    for key in instance:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        allowed = [*known, *(f"keys matching {pattern}" for pattern in patterns)]
        hint = suggest(key, known) or f"; allowed: {', '.join(allowed)}"
        yield document.problem((*path, key), f"unknown key{hint}")


def suggest(name: str, known: Iterable[str]) -> str:
    """Suggest the closest known name, if one is similar."""
    matches = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _describe(error: jsonschema.ValidationError) -> str:
    """Describe an error in YAML terms instead of JSON Schema terms."""
    limit: Any = error.validator_value
    value: Any = error.instance
    text = str(error.message)  # jsonschema's messages about numeric limits are clear
    match error.validator:
        case "type":
            types = [limit] if isinstance(limit, str) else limit
            names = " or ".join(_TYPE_NAMES[name] for name in types)
            text = f"must be {names}, not {_describe_value(value)}"
        case "required":
            text = f"missing {', '.join(key for key in limit if key not in value)}"
        case "enum" | "const":
            choices = limit if error.validator == "enum" else [limit]
            text = f"must be {' or '.join(map(json.dumps, choices))}, not {_describe_value(value)}"
        case "pattern":
            schema: Any = error.schema
            hint = f" ({schema['description'].rstrip('.')})" if "description" in schema else ""
            text = f"{value!r} {_PATTERN_MESSAGES.get(limit, f'does not match {limit}')}{hint}"
        case "oneOf":
            text = f"must have exactly one of {', '.join(_find_alternatives(error))}"
        case "uniqueItems":
            text = "contains a duplicate item"
        case "minLength" | "minItems" | "minProperties":
            text = f"has {_describe_size(value)}; the minimum is {limit}"
        case "maxLength":
            text = f"has {_describe_size(value)}; the maximum is {limit}"
    return text


def _describe_size(value: str | list[Any] | dict[str, Any]) -> str:
    return f"{len(value)} {'characters' if isinstance(value, str) else 'items'}"


def _describe_value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return {dict: "a mapping", list: "a list", NoneType: "empty"}.get(type(value), text)
