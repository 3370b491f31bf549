"""What the templates see: frozen classes that know the API but nothing of Jinja."""

from __future__ import annotations

import re
from typing import Any, Literal

from attrs import Factory, frozen

from codegen.names import ClassName, FieldName, Identifier, camel, constant

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
    """A type of the dialect: a scalar, a list or map of another type, or a named one."""

    kind: str
    item: Type | None = None
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Type:
        """Read a type such as list[User]."""
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
        """It, the type of its items, the type of their items, and so on."""
        return (self, *self.item.chain) if self.item else (self,)

    def python(self, role: Role = "value", prefix: str = "", list_: str = "list") -> str:
        """Python annotation."""
        if self.item:
            inner = self.item.python(role, prefix, list_)
            if role == "argument":
                return f"Sequence[{inner}]" if self.kind == "list" else f"Mapping[str, {inner}]"
            return f"{list_}[{inner}]" if self.kind == "list" else f"dict[str, {inner}]"
        if self.kind == "named":
            return prefix + self.name
        return (_ARGUMENT if role == "argument" else _VALUE).get(self.kind, self.kind)


@frozen(kw_only=True)
class Enum:
    """A set of strings; open ones let unknown values pass."""

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

    @property
    def annotation(self) -> str:
        """Python annotation: None also stands for absent where null cannot be sent."""
        parts = [self.type.python()]
        if self.null or self.optional:
            parts.append("None")
        if self.null and self.optional:
            parts.insert(1, "Unset")
        return " | ".join(parts)

    @property
    def default(self) -> str | None:
        """Python default, or None where the field is required."""
        if not self.optional:
            return None
        return "UNSET" if self.null else "None"


@frozen(kw_only=True)
class Model:
    """An object the server sends."""

    name: ClassName
    doc: str
    fields: tuple[Field, ...]

    @property
    def ordered(self) -> tuple[Field, ...]:
        """Fields with the required ones first."""
        return tuple(sorted(self.fields, key=lambda one: one.default is not None))


@frozen(kw_only=True)
class Union:
    """An answer that is one of several models, told apart by one key."""

    name: ClassName
    doc: str
    key: str
    cases: tuple[tuple[str, str], ...]
    default: str

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the models in it, the default first."""
        return tuple(dict.fromkeys([self.default, *(model for _, model in self.cases)]))


@frozen(kw_only=True)
class Parameter:
    """One argument of a call."""

    name: Identifier
    wire: str
    place: str
    type: Type
    doc: str
    required: bool
    null: bool
    sensitive: bool
    json_text: bool
    spread: bool
    reserved: tuple[str, ...]
    variable_name: bool
    values: tuple[str, ...]
    default: str

    @property
    def kind(self) -> str:
        """Kind of the value for the runtime's encoder."""
        item = self.type.item
        kind = (item or self.type).kind
        kind = "str" if kind == "named" else kind
        return f"{self.type.kind}[{kind}]" if item else kind

    @property
    def annotation(self) -> str:
        """Python annotation."""
        text = self.type.python("argument", "models.")
        if self.required or self.place == "local":
            return text
        return f"{text} | Unset | None" if self.null else f"{text} | None"

    @property
    def default_value(self) -> str:
        """Python default of one that is not required."""
        if self.place == "local":
            return "False"
        return "UNSET" if self.null else "None"


@frozen(kw_only=True)
class Result:
    """What one success status brings."""

    status: str
    type: Type | None
    union: Union | None
    text: bool
    binary: bool

    @property
    def item(self) -> Type | None:
        """Type of an item of a page."""
        return self.type.item if self.type and self.type.kind == "page" else None


@frozen(kw_only=True)
class Error:
    """An error the server is known to send."""

    status: int
    message: str
    hint: str
    switches: tuple[str, ...]


@frozen(kw_only=True)
class Requirement:
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
    docs: str
    source: str
    since: str
    auth: bool
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    privilege_note: str
    retry: str
    serialise: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    requires: tuple[Requirement, ...]
    verify: dict[str, str] | None
    results: tuple[Result, ...]
    brings: str
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
        return constant(self.tag, self.name)

    @property
    def binary_only(self) -> bool:
        """Whether a success is a file and nothing else."""
        return all(one.binary and one.type is None for one in self.results)

    @property
    def all_errors(self) -> tuple[Error, ...]:
        """Its own errors and those it shares."""
        return self.errors + tuple(one for group in self.error_groups.values() for one in group)

    @property
    def task(self) -> str:
        """Kind of the task it may start, or nothing."""
        kinds = [one.type.name for one in self.results if one.type and one.type.kind == "task"]
        return kinds[0] if kinds else ""

    def returns(self, prefix: str = "", list_: str = "list") -> str:
        """Python annotation of what a success brings."""
        parts: list[str] = []
        for result in self.results:
            if result.union:
                parts.append(prefix + result.union.name)
            elif result.type is None:
                pass
            elif result.item:
                parts.append(f"Page[{result.item.python('value', prefix, list_)}]")
            elif result.type.kind == "task":
                parts.append("TaskHandle")
            elif result.type.kind == "none":
                parts.append("None")
            else:
                parts.append(result.type.python("value", prefix, list_))
            if result.text:
                parts.append("str")
            if result.binary and not result.union:
                parts.append("BinaryContent")
        unique = list(dict.fromkeys(parts))
        unique.sort(key=lambda part: part == "None")
        return " | ".join(unique)


@frozen(kw_only=True)
class Remark:
    """A why of the specification; one with a source is a difference from the documentation."""

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
    remarks: tuple[Remark, ...]
    enums: tuple[Enum, ...]
    models: tuple[Model, ...]
    unions: tuple[Union, ...]

    @property
    def named(self) -> tuple[Enum | Model | Union, ...]:
        """What its module of models makes public."""
        return (*self.enums, *self.models, *self.unions)

    @property
    def class_name(self) -> str:
        """Name of the namespace's class."""
        return camel(self.name)

    @property
    def list_(self) -> str:
        """How to spell the builtin list in this namespace, where a method may hide it."""
        hidden = any(one.name == "list" for one in self.operations)
        return "builtins.list" if hidden else "list"


@frozen(kw_only=True)
class Spec:
    """The whole API."""

    tags: tuple[Tag, ...]
    error_groups: dict[str, tuple[Error, ...]]
    tasks: dict[str, dict[str, str]]
    statuses: tuple[tuple[int, str], ...]
    documents: dict[str, Any]
    proven: tuple[dict[str, Any], ...]
    sources: dict[str, Any]
    remarks: tuple[Remark, ...]
    groups: dict[tuple[str, str], list[str]]

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations, by tag."""
        return tuple(one for tag in self.tags for one in tag.operations)

    @property
    def homes(self) -> dict[str, list[str]]:
        """The tags that use each group of errors."""
        names = [(name, one.tag) for one in self.operations for name in one.error_groups]
        return {key: [tag for name, tag in dict.fromkeys(names) if name == key] for key, _ in names}

    @property
    def docs(self) -> dict[str, str]:
        """What each name that models/ makes public stands for."""
        return {one.name: one.doc for tag in self.tags for one in tag.named}
