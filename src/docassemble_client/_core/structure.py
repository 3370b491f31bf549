"""Makes values of JSON by cattrs: the long way, which can convert, and say what is wrong."""

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

from docassemble_client._core.exact import Mismatch
from docassemble_client._types import Unset, is_list, is_object
from docassemble_client.config import Confidential, Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from docassemble_client._types import JSON

    Hook: TypeAlias = Callable[[Any, Any], Any]

_LONGEST_PLACE = 200
_CONTAINERS: tuple[object, ...] = (list, dict)
_UNIONS: tuple[object, ...] = (Union, UnionType)


def convert(data: JSON, kind: Any, place: str, *, be_strict: bool) -> Any:
    """
    Make a value of this type of JSON, which stands at this place of the answer.

    Raises:
        Mismatch: It does not fit; the message names the places, not the values.
    """
    try:
        return converter(be_strict).structure(data, kind)
    except (BaseValidationError, Mismatch) as error:
        places = transform_error(error, place, format_exception=_describe)
        # A place names the server's own keys, of any length.
        places = [
            one if len(one) <= _LONGEST_PLACE else one[:_LONGEST_PLACE] + "…" for one in places
        ]
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""  # noqa: PLR2004
        message = "the answer does not fit: " + "; ".join(places[:3]) + more
        raise Mismatch(message) from None


def _describe(error: BaseException, _type: type | None) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error) if isinstance(error, Mismatch) else "not understood"


@cache
def converter(be_strict: bool) -> Converter:
    """Make the converter of a mode."""
    made = Converter(detailed_validation=True)
    for kind in (str, int, float, bool):
        made.register_structure_hook(kind, _scalar(kind, be_strict=be_strict))
    made.register_structure_hook(Secret, _secret)
    made.register_structure_hook(Confidential, _confidential)
    register = made.register_structure_hook_factory
    register(_is_container, partial(_container, converter=made))
    register(_is_union, partial(_union, converter=made))
    register(attrs.has, partial(_model, converter=made, be_strict=be_strict))
    return made


def _scalar(kind: type, *, be_strict: bool) -> Hook:
    def structure_scalar(value: Any, _: Any) -> Any:
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return value
        if be_strict or is_object(value) or is_list(value):
            raise Mismatch.expected(kind, value)
        if value is None:
            return None
        try:
            converted = kind(value)
        except (ValueError, OverflowError):
            raise Mismatch.expected(kind, value) from None
        changed = (kind is bool or isinstance(value, float)) and converted != value
        if (changed and kind is not str) or (kind is float and not isfinite(converted)):
            raise Mismatch.expected(kind, value)
        return converted

    return structure_scalar


def _secret(value: Any, _: Any) -> Secret:
    if not isinstance(value, str):
        raise Mismatch.expected(str, value)
    return Secret(value)


def _confidential(value: Any, _: Any) -> Confidential:
    if not is_object(value):
        raise Mismatch.expected(dict, value)
    return Confidential(value)


def _is_container(kind: Any) -> bool:
    return get_origin(kind) in _CONTAINERS


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in _UNIONS


def _container(kind: Any, converter: Converter) -> Hook:
    origin = get_origin(kind)
    hook: Hook = (
        list_structure_factory(kind, converter)
        if origin is list
        else mapping_structure_factory(kind, converter)
    )

    def structure_container(value: Any, _: Any) -> Any:
        if not isinstance(value, origin):
            raise Mismatch.expected(origin, value)
        return hook(value, kind)

    return structure_container


def _union(kind: Any, converter: Converter) -> Hook:
    """A value, null, or absent; texts of an open enumeration pass whatever they are."""
    members = [one for one in get_args(kind) if one not in {NoneType, Unset}]
    named = [one for one in members if get_origin(one) is Literal]
    inner: Any = str if named else members[0]
    nullable = NoneType in get_args(kind)

    def structure_union(value: Any, _: Any) -> Any:
        if value is None and nullable:
            return None
        return converter.structure(value, inner)

    return structure_union


def _model(kind: type, converter: Converter, *, be_strict: bool) -> Hook:
    attrs.resolve_types(kind)
    fields = {field.name: field for field in attrs.fields(kind) if field.name != "extra"}
    wires = {name: field.metadata.get("wire", name) for name, field in fields.items()}
    known = frozenset(wires.values())
    # None as default stands for absent: such a key may be left out but not be null.
    never_null = frozenset(wires[name] for name, field in fields.items() if field.default is None)
    overrides: dict[str, Any] = {name: override(rename=wire) for name, wire in wires.items()}
    overrides["extra"] = override(omit=True)
    base = cast("Hook", make_dict_structure_fn(kind, converter, **overrides))

    def structure_model(value: Any, _: Any) -> Any:
        if not is_object(value):
            raise Mismatch.expected(dict, value)
        unknown = value.keys() - known
        if be_strict and unknown:
            message = f"unknown keys {', '.join(sorted(unknown))}"
            raise Mismatch(message)
        if be_strict and any(value.get(name, ...) is None for name in never_null):
            message = "null for a key that is only ever left out"
            raise Mismatch(message)
        model = base(value, kind)
        if unknown:
            extra = {name: value[name] for name in sorted(unknown)}
            return attrs.evolve(model, extra=extra)
        return model

    return structure_model
