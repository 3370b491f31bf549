"""Describes types, fields and values as JSON schemas, and converts those of OpenAPI 3.1 to 3.0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codegen.ir import Model, Note, Parameter, Spec, Tag, Type, Union

Node = dict[str, Any]
JSON_TYPE = "application/json"
TEXT: Node = {"type": "string"}
FILE: Node = {"type": "string", "format": "binary"}
_OBJECT: Node = {"type": "object", "additionalProperties": True}
_NULL: Node = {"type": "null"}
_SCHEMAS: dict[str, Node] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    # The server reads true and false as well as the 1 and 0 that this client sends.
    "bool": {"type": "boolean"},
    # Dates too: they have docassemble's own form.
    "str": TEXT,
    "secret": {"type": "string", "format": "password"},
    "json": {},
    "object": _OBJECT,
    "confidential": _OBJECT,
    "file": FILE,
    "files": {"type": "array", "items": FILE, "minItems": 1},
}
_STARTED_TASK = _OBJECT | {
    "description": "A task that continues after the response.",
    "required": ["task_id"],
    "properties": {
        "task_id": TEXT | {"description": "Identifier of the task."},
        "success": {"type": "boolean", "description": "Says nothing about the task."},
    },
}
# Keywords that OpenAPI 3.0 does not have.
_NEW_KEYWORDS = ("contentMediaType", "contentSchema", "propertyNames")


def drop_empty(node: Node) -> Node:
    """Leave out keys without content."""
    return {key: value for key, value in node.items() if value not in ("", [], {}, None)}


def format_notes(notes: Iterable[Note], *path: str) -> list[Node]:
    """Format the notes at and below a path."""
    return [
        drop_empty(
            {
                "at": ".".join(note.path[len(path) :]),
                "documented": note.documented,
                "actual": note.actual,
                "source": note.source,
            }
        )
        for note in notes
        if note.path[: len(path)] == path
    ]


def refer(name: str) -> Node:
    """Refer to a schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def describe_type(type_: Type) -> Node:
    """Describe a type."""
    if type_.item and type_.kind == "list":
        return {"type": "array", "items": describe_type(type_.item)}
    if type_.item:
        return {"type": "object", "additionalProperties": describe_type(type_.item)}
    return refer(type_.name) if type_.kind == "named" else _SCHEMAS[type_.kind]


def describe_result(type_: Type) -> Node:
    """Describe the JSON of a result."""
    if type_.kind == "task":
        return refer("StartedTask")
    if type_.item and type_.kind == "page":
        return refer(f"{type_.item.name}Page")
    return describe_type(type_)


def describe_value(param: Parameter) -> Node:
    """Describe the value of a parameter, as it is sent."""
    schema = describe_type(param.type)
    if param.json_text:
        schema = TEXT | {"contentMediaType": JSON_TYPE, "contentSchema": schema}
    if param.null:
        schema = _allow_null(schema)
    if param.spread:
        names = {"pattern": "^[A-Za-z_]", "not": {"enum": list(param.reserved)}}
        schema = schema | {"propertyNames": names}
    if param.default:
        default = json.loads(param.default) if param.kind in {"bool", "int"} else param.default
        schema = _wrap_reference(schema) | {"default": default}
    return schema


def describe_fields(parameters: list[Parameter]) -> Node:
    """Describe an object that has these parameters as fields."""
    schema: Node = {
        "type": "object",
        "required": [param.wire for param in parameters if param.required],
        "properties": {
            param.wire: _add_doc(describe_value(param), param.doc, is_sensitive=param.sensitive)
            for param in parameters
            if param.type.kind != "file_map"
        },
    }
    for param in parameters:
        if param.type.kind == "file_map":
            # Each file has a name of its own.
            schema["additionalProperties"] = FILE | {"description": param.doc}
    return drop_empty(schema)


def describe_types(spec: Spec) -> Iterator[tuple[str, Node]]:
    """Describe every named type."""
    yield "StartedTask", _STARTED_TASK
    for operation in spec.operations:
        for result in operation.results:
            if operation.paging and result.item:
                yield f"{result.item.name}Page", _describe_page(operation.paging, result.item)
    for tag in spec.tags:
        for enum in tag.enums:
            # Newer servers may send other values than the known ones of an open enumeration.
            key = "enum" if enum.closed else "x-extensible-enum"
            yield enum.name, TEXT | {"description": enum.doc, key: list(enum.values)}
        for model in tag.models:
            yield model.name, _describe_model(model, tag)
        for union in tag.unions:
            yield union.name, _describe_union(union)


def convert_to_3_0(node: Any) -> Any:
    """Convert a document, or a part of it, to OpenAPI 3.0."""
    if isinstance(node, list):
        return [convert_to_3_0(item) for item in node]
    if not isinstance(node, dict):
        return node
    new = {key: convert_to_3_0(value) for key, value in node.items() if key not in _NEW_KEYWORDS}
    if isinstance(new.get("type"), list):
        return new | {"type": new["type"][0], "nullable": True}
    if _NULL in new.get("anyOf", ()):
        alternatives = [schema for schema in new.pop("anyOf") if schema != _NULL]
        return {"allOf": alternatives, "nullable": True} | new
    return new


def _allow_null(schema: Node) -> Node:
    if "$ref" in schema:
        return {"anyOf": [schema, _NULL]}
    return schema | {"type": [schema["type"], "null"]} if schema else schema


def _wrap_reference(schema: Node) -> Node:
    """Wrap a reference, so that other keywords can stand beside it."""
    return {"allOf": [schema]} if "$ref" in schema else schema


def _add_doc(schema: Node, doc: str, *, is_sensitive: bool) -> Node:
    mark = {"x-sensitive": True} if is_sensitive else {}
    return _wrap_reference(schema) | {"description": doc} | mark


def _describe_page(paging: dict[str, str], item: Type) -> Node:
    token = {"type": ["string", "null"], "description": "Token of the next page; null on the last."}
    return _OBJECT | {
        "description": "A page of a list.",
        "required": [paging["items"], paging["next"]],
        "properties": {
            paging["items"]: {"type": "array", "items": describe_type(item)},
            paging["next"]: token,
        },
    }


def _describe_model(model: Model, tag: Tag) -> Node:
    properties: Node = {}
    for field in model.fields:
        schema = describe_type(field.type)
        schema = _allow_null(schema) if field.null else schema
        properties[field.wire] = _add_doc(schema, field.doc, is_sensitive=field.sensitive)
    node = _OBJECT | {
        "description": model.doc,
        "required": [field.wire for field in model.fields if not field.optional],
        "properties": properties,
        "x-why": format_notes(tag.notes, "models", model.name),
    }
    return drop_empty(node)


def _describe_union(union: Union) -> Node:
    anything = {"description": "Any other JSON, as the interview sends it."}
    return {
        "description": union.doc,
        "anyOf": [*map(refer, union.members), anything],
        "x-union": {"key": union.key, "cases": dict(union.cases), "default": union.default},
    }
