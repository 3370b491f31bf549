"""Checks what a schema cannot say; collects every problem instead of stopping at the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codegen.ir import FILES, SCALARS, Type
from codegen.load import COMMON, similar
from codegen.names import ClassName, FieldName, Identifier, UnsafeNameError, constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from codegen.load import Document, Path_, Problem

Raw = dict[str, Any]
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PLAIN = {*SCALARS, "enum", "list", "map"}
# What may stand in each place, and what may besides if it is no part of another type.
_ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "field": (_PLAIN | {"model"}, set()),
    "parameter": (_PLAIN, set(FILES)),
    "result": (_PLAIN | {"model"}, {"page", "union", "none", "text", "binary"}),
    "case": (set(), {"model"}),
}


def check(documents: dict[str, Document]) -> list[Problem]:
    """Check the meaning of a specification whose shape is right."""
    checker = _Checker(documents)
    checker.run()
    return checker.problems


class _Checker:
    def __init__(self, documents: dict[str, Document]) -> None:
        self.problems: list[Problem] = []
        self.tags = [one for name, one in documents.items() if name != COMMON]
        self.common = documents.get(COMMON)
        self.shared: Raw = self.common.data if self.common else {}
        self.kinds: dict[str, tuple[str, str]] = {}
        self.used: set[str] = set()
        self.constants: dict[str, str] = {}
        self.calls = {
            f"{one.data['tag']}.{name}": operation["call"]
            for one in self.tags
            for name, operation in one.data["operations"].items()
        }

    def run(self) -> None:
        self._each(self._definitions)
        self._each(self._models)
        self._each(self._operations)
        if self.common:
            self.document = self.common
            self._groups()
            self._tasks_and_sources()
        self._each(self._unused)

    def _each(self, step: Callable[[], None]) -> None:
        for document in self.tags:
            self.document = document
            step()

    def _say(self, message: str, *path: str | int) -> None:
        self.problems.append(self.document.problem(path, message))

    def _name(self, kind: type[Identifier], name: str, *path: str | int) -> None:
        try:
            kind(name)
        except UnsafeNameError as error:
            self._say(str(error), *path)

    def _type(self, place: str, text: str, *path: str | int) -> None:
        inner, outer = _ALLOWED[place]
        for depth, one in enumerate(Type.parse(text).chain):
            kind = one.kind
            if kind == "named":
                self.used.add(one.name)
                kind = self.kinds.get(one.name, ("", ""))[0]
            if not kind:
                hint = similar(one.name, [*self.kinds, *SCALARS])
                self._say(f"no model or enumeration is called {one.name}{hint}", *path)
            elif kind not in inner and (depth or kind not in outer):
                self._say(f"a {place} cannot be of type {text}", *path)

    def _definitions(self) -> None:
        tag = self.document.data["tag"]
        if self.document.file != f"{tag}.yaml":
            self._say(f"must stand in {tag}.yaml", "tag")
        self._name(Identifier, tag, "tag")
        for section in ("enums", "models"):
            for name, data in self.document.data.get(section, {}).items():
                self._name(ClassName, name, section, name)
                if name in self.kinds:
                    self._say(f"is also defined in {self.kinds[name][1]}", section, name)
                kind = "enum" if "values" in data else "union" if "union" in data else "model"
                self.kinds[name] = (kind, self.document.file)

    def _models(self) -> None:
        for name, model in self.document.data.get("models", {}).items():
            for key, field in model.get("fields", {}).items():
                self._name(FieldName, key, "models", name, "fields", key)
                self._type("field", field["type"], "models", name, "fields", key, "type")
            for key, target in model.get("union", {}).get("cases", {}).items():
                self._type("case", target, "models", name, "union", "cases", key)
            if "union" in model:
                self._type("case", model["union"]["default"], "models", name, "union", "default")

    def _unused(self) -> None:
        for section in ("enums", "models"):
            for name in self.document.data.get(section, {}).keys() - self.used:
                self._say("is never used", section, name)

    def _operations(self) -> None:
        last, before = ("", 0), ""
        for name, operation in self.document.data["operations"].items():
            path = ("operations", name)
            self._name(Identifier, name, *path)
            full = f"{self.document.data['tag']}.{name}"
            other = self.constants.setdefault(constant(self.document.data["tag"], name), full)
            if other != full:
                self._say(f"has the same constant in operations/ as {other}", *path)
            method, url = operation["call"].split(" ", 1)
            place = (url, _METHODS.index(method))
            if place < last:
                self._say(f"operations are in path order: put it before {before!r}", *path, "call")
            else:
                last, before = place, name
            parameters = self._parameters(path, operation)
            self._places(path, parameters, operation["call"])
            self._references(path, parameters, operation)
            self._returns(path, operation)
            self._example(path, parameters, operation)

    def _parameters(self, path: Path_, operation: Raw) -> Raw:
        groups = self.shared.get("parameters", {})
        parameters: Raw = {}
        for index, group in enumerate(operation.get("use", ())):
            if group not in groups:
                message = f"{COMMON} has no group of parameters called {group!r}"
                self._say(message, *path, "use", index)
            for name in groups.get(group, {}):
                if name in parameters:
                    self._say(f"{name!r} is also in a group before it", *path, "use", index)
            parameters |= groups.get(group, {})
        for name, parameter in operation.get("parameters", {}).items():
            if name in parameters:
                message = "is also in a group this operation uses"
                self._say(message, *path, "parameters", name)
            self._parameter(parameter, *path, "parameters", name)
            parameters[name] = parameter
        return parameters

    def _parameter(self, parameter: Raw, *path: str | int) -> None:
        self._name(Identifier, str(path[-1]), *path)
        self._type("parameter", parameter["type"], *path, "type")
        if (parameter["in"] == "file") != (parameter["type"] in FILES):
            self._say(f"in: file goes with the types {', '.join(FILES)}", *path)
        if parameter["in"] == "local" and parameter["type"] != "bool":
            self._say("a local parameter must be a bool", *path)
        if parameter["in"] == "path" and parameter.get("required") is False:
            self._say("a path parameter cannot be optional", *path)

    def _places(self, path: Path_, parameters: Raw, call: str) -> None:
        reads_body = call.startswith(("POST", "PATCH", "PUT"))
        sent: dict[str, str] = {}
        wanted = _PLACEHOLDER.findall(call)
        for name, parameter in parameters.items():
            place = (*path, "parameters", name)
            if parameter["in"] == "query" and reads_body:
                self._say("the server reads no query here: put it in the body", *place)
            if parameter["in"] in {"body", "file"} and not reads_body:
                self._say("the server reads no body here: put it in the query", *place)
            if parameter["in"] == "path" and name not in wanted:
                self._say(f"the path has no placeholder {{{name}}}", *place)
            if parameter["in"] in {"path", "local"} or parameter.get("spread"):
                continue
            wire = parameter.get("wire", name)
            if wire == "key":
                # docassemble reads a field of this name as the API key, wherever it stands.
                self._say("the server would take 'key' for the API key", *place)
            if wire in sent:
                self._say(f"is sent as {wire!r}, and so is {sent[wire]!r}", *place)
            sent[wire] = name
        for name in wanted:
            if parameters.get(name, {}).get("in") != "path":
                self._say(f"lacks a path parameter {name!r}", *path, "call")

    def _references(self, path: Path_, parameters: Raw, operation: Raw) -> None:
        named: list[Path_] = [("serialise", name) for name in operation.get("serialise", ())]
        for index, rule in enumerate(operation.get("requires", ())):
            names = {*rule.get("one_of", ()), *rule.get("any_of", ()), rule.get("unless")}
            named += [("requires", index, name) for name in names - {None}]
        if "verify" in operation:
            named.append(("verify", "target", operation["verify"]["target"]))
        if "paging" in operation:
            named.append(("paging", "resume", operation["paging"]["resume"]))
        for *place, name in named:
            if name not in parameters:
                self._say(f"no parameter is called {name!r}", *path, *place)
        for index, error in enumerate(operation.get("errors", ())):
            if isinstance(error, str) and error not in self.shared.get("errors", {}):
                message = f"{COMMON} has no group of errors called {error!r}"
                self._say(message, *path, "errors", index)
        anchor, call = operation.get("docs"), operation["call"]
        entries = self.shared.get("sources", {}).get("documentation", {}).get("entries", ())
        if anchor and {one["entry"]: one["call"] for one in entries}.get(anchor) != call:
            self._say(f"the documentation has no section {anchor!r} for {call}", *path, "docs")

    def _fields(self, model: str) -> set[str]:
        models = (one.data.get("models", {}).get(model, {}) for one in self.tags)
        return {name for one in models for name in one.get("fields", {})}

    def _returns(self, path: Path_, operation: Raw) -> None:
        texts = [one for one in operation["returns"].values() if isinstance(one, str)]
        if "verify" in operation and all(Type.parse(one).kind != "task" for one in texts):
            self._say("verify: goes with task[…]", *path, "verify")
        for status, result in operation["returns"].items():
            place = (*path, "returns", status)
            text = result if isinstance(result, str) else result.get("json", "none")
            parsed = Type.parse(text)
            if (parsed.kind == "page") != ("paging" in operation):
                self._say("page[…] and paging: go together", *place)
            after = operation.get("paging", {}).get("after")
            if after and after not in self._fields(parsed.chain[-1].name):
                self._say(f"an item of {text} has no field {after!r}", *path, "paging", "after")
            if parsed.kind != "task":
                self._type("result", text, *place)
            elif parsed.name not in self.shared.get("tasks", {}):
                self._say(f"{COMMON} has no task called {parsed.name!r}", *place)

    def _example(self, path: Path_, parameters: Raw, operation: Raw) -> None:
        example = operation["example"]
        arguments = example.get("arguments", {})
        for name in arguments.keys() - parameters.keys():
            message = f"no parameter is called {name!r}"
            self._say(message, *path, "example", "arguments", name)
        for name, parameter in parameters.items():
            required = parameter.get("required") or parameter["in"] == "path"
            if required and name not in arguments:
                self._say(f"lacks the required {name!r}", *path, "example", "arguments")
        status = example["response"]["status"]
        if not operation["returns"].keys() & {str(status), "2XX"}:
            self._say(f"{status} is not in returns", *path, "example", "response", "status")

    def _groups(self) -> None:
        for group, parameters in self.shared["parameters"].items():
            for name, parameter in parameters.items():
                self._parameter(parameter, "parameters", group, name)
        for group in self.shared["errors"]:
            self._name(Identifier, group, "errors", group)

    def _tasks_and_sources(self) -> None:
        for name, task in self.shared["tasks"].items():
            for key in task.keys() & {"status", "confirm", "listed"}:
                if task[key] not in self.calls:
                    self._say(f"no operation is called {task[key]!r}", "tasks", name, key)
        for name, source in self.shared["sources"].items():
            for index, entry in enumerate(source["entries"]):
                place = ("sources", name, "entries", index)
                if "operation" not in entry and entry["call"] not in self.calls.values():
                    self._say(f"no operation answers {entry['call']}", *place)
                elif "operation" in entry and entry["operation"] not in self.calls:
                    self._say(f"no operation is called {entry['operation']!r}", *place)
