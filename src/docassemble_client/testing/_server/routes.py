"""Which operation a request means, and who sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

from attrs import frozen

from docassemble_client._core.serialize import API_KEY_FIELD
from docassemble_client._types import is_object
from docassemble_client.operation import Operation
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing._server.call import Caller
from docassemble_client.testing._state.world import numbers

if TYPE_CHECKING:
    from docassemble_client.testing._server.messages import Incoming
    from docassemble_client.testing._state.people import Key
    from docassemble_client.testing._state.world import World

_HEADER = "x-api-key"
_BEARER = re.compile(r"bearer (.*)", re.IGNORECASE)
_WITH_BODY = ("POST", "PUT", "PATCH")


@frozen
class Route:
    """
    A path of the API.

    Attributes:
        pattern: What fits it.
        operations: Operations by method, in the order of the table.
    """

    pattern: re.Pattern[str]
    operations: Mapping[str, tuple[Operation[Any], ...]]

    def candidates(self, method: str) -> tuple[Operation[Any], ...]:
        """Operations a method can mean; POST is taken for PATCH where it means nothing else."""
        found = self.operations.get(method, ())
        return found or (self.operations.get("PATCH", ()) if method == "POST" else ())


def _routes() -> tuple[Route, ...]:
    paths: dict[str, dict[str, list[Operation[Any]]]] = {}
    for operation in OPERATIONS.values():
        paths.setdefault(operation.path, {}).setdefault(operation.method, []).append(operation)
    # A fixed path comes before one with a placeholder that would fit it too.
    return tuple(
        Route(
            re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[0-9]+)", path)),
            {method: tuple(found) for method, found in methods.items()},
        )
        for path, methods in sorted(paths.items(), key=lambda item: item[0].count("{"))
    )


ROUTES = _routes()


def find_route(path: str, version: str) -> tuple[Route, dict[str, int]] | None:
    """Find the route of a path in a version of the server, and the numbers in the path."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None:
            there = {
                method: tuple(one for one in found if numbers(one.since) <= numbers(version))
                for method, found in route.operations.items()
            }
            there = {method: found for method, found in there.items() if found}
            if there:
                place = {name: int(value) for name, value in match.groupdict().items()}
                return Route(route.pattern, there), place
    return None


def choose(candidates: tuple[Operation[Any], ...], request: Incoming) -> Operation[Any]:
    """Choose the operation whose demands on the arguments the request meets best."""
    return max(candidates, key=lambda one: _met(one, request))


def _met(operation: Operation[Any], request: Incoming) -> int:
    """How many of its demands a request meets; less than none if it fails one."""
    sent = set(request.query)
    if request.method in _WITH_BODY:
        body = request.body
        sent |= set(body.data) if is_object(body.data) else set[str]()
        sent |= {one.name for one in body.files}
    wires = {one.name: one.wire for one in operation.params}
    demands = [
        {wires[one.name]} for one in operation.params if one.required and one.place != "path"
    ]
    demands += [{wires[name] for name in one.names} for one in operation.requires]
    met = sum(bool(one & sent) for one in demands)
    return met if met == len(demands) else -1


def authenticate(world: World, request: Incoming) -> Caller | None:
    """Find out who calls; None if the key is missing, unknown or may not be used from there."""
    key = world.people.find_key(_sent_key(request))
    account = None if key is None else world.people.find(key.owner)
    if key is None or account is None or not account.active or not _allowed(key, request):
        return None
    given: Any = world.config.get("permissions") or {}
    granted = {one for name in account.privileges for one in given.get(name, [])}
    return Caller(account, key, frozenset(granted))


def _sent_key(request: Incoming) -> object:
    """The first key that is sent; later ones are not tried."""
    if API_KEY_FIELD in request.query:
        return request.query[API_KEY_FIELD]
    if request.method in _WITH_BODY:
        data = request.body.data
        if is_object(data) and API_KEY_FIELD in data:
            return data[API_KEY_FIELD]
    cookie = _cookie(request.headers.get("cookie", ""))
    if cookie is not None:
        return cookie
    if _HEADER in request.headers:
        return request.headers[_HEADER]
    bearer = _BEARER.match(request.headers.get("authorization", ""))
    return bearer[1].strip() if bearer else None


def _cookie(header: str) -> str | None:
    cookies = SimpleCookie(header)
    return next((one.value for name, one in cookies.items() if name.lower() == _HEADER), None)


def _allowed(key: Key, request: Incoming) -> bool:
    if not key.constraints or key.method == "none":
        return True
    if key.method == "ip":
        return request.address in key.constraints
    referer = request.headers.get("referer") or request.headers.get("origin")
    if not referer:
        return False
    # As on the server: the scheme and the first slash are gone before it compares.
    referer = re.sub(r"^https?://([^/]*)/", r"\1", re.sub(r"\?.*", "", referer))
    patterns = (re.escape(one.strip("*")).replace(r"\*", ".*") for one in key.constraints)
    return any(re.search(one, referer) for one in patterns)
