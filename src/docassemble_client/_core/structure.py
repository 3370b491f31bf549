"""Slow path: structure JSON with cattrs, coercing types and reporting errors."""

from __future__ import annotations

from functools import cache, partial
from math import isfinite
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, cast, get_args, get_origin

import attrs
from cattrs import Converter, transform_error
from cattrs.cols import (
    list_structure_factory,
    mapping_structure_factory,  # pyright: ignore[reportUnknownVariableType]  # untyped there
)
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_structure_fn, override

from docassemble_client._core.error_mapping import StructureError
from docassemble_client._types import Unset, is_json_array, is_json_object
from docassemble_client.config import Confidential, Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from docassemble_client._types import JSON

    Hook: TypeAlias = Callable[[Any, Any], Any]

MAX_PATH_LENGTH = 200
_CONTAINERS: tuple[object, ...] = (list, dict)
_UNIONS: tuple[object, ...] = (Union, UnionType)


def structure_with_cattrs(data: JSON, type_: Any, path: str, *, strict: bool) -> Any:
    """
    Convert the JSON at a path of the response to a type.

    Raises:
        StructureError: The JSON does not match; the message contains paths, but no values.
    """
    try:
        return make_converter(strict).structure(data, type_)
    except (BaseValidationError, StructureError) as error:
        problems = transform_error(error, path, format_exception=_describe_error)
        # A path contains the server's keys, which may have any length.
        problems = [
            text if len(text) <= MAX_PATH_LENGTH else text[:MAX_PATH_LENGTH] + "…"
            for text in problems
        ]
        rest = f" and {len(problems) - 3} more" if len(problems) > 3 else ""  # noqa: PLR2004
        message = "the response does not match: " + "; ".join(problems[:3]) + rest
        raise StructureError(message) from None


def _describe_error(error: BaseException, _type: type | None) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error) if isinstance(error, StructureError) else "not understood"


@cache
def make_converter(strict: bool) -> Converter:
    """Create the converter of a mode."""
    converter = Converter(detailed_validation=True)
    for type_ in (str, int, float, bool):
        converter.register_structure_hook(type_, _scalar_hook(type_, strict=strict))
    converter.register_structure_hook(Secret, _structure_secret)
    converter.register_structure_hook(Confidential, _structure_confidential)
    register = converter.register_structure_hook_factory
    register(_is_literal, _literal_hook)
    register(_is_container, partial(_container_hook, converter=converter))
    register(_is_union, partial(_union_hook, converter=converter))
    register(attrs.has, partial(_model_hook, converter=converter, strict=strict))
    return converter


def _scalar_hook(type_: type, *, strict: bool) -> Hook:
    def structure_scalar(value: Any, _: Any) -> Any:
        if type(value) is type_:
            return value
        if type_ is float and type(value) is int:
            return value
        if strict or value is None or is_json_object(value) or is_json_array(value):
            raise StructureError.wrong_type(type_, value)
        try:
            converted = type_(value)
        except (ValueError, OverflowError):
            raise StructureError.wrong_type(type_, value) from None
        is_changed = (type_ is bool or isinstance(value, float)) and converted != value
        if (is_changed and type_ is not str) or (type_ is float and not isfinite(converted)):
            raise StructureError.wrong_type(type_, value)
        return converted

    return structure_scalar


def _structure_secret(value: Any, _: Any) -> Secret:
    if not isinstance(value, str):
        raise StructureError.wrong_type(str, value)
    return Secret(value)


def _structure_confidential(value: Any, _: Any) -> Confidential:
    if not is_json_object(value):
        raise StructureError.wrong_type(dict, value)
    return Confidential(value)


def _is_literal(type_: Any) -> bool:
    return get_origin(type_) is Literal


def _literal_hook(type_: Any) -> Hook:
    values = get_args(type_)

    def structure_literal(value: Any, _: Any) -> Any:
        if value not in values:
            message = f"expected one of {', '.join(values)}"
            raise StructureError(message)
        return value

    return structure_literal


def _is_container(type_: Any) -> bool:
    return get_origin(type_) in _CONTAINERS


def _is_union(type_: Any) -> bool:
    return get_origin(type_) in _UNIONS


def _container_hook(type_: Any, converter: Converter) -> Hook:
    origin = get_origin(type_)
    hook: Hook = (
        list_structure_factory(type_, converter)
        if origin is list
        else mapping_structure_factory(type_, converter)
    )

    def structure_container(value: Any, _: Any) -> Any:
        if not isinstance(value, origin):
            raise StructureError.wrong_type(origin, value)
        return hook(value, type_)

    return structure_container


def _union_hook(type_: Any, converter: Converter) -> Hook:
    """Structure a value that may be null or absent; an open enumeration accepts any text."""
    members = [member for member in get_args(type_) if member not in {NoneType, Unset}]
    literals = [member for member in members if get_origin(member) is Literal]
    inner: Any = str if literals else members[0]
    nullable = NoneType in get_args(type_)

    def structure_union(value: Any, _: Any) -> Any:
        if value is None and nullable:
            return None
        return converter.structure(value, inner)

    return structure_union


def _model_hook(type_: type, converter: Converter, *, strict: bool) -> Hook:
    attrs.resolve_types(type_)
    fields = {field.name: field for field in attrs.fields(type_) if field.name != "extra"}
    wire_names = {name: field.metadata.get("wire", name) for name, field in fields.items()}
    known = frozenset(wire_names.values())
    # A default of None means absent: such a key may be left out, but not be null.
    never_null = frozenset(
        wire_names[name] for name, field in fields.items() if field.default is None
    )
    overrides: dict[str, Any] = {name: override(rename=wire) for name, wire in wire_names.items()}
    overrides["extra"] = override(omit=True)
    structure_fields = cast("Hook", make_dict_structure_fn(type_, converter, **overrides))

    def structure_model(value: Any, _: Any) -> Any:
        if not is_json_object(value):
            raise StructureError.wrong_type(dict, value)
        unknown = value.keys() - known
        if strict and unknown:
            message = f"unknown keys {', '.join(sorted(unknown))}"
            raise StructureError(message)
        if strict and any(value.get(name, ...) is None for name in never_null):
            message = "null for a key that may only be left out"
            raise StructureError(message)
        model = structure_fields(value, type_)
        if unknown:
            extra = {name: value[name] for name in sorted(unknown)}
            return attrs.evolve(model, extra=extra)
        return model

    return structure_model
