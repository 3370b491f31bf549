"""Generates a client from a few lines of YAML and imports it for a test."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml
from attrs import Factory, define

from codegen.__main__ import FOLDERS, read
from codegen.ir import Spec
from codegen.render import render
from codegen.write import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Generate: TypeAlias = Callable[..., "Generated"]

PACKAGE = "docassemble_client"
COMMON: dict[str, Any] = {
    name: {} for name in ("parameters", "errors", "statuses", "tasks", "sources")
}


@define
class Generated:
    """
    A generated client with a mock server.

    Attributes:
        root: Folder of the generated files.
        spec: Representation from which the templates were rendered.
        requests: Requests that the client sent.
        response: Response to the next request.
    """

    root: Path
    spec: Spec
    requests: list[httpx.Request] = Factory(list)
    response: httpx.Response = Factory(lambda: httpx.Response(204))

    def read_text(self, name: str) -> str:
        """Read a generated file, such as models/things.py or docs/coverage.md."""
        folder = self.root if name.startswith("docs/") else self.root / FOLDERS[0]
        return (folder / name).read_text(encoding="utf-8")

    def import_module(self, name: str) -> Any:
        """Import a module of the package."""
        return importlib.import_module(f"{PACKAGE}.{name}")

    @property
    def models(self) -> Any:
        """The generated models."""
        return self.import_module("models")

    @property
    def errors(self) -> Any:
        """The errors of the package."""
        return self.import_module("errors")

    def find_operation(self, name: str) -> Any:
        """Look up an operation in the generated table."""
        return self.import_module("operations").OPERATIONS[name]

    def get_function(self, name: str) -> Any:
        """Get a call function, such as get."""
        return getattr(self.import_module("api.things").Things, name)

    async def call_with_response(self, name: str, value: object, status: int = 200) -> Any:
        """Call an operation without arguments; the server responds with this JSON value."""
        self.response = httpx.Response(status, json=value)
        return await self.call(name)

    @property
    def last_json(self) -> Any:
        """The JSON body of the last request."""
        return json.loads(self.requests[-1].content)

    async def call(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        """Call an operation of the tag things."""

        def respond(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return self.response

        client = self.import_module("client").AsyncDocassemble
        async with client(
            "https://da.example.com", "key", transport=httpx.MockTransport(respond)
        ) as da:
            return await getattr(da.things, name)(*arguments, **named)


def add_defaults(text: str) -> dict[str, Any]:
    """Add required keys that the test does not set."""
    data: dict[str, Any] = yaml.safe_load(text)
    spec = {"tag": "things", "title": "Things", "description": "For a test."} | data
    for operation in spec["operations"].values():
        operation.setdefault("summary", "Do it.")
        operation.setdefault("effects", "Nothing.")
        operation.setdefault("source", "some/api.py:1")
        operation.setdefault("privileges", {})
        operation.setdefault("retry", "if_unsent")
        operation.setdefault("returns", {"204": "none"})
        required = {
            name: "x"
            for name, param in operation.get("parameters", {}).items()
            if param.get("required") or param["in"] == "path"
        }
        status = int(str(next(iter(operation["returns"]))).replace("X", "0"))
        example = {"arguments": required, "response": {"status": status}}
        operation.setdefault("example", example)
    return spec


def write_spec(root: Path, *texts: str, common: str = "") -> Path:
    """Write specification files to root/spec, as JSON, which is valid YAML."""
    folder = root / "spec"
    folder.mkdir(parents=True)
    documents = {document["tag"]: document for document in map(add_defaults, texts)}
    if common:
        documents["common"] = COMMON | yaml.safe_load(common)
    for name, data in documents.items():
        text = json.dumps(data, ensure_ascii=False)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def generate(root: Path, *texts: str, common: str = "") -> Generated:
    """Write, read and render a specification in root."""
    spec = read(write_spec(root, *texts, common=common))
    write(root, render(spec), FOLDERS)
    return Generated(root, spec)
