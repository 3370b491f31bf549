"""Each link of the OpenAPI document leads from an example to a call that succeeds."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.openapi.example_server import ExampleServer
from tests.openapi.schemathesis_checks import DOCUMENT

CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    node["operationId"]: (method, path, node)
    for path, methods in json.loads(DOCUMENT.read_text("utf-8"))["paths"].items()
    for method, node in methods.items()
}
# Calls whose examples return nothing here: files are not sent, restarts are not wanted, the fake
# server advertises no interviews, and it needs its packages.
WITHOUT_VALUES = {
    "interviews_list",
    "packages_uninstall",
    "playground_delete_file",
    "playground_install_packages",
    "playground_pull_package",
    "playground_upload_files",
}
# The question of the example has no documents.
WITHOUT_FILE = ("sessions_get_question", "files.download")
LINKS = [
    pytest.param(source, link, id=f"{source}-{name}")
    for source, (_, _, node) in CALLS.items()
    for response in node["responses"].values()
    for name, link in response.get("links", {}).items()
    if source not in WITHOUT_VALUES and (source, name) != WITHOUT_FILE
]
# What the examples create exists already.
NEW_VALUES = {
    "playground_create_project": {"project": "housing"},
    "privileges_create": {"privilege": "mediator"},
    "users_create": {"username": "new@example.com"},
}
NOT_YET = {"sessions_go_back": "Cannot go back."}  # the session has just begun


def _read_examples(operation: str, *, optional: bool) -> dict[str, dict[str, Any]]:
    """Read the arguments of an example, by place; with or without the optional ones of the URL."""
    node = CALLS[operation][2]
    values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}}
    for param in node.get("parameters", ()):
        if "example" in param and (optional or param["required"]):
            values[param["in"]][param["name"]] = param["example"]
    content = node.get("requestBody", {"content": {}})["content"]
    for example in content.get("application/json", {}).get("examples", {}).values():
        values["body"] = dict(example["value"])
        break
    return values


async def _send(
    server: ExampleServer, operation: str, values: dict[str, dict[str, Any]]
) -> httpx.Response:
    method, path, _ = CALLS[operation]
    query = dict(values["query"])
    query |= query.pop("url_args", {})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(server),
        base_url="http://testserver",
        headers={"X-API-Key": server.fake.api_key},
    ) as client:
        return await client.request(
            method,
            path.format(**values["path"]),
            params=query,
            json=values["body"] if method in {"post", "patch"} else None,
        )


def _evaluate(expression: str, values: dict[str, dict[str, Any]], content: Any) -> Any:
    """Evaluate a runtime expression, such as $response.body#/items/0/id or $request.path.id."""
    place, _, pointer = expression.partition("#/")
    _, part, *names = place.split(".")
    value: Any = content if place.startswith("$response") else values[part]
    for name in [*names, *filter(None, pointer.split("/"))]:
        value = value[int(name) if isinstance(value, list) else name]
    return value


@pytest.mark.parametrize(("source", "link"), LINKS)
async def test_link_leads_to_a_call_that_succeeds(source: str, link: dict[str, Any]) -> None:
    """The arguments of the link, with those of an example, make a call that succeeds."""
    server = ExampleServer()
    await server.prepare()
    is_list = "x-paging" in CALLS[source][2]  # without filters, it is not empty
    examples = _read_examples(source, optional=not is_list)
    values = {place: server.localize(items) for place, items in examples.items()}
    values["body"] |= NEW_VALUES.get(source, {})
    if is_list and values["path"]:
        values["path"] = {"user_id": 1}
    response = await _send(server, source, values)
    content = response.json() if response.content else None
    target = link["operationId"]
    examples = _read_examples(target, optional=False)
    arguments = {place: server.localize(items) for place, items in examples.items()}
    names = {param["name"]: param["in"] for param in CALLS[target][2].get("parameters", ())}
    for name, expression in (link.get("parameters", {}) | link.get("requestBody", {})).items():
        value = _evaluate(expression, values, content)
        arguments[names.get(name, "body")][name] = value

    result = await _send(server, target, arguments)

    assert response.is_success, response.text
    assert result.is_success or result.json() == NOT_YET.get(target), result.text
