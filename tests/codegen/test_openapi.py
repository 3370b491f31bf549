"""The generated OpenAPI documents, compared with the table of operations."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from codegen.openapi import describe_api
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing._server.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.operation import Operation
    from tests.codegen.harness import Generate

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT: dict[str, Any] = json.loads((DOCS / "openapi.json").read_text("utf-8"))
DOCUMENT_3_0: dict[str, Any] = json.loads((DOCS / "openapi-3.0.json").read_text("utf-8"))
METHODS = ("get", "post", "patch", "put", "delete")
CALLS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": node
    for path, methods in DOCUMENT["paths"].items()
    for method, node in methods.items()
}
CALLS_BY_OPERATION = {name: node for node in CALLS.values() for name in node["x-operations"]}
COMMON = """
page_statuses: ["501"]
statuses: {"501": A page., "403": "Refused. {privileges}"}
openapi:
  info: {title: Things, license: {name: MIT}}
  servers: [{url: "https://da.example.com"}]
  security: [{Key: []}]
  securitySchemes: {Key: {type: apiKey, in: header, name: X-Key}}
  docs: https://example.com/docs
"""


def _describe(generate: Generate, operations: str, common: str = COMMON) -> dict[str, Any]:
    """Generate a client and return the call GET /api/thing of its OpenAPI document."""
    paths: dict[str, Any] = describe_api(generate(operations, common=common).spec)["paths"]
    node: dict[str, Any] = paths["/api/thing"]
    return node


def _find_nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Find every mapping of a document."""
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _find_nodes(child)


def _list_names(node: dict[str, Any]) -> set[tuple[str, str]]:
    """List the places and names of the arguments that a call describes."""
    names = {(param["in"], param["name"]) for param in node.get("parameters", ())}
    for content_type, media in node.get("requestBody", {"content": {}})["content"].items():
        for name, schema in media["schema"].get("properties", {}).items():
            is_file = "binary" in (schema.get("format"), schema.get("items", {}).get("format"))
            names.add(("file" if is_file else "body", name))
        if "additionalProperties" in media["schema"]:
            assert content_type == "multipart/form-data"
            names.add(("file", "files"))
    return names


def test_every_call_of_the_table_is_described_once() -> None:
    """The 74 operations have 69 pairs of method and path; each is one OpenAPI operation."""
    operations = [name for node in CALLS.values() for name in node["x-operations"]]
    ids = [node["operationId"] for node in CALLS.values()]

    assert sorted(operations) == sorted(OPERATIONS)
    assert len(CALLS) == len(set(ids)) == 69
    for call, node in CALLS.items():
        assert {
            f"{OPERATIONS[name].method} {OPERATIONS[name].path}" for name in node["x-operations"]
        } == {call}
        assert node["operationId"] == node["x-operations"][0].replace(".", "_")


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.id)
def test_call_has_what_the_table_knows(operation: Operation[Any]) -> None:
    """Arguments, results, errors, retries and privileges are those of the operation."""
    node = CALLS_BY_OPERATION[operation.id]
    is_merged = len(node["x-operations"]) > 1
    sent = {(param.location, param.wire) for param in operation.params if param.location != "local"}
    texts = {
        (int(status), error["message"])
        for status, response in node["responses"].items()
        for error in response.get("x-known-errors", ())
    }

    assert sent <= _list_names(node) if is_merged else sent == _list_names(node)
    assert set(operation.results) <= set(node["responses"])
    assert {(error.status, error.message) for error in operation.errors} <= texts
    assert node["x-retry"] == operation.retry or (is_merged and node["x-retry"] == "if_unsent")
    assert set(operation.privileges.permissions) <= set(node["x-privileges"].get("permissions", ()))
    assert ("x-task" in node) == any(result.task for result in operation.results.values())
    assert ("x-paging" in node) == (operation.paging is not None)
    assert (node.get("security") == []) == (not operation.auth)


def test_each_known_text_is_an_example() -> None:
    """A text with a variable part has an ellipsis there."""
    for node in CALLS.values():
        for response in node["responses"].values():
            texts = {
                error["message"].replace("{}", "…") for error in response.get("x-known-errors", ())
            }
            for media in response.get("content", {}).values() if texts else ():
                assert {example["value"] for example in media["examples"].values()} == texts


def test_no_call_sends_the_key_in_the_address_or_body() -> None:
    """A field named key is read as the API key, which belongs into a header."""
    assert DOCUMENT["components"]["securitySchemes"]["ApiKey"]["in"] == "header"
    assert not [
        call for call, node in CALLS.items() if "key" in {name for _, name in _list_names(node)}
    ]


def test_open_enumerations_are_strings() -> None:
    """A newer server may send other values; clients must not refuse them."""
    closed = [
        name for name, schema in DOCUMENT["components"]["schemas"].items() if "enum" in schema
    ]

    assert closed == ["UserRemoval"]
    assert DOCUMENT["components"]["schemas"]["TaskState"]["x-extensible-enum"] == [
        "working",
        "completed",
        "unknown",
    ]


def test_calls_with_optional_files_have_two_bodies() -> None:
    """Objects in a form are JSON texts."""
    bodies = {
        operation: list(node["requestBody"]["content"])
        for operation, node in CALLS_BY_OPERATION.items()
        if "multipart/form-data" in node.get("requestBody", {}).get("content", {})
    }
    form = CALLS["POST /api/session"]["requestBody"]["content"]["multipart/form-data"]

    assert [name for name, types in bodies.items() if len(types) == 2] == [
        "packages.install",
        "packages.update",
        "sessions.set_variables",
    ]
    assert [name for name, types in bodies.items() if len(types) == 1] == [
        "files.convert_to_markdown",
        "files.extract_fields",
        "playground.upload_files",
        "playground.install_packages",
    ]
    assert form["encoding"]["variables"] == {"contentType": "application/json"}


def test_links_lead_to_described_calls() -> None:
    """Each link names arguments of its target; tasks link to their state."""
    ids = {node["operationId"]: node for node in CALLS.values()}
    count = 0
    for node in CALLS.values():
        links = [link for r in node["responses"].values() for link in r.get("links", {}).values()]
        assert ("x-task" not in node) or node["x-task"]["status"] in {
            link["operationId"] for link in links
        }
        for link in links:
            arguments = {**link.get("parameters", {}), **link.get("requestBody", {})}
            assert set(arguments) <= {name for _, name in _list_names(ids[link["operationId"]])}
            count += 1
    assert count > 40


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.id)
def test_examples_fit_their_schemas(operation: Operation[Any]) -> None:
    """Examples of requests and responses are valid."""
    node = CALLS_BY_OPERATION[operation.id]
    values = [
        (param["schema"], param["example"])
        for param in node.get("parameters", ())
        if "example" in param
    ]
    bodies = [node.get("requestBody", {}), *node["responses"].values()]
    values += [
        (media["schema"], example["value"])
        for body in bodies
        for media in body.get("content", {}).values()
        for example in media.get("examples", {}).values()
    ]

    assert values
    for schema, value in values:
        jsonschema.validate(value, schema | {"components": DOCUMENT["components"]})


def test_older_document_differs_only_in_its_words() -> None:
    """OpenAPI 3.0 has no null type and no new keywords of JSON Schema."""
    nodes = list(_find_nodes(DOCUMENT_3_0["components"]["schemas"]))
    words = {word for node in nodes for word in node}

    assert DOCUMENT_3_0["openapi"] == "3.0.4"
    assert {path: list(node) for path, node in DOCUMENT_3_0["paths"].items()} == {
        path: list(node) for path, node in DOCUMENT["paths"].items()
    }
    assert not [node for node in nodes if node.get("type") == "null"]
    assert not [node for node in nodes if isinstance(node.get("type"), list)]
    assert not words & {"contentMediaType", "contentSchema", "propertyNames"}
    assert DOCUMENT_3_0["components"]["schemas"]["User"]["properties"]["email"]["nullable"] is True


def test_every_route_of_the_fake_server_is_described() -> None:
    """The fake server has no route that the document lacks."""
    paths = {re.sub(r"\{\w+\}", r"(?P<x>[0-9]+)", path) for path in DOCUMENT["paths"]}

    assert {re.sub(r"<\w+>", "<x>", route.pattern.pattern) for route in ROUTES} == paths


def test_specification_without_a_head_has_no_document(generate: Generate) -> None:
    """Without the section openapi of common.yaml no document is written."""
    client = generate("operations: {go: {call: POST /api/go}}")

    assert not (client.root / "docs" / "openapi.json").exists()


def test_variants_are_one_call(generate: Generate) -> None:
    """Required is what both require; retries and roles are the stricter ones."""
    node = _describe(
        generate,
        """
operations:
  list:
    call: GET /api/thing
    summary: List the things.
    retry: safe
    privileges: {any_of: [admin, developer]}
    parameters: {place: {in: query, type: str, required: true, doc: Place.}}
    returns: {200: "list[str]"}
  get:
    call: GET /api/thing
    summary: Get a thing.
    variant_of: list
    privileges: {any_of: [admin], permissions: [read], note: or none}
    parameters:
      place: {in: query, type: str, required: true, doc: Place.}
      name: {in: query, type: str, required: true, doc: Name.}
    returns: {200: object}
""",
    )["get"]

    assert node["summary"] == "List the things; with name: get a thing"
    assert node["description"] == (
        "**Without name:** List the things. Effects: Nothing.\n\n"
        "**With name:** Get a thing. Effects: Nothing."
    )
    assert {param["name"]: param["required"] for param in node["parameters"]} == {
        "place": True,
        "name": False,
    }
    assert node["x-retry"] == "if_unsent"
    assert node["x-privileges"] == {"any_of": ["admin"], "permissions": ["read"], "note": "or none"}
    assert node["responses"]["200"]["content"]["application/json"]["schema"] == {
        "anyOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": True},
        ]
    }


def test_values_are_described_as_they_are_sent(generate: Generate) -> None:
    """JSON inside a string is a string; null and defaults are said."""
    node = _describe(
        generate,
        """
enums: {Size: {doc: A size., values: [small, large]}}
operations:
  change:
    call: PATCH /api/thing
    parameters:
      tags: {in: body, type: "list[str]", encoding: json_text, doc: Tags.}
      size: {in: body, type: Size, default: small, doc: Size.}
      kind: {in: body, type: Size, "null": true, doc: Kind.}
      count: {in: body, type: int, default: 3, "null": true, sensitive: true, doc: Count.}
      data: {in: body, type: json, "null": true, doc: Data.}
""",
    )["patch"]
    content = node["requestBody"]["content"]["application/json"]

    assert content["schema"]["properties"] == {
        "tags": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"type": "array", "items": {"type": "string"}},
            "description": "Tags.",
        },
        "size": {
            "allOf": [{"$ref": "#/components/schemas/Size"}],
            "default": "small",
            "description": "Size.",
        },
        "kind": {
            "anyOf": [{"$ref": "#/components/schemas/Size"}, {"type": "null"}],
            "description": "Kind.",
        },
        "count": {
            "type": ["integer", "null"],
            "default": 3,
            "description": "Count.",
            "x-sensitive": True,
        },
        "data": {"description": "Data."},
    }
