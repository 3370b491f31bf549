"""Random calls of all operations, with all kinds of keys, bodies and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import Factory, frozen

from docassemble_client.operations import OPERATIONS
from tests.live.differential.calls import Body, BodyKind, Call, KeyPlace, Reference, Text
from tests.live.differential.values import ODD, Values

if TYPE_CHECKING:
    from random import Random

    from tests.live.differential.resources import Resources

_BODY_METHODS = ("POST", "PATCH", "PUT")
# Keys that cannot restart the server or change its packages and configuration.
_HARMLESS = ("user", "advocate", "none", "wrong", "empty", "other-address", "limited-sessions")
_ROLES = {
    "admin": 45,
    "developer": 12,
    "user": 12,
    "advocate": 8,
    **dict.fromkeys(("limited-users", "limited-sessions", "limited-developer", "limited-admin"), 5),
    **dict.fromkeys(("none", "wrong", "empty", "other-address"), 0.5),
}
_RESTARTING = ("/api/restart",)
_NEEDS_RESTART_FLAG = ("/api/playground", "/api/playground_install", "/api/playground_pull")
_FILE_KINDS = {
    "/api/fields": "template",
    "/api/convert_file": "document",
    "/api/playground_install": "archive",
    "/api/package": "archive",
}
_OPTIONAL_FILES = ("/api/session", "/api/package")
_UNDOCUMENTED = (
    *(("GET", "/api/interview"), ("POST", "/api/interview"), ("GET", "/api/nosuch")),
    *(("GET", "/api/user/"), ("PUT", "/api/user"), ("DELETE", "/api/list"), ("GET", "/api")),
    *(("GET", "/api/playground_pull"), ("POST", "/api/user"), ("POST", "/api/user/{user_id}")),
    *(("GET", "/api/user/abc"), ("GET", "/api/file/abc"), ("GET", "/api/user/-1")),
)
_WEIGHTS = {
    "/api/session": 5,
    "/api/session/new": 5,
    "/api/session/question": 3,
    "/api/session/action": 3,
    "/api/playground": 3,
    "/api/user/new": 2,
}
_RAW_BODIES = (
    *(("application/json", text) for text in ("true", "5", '"x"', "[]", "[1]", "null", "{", "{}")),
    *(("text/plain", '{"i": "x"}'), ("application/x-www-form-urlencoded", "a=1&a=2&=&%ff")),
)
_CAREFUL_ROUTES = ("/api/config", "/api/package", "/api/restart", "/api/privileges")


@frozen
class _Endpoint:
    """A pair of method and path, with the names of its parameters."""

    method: str
    path: str
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    file_fields: tuple[str, ...] = ()
    aliases: dict[str, str] = Factory(dict)


def _list_endpoints() -> list[_Endpoint]:
    endpoints: dict[tuple[str, str], _Endpoint] = {}
    by_path: dict[tuple[str, str], list[Any]] = {}
    for operation in OPERATIONS.values():
        by_path.setdefault((operation.method, operation.path), []).append(operation)
    for (method, path), operations in by_path.items():
        params = [
            param
            for operation in operations
            for param in operation.params
            if param.location in {"query", "body"} and param.wire
        ]
        required = {param.wire for param in params if param.required}
        endpoints[method, path] = _Endpoint(
            method,
            path,
            frozenset(required),
            frozenset({param.wire for param in params} - required - {"key"}),
            tuple(
                param.wire
                for operation in operations
                for param in operation.params
                if param.location == "file"
            ),
        )
    for method, path in _UNDOCUMENTED:
        source = endpoints.get((("PATCH" if method == "POST" else "POST"), path))
        endpoints[method, path] = _Endpoint(
            method, path, frozenset(), source.optional if source else frozenset()
        )
    return [endpoints[name] for name in sorted(endpoints)]


ENDPOINTS = _list_endpoints()


class Generator:
    """Makes random calls."""

    def __init__(self, rng: Random, resources: Resources) -> None:
        self._rng = rng
        self._resources = resources
        self._values = Values(rng, resources)
        self._weights = [_WEIGHTS.get(endpoint.path, 1) for endpoint in ENDPOINTS]

    def generate(self) -> Call:
        """Make a call that leaves the server as it was, apart from what the sequence owns."""
        rng = self._rng
        endpoint = rng.choices(ENDPOINTS, self._weights)[0]
        method = endpoint.method
        if method == "GET" and rng.random() < 0.03:
            method = rng.choice(("HEAD", "OPTIONS"))
        role = self._choose_role(endpoint)
        fields = self._choose_fields(endpoint, role)
        path = self._fill_in_path(endpoint)
        body, query = None, tuple(fields.items())
        if method in _BODY_METHODS:
            body, query = self._make_body(endpoint, fields, role), ()
        key = self._resources.keys[role]
        return Call(
            method=method,
            route=endpoint.path,
            path=path,
            query=query,
            key=key,
            role=role,
            key_place=self._choose_key_place(body) if key else "header",
            body=body,
            headers=self._choose_headers(endpoint),
        )

    def _choose_role(self, endpoint: _Endpoint) -> str:
        rng = self._rng
        is_change = endpoint.method != "GET"
        if endpoint.path in _RESTARTING and is_change:
            return rng.choice(_HARMLESS)
        return rng.choices(list(_ROLES), list(_ROLES.values()))[0]

    def _choose_fields(self, endpoint: _Endpoint, role: str) -> dict[str, Any]:
        rng, values = self._rng, self._values
        session = values.choose_session()
        fields: dict[str, Any] = {}
        for name in (*sorted(endpoint.required), *sorted(endpoint.optional)):
            is_session = session is not None and name in {"i", "session", "secret"}
            likely = name in endpoint.required or (is_session and "/session" in endpoint.path)
            if rng.random() < (0.95 if likely else 0.22):
                fields[name] = values.choose(name, session)
        if endpoint.path == "/api/session/new" and rng.random() < 0.85:
            fields["i"] = values.choose_interview()
        if endpoint.path == "/api/retrieve_stashed_data" and self._resources.stashes:
            key, secret = rng.choice(self._resources.stashes)
            fields |= {"stash_key": key, "secret": secret} if rng.random() < 0.8 else {}
        if rng.random() < 0.05:
            fields["nosuch"] = rng.choice(ODD)
        if endpoint.path in {"/api/interviews", "/api/users/interviews"}:
            # Other sequences have sessions, too.
            fields["session"] = values.choose("session", session) if session else "y" * 32
            if not isinstance(fields["session"], Reference):
                fields["session"] = "y" * 32
        self._prevent_changes(endpoint, fields, role)
        return fields

    def _prevent_changes(self, endpoint: _Endpoint, fields: dict[str, Any], role: str) -> None:
        """Change fields that would restart the server, or change what the sequence does not own."""
        rng = self._rng
        if endpoint.path in _NEEDS_RESTART_FLAG and endpoint.method != "GET":
            fields["restart"] = rng.choice(("0", "false", 0, False))
        if endpoint.path == "/api/privileges" and endpoint.method == "DELETE":
            names = (*self._resources.names.get("privilege", []), "user", "nosuch", "", "admin")
            fields["privilege"] = rng.choice(names)
        if endpoint.path == "/api/privileges" and endpoint.method == "POST" and fields:
            new = f"{self._resources.prefix}n{rng.randrange(5)}"
            fields["privilege"] = rng.choice((new, new, "user", "x" * 60))
        if endpoint.path == "/api/user/{user_id}/privileges" and "privilege" in fields:
            harmless = (
                *self._resources.names.get("privilege", []),
                "trainer",
                "customer",
                "nosuch",
            )
            fields["privilege"] = rng.choice((*harmless, "cron", "", "user"))
        username = str(fields.get("username", ""))
        is_new = endpoint.path == "/api/user/new" and isinstance(fields.get("username"), str)
        if is_new and self._resources.prefix not in username.lower():
            # Every account must have a name of its own.
            fields["username"] = f"{self._resources.prefix}-odd@example.com"
        if endpoint.path == "/api/playground_pull" and role not in _HARMLESS:
            fields.pop("pip", None)

    def _fill_in_path(self, endpoint: _Endpoint) -> Text:
        if "{user_id}" in endpoint.path:
            before, _, after = endpoint.path.partition("{user_id}")
            return Text((before, self._values.choose_user_id(), after))
        if "{file_number}" in endpoint.path:
            files = self._resources.files
            number: Any = self._rng.choice(files) if files else "999999"
            return Text((endpoint.path.partition("{")[0], number))
        return Text((endpoint.path,))

    def _make_body(self, endpoint: _Endpoint, fields: dict[str, Any], role: str) -> Body:
        rng = self._rng
        is_careful = endpoint.path in _CAREFUL_ROUTES
        if rng.random() < 0.04 and not is_careful:
            content_type, text = rng.choice(_RAW_BODIES)
            return Body("raw", text, content_type=content_type)
        files = self._choose_files(endpoint, role)
        if files:
            return Body("multipart", fields, files)
        kind: BodyKind = rng.choices(("json", "form", "multipart"), (7, 3, 1))[0]
        if is_careful:
            kind = "json"  # a form would turn a value of a wrong type into a valid text
        if kind == "multipart" and not fields:
            kind = "form"
        return Body(kind, fields)

    def _choose_files(self, endpoint: _Endpoint, role: str) -> tuple[tuple[str, str, bytes], ...]:
        rng = self._rng
        if not endpoint.file_fields:
            return ()
        if endpoint.path == "/api/package" and role not in _HARMLESS:
            return ()
        if rng.random() < (0.6 if endpoint.path in _OPTIONAL_FILES else 0.1):
            return ()
        field = endpoint.file_fields[0]
        if endpoint.path == "/api/session":
            field = rng.choice(("up", "up", "a b", "target_variable"))
        if rng.random() < 0.05:
            field = "other"
        kind = _FILE_KINDS.get(endpoint.path, "any")
        count = rng.choice((1, 1, 1, 2))
        return tuple((field, *self._values.choose_files(kind)) for _ in range(count))

    def _choose_key_place(self, body: Body | None) -> KeyPlace:
        places: tuple[KeyPlace, ...] = ("header", "bearer", "query", "cookie", "twice", "body")
        place = self._rng.choices(places, (88, 3, 3, 2, 1, 3))[0]
        has_fields = body is not None and isinstance(body.data, dict)
        return place if place != "body" or has_fields else "header"

    def _choose_headers(self, endpoint: _Endpoint) -> dict[str, str]:
        rng = self._rng
        if "{file_number}" in endpoint.path and rng.random() < 0.3:
            return {"Range": rng.choice(("bytes=1-2", "bytes=99-", "bytes=-2", "bytes=0-0,2-2"))}
        if rng.random() < 0.02:
            return {"Origin": "https://a.example"}
        return {}
