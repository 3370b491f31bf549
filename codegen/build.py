"""Builds the intermediate representation from checked documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen import ir
from codegen.load import COMMON
from codegen.names import ClassName, FieldName, Identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.load import Document


def build(documents: dict[str, Document], proven: list[dict[str, Any]]) -> ir.Spec:
    """Build the representation the templates print."""
    common: dict[str, Any] = documents[COMMON].data if COMMON in documents else {}
    files = [one.data for name, one in documents.items() if name != COMMON]
    builder = _Builder(common, files)
    return ir.Spec(
        tags=tuple(builder.tag(data) for data in files),
        error_groups=builder.groups,
        tasks={
            name: {key: word for key, word in one.items() if key not in {"doc", "why"}}
            for name, one in common.get("tasks", {}).items()
        },
        statuses=tuple((int(code), hint) for code, hint in common.get("statuses", {}).items()),
        documents={name.removesuffix(".yaml"): one.data for name, one in documents.items()},
        proven=tuple(proven),
        sources=common.get("sources", {}),
        remarks=tuple(_remarks({key: one for key, one in common.items() if key != "sources"})),
        groups=builder.users,
    )


def _text(value: str) -> str:
    return " ".join(value.split())


def _remarks(node: dict[str, Any], *path: str) -> Iterator[ir.Remark]:
    """Find every why, and the names that lead to it."""
    for key, child in node.items():
        if key == "why" and (not isinstance(child, dict) or "actual" in child):
            for one in child if isinstance(child, list) else [child]:
                words = one if isinstance(one, dict) else {"actual": one}
                yield ir.Remark(path=path, **{name: _text(text) for name, text in words.items()})
        elif isinstance(child, dict) and not (key == "example" and "call" in node):
            yield from _remarks(child, *path, key)
        elif isinstance(child, list):
            for one in child:
                if isinstance(one, dict):
                    yield from _remarks(one, *path, key, _label(one))


def _label(data: dict[str, Any]) -> str:
    """Name an error or a requirement."""
    if "message" in data:
        return f"{data['status']} {data['message']}"
    return ", ".join(data.get("one_of", data.get("any_of", ())))


def _model(name: str, data: dict[str, Any]) -> ir.Model:
    fields = tuple(
        ir.Field(
            name=FieldName(key),
            wire=field.get("wire", key),
            type=ir.Type.parse(field["type"]),
            doc=_text(field["doc"]),
            null=field.get("null", False),
            optional=field.get("optional", False),
            sensitive=field.get("sensitive", False),
        )
        for key, field in data["fields"].items()
    )
    return ir.Model(name=ClassName(name), doc=_text(data["doc"]), fields=fields)


def _default(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(data: dict[str, Any]) -> ir.Error:
    return ir.Error(
        status=data["status"],
        message=data["message"],
        hint=_text(data["hint"]),
        switches=tuple(data.get("switches", ())),
    )


class _Builder:
    def __init__(self, common: dict[str, Any], files: list[dict[str, Any]]) -> None:
        self.common = common
        self.enums = {
            name: ir.Enum(
                name=ClassName(name),
                doc=_text(enum["doc"]),
                values=tuple(enum["values"]),
                closed=enum.get("closed", False),
            )
            for data in files
            for name, enum in data.get("enums", {}).items()
        }
        self.unions = {
            name: ir.Union(
                name=ClassName(name),
                doc=_text(model["doc"]),
                key=model["union"]["key"],
                cases=tuple(model["union"].get("cases", {}).items()),
                default=model["union"]["default"],
            )
            for data in files
            for name, model in data.get("models", {}).items()
            if "union" in model
        }
        self.groups = {
            name: tuple(map(_error, errors)) for name, errors in common.get("errors", {}).items()
        }
        self.users: dict[tuple[str, str], list[str]] = {}
        for data in files:
            for name, operation in data["operations"].items():
                for kind, key in (("parameters", "use"), ("errors", "errors")):
                    for group in operation.get(key, ()):
                        if isinstance(group, str):
                            users = self.users.setdefault((kind, group), [])
                            users.append(f"{data['tag']}.{name}")

    def tag(self, data: dict[str, Any]) -> ir.Tag:
        return ir.Tag(
            name=Identifier(data["tag"]),
            title=_text(data["title"]),
            description=_text(data["description"]),
            operations=tuple(
                self._operation(data["tag"], name, one) for name, one in data["operations"].items()
            ),
            remarks=tuple(_remarks(data)),
            enums=tuple(self.enums[name] for name in data.get("enums", {})),
            models=tuple(
                _model(name, model)
                for name, model in data.get("models", {}).items()
                if "fields" in model
            ),
            unions=tuple(
                one for name, one in self.unions.items() if name in data.get("models", {})
            ),
        )

    def _operation(self, tag: str, name: str, data: dict[str, Any]) -> ir.Operation:
        method, path = data["call"].split(" ", 1)
        raw: dict[str, Any] = {}
        for group in data.get("use", ()):
            raw.update(self.common["parameters"][group])
        raw.update(data.get("parameters", {}))
        parameters = [self._parameter(key, one) for key, one in raw.items()]
        parameters.sort(key=lambda one: (not one.required, one.place != "path"))
        privileges = data["privileges"]
        return ir.Operation(
            tag=tag,
            name=Identifier(name),
            method=method,
            path=path,
            summary=_text(data["summary"]),
            description=_text(data.get("description", "")),
            effects=_text(data["effects"]),
            docs=data.get("docs", ""),
            source=data["source"],
            since=str(data.get("since", "")),
            auth=data.get("auth", True),
            roles=tuple(privileges.get("any", ())),
            permissions=tuple(privileges.get("permissions", ())),
            privilege_note=_text(privileges.get("note", "")),
            retry=data["retry"],
            serialise=tuple(data.get("serialise", ())),
            parameters=tuple(parameters),
            requires=tuple(
                ir.Requirement(
                    names=tuple(rule.get("one_of", rule.get("any_of", ()))),
                    exactly_one="one_of" in rule,
                    unless=rule.get("unless", ""),
                )
                for rule in data.get("requires", ())
            ),
            results=tuple(self._result(key, one) for key, one in data["returns"].items()),
            verify=data.get("verify"),
            brings=_text(data.get("brings", "")),
            paging=data.get("paging"),
            errors=tuple(_error(one) for one in data.get("errors", ()) if not isinstance(one, str)),
            error_groups=self._groups(data),
            example=data["example"],
        )

    def _parameter(self, name: str, data: dict[str, Any]) -> ir.Parameter:
        kind = ir.Type.parse(data["type"])
        enum = self.enums.get(kind.name)
        return ir.Parameter(
            name=Identifier(name),
            wire=data.get("wire", name),
            place=data["in"],
            type=kind,
            doc=_text(data["doc"]),
            required=data["in"] == "path" or data.get("required", False),
            null=data.get("null", False),
            sensitive=data.get("sensitive", False) or kind.kind == "secret",
            json_text=data.get("encoding") == "json_text",
            spread=data.get("spread", False),
            reserved=tuple(data.get("reserved", ())),
            variable_name=data.get("check") == "variable_name",
            values=enum.values if enum and enum.closed else (),
            default=_default(data.get("default", "")),
        )

    def _result(self, status: str, data: str | dict[str, Any]) -> ir.Result:
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

    def _groups(self, data: dict[str, Any]) -> dict[str, tuple[ir.Error, ...]]:
        names = [one for one in data.get("errors", ()) if isinstance(one, str)]
        if data.get("auth", True) and "every" in self.groups:
            names.append("every")
        return {name: self.groups[name] for name in names}
