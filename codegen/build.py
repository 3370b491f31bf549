"""Builds the intermediate representation from validated documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen import ir
from codegen.load import COMMON
from codegen.names import ClassName, FieldName, Identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.load import Document


def build(documents: dict[str, Document], proven: list[dict[str, Any]]) -> ir.Spec:
    """Build the representation that the templates print."""
    common: dict[str, Any] = documents[COMMON].data if COMMON in documents else {}
    files = [document.data for name, document in documents.items() if name != COMMON]
    builder = _Builder(common, files)
    return ir.Spec(
        tags=tuple(builder.build_tag(data) for data in files),
        error_groups=builder.groups,
        tasks={
            name: {key: value for key, value in task.items() if key not in {"doc", "why"}}
            for name, task in common.get("tasks", {}).items()
        },
        statuses=tuple((int(code), hint) for code, hint in common.get("statuses", {}).items()),
        page_statuses=tuple(common.get("page_statuses", ())),
        openapi=common.get("openapi", {}),
        documents={
            name.removesuffix(".yaml"): document.data for name, document in documents.items()
        },
        proven_runs=tuple(proven),
        sources=common.get("sources", {}),
        notes=tuple(_find_notes({key: node for key, node in common.items() if key != "sources"})),
        operations_by_group=builder.operations_by_group,
    )


def _join_lines(value: str) -> str:
    return " ".join(value.split())


def _find_notes(node: dict[str, Any], *path: str) -> Iterator[ir.Note]:
    """Find every `why`, with its path."""
    for key, child in node.items():
        if key == "why" and (not isinstance(child, dict) or "actual" in child):
            for why in child if isinstance(child, list) else [child]:
                texts = why if isinstance(why, dict) else {"actual": why}
                yield ir.Note(
                    path=path, **{name: _join_lines(text) for name, text in texts.items()}
                )
        elif isinstance(child, dict) and not (key == "example" and "call" in node):
            yield from _find_notes(child, *path, key)
        elif isinstance(child, list):
            for item in child:
                if isinstance(item, dict):
                    yield from _find_notes(item, *path, key, _format_label(item))


def _format_label(data: dict[str, Any]) -> str:
    """Format the path segment of an error or argument rule."""
    if "message" in data:
        return f"{data['status']} {data['message']}"
    return ", ".join(data.get("one_of", data.get("any_of", ())))


def _build_model(name: str, data: dict[str, Any]) -> ir.Model:
    fields = tuple(
        ir.Field(
            name=FieldName(key),
            wire=field.get("wire", key),
            type=ir.Type.parse(field["type"]),
            doc=_join_lines(field["doc"]),
            null=field.get("null", False),
            optional=field.get("optional", False),
            sensitive=field.get("sensitive", False),
            datetime_property=field.get("datetime_property", ""),
        )
        for key, field in data["fields"].items()
    )
    return ir.Model(name=ClassName(name), doc=_join_lines(data["doc"]), fields=fields)


def _format_default(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _build_error(data: dict[str, Any]) -> ir.Error:
    return ir.Error(
        status=data["status"],
        message=data["message"],
        hint=_join_lines(data["hint"]),
        switches=tuple(data.get("switches", ())),
        since=str(data.get("since", "")),
    )


class _Builder:
    def __init__(self, common: dict[str, Any], files: list[dict[str, Any]]) -> None:
        self.common = common
        self.enums = {
            name: ir.Enum(
                name=ClassName(name),
                doc=_join_lines(enum["doc"]),
                values=tuple(enum["values"]),
                closed=enum.get("closed", False),
            )
            for data in files
            for name, enum in data.get("enums", {}).items()
        }
        self.unions = {
            name: ir.Union(
                name=ClassName(name),
                doc=_join_lines(model["doc"]),
                key=model["union"]["key"],
                second_key=model["union"].get("second_key", ""),
                cases=tuple(model["union"].get("cases", {}).items()),
                default=model["union"]["default"],
            )
            for data in files
            for name, model in data.get("models", {}).items()
            if "union" in model
        }
        self.groups = {
            name: tuple(map(_build_error, errors))
            for name, errors in common.get("errors", {}).items()
        }
        self.operations_by_group: dict[tuple[str, str], list[str]] = {}
        for data in files:
            for name, operation in data["operations"].items():
                for kind, key in (("parameters", "use"), ("errors", "errors")):
                    for group in operation.get(key, ()):
                        if isinstance(group, str):
                            names = self.operations_by_group.setdefault((kind, group), [])
                            names.append(f"{data['tag']}.{name}")

    def build_tag(self, data: dict[str, Any]) -> ir.Tag:
        return ir.Tag(
            name=Identifier(data["tag"]),
            title=_join_lines(data["title"]),
            description=_join_lines(data["description"]),
            operations=tuple(
                self._build_operation(data["tag"], name, operation)
                for name, operation in data["operations"].items()
            ),
            notes=tuple(_find_notes(data)),
            enums=tuple(self.enums[name] for name in data.get("enums", {})),
            models=tuple(
                _build_model(name, model)
                for name, model in data.get("models", {}).items()
                if "fields" in model
            ),
            unions=tuple(
                union for name, union in self.unions.items() if name in data.get("models", {})
            ),
        )

    def _build_operation(self, tag: str, name: str, data: dict[str, Any]) -> ir.Operation:
        method, path = data["call"].split(" ", 1)
        raw: dict[str, Any] = {}
        for group in data.get("use", ()):
            raw.update(self.common["parameters"][group])
        raw.update(data.get("parameters", {}))
        parameters = [self._build_parameter(key, param) for key, param in raw.items()]
        parameters.sort(key=lambda param: (not param.required, param.location != "path"))
        privileges = data["privileges"]
        return ir.Operation(
            tag=tag,
            name=Identifier(name),
            method=method,
            path=path,
            summary=_join_lines(data["summary"]),
            description=_join_lines(data.get("description", "")),
            effects=_join_lines(data["effects"]),
            see_also=data.get("see_also", {}),
            docs=data.get("docs", ""),
            source=data["source"],
            since=str(data.get("since", "")),
            auth=data.get("auth", True),
            roles=tuple(privileges.get("any_of", ())),
            permissions=tuple(privileges.get("permissions", ())),
            privilege_note=_join_lines(privileges.get("note", "")),
            retry=data["retry"],
            variant_of=data.get("variant_of", ""),
            links=data.get("links", {}),
            exclusive_by=tuple(data.get("exclusive_by", ())),
            parameters=tuple(parameters),
            requires=tuple(
                ir.ArgumentRule(
                    names=tuple(rule.get("one_of", rule.get("any_of", ()))),
                    exactly_one="one_of" in rule,
                    unless=rule.get("unless", ""),
                )
                for rule in data.get("requires", ())
            ),
            results=tuple(
                self._build_result(status, result) for status, result in data["returns"].items()
            ),
            package_check=data.get("package_check"),
            returns_text=_join_lines(data.get("returns_text", "")),
            paging=data.get("paging"),
            errors=tuple(
                _build_error(error)
                for error in data.get("errors", ())
                if not isinstance(error, str)
            ),
            error_groups=self._find_error_groups(data),
            example=data["example"],
        )

    def _build_parameter(self, name: str, data: dict[str, Any]) -> ir.Parameter:
        param_type = ir.Type.parse(data["type"])
        enum = self.enums.get(param_type.name)
        return ir.Parameter(
            name=Identifier(name),
            wire=data.get("wire", name),
            location=data["in"],
            type=param_type,
            doc=_join_lines(data["doc"]),
            required=data["in"] == "path" or data.get("required", False),
            null=data.get("null", False),
            sensitive=data.get("sensitive", False) or param_type.kind == "secret",
            json_text=data.get("encoding") == "json_text",
            spread=data.get("spread", False),
            reserved=tuple(data.get("reserved", ())),
            variable_name=data.get("check") == "variable_name",
            renamed_by=data.get("renamed_by", ""),
            values=enum.values if enum and enum.closed else (),
            default=_format_default(data.get("default", "")),
        )

    def _build_result(self, status: str, data: str | dict[str, Any]) -> ir.Result:
        if isinstance(data, str):
            data = {data: True} if data in {"text", "binary"} else {"json": data}
        text: str = data.get("json", "")
        return ir.Result(
            status=status,
            type=ir.Type.parse(text) if text else None,
            union=self.unions.get(text),
            text="text" in data,
            binary="binary" in data,
        )

    def _find_error_groups(self, data: dict[str, Any]) -> dict[str, tuple[ir.Error, ...]]:
        names = [error for error in data.get("errors", ()) if isinstance(error, str)]
        if data.get("auth", True) and "every" in self.groups:
            names.append("every")
        return {name: self.groups[name] for name in names}
