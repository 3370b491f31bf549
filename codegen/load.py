"""Reads the specification's YAML files; every value knows its file and line."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import yaml
from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

Path_ = tuple[str | int, ...]
COMMON = "common.yaml"
SCHEMA = "dialect.schema.json"


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
        """Place a message at the value under this path, or at what is nearest to it."""
        while path and path not in self.lines:
            path = path[:-1]
        return Problem(self.file, self.lines.get(path, 1), message)


class _Reader:
    """Turns YAML nodes into plain data, keeping lines and refusing what YAML lets through."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self._scalars = yaml.SafeLoader("")

    def read(self, node: yaml.Node, path: Path_ = ()) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                # YAML reads 200 and null as numbers and nothing; keys here are always text.
                key = str(key_node.value)
                place = (*path, key)
                if key in mapping:
                    where = self.lines[place]
                    line = key_node.start_mark.line + 1
                    message = f"duplicate key {key!r}, first on line {where}"
                    self.problems.append(Problem(self.file, line, message))
                    continue
                self.lines[place] = key_node.start_mark.line + 1
                mapping[key] = self.read(value_node, place)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalars.construct_object(node)


def load(folder: Path) -> tuple[dict[str, Document], list[Problem]]:
    """
    Read every YAML file of a folder and check its shape against the dialect.

    Args:
        folder: Where the specification lies; `dialect.schema.json` is taken from
            there, or else from the project's own spec/.

    Returns:
        The documents by file name, and all problems found.
    """
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        reader = _Reader(path.name)
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = mark.line + 1 if mark else 1
            problems.append(Problem(path.name, line, f"not YAML: {error.problem}"))
            continue
        data = reader.read(node) if node is not None else None
        documents[path.name] = Document(path.name, data, reader.lines)
        problems += reader.problems
    schema = _schema(folder)
    for document in documents.values():
        problems += _shape(document, schema)
    if not documents:
        problems.append(Problem(str(folder), 1, "no YAML file here"))
    return documents, problems


def _schema(folder: Path) -> dict[str, Any]:
    path = folder / SCHEMA
    if not path.exists():
        path = Path(__file__).parent.parent / "spec" / SCHEMA
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _shape(document: Document, schema: dict[str, Any]) -> Iterator[Problem]:
    if document.file == COMMON:
        schema = {"$ref": "#/$defs/common", "$defs": schema["$defs"]}
    validator = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(document.data):
        yield from _explain(document, _deepest(error))


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Of alternatives that all fail, take the one that got furthest: the one that was meant."""
    while error.context:
        error = max(
            error.context, key=lambda one: (len(one.absolute_path), one.validator != "type")
        )
    return error


def _explain(document: Document, error: jsonschema.ValidationError) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        known = list(error.schema.get("properties", ()))
        patterns = error.schema.get("patternProperties")
        for key in _keys(error.instance):
            if key not in known and not patterns:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
                yield document.problem((*path, key), f"unknown key {key!r}{hint}")
        if patterns:
            yield document.problem(path, error.message)
    else:
        yield document.problem(path, error.message)


def _keys(instance: object) -> list[str]:
    return list(instance) if isinstance(instance, dict) else []
