"""The short way to a model: the same models as the converter's, or none."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin

import attrs
import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from docassemble_client import models
from docassemble_client._core.exact import NeedsSlowPath, exact
from docassemble_client._core.structure import make_converter
from docassemble_client._types import JSON, UNSET, Unset, empty_object
from docassemble_client.config import Confidential, Secret

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MODELS = [item for name in models.__all__ if attrs.has(item := getattr(models, name))]
Color: TypeAlias = Literal["red", "green"] | str
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
SCALARS: dict[Any, SearchStrategy[Any]] = {
    str: st.text(max_size=3),
    int: st.integers(),
    float: st.floats(allow_nan=False) | st.integers(),
    bool: st.booleans(),
    Secret: st.text(max_size=3),
    Confidential: st.dictionaries(st.text(max_size=3), ANY),
    Any: ANY,
}


@frozen(kw_only=True)
class Tree:
    """A model with everything a field can be, itself too."""

    id: int
    share: float
    open: bool
    color: Color
    token: Secret
    facts: Confidential
    anything: JSON
    labels: list[str]
    leaves: list[Tree]
    by_name: dict[str, Tree]
    next: Tree | None = None
    note: str | Unset | None = field(default=UNSET, metadata={"wire": "a note"})
    extra: dict[str, JSON] = field(factory=empty_object, repr=False)


@frozen(kw_only=True)
class Checked:
    """A model whose constructor does more than to fill in."""

    id: int = field(converter=abs)
    extra: dict[str, JSON] = field(factory=empty_object)


@frozen(kw_only=True)
class Finished:
    """A model that does something at its end."""

    id: int
    extra: dict[str, JSON] = field(factory=empty_object)

    def __attrs_post_init__(self) -> None:
        assert self.id


@frozen(kw_only=True)
class Listed:
    """A model that makes a value of its own where none comes."""

    ids: list[int] = field(factory=list)
    extra: dict[str, JSON] = field(factory=empty_object)


@frozen(kw_only=True, slots=False)
class Open:
    """A model without slots."""

    id: int
    extra: dict[str, JSON] = field(factory=empty_object)


def fitting(kind: Any, depth: int = 0) -> SearchStrategy[Any]:
    """JSON that mostly fits a type."""
    if kind in SCALARS:
        return SCALARS[kind]
    if attrs.has(kind):
        return _object(kind, depth)
    if get_origin(kind) is list:
        return st.lists(fitting(get_args(kind)[0], depth), max_size=0 if depth > 1 else 2)
    if get_origin(kind) is dict:
        most = 0 if depth > 1 else 2
        return st.dictionaries(
            st.text(max_size=3), fitting(get_args(kind)[1], depth), max_size=most
        )
    members = [item for item in get_args(kind) if item not in {Unset, NoneType}]
    texts = any(get_origin(item) is Literal for item in members)
    inner = SCALARS[str] if texts else fitting(members[0], depth) if depth < 2 else st.none()
    return st.none() | inner if NoneType in get_args(kind) else inner


def _later(kind: Any, depth: int) -> SearchStrategy[Any]:
    return st.deferred(lambda: fitting(kind, depth))


def _object(kind: type, depth: int) -> SearchStrategy[Any]:
    required: dict[str, SearchStrategy[Any]] = {}
    optional: dict[str, SearchStrategy[Any]] = {}
    for item in attrs.fields(attrs.resolve_types(kind)):
        if item.name != "extra":
            place = required if item.default is attrs.NOTHING else optional
            name = item.metadata.get("wire", item.name)
            place[name] = _later(item.type, depth + 1)
    whole = st.fixed_dictionaries(required, optional=optional)
    more = st.dictionaries(st.text(max_size=3) | st.sampled_from([*required, *optional]), ANY)
    return st.one_of(whole, whole, st.builds(lambda a, b: {**a, **b}, whole, more))


def _fits(kind: type, value: dict[str, Any]) -> bool:
    """Whether the converter takes it in strict mode, but for the keys it does not know."""
    known = {item.metadata.get("wire", item.name) for item in attrs.fields(kind)} - {"extra"}
    try:
        make_converter(strict=True).structure(
            {name: item for name, item in value.items() if name in known}, kind
        )
    except Exception:  # noqa: BLE001 - its errors are tested elsewhere
        return False
    return True


@pytest.mark.parametrize("kind", [*MODELS, Tree], ids=lambda kind: kind.__name__)
def test_the_short_way_ends_where_the_long_one_does(kind: type) -> None:
    """Whatever fits goes the short way, and gives the same model as the converter's."""

    @settings(max_examples=12)
    @given(fitting(kind))
    def compare(value: Any) -> None:
        try:
            model = exact(kind)(value)
        except (NeedsSlowPath, KeyError):
            assert not _fits(kind, value)
        else:
            assert model == make_converter(strict=False).structure(value, kind)

    compare()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, "5"),
        (str, 5),
        (bool, 1),
        (float, "5"),
        (Color, 5),
        (Secret, None),
        (Confidential, []),
        (list[int], {}),
        (dict[str, int], []),
        (Tree, []),
        (Listed, {}),
        (Checked, {"id": 5}),
        (Finished, {"id": 5}),
        (Open, {"id": 5}),
        (Literal["a"], "a"),
        (Listed | None, {}),
    ],
)
def test_what_must_be_converted_or_refused_goes_the_long_way(kind: Any, value: object) -> None:
    """A value of another type, or a model that is no plain record, is left to the converter."""
    with pytest.raises(NeedsSlowPath):
        exact(kind)(value)


def test_unknown_keys_are_kept_in_order() -> None:
    """What the model does not know stands in extra, sorted by name."""
    value = {"z": 1, "user_id": 7, "password": "pw", "a": [2]}

    model = exact(models.NewUser)(value)

    assert list(model.extra.items()) == [("a", [2]), ("z", 1)]
    assert model.user_id == 7
