"""Find the operation and the user of a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from docassemble_client._core.serialize import API_KEY_FIELD
from docassemble_client._types import is_json_object
from docassemble_client.operation import Operation
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing._server.api_call import ApiUser, get_searchable_body
from docassemble_client.testing._state.server_state import parse_version

if TYPE_CHECKING:
    from docassemble_client.testing._server.messages import FakeRequest
    from docassemble_client.testing._state.server_state import ServerState
    from docassemble_client.testing._state.users import ApiKey

_KEY_HEADER = "x-api-key"
_BEARER = re.compile(r"bearer (.*)", re.IGNORECASE)
_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
_METHODS_WITH_BODY = ("POST", "PUT", "PATCH")
# The server's route of this path also has the method GET; develop/api.py:44.
_PATH_WITH_GET = "/api/playground_pull"


@frozen
class Route:
    """
    A path of the API.

    Attributes:
        path: The path, with placeholders.
        pattern: Pattern that the path matches.
        operations: Operations by method, in the order of the table.
    """

    path: str
    pattern: re.Pattern[str]
    operations: Mapping[str, tuple[Operation[Any], ...]]

    def find_operations(self, method: str) -> tuple[Operation[Any], ...]:
        """Find the operations of a method; POST falls back to PATCH, and HEAD to GET."""
        fallback = {"POST": "PATCH", "HEAD": "GET"}.get(method, "")
        if self.path == _PATH_WITH_GET and method in {"GET", "HEAD"}:
            fallback = "POST"
        return self.operations.get(method, ()) or self.operations.get(fallback, ())

    @property
    def methods(self) -> list[str]:
        """Methods of the path."""
        return [method for method in _METHODS if self.find_operations(method)]


class RouteMatch(NamedTuple):
    """
    The route of a request.

    Attributes:
        route: The route.
        path_values: Numbers in the path by name.
    """

    route: Route
    path_values: dict[str, int]


def _build_routes() -> tuple[Route, ...]:
    paths: dict[str, dict[str, list[Operation[Any]]]] = {}
    for operation in OPERATIONS.values():
        paths.setdefault(operation.path, {}).setdefault(operation.method, []).append(operation)
    # A fixed path comes before one with a placeholder that would match it too.
    return tuple(
        Route(
            path,
            re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[0-9]+)", path)),
            {method: tuple(operations) for method, operations in methods.items()},
        )
        for path, methods in sorted(paths.items(), key=lambda item: item[0].count("{"))
    )


ROUTES = _build_routes()


def find_route(path: str, version: str) -> RouteMatch | None:
    """Find the route of a path, with the operations that a version of the server has."""
    server_version = parse_version(version)
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is None:
            continue
        available = {
            method: tuple(
                operation
                for operation in operations
                if parse_version(operation.since) <= server_version
            )
            for method, operations in route.operations.items()
        }
        available = {method: operations for method, operations in available.items() if operations}
        if available:
            path_values = {name: int(value) for name, value in match.groupdict().items()}
            return RouteMatch(Route(route.path, route.pattern, available), path_values)
    return None


def choose_operation(
    candidates: tuple[Operation[Any], ...], request: FakeRequest
) -> Operation[Any]:
    """Choose the operation with the most required arguments, all of which were sent."""
    return max(candidates, key=lambda operation: _count_required(operation, request))


def _count_required(operation: Operation[Any], request: FakeRequest) -> int:
    """Count an operation's argument requirements; -1 if the request misses one."""
    sent = set(request.query)
    if request.method in _METHODS_WITH_BODY:
        body = request.body
        sent |= set(body.data) if is_json_object(body.data) else set[str]()
        sent |= {file.name for file in body.files}
    wire_names = {param.name: param.wire for param in operation.params}
    requirements = [
        {param.wire} for param in operation.params if param.required and param.location != "path"
    ]
    requirements += [{wire_names[name] for name in rule.names} for rule in operation.requires]
    return len(requirements) if all(names & sent for names in requirements) else -1


def authenticate(state: ServerState, request: FakeRequest) -> ApiUser | None:
    """
    Find the user of a request; None if the key is missing, unknown or not allowed.

    Raises:
        UnhandledError: The body is JSON in which the server cannot search for a key.
    """
    key = state.users.find_key(_extract_key(request))
    account = None if key is None else state.users.find(key.owner)
    if key is None or account is None or not account.active or not _is_key_allowed(key, request):
        return None
    permissions: Any = state.config.get("permissions") or {}
    granted = {name for privilege in account.privileges for name in permissions.get(privilege, [])}
    return ApiUser(account, key, frozenset(granted))


def _extract_key(request: FakeRequest) -> object:
    """Return the first key in the request; like the server, ignore all others."""
    if API_KEY_FIELD in request.query:
        return request.query[API_KEY_FIELD]
    if request.method in _METHODS_WITH_BODY:
        data = get_searchable_body(request)
        if is_json_object(data) and API_KEY_FIELD in data:
            return data[API_KEY_FIELD]
    cookie = _extract_cookie(request.headers.get("cookie", ""))
    if cookie is not None:
        return cookie
    if _KEY_HEADER in request.headers:
        return request.headers[_KEY_HEADER]
    bearer = _BEARER.match(request.headers.get("authorization", ""))
    return bearer[1].strip() if bearer else None


def _extract_cookie(header: str) -> str | None:
    for name, cookie in SimpleCookie(header).items():
        if name.lower() == _KEY_HEADER:
            return cookie.value
    return None


def _is_key_allowed(key: ApiKey, request: FakeRequest) -> bool:
    if not key.constraints or key.method == "none":
        return True
    if key.method == "ip":
        return request.address in key.constraints
    referer = request.headers.get("referer") or request.headers.get("origin")
    if not referer:
        return False
    # Like the server: remove the scheme and the first slash before comparing.
    referer = re.sub(r"^https?://([^/]*)/", r"\1", re.sub(r"\?.*", "", referer))
    patterns = (re.escape(text.strip("*")).replace(r"\*", ".*") for text in key.constraints)
    return any(re.search(pattern, referer) for pattern in patterns)
