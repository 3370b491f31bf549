"""API calls that can be sent to both servers, each with its own IDs, keys and secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import httpx
from attrs import Factory, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

BodyKind: TypeAlias = Literal["json", "form", "multipart", "raw"]
KeyPlace: TypeAlias = Literal["header", "bearer", "query", "body", "cookie", "twice"]
REAL, FAKE = 0, 1
SIDES = ("real", "fake")
_SECONDS = 120.0  # a real server may just restart


@frozen
class Reference:
    """
    A value that differs between the servers, such as the ID of a session.

    Attributes:
        kind: Kind of value.
        values: The real server's value and the fake server's.
    """

    kind: str
    values: tuple[Any, Any]

    def __str__(self) -> str:
        return f"<{self.kind}>"


@frozen
class Text:
    """A text with references in it."""

    parts: tuple[str | Reference, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


@frozen
class Body:
    """
    A request's body.

    Attributes:
        kind: How it is encoded.
        data: Fields by name; for `json` any value, for `raw` the text.
        files: Field name, file name and content of the files.
        content_type: Content type of a raw body.
    """

    kind: BodyKind
    data: Any
    files: tuple[tuple[str, str, bytes], ...] = ()
    content_type: str = "application/json"


@frozen(kw_only=True)
class Call:
    """
    A call.

    Attributes:
        method: HTTP method.
        route: Path with placeholders, by which differences are grouped.
        path: The path.
        query: Names and values of the query.
        key: API key; None for none.
        key_place: Where the key is.
        role: Whose key it is.
        body: The body.
        headers: More headers.
    """

    method: str
    route: str
    path: Text
    query: tuple[tuple[str, Any], ...] = ()
    key: Reference | str | None = None
    key_place: KeyPlace = "header"
    role: str = "none"
    body: Body | None = None
    headers: Mapping[str, str] = Factory(dict)

    @property
    def operation(self) -> str:
        """Method and route."""
        return f"{self.method} {self.route}"

    def __str__(self) -> str:
        query = " ".join(f"{name}={_shorten(value)}" for name, value in self.query)
        body = "" if self.body is None else f" {self.body.kind} {_shorten(self.body.data)}"
        files = [] if self.body is None else [name for _, name, _ in self.body.files]
        headers = f" {dict(self.headers)}" if self.headers else ""
        key = self.role if self.key_place == "header" else f"{self.role} in {self.key_place}"
        return f"{self.method} {self.path} {query}[{key}]{body}{files or ''}{headers}"


@frozen
class Response:
    """
    A response.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name.
        content: The body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """Content type, without blanks."""
        return self.headers.get("content-type", "").replace(" ", "")

    @property
    def is_refusal(self) -> bool:
        """Whether it is an error."""
        return self.status >= httpx.codes.BAD_REQUEST

    def parse(self) -> Any:
        """Parse JSON; None if it is something else."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


def render(value: Any, side: int) -> Any:
    """Replace the references in a value by the values of one server."""
    if isinstance(value, Reference):
        return value.values[side]
    if isinstance(value, Text):
        return "".join(str(render(part, side)) for part in value.parts)
    if isinstance(value, dict):
        return {str(render(key, side)): render(item, side) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, side) for item in value]
    return value


def render_text(value: Any, side: int) -> str:
    """Render a value as text, as in a form: objects and lists become JSON."""
    rendered = render(value, side)
    if isinstance(rendered, dict | list):
        return json.dumps(rendered)
    return "" if rendered is None else str(rendered)


class Server:
    """One of the two servers."""

    def __init__(self, side: int, url: str) -> None:
        self._side = side
        self._client = httpx.Client(base_url=url, timeout=_SECONDS)

    def send(self, call: Call) -> Response:
        """Send a call."""
        side = self._side
        query: list[tuple[str, str | int | float | bool | None]] = [
            (name, render_text(value, side)) for name, value in call.query
        ]
        headers = [*call.headers.items()]
        key = render(call.key, side)
        data = None if call.body is None else render(call.body.data, side)
        if key is not None:
            match call.key_place:
                case "query":
                    query.append(("key", key))
                case "body" if isinstance(data, dict):
                    data = {**data, "key": key}
                case "bearer":
                    headers.append(("Authorization", f"Bearer {key}"))
                case "cookie":
                    headers.append(("Cookie", f"X-API-Key={key}"))
                case "twice":
                    headers += [("X-API-Key", key), ("X-API-Key", "wrong")]
                case _:
                    headers.append(("X-API-Key", key))
        if call.body is not None and call.body.kind == "raw":
            headers.append(("Content-Type", call.body.content_type))
        request = self._client.build_request(
            call.method,
            render(call.path, side),
            params=query,
            headers=headers,
            **_encode(call.body, data),
        )
        response = self._client.send(request)
        self._client.cookies.clear()  # a session cookie would identify the visitor
        return Response(response.status_code, dict(response.headers), response.content)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _encode(body: Body | None, data: Any) -> dict[str, Any]:
    if body is None:
        return {}
    match body.kind:
        case "json":
            return {"json": data}
        case "form":
            return {"data": dict(_iter_fields(data))}
        case "raw":
            return {"content": data.encode()}
        case _:
            files = [(name, (filename, content)) for name, filename, content in body.files]
            fields = [(name, (None, text)) for name, text in _iter_fields(data)]
            return {"files": [*fields, *files]}


def _iter_fields(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        yield name, render_text(value, REAL)  # rendered already


def _shorten(value: Any) -> str:
    text = str(_show(value))
    return text if len(text) < 150 else f"{text[:150]}..."


def _show(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _show(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_show(item) for item in value]
    return str(value) if isinstance(value, Reference | Text) else value
