"""Checks what a schema cannot say; collects every problem instead of stopping at the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codegen.ir import Type
from codegen.load import COMMON, Document, Path_, Problem
from codegen.names import ClassName, Identifier, UnsafeNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Raw = dict[str, Any]
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def check(documents: dict[str, Document]) -> list[Problem]:
    """
    Check the meaning of a specification whose shape is right.

    Args:
        documents: The files by name, as `codegen.load.load` returns them.

    Returns:
        All problems, in the order of files and lines.
    """
    return sorted(_Checker(documents).run())


class _Checker:
    def __init__(self, documents: dict[str, Document]) -> None:
        self.tags = {name: one for name, one in documents.items() if name != COMMON}
        self.common = documents.get(COMMON)
        self.shared: dict[str, Any] = self.common.data if self.common else {}
        self.names: dict[str, str] = {}
        self.used: set[str] = set()
        self.calls: dict[str, list[str]] = {}
        for document in self.tags.values():
            for name, operation in document.data["operations"].items():
                full = f"{document.data['tag']}.{name}"
                self.calls.setdefault(operation["call"], []).append(full)

    def run(self) -> Iterator[Problem]:
        for document in self.tags.values():
            yield from self._definitions(document)
        for document in self.tags.values():
            yield from self._models(document)
            yield from self._operations(document)
        for document in self.tags.values():
            for section in ("enums", "models"):
                for name in document.data.get(section, {}):
                    if name not in self.used:
                        yield document.problem((section, name), f"{name} is never used")
        if self.common:
            yield from self._common(self.common)

    def _definitions(self, document: Document) -> Iterator[Problem]:
        tag = document.data["tag"]
        if document.file != f"{tag}.yaml":
            yield document.problem(("tag",), f"tag {tag!r} must stand in {tag}.yaml")
        yield from self._name(document, ("tag",), tag, Identifier)
        for section in ("enums", "models"):
            for name in document.data.get(section, {}):
                yield from self._name(document, (section, name), name, ClassName)
                if name in self.names:
                    message = f"{name} is also defined in {self.names[name]}"
                    yield document.problem((section, name), message)
                self.names[name] = document.file

    @staticmethod
    def _name(
        document: Document, path: Path_, name: str, kind: Callable[[str], str]
    ) -> Iterator[Problem]:
        try:
            kind(name)
        except UnsafeNameError as error:
            yield document.problem(path, str(error))

    def _type(self, document: Document, path: Path_, text: str) -> Iterator[Problem]:
        for name in sorted(Type.parse(text).named()):
            self.used.add(name)
            if name not in self.names:
                yield document.problem(path, f"no model or enumeration is called {name}")

    def _models(self, document: Document) -> Iterator[Problem]:
        for name, model in document.data.get("models", {}).items():
            path: Path_ = ("models", name)
            for key, field in model.get("fields", {}).items():
                yield from self._name(document, (*path, "fields", key), key, Identifier)
                yield from self._type(document, (*path, "fields", key, "type"), field["type"])
            union = model.get("union", {})
            for target in (*union.get("cases", {}).values(), union.get("default")):
                if target:
                    yield from self._type(document, (*path, "union"), target)

    def _operations(self, document: Document) -> Iterator[Problem]:
        order: list[tuple[str, int]] = []
        for name, operation in document.data["operations"].items():
            path: Path_ = ("operations", name)
            yield from self._name(document, path, name, Identifier)
            method, url = operation["call"].split(" ", 1)
            order.append((url, _METHODS.index(method)))
            if order[-1] < max(order):
                yield document.problem((*path, "call"), "operations must stand in path order")
            yield from self._operation(document, path, operation)

    def _operation(self, document: Document, path: Path_, operation: Raw) -> Iterator[Problem]:
        groups = self.shared.get("parameters", {})
        parameters: dict[str, Any] = {}
        for index, group in enumerate(operation.get("use", ())):
            if group not in groups:
                message = f"{COMMON} has no group of parameters called {group!r}"
                yield document.problem((*path, "use", index), message)
                continue
            parameters.update(groups[group])
        for name, parameter in operation.get("parameters", {}).items():
            if name in parameters:
                message = f"parameter {name!r} is also in a group this operation uses"
                yield document.problem((*path, "parameters", name), message)
            parameters[name] = parameter
        for name, parameter in parameters.items():
            place: Path_ = (*path, "parameters", name)
            yield from self._parameter(document, place, parameter, operation)
        yield from self._wire_names(document, path, parameters)
        yield from self._placeholders(document, path, parameters, operation)
        yield from self._references(document, path, parameters, operation)
        yield from self._returns(document, path, operation)
        yield from self._example(document, path, parameters, operation)

    def _parameter(
        self,
        document: Document,
        path: Path_,
        parameter: Raw,
        operation: Raw,
    ) -> Iterator[Problem]:
        yield from self._name(document, path, str(path[-1]), Identifier)
        yield from self._type(document, (*path, "type"), parameter["type"])
        reads_body = operation["call"].split(" ", 1)[0] in {"POST", "PATCH", "PUT"}
        if parameter["in"] == "query" and reads_body:
            yield document.problem(path, "the server reads no query here: put it in the body")
        if parameter["in"] in {"body", "file"} and not reads_body:
            yield document.problem(path, "the server reads no body here: put it in the query")
        if parameter["in"] == "path" and parameter.get("required") is False:
            yield document.problem(path, "a path parameter cannot be optional")

    @staticmethod
    def _wire_names(document: Document, path: Path_, parameters: Raw) -> Iterator[Problem]:
        seen: dict[str, str] = {}
        for name, parameter in parameters.items():
            wire = parameter.get("wire", name)
            if wire == "key":
                # docassemble reads a field of this name as the API key, wherever it stands.
                message = "'key' would be taken for the API key"
                yield document.problem((*path, "parameters", name), message)
            if wire in seen and parameter["in"] != "local":
                message = f"{name!r} and {seen[wire]!r} are both sent as {wire!r}"
                yield document.problem((*path, "parameters", name), message)
            seen[wire] = name

    @staticmethod
    def _placeholders(
        document: Document, path: Path_, parameters: Raw, operation: Raw
    ) -> Iterator[Problem]:
        wanted = _PLACEHOLDER.findall(operation["call"])
        given = [name for name, one in parameters.items() if one["in"] == "path"]
        for name in wanted:
            if name not in given:
                message = f"the path needs a path parameter {name!r}"
                yield document.problem((*path, "call"), message)
        for name in given:
            if name not in wanted:
                message = f"the path has no placeholder {{{name}}}"
                yield document.problem((*path, "parameters", name), message)

    def _references(
        self, document: Document, path: Path_, parameters: Raw, operation: Raw
    ) -> Iterator[Problem]:
        named = [("serialise", name) for name in operation.get("serialise", ())]
        for rule in operation.get("requires", ()):
            named += [("requires", name) for name in rule.get("one_of", rule.get("any_of", ()))]
            named += [("requires", rule["unless"])] if "unless" in rule else []
        if "paging" in operation:
            named.append(("paging", operation["paging"]["resume"]))
        for key, name in named:
            if name not in parameters:
                yield document.problem((*path, key), f"no parameter is called {name!r}")
        for index, error in enumerate(operation.get("errors", ())):
            if isinstance(error, str) and error not in self.shared.get("errors", {}):
                message = f"{COMMON} has no group of errors called {error!r}"
                yield document.problem((*path, "errors", index), message)
        anchor = operation.get("docs")
        entries = self.shared.get("sources", {}).get("documentation", {}).get("entries", ())
        calls = {one["entry"]: one["call"] for one in entries}
        if anchor and calls.get(anchor) != operation["call"]:
            message = f"the documentation has no section {anchor!r} for {operation['call']}"
            yield document.problem((*path, "docs"), message)

    def _returns(self, document: Document, path: Path_, operation: Raw) -> Iterator[Problem]:
        for status, result in operation["returns"].items():
            place: Path_ = (*path, "returns", status)
            text = result if isinstance(result, str) else result.get("json")
            if text is None:
                continue
            parsed = Type.parse(text)
            if parsed.kind == "task":
                if parsed.name not in self.shared.get("tasks", {}):
                    yield document.problem(place, f"{COMMON} has no task called {parsed.name!r}")
                continue
            if (parsed.kind == "page") != ("paging" in operation):
                yield document.problem(place, "page[…] and paging: go together")
            yield from self._type(document, place, text)

    @staticmethod
    def _example(
        document: Document, path: Path_, parameters: Raw, operation: Raw
    ) -> Iterator[Problem]:
        example = operation["example"]
        arguments = example.get("arguments", {})
        place: Path_ = (*path, "example", "arguments")
        for name in arguments:
            if name not in parameters:
                yield document.problem((*place, name), f"no parameter is called {name!r}")
        for name, parameter in parameters.items():
            required = parameter.get("required") or parameter["in"] == "path"
            if required and name not in arguments:
                yield document.problem(place, f"the example lacks the required {name!r}")
        status = example["response"]["status"]
        if str(status) not in operation["returns"] and "2XX" not in operation["returns"]:
            message = f"returns: lacks the status {status}"
            yield document.problem((*path, "example", "response"), message)

    def _common(self, document: Document) -> Iterator[Problem]:
        every = {full for names in self.calls.values() for full in names}
        for group, parameters in document.data["parameters"].items():
            for name, parameter in parameters.items():
                place: Path_ = ("parameters", group, name)
                yield from self._type(document, (*place, "type"), parameter["type"])
        for name, task in document.data["tasks"].items():
            for key in ("status", "confirm"):
                if key in task and task[key] not in every:
                    message = f"no operation is called {task[key]!r}"
                    yield document.problem(("tasks", name, key), message)
        for name, source in document.data["sources"].items():
            for index, entry in enumerate(source["entries"]):
                entry_place: Path_ = ("sources", name, "entries", index)
                if "operation" in entry and entry["operation"] not in every:
                    message = f"no operation is called {entry['operation']!r}"
                    yield document.problem(entry_place, message)
                if "operation" not in entry and entry["call"] not in self.calls:
                    message = f"no operation answers {entry['call']}"
                    yield document.problem(entry_place, message)
