"""Compares the responses of both servers to the same call."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import frozen

from tests.live.differential.calls import REAL, SIDES
from tests.testing.shape import find_differences, get_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.live.differential.calls import Call, Reference, Response

Kind: TypeAlias = Literal["status", "type", "shape", "text", "value", "header"]
_HEADERS = ("allow", "accept-ranges", "content-range", "content-disposition", "cache-control")
_CORS_HEADERS = ("access-control-allow-origin", "vary")
_PRESENT_HEADERS = ("etag", "last-modified", "set-cookie", "content-length")
_ERROR_PAGE = re.compile(r"<(blockquote|pre)[^>]*>(.*?)</\1>", re.DOTALL)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_MIN_UNIQUE_LENGTH = 8  # shorter generated values may be parts of other texts
_GENERATED = (
    (re.compile(r"playground\d+"), "playground<user>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*([+-]\d\d:\d\d)?"), "<time>"),
    (re.compile(r"\d\d/\d\d/\d{2,4} \d\d:\d\d(:\d\d)?( [AP]M)?"), "<time>"),
    (re.compile(r"(?<=[?&/=])[A-Za-z]{24,}"), "<code>"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<url>"),
    (re.compile(r"\*{28}\w{4}"), "<masked key>"),
    (re.compile(r"(?<=token=)[\w.-]+"), "<token>"),
)
# Their values differ from run to run.
_VOLATILE_KEYS = {
    *("time", "server_start_time", "source", "readability", "number", "id", "user_id", "password"),
    *("session_local", "device_local", "user_local", "accesstime", "last_four", "next_id"),
    *("temp_user_id", "tracker", "stash_key", "secret", "session", "task_id", "version", "log"),
}


@frozen
class Difference:
    """
    A difference of two responses.

    Attributes:
        kind: What differs.
        real: What the real server sent.
        fake: What the fake server sent.
    """

    kind: Kind
    real: str
    fake: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.real!r} is {self.fake!r}"


def compare(
    call: Call, real: Response, fake: Response, pairs: Sequence[Reference]
) -> list[Difference]:
    """
    Compare two responses.

    Args:
        call: The call.
        real: Response of the real server.
        fake: Response of the fake server.
        pairs: Values that differ by nature.

    Returns:
        The differences; only that of the status if it differs.
    """
    if real.status != fake.status:
        texts = [
            f"{response.status} {_get_text(response, side, pairs)}"
            for side, response in _zip(real, fake)
        ]
        return [Difference("status", *texts)]
    if call.method == "HEAD":
        return [*_compare_headers(call, real, fake)]
    differences: list[Difference] = []
    if real.is_refusal:
        texts = [_get_text(response, side, pairs) for side, response in _zip(real, fake)]
        if texts[0] != texts[1]:
            differences.append(Difference("text", *texts))
    else:
        differences += _compare_bodies(real, fake, pairs)
    return [*differences, *_compare_headers(call, real, fake)]


def _zip(real: Response, fake: Response) -> Iterator[tuple[int, Response]]:
    return enumerate((real, fake))


def _get_text(response: Response, side: int, pairs: Sequence[Reference]) -> str:
    """Return the first line of an error's text, without what differs by nature."""
    value = response.parse()
    if isinstance(value, str):
        text = value
    else:
        text = response.content.decode(errors="replace")
        if "<html" in text:
            match = _ERROR_PAGE.search(text) or _TITLE.search(text)
            text = html.unescape(match[match.lastindex or 0]).strip() if match else ""
        elif not response.is_refusal:
            text = ""
    line = text.strip().partition("\n")[0]
    return replace_generated(line, side, pairs)[:300]


def replace_generated(text: str, side: int, pairs: Sequence[Reference]) -> str:
    """Replace the values that differ by nature by their kind."""
    for pair in pairs:
        value = str(pair.values[side])
        if len(value) >= _MIN_UNIQUE_LENGTH and value in text:
            text = text.replace(value, f"<{pair.kind}>")
    for pattern, replacement in _GENERATED:
        text = pattern.sub(replacement, text)
    return text


def _compare_bodies(
    real: Response, fake: Response, pairs: Sequence[Reference]
) -> Iterator[Difference]:
    values = real.parse(), fake.parse()
    if values[0] is None or values[1] is None:
        if real.content != fake.content and "html" not in real.content_type:
            yield Difference("value", repr(real.content[:60]), repr(fake.content[:60]))
        return
    shapes = [
        get_shape(_normalize(value, side, pairs, with_values=False))
        for side, value in enumerate(values)
    ]
    found = list(find_differences(shapes[0], shapes[1]))
    if found:
        yield Difference("shape", "", "; ".join(sorted(set(found)))[:300])
        return
    normalized = [_normalize(value, side, pairs) for side, value in enumerate(values)]
    difference = next(_find_value_differences(normalized[0], normalized[1], ""), None)
    if difference is not None:
        yield difference


def _normalize(
    value: Any, side: int, pairs: Sequence[Reference], *, with_values: bool = True
) -> Any:
    if isinstance(value, dict):
        return {
            replace_generated(key, side, pairs): _normalize(
                item, side, pairs, with_values=with_values
            )
            for key, item in value.items()
            if not with_values or key not in _VOLATILE_KEYS
        }
    if isinstance(value, list):
        items = [_normalize(item, side, pairs, with_values=with_values) for item in value]
        # Some lists have no order: API keys, for example.
        return sorted(items, key=str) if all(isinstance(item, dict) for item in items) else items
    if isinstance(value, str) and with_values:
        return replace_generated(value, side, pairs)
    return value


def _find_value_differences(real: Any, fake: Any, path: str) -> Iterator[Difference]:
    if isinstance(real, dict) and isinstance(fake, dict):
        for name in real.keys() & fake.keys():
            yield from _find_value_differences(real[name], fake[name], f"{path}.{name}")
    elif isinstance(real, list) and isinstance(fake, list):
        if len(real) != len(fake):
            yield Difference("value", f"{path}: {len(real)} items", f"{path}: {len(fake)} items")
        else:
            for real_item, fake_item in zip(real, fake, strict=True):
                yield from _find_value_differences(real_item, fake_item, f"{path}[]")
    elif real != fake and not _are_random(real, fake):
        yield Difference("value", f"{path}: {real!r:.120}", f"{path}: {fake!r:.120}")


def _are_random(real: Any, fake: Any) -> bool:
    """Whether both are random texts of the same length."""
    return (
        isinstance(real, str)
        and isinstance(fake, str)
        and len(real) == len(fake) >= _MIN_UNIQUE_LENGTH
        and real.isalnum()
        and fake.isalnum()
    )


def _compare_headers(call: Call, real: Response, fake: Response) -> Iterator[Difference]:
    if real.content_type != fake.content_type:
        yield Difference("type", real.content_type, fake.content_type)
    names = _HEADERS + (_CORS_HEADERS if call.headers or call.method == "OPTIONS" else ())
    for name in names:
        values = [_sort(name, response.headers.get(name, "")) for response in (real, fake)]
        if values[0] != values[1]:
            yield Difference("header", f"{name}: {values[0]}", f"{name}: {values[1]}")
    for name in _PRESENT_HEADERS:
        if (name in real.headers) != (name in fake.headers):
            owner = SIDES[REAL] if name in real.headers else SIDES[1]
            yield Difference("header", f"{name} only of the {owner} server", "")


def _sort(name: str, value: str) -> str:
    return ", ".join(sorted(value.split(", "))) if name == "allow" else value
