"""The intermediate representation: frozen classes that describe the API for the templates."""

from __future__ import annotations

import re
from typing import Any, Literal

from attrs import Factory, frozen

from codegen.names import ClassName, FieldName, Identifier, to_class_name, to_constant_name

Role = Literal["value", "argument"]

SCALARS = ("int", "float", "bool", "str", "secret", "json", "object", "confidential")
FILES = ("file", "files", "file_map")
_GENERIC = re.compile(r"(list|map|page|task)\[(.+)\]")
_VALUE = {
    "secret": "Secret",
    "json": "JSON",
    "object": "dict[str, JSON]",
    "confidential": "Confidential",
}
_ARGUMENT = {
    "secret": "str | Secret",
    "json": "JSONInput",
    "object": "Mapping[str, JSONInput]",
    "file": "FileInput",
    "files": "Sequence[FileInput]",
    "file_map": "Mapping[str, FileInput | Sequence[FileInput]]",
}


@frozen
class Type:
    """A type of the specification: a scalar, a list or map, or a named type."""

    kind: str
    item: Type | None = None
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Type:
        """Parse a type such as list[User]."""
        match = _GENERIC.fullmatch(text)
        if match and match[1] == "task":
            return cls("task", name=match[2])
        if match:
            return cls(match[1], cls.parse(match[2]))
        if text in SCALARS or text in FILES or text in {"none", "text", "binary"}:
            return cls(text)
        return cls("named", name=text)

    @property
    def chain(self) -> tuple[Type, ...]:
        """The type, its item type, the item type of that, and so on."""
        return (self, *self.item.chain) if self.item else (self,)

    def to_annotation(self, role: Role = "value", prefix: str = "", list_name: str = "list") -> str:
        """Convert to a Python annotation."""
        if self.item:
            inner = self.item.to_annotation(role, prefix, list_name)
            if role == "argument":
                return f"Sequence[{inner}]" if self.kind == "list" else f"Mapping[str, {inner}]"
            return f"{list_name}[{inner}]" if self.kind == "list" else f"dict[str, {inner}]"
        if self.kind == "named":
            return prefix + self.name
        return (_ARGUMENT if role == "argument" else _VALUE).get(self.kind, self.kind)


@frozen(kw_only=True)
class Enum:
    """A set of strings; an open one accepts unknown values."""

    name: ClassName
    doc: str
    values: tuple[str, ...]
    closed: bool


@frozen(kw_only=True)
class Field:
    """One attribute of a model."""

    name: FieldName
    wire: str
    type: Type
    doc: str
    null: bool
    optional: bool
    sensitive: bool
    datetime_property: str

    @property
    def annotation(self) -> str:
        """Python annotation; None also means absent if the server never sends null."""
        parts = [self.type.to_annotation()]
        if self.null or self.optional:
            parts.append("None")
        if self.null and self.optional:
            parts.insert(1, "Unset")
        return " | ".join(parts)

    @property
    def default(self) -> str | None:
        """Python default, or None if the field is required."""
        if not self.optional:
            return None
        return "UNSET" if self.null else "None"


@frozen(kw_only=True)
class Model:
    """A JSON object that the server sends."""

    name: ClassName
    doc: str
    fields: tuple[Field, ...]

    @property
    def ordered_fields(self) -> tuple[Field, ...]:
        """Fields with the required ones first."""
        return tuple(sorted(self.fields, key=lambda field: field.default is not None))


@frozen(kw_only=True)
class Union:
    """A response that is one of several models, discriminated by one key."""

    name: ClassName
    doc: str
    key: str
    second_key: str
    cases: tuple[tuple[str, str], ...]
    default: str

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the models, the default first."""
        return tuple(dict.fromkeys([self.default, *(model for _, model in self.cases)]))


@frozen(kw_only=True)
class Parameter:
    """One argument of a call."""

    name: Identifier
    wire: str
    location: str
    type: Type
    doc: str
    required: bool
    null: bool
    sensitive: bool
    json_text: bool
    spread: bool
    reserved: tuple[str, ...]
    variable_name: bool
    renamed_by: str
    values: tuple[str, ...]
    default: str

    @property
    def kind(self) -> str:
        """Kind of the value, for the serializer."""
        item = self.type.item
        kind = (item or self.type).kind
        kind = "str" if kind == "named" else kind
        return f"{self.type.kind}[{kind}]" if item else kind

    @property
    def annotation(self) -> str:
        """Python annotation."""
        text = self.type.to_annotation("argument", "models.")
        if self.required or self.location == "local":
            return text
        return f"{text} | Unset | None" if self.null else f"{text} | None"

    @property
    def default_value(self) -> str:
        """Python default of an optional parameter."""
        if self.location == "local":
            return "False"
        return "UNSET" if self.null else "None"


@frozen(kw_only=True)
class Result:
    """The content of a response with one success status."""

    status: str
    type: Type | None
    union: Union | None
    text: bool
    binary: bool

    @property
    def item(self) -> Type | None:
        """Type of an item of a page."""
        return self.type.item if self.type and self.type.kind == "page" else None

    @property
    def decoded_type(self) -> Type | None:
        """Type of the JSON, or of an item of a page; None for a task and for no content."""
        if self.type is None or self.type.kind in {"task", "none"}:
            return None
        return self.item or self.type


@frozen(kw_only=True)
class Error:
    """An error that the server is known to send."""

    status: int
    message: str
    hint: str
    switches: tuple[str, ...]
    since: str


@frozen(kw_only=True)
class ArgumentRule:
    """A rule over several arguments."""

    names: tuple[str, ...]
    exactly_one: bool
    unless: str


@frozen(kw_only=True)
class Operation:
    """One call of the API."""

    tag: str
    name: Identifier
    method: str
    path: str
    summary: str
    description: str
    effects: str
    see_also: dict[str, str]
    docs: str
    source: str
    since: str
    auth: bool
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    privilege_note: str
    retry: str
    variant_of: str
    links: dict[str, dict[str, str]]
    exclusive_by: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    requires: tuple[ArgumentRule, ...]
    package_check: dict[str, str] | None
    results: tuple[Result, ...]
    returns_text: str
    paging: dict[str, str] | None
    errors: tuple[Error, ...]
    error_groups: dict[str, tuple[Error, ...]]
    example: dict[str, Any] = Factory(dict)

    @property
    def call(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    @property
    def full_name(self) -> str:
        """Name in the table, such as users.get."""
        return f"{self.tag}.{self.name}"

    @property
    def constant(self) -> str:
        """Name of the constant in operations/."""
        return to_constant_name(self.tag, self.name)

    @property
    def binary_only(self) -> bool:
        """Whether every success is a file."""
        return all(result.binary and result.type is None for result in self.results)

    @property
    def all_errors(self) -> tuple[Error, ...]:
        """Own and shared errors."""
        return self.errors + tuple(error for group in self.error_groups.values() for error in group)

    @property
    def task(self) -> str:
        """Kind of the task that the call may start, or empty."""
        types = [result.type for result in self.results if result.type]
        return next((result.name for result in types if result.kind == "task"), "")

    def return_annotation(self, prefix: str = "", list_name: str = "list") -> str:
        """Format the Python annotation of the return value."""
        parts: list[str] = []
        for result in self.results:
            if result.union:
                parts.append(prefix + result.union.name)
            elif result.type is None:
                pass
            elif result.item:
                parts.append(f"Page[{result.item.to_annotation('value', prefix, list_name)}]")
            elif result.type.kind == "task":
                parts.append("TaskHandle")
            elif result.type.kind == "none":
                parts.append("None")
            else:
                parts.append(result.type.to_annotation("value", prefix, list_name))
            if result.text:
                parts.append("str")
            if result.binary and not result.union:
                parts.append("BinaryContent")
        unique = list(dict.fromkeys(parts))
        unique.sort(key=lambda part: part == "None")
        return " | ".join(unique)


@frozen(kw_only=True)
class Note:
    """A `why` of the specification; with a source it is a difference from the documentation."""

    path: tuple[str, ...]
    actual: str
    documented: str = ""
    source: str = ""


@frozen(kw_only=True)
class Tag:
    """A namespace of the client."""

    name: Identifier
    title: str
    description: str
    operations: tuple[Operation, ...]
    notes: tuple[Note, ...]
    enums: tuple[Enum, ...]
    models: tuple[Model, ...]
    unions: tuple[Union, ...]

    @property
    def types(self) -> tuple[Enum | Model | Union, ...]:
        """Types that the tag's module in models/ defines."""
        return (*self.enums, *self.models, *self.unions)

    @property
    def class_name(self) -> str:
        """Name of the namespace's class."""
        return to_class_name(self.name)

    @property
    def list_name(self) -> str:
        """Name of the builtin list in the namespace's class, where a method may shadow it."""
        is_shadowed = any(operation.name == "list" for operation in self.operations)
        return "builtins.list" if is_shadowed else "list"


@frozen(kw_only=True)
class Spec:
    """The whole API."""

    tags: tuple[Tag, ...]
    error_groups: dict[str, tuple[Error, ...]]
    tasks: dict[str, dict[str, str]]
    statuses: tuple[tuple[int, str], ...]
    page_statuses: tuple[str, ...]
    openapi: dict[str, Any]
    documents: dict[str, Any]
    proven_runs: tuple[dict[str, Any], ...]
    sources: dict[str, Any]
    notes: tuple[Note, ...]
    operations_by_group: dict[tuple[str, str], list[str]]

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations, by tag."""
        return tuple(operation for tag in self.tags for operation in tag.operations)

    @property
    def modules_by_group(self) -> dict[str, list[str]]:
        """Tags that use each error group."""
        modules: dict[str, list[str]] = {}
        for operation in self.operations:
            for group in operation.error_groups:
                tags = modules.setdefault(group, [])
                if operation.tag not in tags:
                    tags.append(operation.tag)
        return modules

    @property
    def docs_by_type(self) -> dict[str, str]:
        """Description of each type in models/."""
        return {definition.name: definition.doc for tag in self.tags for definition in tag.types}
