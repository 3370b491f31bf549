"""What a sequence of calls has created on both servers: accounts, keys, sessions, files, names."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, frozen

from tests.live.differential.calls import Body, Call, Reference, Response, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Fields of responses whose values the servers generate.
_KINDS = {
    "session": "session",
    "secret": "secret",
    "stash_key": "stash",
    "task_id": "task",
    "next_id": "position",
}
_KEY_LENGTH = 32
PASSWORD = "Passw0rd"
ROLES: Mapping[str, list[str]] = {
    "admin": ["admin"],
    "developer": ["developer"],
    "advocate": ["advocate"],
    "user": ["user"],
}
LIMITED_KEYS: Mapping[str, list[str]] = {
    "limited-users": ["create_user", "access_user_info", "edit_user_info", "access_privileges"],
    "limited-sessions": ["access_sessions", "edit_sessions"],
    "limited-developer": [
        *("playground_control", "interview_data", "template_parse", "read_packages"),
    ],
    "limited-admin": [
        *("delete_user", "edit_user_active_status", "edit_user_password", "edit_user_privileges"),
        *("access_user_info", "access_user_api_info", "edit_user_api_info", "edit_privileges"),
    ],
}


@frozen
class StartedSession:
    """A session: its interview, ID and secret."""

    i: str | Text
    session: Reference
    secret: Reference | None


@frozen
class KnownUser:
    """An account: its ID and e-mail address."""

    id: Reference
    email: str


@define
class Resources:
    """
    What exists on both servers.

    Attributes:
        prefix: Beginning of all names that the sequence creates.
        keys: API keys by role.
        users: Accounts by role.
        guests: Accounts without a key, which a call may delete.
        sessions: Sessions.
        files: Numbers of stored files.
        stashes: Keys and secrets of stashed data.
        other_keys: API keys that calls have created, with the role of their owner.
        names: Names by kind: privileges, projects, file names.
        pairs: Generated values, which the comparison replaces by their kind.
    """

    prefix: str
    keys: dict[str, Reference | str | None] = Factory(dict)
    users: dict[str, KnownUser] = Factory(dict)
    guests: list[KnownUser] = Factory(list)
    sessions: list[StartedSession] = Factory(list)
    files: list[Reference] = Factory(list)
    stashes: list[tuple[Reference, Reference]] = Factory(list)
    other_keys: list[Reference] = Factory(list)
    names: dict[str, list[str]] = Factory(dict)
    pairs: list[Reference] = Factory(list)

    def learn(self, call: Call, real: Response, fake: Response) -> None:
        """Remember what a call has created."""
        if real.is_refusal:
            return
        if call.body is not None and call.route in {"/api/privileges", "/api/playground/project"}:
            self._remember_name(call, call.body)
        body, fake_body = real.parse(), fake.parse()
        generated = self._pair(body, fake_body)
        match call.operation:
            case "GET /api/session/new" if "session" in generated:
                i = dict(call.query)["i"]
                sent = dict(call.query).get("secret")
                secret = generated.get("secret") or (
                    sent
                    if isinstance(sent, Reference) or sent is None
                    else Reference("secret", (sent, sent))
                )
                self.sessions.append(StartedSession(i, generated["session"], secret))
            case "POST /api/stash_data" if "stash" in generated:
                self.stashes.append((generated["stash"], generated["secret"]))
            case "POST /api/user/new" if isinstance(body, dict):
                fake_id = fake_body["user_id"] if isinstance(fake_body, dict) else 0
                user_id = self._add("user", body["user_id"], fake_id)
                data: Any = call.body.data if call.body else {}
                self.guests.append(KnownUser(user_id, str(data.get("username"))))
            case "POST /api/user/api" | "POST /api/user/{user_id}/api" if (
                isinstance(body, str) and not fake.is_refusal
            ):
                self.other_keys.append(self._add("key", body, fake_body))

    def _remember_name(self, call: Call, body: Body) -> None:
        name = "privilege" if call.route == "/api/privileges" else "project"
        if isinstance(body.data, dict) and isinstance(body.data.get(name), str):
            self.names.setdefault(name, []).append(body.data[name])

    def _add(self, kind: str, real: Any, fake: Any) -> Reference:
        reference = Reference(kind, (real, fake))
        self.pairs.append(reference)
        return reference

    def _pair(self, real: Any, fake: Any) -> dict[str, Reference]:
        """Pair the generated values of two responses; the file numbers at any depth."""
        generated: dict[str, Reference] = {}
        if isinstance(real, dict) and isinstance(fake, dict):
            for name, kind in _KINDS.items():
                if isinstance(real.get(name), str) and isinstance(fake.get(name), str):
                    generated[kind] = self._add(kind, real[name], fake[name])
            if str(real.get("_class")).endswith("DAFile") and real.get("number"):
                self.files.append(self._add("file", real["number"], fake.get("number")))
            for name in real.keys() & fake.keys():
                self._pair(real[name], fake[name])
        elif isinstance(real, list) and isinstance(fake, list) and len(real) == len(fake):
            for real_item, fake_item in zip(real, fake, strict=True):
                self._pair(real_item, fake_item)
        return generated


def make_call(
    method: str, path: str, key: Reference, data: Any = None, *, user: Reference | None = None
) -> Call:
    """Make a call of the set-up or the cleanup, with a JSON body or a query."""
    before, placeholder, after = path.partition("{user_id}")
    parts = (before, user, after) if placeholder and user else (path,)
    has_body = method in {"POST", "PATCH"}
    return Call(
        method=method,
        route=path,
        path=Text(parts),
        key=key,
        role="admin",
        query=() if has_body else tuple((data or {}).items()),
        body=Body("json", data or {}) if has_body else None,
    )


def create_resources(
    send: Callable[[Call], tuple[Response, Response]], root_key: Reference
) -> Resources:
    """
    Create accounts and keys on both servers.

    Args:
        send: Sends a call to both servers.
        root_key: Key of the first administrator.

    Returns:
        The accounts and keys.
    """
    resources = Resources(f"d{secrets.token_hex(5)}")

    def create(path: str, data: Any, user: Reference | None = None) -> Reference:
        call = make_call("POST", path, root_key, data, user=user)
        real, fake = send(call)
        assert not real.is_refusal, f"{call}: {real.content!r}"
        assert not fake.is_refusal, f"{call}: {fake.content!r}"
        bodies = real.parse(), fake.parse()
        if isinstance(bodies[0], dict):
            return resources._add("user", bodies[0]["user_id"], bodies[1]["user_id"])
        return resources._add("key", *bodies)

    for role, privileges in ROLES.items():
        email = f"{resources.prefix}-{role}@example.com"
        data = {"username": email, "password": PASSWORD, "privileges": privileges}
        user = create("/api/user/new", data)
        resources.users[role] = KnownUser(user, email)
        resources.keys[role] = create("/api/user/{user_id}/api", {"name": "first"}, user)
    email = f"{resources.prefix}-guest@example.com"
    guest = create("/api/user/new", {"username": email, "password": PASSWORD})
    resources.guests.append(KnownUser(guest, email))
    admin = resources.users["admin"].id
    for role, permissions in LIMITED_KEYS.items():
        data = {"name": role, "permissions": permissions}
        resources.keys[role] = create("/api/user/{user_id}/api", data, admin)
    data = {"name": "ip", "method": "ip", "allowed": ["10.9.8.7"]}
    resources.keys["other-address"] = create("/api/user/{user_id}/api", data, admin)
    resources.keys["wrong"] = "x" * _KEY_LENGTH
    resources.keys["empty"] = ""
    resources.keys["none"] = None
    return resources


def delete_resources(
    resources: Resources, delete: Callable[[Call], Response], root_key: Reference
) -> None:
    """
    Delete the accounts, with their keys and sessions, and the privileges.

    Args:
        resources: What the sequence has created.
        delete: Sends a call to the real server.
        root_key: Key of the first administrator.
    """
    for user in (*resources.users.values(), *resources.guests):
        arguments = {"remove": "account_and_shared"}
        delete(make_call("DELETE", "/api/user/{user_id}", root_key, arguments, user=user.id))
    for name in resources.names.get("privilege", []):
        delete(make_call("DELETE", "/api/privileges", root_key, {"privilege": name}))
