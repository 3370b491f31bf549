"""
Fast path: build models from JSON that matches exactly; anything else goes to cattrs.

For each model a function is generated, as attrs and cattrs do. It checks the type of each value
and fills the slots of the model directly: keyword arguments of a constructor would take as long
as everything else together.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Self, Union, cast, get_args, get_origin

import attrs

from docassemble_client._types import Unset
from docassemble_client.config import Confidential, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Make: TypeAlias = Callable[[Any], Any]

# Besides null, which passes for each of them.
_AS_IS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
}
_WRAPPED: dict[Any, type] = {Secret: str, Confidential: dict}
_JSON_NAMES: dict[type, str] = {dict: "an object", list: "a list"}
_ABSENT = object()
_FACTORY = cast("type", attrs.Factory)  # declared as a function
_made: dict[Any, Make] = {}


class NeedsSlowPath(Exception):  # noqa: N818 - internal, sends the codec the long way
    """The value or its type is one for the converter."""


class StructureError(Exception):
    """What is wrong with a value, without showing it."""

    @classmethod
    def expected(cls, kind: type, value: object) -> Self:
        return cls(f"expected {_JSON_NAMES.get(kind, kind.__name__)}, got {type(value).__name__}")


def exact(kind: Any) -> Make:
    """
    Make a function that makes values of a type.

    Args:
        kind: A model, or what a field of one can hold.

    Returns:
        A function of a JSON value. It raises Inexact or KeyError where the value is not exactly
        of the type, because it lacks a key, or has to be converted or refused.
    """
    if kind not in _made:
        # A model may hold itself, and is looked up again when that is read.
        _made[kind] = lambda value: _made[kind](value)  # noqa: PLW0108 - is another one by then
        try:
            _made[kind] = _make(kind)
        except NeedsSlowPath:
            _made[kind] = _refuse
    return _made[kind]


def _refuse(_: Any) -> Any:
    raise NeedsSlowPath


def _make(kind: Any) -> Make:
    inner, nullable = _inner(kind)
    if nullable:
        make = exact(inner)
        return lambda value: None if value is None else make(value)
    if inner in _AS_IS:
        return _passed(_AS_IS[inner])
    if inner is Any:
        return lambda value: value
    if inner in _WRAPPED:
        return _wrapped(inner, _WRAPPED[inner])
    if get_origin(inner) in {list, dict}:
        contain = _list if get_origin(inner) is list else _dict
        return contain(get_origin(inner), get_args(inner)[-1])
    if attrs.has(inner):
        return _model(inner)
    raise NeedsSlowPath


def _inner(kind: Any) -> tuple[Any, bool]:
    """Take a union apart: its first type, and whether null is another; texts are open."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind, False
    members = [item for item in get_args(kind) if item not in {NoneType, Unset}]
    named = any(get_origin(item) is Literal for item in members)
    return str if named else members[0], NoneType in get_args(kind)


def _passed(types: tuple[type, ...]) -> Make:
    def make(value: Any) -> Any:
        if type(value) not in types and value is not None:
            raise NeedsSlowPath
        return value

    return make


def _wrapped(wrapper: Callable[[Any], object], given: type) -> Make:
    def make(value: Any) -> Any:
        if type(value) is not given:
            raise NeedsSlowPath
        return wrapper(value)

    return make


def _list(kind: Any, inner: Any) -> Make:
    plain, make = _AS_IS.get(_inner(inner)[0], ()), exact(inner)

    def pass_list(value: Any) -> Any:
        if type(value) is not kind:
            raise NeedsSlowPath
        for item in value:
            if type(item) not in plain and item is not None:
                raise NeedsSlowPath
        return value  # just read, and nobody else's

    def make_list(value: Any) -> Any:
        if type(value) is not kind:
            raise NeedsSlowPath
        return [make(item) for item in value]

    return pass_list if plain else make_list


def _dict(kind: Any, inner: Any) -> Make:
    make = exact(inner)

    def make_dict(value: Any) -> Any:
        if type(value) is not kind:
            raise NeedsSlowPath
        return {name: make(item) for name, item in value.items()}

    return make_dict


def _model(kind: type) -> Make:
    fields = [item for item in attrs.fields(attrs.resolve_types(kind)) if item.name != "extra"]
    plain = all(item.init and not (item.converter or item.validator) for item in fields)
    built = any(isinstance(item.default, _FACTORY) for item in fields)
    if not plain or built or "__slots__" not in vars(kind) or hasattr(kind, "__attrs_post_init__"):
        raise NeedsSlowPath
    wires = {item.name: item.metadata.get("wire", item.name) for item in fields}
    names: dict[str, Any] = {
        "Inexact": NeedsSlowPath,
        "absent": _ABSENT,
        "kind": kind,
        "new": object.__new__,
        "fill_extra": vars(kind)["extra"].__set__,
        "wires": frozenset(wires.values()),
    }
    for field in fields:
        names[f"fill_{field.name}"] = vars(kind)[field.name].__set__
        names[f"make_{field.name}"] = exact(field.type)
        names[f"default_{field.name}"] = field.default
    source = "\n".join(_source(fields, wires))
    exec(source, names)  # noqa: S102 - of the names of our own fields only
    made: Make = names["make"]
    return made


def _source(fields: list[attrs.Attribute[Any]], wires: dict[str, str]) -> Iterator[str]:
    required = sum(1 for item in fields if item.default is attrs.NOTHING)
    yield "def make(given):"
    yield "    if type(given) is not dict: raise Inexact"
    yield "    model = new(kind)"
    yield f"    known = {required}"
    for field in fields:
        name, wire = field.name, wires[field.name]
        if field.default is attrs.NOTHING:
            yield f"    value = given[{wire!r}]"
            yield f"    {_taken(field)}"
        else:
            yield f"    value = given.get({wire!r}, absent)"
            yield f"    if value is absent: value = default_{name}"
            yield "    else:"
            yield "        known += 1"
            yield f"        {_taken(field)}"
        yield f"    fill_{name}(model, value)"
    yield "    extra = {}"
    yield "    if known != len(given):"
    yield "        extra = {name: given[name] for name in sorted(given.keys() - wires)}"
    yield "    fill_extra(model, extra)"
    yield "    return model"


def _taken(field: attrs.Attribute[Any]) -> str:
    """Write what happens to a value before it is filled in; most are only looked at."""
    types = _AS_IS.get(_inner(field.type)[0])
    if types is None:
        return f"value = make_{field.name}(value)"
    wrong = " and ".join(f"type(value) is not {item.__name__}" for item in types)
    return f"if {wrong} and value is not None: raise Inexact"
