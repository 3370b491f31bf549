"""Compares printed decoders with the slow path, on JSON built from the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docassemble_client._core.deserialize import structure
from docassemble_client._core.error_mapping import StructureError
from tests.value_to_json import unstructure

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from codegen.ir import Enum, Field, Model, Spec, Type
    from docassemble_client._types import JSON

MAX_DEPTH = 2  # of models in models
TEXTS = st.text(max_size=3)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
ANY_JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(TEXTS, ANY_JSON, max_size=2)
SIMILAR: list[Any] = [None, True, 1, 1.0, 1.5, "1", "", [None], {"a": None}]
SCALARS: dict[str, SearchStrategy[Any]] = {
    "int": st.integers(),
    "float": FLOATS | st.integers(),
    "bool": st.booleans(),
    "str": TEXTS,
    "secret": TEXTS,
    "json": ANY_JSON,
    "object": OBJECTS,
    "confidential": OBJECTS,
}


def check_decoder(
    spec: Spec,
    type_: Type,
    python_type: Any,
    decode: Callable[[JSON], Any],
    profile: str = "tests",
) -> None:
    """Check that the decoder accepts exact JSON of the type, and agrees with the slow path."""
    exact = build_exact(spec, type_)

    @settings(settings.get_profile("few"), suppress_health_check=list(HealthCheck))
    @given(exact)
    def check_exact(data: Any) -> None:
        value = decode(data)
        assert (value, repr(unstructure(value))) == _structure(data, python_type)

    @settings(settings.get_profile(profile), suppress_health_check=list(HealthCheck))
    @given(build_broken(exact))
    def check_broken(data: Any) -> None:
        assert _structure(data, python_type, decode) == _structure(data, python_type)

    check_exact()
    check_broken()


def _structure(data: Any, python_type: Any, decode: Callable[[JSON], Any] | None = None) -> Any:
    """Convert JSON; return the value and a text that tells 1 from true, or else the error."""
    try:
        value = structure(data, python_type, decode=decode)
    except StructureError as error:
        return str(error)
    return value, repr(unstructure(value))


def build_exact(spec: Spec, type_: Type, depth: int = 0) -> SearchStrategy[Any]:
    """Build JSON of a type, with and without optional, null and unknown keys."""
    models: dict[str, Model] = {model.name: model for tag in spec.tags for model in tag.models}
    enums: dict[str, Enum] = {enum.name: enum for tag in spec.tags for enum in tag.enums}
    if type_.item:
        items = build_exact(spec, type_.item, depth)
        max_size = 2 if depth < MAX_DEPTH else 0
        if type_.kind == "list":
            return st.lists(items, max_size=max_size)
        return st.dictionaries(TEXTS, items, max_size=max_size)
    if type_.name in enums:
        values = st.sampled_from(enums[type_.name].values)
        return values if enums[type_.name].closed else values | TEXTS
    if type_.name in models:
        return _build_object(spec, models[type_.name].fields, depth)
    return SCALARS[type_.kind]


def _build_object(spec: Spec, fields: tuple[Field, ...], depth: int) -> SearchStrategy[Any]:
    def build(field: Field) -> SearchStrategy[Any]:
        exact = st.deferred(lambda: build_exact(spec, field.type, depth + 1))
        if depth >= MAX_DEPTH and field.null:
            return st.none()
        return st.none() | exact if field.null else exact

    known = st.fixed_dictionaries(
        {field.wire: build(field) for field in fields if not field.optional},
        optional={
            field.wire: build(field) for field in fields if field.optional and depth < MAX_DEPTH
        },
    )
    return st.builds(lambda unknown, known: {**unknown, **known}, st.just({}) | OBJECTS, known)


@st.composite
def build_broken(draw: st.DrawFn, exact: SearchStrategy[Any]) -> Any:
    """Replace or remove one part of exact JSON."""
    return _break(draw, draw(exact))


def _break(draw: st.DrawFn, value: Any) -> Any:
    if not value or not isinstance(value, (dict, list)) or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(SIMILAR) | ANY_JSON)
    copy: Any = value.copy()
    key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    if draw(st.integers(0, 4)) == 0:
        del copy[key]
    else:
        copy[key] = _break(draw, value[key])
    return copy
