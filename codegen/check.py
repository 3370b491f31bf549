"""Checks the rules that a JSON schema cannot express, and collects every problem."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codegen.ir import FILES, SCALARS, Type
from codegen.load import COMMON, suggest
from codegen.names import ClassName, FieldName, Identifier, UnsafeNameError, to_constant_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from codegen.load import Document, NodePath, Problem

Raw = dict[str, Any]
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_DATA_KINDS = {*SCALARS, "enum", "list", "map"}
# By use: the kinds allowed anywhere in a type, and those allowed only as the whole type.
_ALLOWED_KINDS: dict[str, tuple[set[str], set[str]]] = {
    "field": (_DATA_KINDS | {"model"}, set()),
    "parameter": (_DATA_KINDS, set(FILES)),
    "result": (_DATA_KINDS | {"model"}, {"page", "union", "none", "text", "binary"}),
    "case": (set(), {"model"}),
}


def check(documents: dict[str, Document]) -> list[Problem]:
    """Check a specification that is valid by the schema."""
    checker = _Checker(documents)
    checker.run()
    return checker.problems


class _Checker:
    def __init__(self, documents: dict[str, Document]) -> None:
        self.problems: list[Problem] = []
        self.tag_documents = [document for name, document in documents.items() if name != COMMON]
        self.common = documents.get(COMMON)
        self.common_data: Raw = self.common.data if self.common else {}
        self.kinds: dict[str, tuple[str, str]] = {}
        self.used_types: set[str] = set()
        self.constants: dict[str, str] = {}
        self.calls = {
            f"{document.data['tag']}.{name}": operation["call"]
            for document in self.tag_documents
            for name, operation in document.data["operations"].items()
        }

    def run(self) -> None:
        self._for_each_tag(self._collect_definitions)
        self._for_each_tag(self._check_models)
        self._for_each_tag(self._check_operations)
        if self.common:
            self.document = self.common
            self._check_groups()
            self._check_tasks_and_sources()
        self._for_each_tag(self._check_unused)

    def _for_each_tag(self, step: Callable[[], None]) -> None:
        for document in self.tag_documents:
            self.document = document
            step()

    def _report(self, message: str, *path: str | int) -> None:
        self.problems.append(self.document.problem(path, message))

    def _check_name(self, kind: type[Identifier], name: str, *path: str | int) -> None:
        try:
            kind(name)
        except UnsafeNameError as error:
            self._report(str(error), *path)

    def _check_type(self, use: str, text: str, *path: str | int) -> None:
        inner, outer = _ALLOWED_KINDS[use]
        for depth, part in enumerate(Type.parse(text).chain):
            kind = part.kind
            if kind == "named":
                self.used_types.add(part.name)
                kind = self.kinds.get(part.name, ("", ""))[0]
            if not kind:
                hint = suggest(part.name, [*self.kinds, *SCALARS])
                self._report(f"unknown type {part.name!r}{hint}", *path)
            elif kind not in inner and (depth or kind not in outer):
                self._report(f"a {use} cannot be of type {text}", *path)

    def _collect_definitions(self) -> None:
        tag = self.document.data["tag"]
        if self.document.file != f"{tag}.yaml":
            self._report(f"must be in {tag}.yaml", "tag")
        self._check_name(Identifier, tag, "tag")
        for section in ("enums", "models"):
            for name, data in self.document.data.get(section, {}).items():
                self._check_name(ClassName, name, section, name)
                if name in self.kinds:
                    self._report(f"is also defined in {self.kinds[name][1]}", section, name)
                kind = "enum" if "values" in data else "union" if "union" in data else "model"
                self.kinds[name] = (kind, self.document.file)

    def _check_models(self) -> None:
        for name, model in self.document.data.get("models", {}).items():
            fields: Raw = model.get("fields", {})
            names = [*fields, *(field.get("datetime_property") for field in fields.values())]
            for key, field in fields.items():
                path = ("models", name, "fields", key)
                self._check_name(FieldName, key, *path)
                self._check_type("field", field["type"], *path, "type")
                if word := field.get("datetime_property"):
                    self._check_name(FieldName, word, *path, "datetime_property")
                    if names.count(word) > 1:
                        self._report("has the name of another field", *path, "datetime_property")
            for key, target in model.get("union", {}).get("cases", {}).items():
                self._check_type("case", target, "models", name, "union", "cases", key)
            if "union" in model:
                self._check_type(
                    "case", model["union"]["default"], "models", name, "union", "default"
                )

    def _check_unused(self) -> None:
        for section in ("enums", "models"):
            for name in self.document.data.get(section, {}).keys() - self.used_types:
                self._report("is not used", section, name)

    def _check_operations(self) -> None:
        previous, previous_name = ("", 0), ""
        for name, operation in self.document.data["operations"].items():
            path = ("operations", name)
            self._check_name(Identifier, name, *path)
            full_name = f"{self.document.data['tag']}.{name}"
            constant = to_constant_name(self.document.data["tag"], name)
            owner = self.constants.setdefault(constant, full_name)
            if owner != full_name:
                self._report(f"has the same constant name as {owner}", *path)
            method, url = operation["call"].split(" ", 1)
            position = (url, _METHODS.index(method))
            if position < previous:
                message = f"operations must be in path order; move it before {previous_name!r}"
                self._report(message, *path, "call")
            else:
                previous, previous_name = position, name
            parameters = self._merge_parameters(path, operation)
            self._check_locations(path, parameters, operation["call"])
            self._check_references(path, parameters, operation)
            self._check_variants(path, operation)
            self._check_links(path, operation)
            self._check_results(path, operation)
            self._check_example(path, parameters, operation)

    def _merge_parameters(self, path: NodePath, operation: Raw) -> Raw:
        groups = self.common_data.get("parameters", {})
        parameters: Raw = {}
        for index, group in enumerate(operation.get("use", ())):
            if group not in groups:
                message = f"{COMMON} has no parameter group {group!r}"
                self._report(message, *path, "use", index)
            for name in groups.get(group, {}):
                if name in parameters:
                    self._report(f"{name!r} is already in another group", *path, "use", index)
            parameters |= groups.get(group, {})
        for name, parameter in operation.get("parameters", {}).items():
            if name in parameters:
                message = "is already in a parameter group of this operation"
                self._report(message, *path, "parameters", name)
            self._check_parameter(parameter, *path, "parameters", name)
            parameters[name] = parameter
        return parameters

    def _check_parameter(self, parameter: Raw, *path: str | int) -> None:
        self._check_name(Identifier, str(path[-1]), *path)
        self._check_type("parameter", parameter["type"], *path, "type")
        if (parameter["in"] == "file") != (parameter["type"] in FILES):
            self._report(f"in: file and the types {', '.join(FILES)} require each other", *path)
        if parameter["in"] == "local" and parameter["type"] != "bool":
            self._report("a local parameter must be a bool", *path)
        if parameter["in"] == "path" and parameter.get("required") is False:
            self._report("a path parameter cannot be optional", *path)

    def _check_locations(self, path: NodePath, parameters: Raw, call: str) -> None:
        reads_body = call.startswith(("POST", "PATCH", "PUT"))
        names_by_wire: dict[str, str] = {}
        placeholders = _PLACEHOLDER.findall(call)
        for name, parameter in parameters.items():
            parameter_path = (*path, "parameters", name)
            if parameter["in"] == "query" and reads_body:
                self._report("the server reads no query here; use in: body", *parameter_path)
            if parameter["in"] in {"body", "file"} and not reads_body:
                self._report("the server reads no body here; use in: query", *parameter_path)
            if parameter["in"] == "path" and name not in placeholders:
                self._report(f"the path has no placeholder {{{name}}}", *parameter_path)
            if parameter["in"] in {"path", "local"} or parameter.get("spread"):
                continue
            wire = parameter.get("wire", name)
            if wire == "key":
                # docassemble reads a field of this name as the API key, in the query and the body.
                self._report("the server reads 'key' as the API key", *parameter_path)
            if wire in names_by_wire:
                message = f"has the same wire name {wire!r} as parameter {names_by_wire[wire]!r}"
                self._report(message, *parameter_path)
            names_by_wire[wire] = name
        for name in placeholders:
            if parameters.get(name, {}).get("in") != "path":
                self._report(f"path parameter {name!r} is missing", *path, "call")

    def _check_references(self, path: NodePath, parameters: Raw, operation: Raw) -> None:
        references: list[NodePath] = [
            *(("exclusive_by", name) for name in operation.get("exclusive_by", ())),
            *(
                ("parameters", name, "renamed_by", other)
                for name, parameter in parameters.items()
                if (other := parameter.get("renamed_by"))
            ),
        ]
        for index, rule in enumerate(operation.get("requires", ())):
            names = {*rule.get("one_of", ()), *rule.get("any_of", ()), rule.get("unless")}
            references += [("requires", index, name) for name in names - {None}]
        for key, subkey in (("package_check", "package"), ("paging", "page_param")):
            if key in operation:
                references.append((key, subkey, operation[key][subkey]))
        for *reference_path, name in references:
            if name not in parameters:
                self._report(f"unknown parameter {name!r}", *path, *reference_path)
        for index, error in enumerate(operation.get("errors", ())):
            if isinstance(error, str) and error not in self.common_data.get("errors", {}):
                message = f"{COMMON} has no error group {error!r}"
                self._report(message, *path, "errors", index)
        anchor, call = operation.get("docs"), operation["call"]
        entries = self.common_data.get("sources", {}).get("documentation", {}).get("entries", ())
        if anchor and {entry["entry"]: entry["call"] for entry in entries}.get(anchor) != call:
            self._report(f"the documentation has no section {anchor!r} for {call}", *path, "docs")

    def _check_variants(self, path: NodePath, operation: Raw) -> None:
        tag, operations = self.document.data["tag"], self.document.data["operations"]
        base = operation.get("variant_of")
        same_call = [
            name
            for name, call in self.calls.items()
            if call == operation["call"] and name != f"{tag}.{path[-1]}"
        ]
        if base is None:
            for name in same_call:
                other = operations.get(name.removeprefix(f"{tag}."), {})
                if other.get("variant_of") != path[-1]:
                    self._report(f"{name} has the same call; one needs variant_of", *path, "call")
        elif same_call != [f"{tag}.{base}"]:
            self._report(
                f"{base!r} is not the only other operation of this call", *path, "variant_of"
            )

    def _check_links(self, path: NodePath, operation: Raw) -> None:
        operations = {
            f"{document.data['tag']}.{name}": other
            for document in self.tag_documents
            for name, other in document.data["operations"].items()
        }
        groups = self.common_data.get("parameters", {})
        for target, arguments in operation.get("links", {}).items():
            if target not in operations:
                self._report(f"unknown operation {target!r}", *path, "links", target)
                continue
            known = set(operations[target].get("parameters", ()))
            known = known.union(
                *(groups.get(group, ()) for group in operations[target].get("use", ()))
            )
            for name in arguments.keys() - known:
                self._report(f"{target} has no parameter {name!r}", *path, "links", target, name)

    def _find_fields(self, model: str) -> set[str]:
        return {
            name
            for document in self.tag_documents
            for name in document.data.get("models", {}).get(model, {}).get("fields", {})
        }

    def _check_results(self, path: NodePath, operation: Raw) -> None:
        types = [result for result in operation["returns"].values() if isinstance(result, str)]
        if "package_check" in operation and all(Type.parse(text).kind != "task" for text in types):
            self._report("package_check: requires task[…]", *path, "package_check")
        for status, result in operation["returns"].items():
            result_path = (*path, "returns", status)
            text = result if isinstance(result, str) else result.get("json", "none")
            parsed = Type.parse(text)
            if (parsed.kind == "page") != ("paging" in operation):
                self._report("page[…] and paging: require each other", *result_path)
            after = operation.get("paging", {}).get("after")
            if after and after not in self._find_fields(parsed.chain[-1].name):
                self._report(f"an item of {text} has no field {after!r}", *path, "paging", "after")
            if parsed.kind != "task":
                self._check_type("result", text, *result_path)
            elif parsed.name not in self.common_data.get("tasks", {}):
                self._report(f"{COMMON} has no task {parsed.name!r}", *result_path)

    def _check_example(self, path: NodePath, parameters: Raw, operation: Raw) -> None:
        example = operation["example"]
        arguments = example.get("arguments", {})
        for name in arguments.keys() - parameters.keys():
            self._report(f"unknown parameter {name!r}", *path, "example", "arguments", name)
        for name, parameter in parameters.items():
            required = parameter.get("required") or parameter["in"] == "path"
            if required and name not in arguments:
                message = f"required argument {name!r} is missing"
                self._report(message, *path, "example", "arguments")
        status = example["response"]["status"]
        if not operation["returns"].keys() & {str(status), "2XX"}:
            message = f"status {status} is not in returns"
            self._report(message, *path, "example", "response", "status")

    def _check_groups(self) -> None:
        for group, parameters in self.common_data["parameters"].items():
            for name, parameter in parameters.items():
                self._check_parameter(parameter, "parameters", group, name)
        for group in self.common_data["errors"]:
            self._check_name(Identifier, group, "errors", group)

    def _check_tasks_and_sources(self) -> None:
        for name, task in self.common_data["tasks"].items():
            for key in task.keys() & {"status", "confirm", "listed"}:
                if task[key] not in self.calls:
                    self._report(f"unknown operation {task[key]!r}", "tasks", name, key)
        for name, source in self.common_data["sources"].items():
            for index, entry in enumerate(source["entries"]):
                path = ("sources", name, "entries", index)
                if "operation" not in entry and entry["call"] not in self.calls.values():
                    self._report(f"no operation calls {entry['call']}", *path)
                elif "operation" in entry and entry["operation"] not in self.calls:
                    self._report(f"unknown operation {entry['operation']!r}", *path)
