"""Generates a client from a few lines of YAML, imports it, and lets a test call it."""

from __future__ import annotations

import asyncio
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
    A generated client, with a server behind it that answers what the test says.

    Attributes:
        root: Folder the files were written to.
        spec: What the templates saw.
        requests: What the client has sent.
        reply: What the server answers next.
    """

    root: Path
    spec: Spec
    requests: list[httpx.Request] = Factory(list)
    reply: httpx.Response = Factory(lambda: httpx.Response(204))

    def text(self, name: str) -> str:
        """Source of a generated module, such as models/things.py, or of docs/coverage.md."""
        folder = self.root if name.startswith("docs/") else self.root / FOLDERS[0]
        return (folder / name).read_text(encoding="utf-8")

    def module(self, name: str) -> Any:
        """Import a module of the package that the generated files are part of."""
        return importlib.import_module(f"{PACKAGE}.{name}")

    @property
    def models(self) -> Any:
        """The generated models."""
        return self.module("models")

    @property
    def errors(self) -> Any:
        """The errors of the same package."""
        return self.module("errors")

    def operation(self, name: str) -> Any:
        """Look an operation up in the generated table."""
        return self.module("operations").OPERATIONS[name]

    def method(self, name: str) -> Any:
        """The function of a call, such as get."""
        return getattr(self.module("api.things").Things, name)

    def call(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        """Call an operation of the tag things, to the end."""
        return asyncio.run(self._call(name, arguments, named))

    def answered(self, name: str, answer: object, status: int = 200) -> Any:
        """Call an operation without arguments on a server that answers this JSON."""
        self.reply = httpx.Response(status, json=answer)
        return self.call(name)

    @property
    def sent(self) -> Any:
        """The JSON body of the last request."""
        return json.loads(self.requests[-1].content)

    async def _call(self, name: str, arguments: Any, named: Any) -> Any:
        def answer(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return self.reply

        client = self.module("client").AsyncDocassemble
        async with client(
            "https://da.example.com", "key", transport=httpx.MockTransport(answer)
        ) as da:
            return await getattr(da.things, name)(*arguments, **named)


def complete(text: str) -> dict[str, Any]:
    """Add to the YAML of a test what the dialect demands but the test is not about."""
    data: dict[str, Any] = yaml.safe_load(text)
    spec = {"tag": "things", "title": "Things", "description": "What a test needs."} | data
    for operation in spec["operations"].values():
        operation.setdefault("summary", "Do it.")
        operation.setdefault("effects", "Nothing.")
        operation.setdefault("source", "some/api.py:1")
        operation.setdefault("privileges", {})
        operation.setdefault("retry", "if_unsent")
        operation.setdefault("returns", {"204": "none"})
        required = {
            name: "x"
            for name, one in operation.get("parameters", {}).items()
            if one.get("required") or one["in"] == "path"
        }
        status = int(str(next(iter(operation["returns"]))).replace("X", "0"))
        example = {"arguments": required, "response": {"status": status}}
        operation.setdefault("example", example)
    return spec


def write_spec(root: Path, *texts: str, common: str = "") -> Path:
    """Write specification files to root/spec; YAML takes JSON."""
    folder = root / "spec"
    folder.mkdir(parents=True)
    documents = {one["tag"]: one for one in map(complete, texts)}
    if common:
        documents["common"] = COMMON | yaml.safe_load(common)
    for name, data in documents.items():
        text = json.dumps(data, ensure_ascii=False)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def generate(root: Path, *texts: str, common: str = "") -> Generated:
    """Write, read and render a specification below root."""
    spec = read(write_spec(root, *texts, common=common))
    write(root, render(spec), FOLDERS)
    return Generated(root, spec)
