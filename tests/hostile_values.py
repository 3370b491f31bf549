"""Values that break a function which is not careful: circular, deep, huge, and raising ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_DEPTH = 100_000


class OwnError(Exception):
    """The exception that these values raise."""


class _Raising:
    """An object that raises an exception whatever it is asked."""

    def __init__(self, *_: object) -> None:
        """Accept anything, as this class is itself such a value."""

    def _fail(self, *_: object) -> Any:
        raise OwnError

    __str__ = __repr__ = __len__ = __iter__ = __bool__ = __fspath__ = __int__ = _fail
    __float__ = __index__ = __bytes__ = __call__ = __aiter__ = __await__ = __format__ = _fail


class _RaisingMapping(Mapping[str, Any]):
    """A mapping that raises an exception when it is read."""

    def __getitem__(self, key: str) -> Any:
        raise OwnError

    def __iter__(self) -> Iterator[str]:
        raise OwnError

    def __len__(self) -> int:
        raise OwnError


class _RaisingSequence(Sequence[Any]):
    """A sequence that raises an exception when it is read."""

    def __getitem__(self, index: Any) -> Any:
        raise OwnError

    def __len__(self) -> int:
        raise OwnError


class _RaisingText(str):
    """A text that raises an exception when it is converted."""

    __slots__ = ()

    def __str__(self) -> str:
        raise OwnError

    def __repr__(self) -> str:
        raise OwnError


def _generate() -> Iterator[Any]:
    yield from ()
    raise OwnError


async def _generate_async() -> AsyncIterator[Any]:
    for item in tuple[str]():
        yield item
    raise OwnError


def _make_circular_values() -> tuple[list[Any], dict[str, Any]]:
    items: list[Any] = []
    items.append(items)
    mapping: dict[str, Any] = {}
    mapping["x"] = mapping
    return items, mapping


def _make_deep_values() -> tuple[list[Any], dict[str, Any]]:
    items: list[Any] = []
    mapping: dict[str, Any] = {}
    for _ in range(_DEPTH):
        items = [items]
        mapping = {"x": mapping}
    return items, mapping


_CIRCULAR_LIST, _CIRCULAR_MAPPING = _make_circular_values()
_DEEP_LIST, _DEEP_MAPPING = _make_deep_values()
HOSTILE: dict[str, Callable[[], Any]] = {
    "circular list": lambda: _CIRCULAR_LIST,
    "circular mapping": lambda: _CIRCULAR_MAPPING,
    "deep list": lambda: _DEEP_LIST,
    "deep mapping": lambda: _DEEP_MAPPING,
    "list of a deep list": lambda: [{"x": _DEEP_LIST}],
    "5,000 digits": lambda: 10**5000,
    "minus 5,000 digits": lambda: -(10**5000),
    "list of 5,000 digits": lambda: [10**5000],
    "mapping of 5,000 digits": lambda: {"x": 10**5000},
    "key of 5,000 digits": lambda: {10**5000: 1},
    "sNaN": lambda: Decimal("sNaN"),
    "list of sNaN": lambda: [Decimal("sNaN")],
    "mapping of NaN": lambda: {"x": float("nan")},
    "complex": lambda: 1j,
    "lone surrogate": lambda: "\ud800",
    "list of a lone surrogate": lambda: ["\ud800"],
    "mapping of lone surrogates": lambda: {"\ud800": "\udfff"},
    "NUL": lambda: "a\0b",
    "list of NUL": lambda: ["a\0b"],
    "mapping of NUL": lambda: {"a\0b": "a\0b"},
    "long text": lambda: "x" * 1_000_000,
    "bytes that are no text": lambda: b"\xff\x00",
    "mapping of bytes": lambda: {"x": b"\xff"},
    "generator": _generate,
    "async generator": _generate_async,
    "raising object": _Raising,
    "list of a raising object": lambda: [_Raising()],
    "mapping of a raising object": lambda: {"x": _Raising()},
    "raising mapping": _RaisingMapping,
    "list of a raising mapping": lambda: [_RaisingMapping()],
    "raising sequence": _RaisingSequence,
    "mapping of a raising sequence": lambda: {"x": _RaisingSequence()},
    "raising text": lambda: _RaisingText("x"),
    "mapping of a raising text": lambda: {"x": _RaisingText("x")},
    "function that raises": lambda: _Raising()._fail,
    "class": lambda: _Raising,
}
