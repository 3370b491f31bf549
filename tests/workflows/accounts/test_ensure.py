"""Accounts and keys that are ensured: what is sent, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from docassemble_client import BadRequest, DocassembleError, Secret, ServerError, UsageError
from tests.mock import run
from tests.workflows.routes import Routes

if TYPE_CHECKING:
    from docassemble_client import EnsuredApiKey, EnsuredUser

EMAIL = "ana_b@example.com"
TAKEN = (400, "That e-mail address is already being used.")
MISSING = (404, "User not found.")
NEW = (200, {"user_id": 7, "password": "examplePass"})
NO_KEY: tuple[int, Any] = (200, [])


def account(email: str = EMAIL, number: int = 7, **fields: Any) -> dict[str, Any]:
    """Make the JSON of an account."""
    empty = dict.fromkeys(
        ("country", "subdivisionfirst", "subdivisionsecond", "subdivisionthird", "organization"), ""
    )
    names = {"first_name": "", "last_name": "", "timezone": None, "language": None}
    rest = {"privileges": ["user"], "active": True, "account_type": "local"}
    return {"id": number, "email": email, **empty, **names, **rest, **fields}


def listed(*accounts: dict[str, Any]) -> tuple[int, Any]:
    """Make the JSON of a page."""
    return 200, {"items": list(accounts), "next_id": None}


def ensure(server: Routes, **wanted: Any) -> EnsuredUser:
    """Ensure the account on this server."""

    async def job() -> EnsuredUser:
        async with server.client() as da:
            return await da.ensure_user(EMAIL, **wanted)

    return run(job())


def test_account_that_is_missing_is_made() -> None:
    """A new account gets everything at once, and its password comes back as a secret."""
    server = Routes(
        {
            "GET /api/user_info": MISSING,
            "POST /api/user/new": NEW,
            "GET /api/user/7": (200, account(first_name="Ana")),
        }
    )

    done = ensure(server, privileges=["user", "user"], profile={"first_name": " Ana "})

    assert (done.created, done.user.id, done.password) == (True, 7, Secret("examplePass"))
    assert (done.granted, done.revoked, done.changed) == (("user",), (), ("first_name",))
    assert "examplePass" not in repr(done)
    assert server.those("POST") == [
        ("POST /api/user/new", {"username": EMAIL, "privileges": ["user"], "first_name": "Ana"})
    ]


def test_account_that_is_as_wanted_is_left_alone() -> None:
    """Nothing is sent that changes anything, whatever the case of the address."""
    present = account(EMAIL.upper(), first_name="Ana", privileges=["user", "advocate"])
    server = Routes({"GET /api/user_info": (200, present)})

    done = ensure(
        server, privileges=["advocate", "user"], profile={"first_name": "Ana ", "language": ""}
    )

    assert (done.created, done.granted, done.revoked, done.changed) == (False, (), (), ())
    assert server.calls == ["GET /api/user_info"]


def test_only_the_difference_is_applied() -> None:
    """Missing privileges are granted first and others revoked last; equal fields are not sent."""
    before = account(first_name="Ana", last_name="B", privileges=["user", "advocate"])
    after = account(first_name="Ana", last_name="C", privileges=["user", "developer"])
    server = Routes(
        {
            "GET /api/user_info": (200, before),
            "POST /api/user/7/privileges": (204, None),
            "PATCH /api/user/7": (204, None),
            "DELETE /api/user/7/privileges": (204, None),
            "GET /api/user/7": (200, after),
        }
    )

    done = ensure(
        server,
        privileges=["user", "developer"],
        profile={"first_name": "Ana", "last_name": "C"},
        password="unused",
    )

    assert (done.granted, done.revoked) == (("developer",), ("advocate",))
    assert (done.changed, done.user.last_name, done.password) == (("last_name",), "C", None)
    assert server.those("POST", "PATCH", "DELETE") == [
        ("POST /api/user/7/privileges", {"privilege": "developer"}),
        ("PATCH /api/user/7", {"last_name": "C"}),
        ("DELETE /api/user/7/privileges", {"privilege": "advocate"}),
    ]


def test_privileges_that_are_not_named_stay() -> None:
    """Without a list of privileges none is granted or revoked."""
    server = Routes(
        {
            "GET /api/user_info": (200, account()),
            "PATCH /api/user/7": (204, None),
            "GET /api/user/7": (200, account(country="DE")),
        }
    )

    done = ensure(server, profile={"country": "DE"})

    assert (done.granted, done.revoked, done.changed) == ((), (), ("country",))


@pytest.mark.parametrize("there", [True, False])
def test_somebody_else_is_not_taken_for_the_account(there: bool) -> None:
    """An underscore matches any character in the look-up: another address counts as not found."""
    someone = account("anaxb@example.com", 3)
    server = Routes(
        {
            "GET /api/user_info": (200, someone),
            "GET /api/user_list": listed(someone, *([account()] if there else [])),
            "POST /api/user/new": NEW,
            "GET /api/user/7": (200, account()),
        }
    )

    done = ensure(server, privileges=["user"] if there else None)

    assert (done.created, done.user.id) == (not there, 7)
    assert server.calls[-1] == "GET /api/user/7"
    assert ("POST /api/user/new" in server.calls) is not there


def test_account_that_somebody_else_just_made_is_adjusted() -> None:
    """Where another program is faster, its account is used, and the difference applied."""
    server = Routes(
        {
            "GET /api/user_info": MISSING,
            "POST /api/user/new": TAKEN,
            "GET /api/user_list": listed(account()),
            "GET /api/user/7": (200, account()),
            "POST /api/user/7/privileges": (204, None),
        }
    )

    done = ensure(server, privileges=["user", "developer"])

    assert (done.created, done.granted, done.password) == (False, ("developer",), None)


def test_refusal_of_a_new_account_is_told() -> None:
    """An account that is still not there was refused for another reason."""
    server = Routes(
        {
            "GET /api/user_info": MISSING,
            "POST /api/user/new": (400, "Password too short or too long"),
            "GET /api/user_list": listed(account(cast("str", None))),
        }
    )

    with pytest.raises(BadRequest, match=r"users\.create"):
        ensure(server, password="abc")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"profile": {"shoe_size": "9", "hat": "8"}}, "no hat, shoe_size"),
        ({"profile": {"country": None}}, "country must be a text"),
        ({"privileges": "admin"}, r"Pass \['admin'\]"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_sent(
    wanted: dict[str, Any], message: str
) -> None:
    """The server would ignore or garble them."""
    server = Routes({})

    with pytest.raises(UsageError, match=message):
        ensure(server, **wanted)

    assert server.calls == []


def entry(name: str = "ci", **fields: Any) -> dict[str, Any]:
    """Make the JSON of a key."""
    masked = {"key": "*" * 28 + "5GRT", "last_four": "5GRT"}
    open_ = {"method": "none", "constraints": [], "permissions": []}
    return {"name": name, **masked, **open_, **fields}


def ensure_key(server: Routes, **wanted: Any) -> EnsuredApiKey:
    """Ensure the key on this server."""

    async def job() -> EnsuredApiKey:
        async with server.client() as da:
            return await da.ensure_api_key(7, "ci", **wanted)

    return run(job())


def keys(*states: Any, **routes: Any) -> Routes:
    """Make a server whose lists of keys are these, one after the other."""
    return Routes(
        {"GET /api/user/7/api": list(states), "POST /api/user/7/api": (200, "k" * 32), **routes}
    )


def test_key_that_is_missing_is_made() -> None:
    """A new key comes with its text, once and hidden."""
    server = keys((200, [entry("other")]), (200, [entry(permissions=["create_user"])]))

    done = ensure_key(server, permissions=["create_user"], method="ip", allowed=["10.0.0.5"])

    assert (done.created, done.key, done.differs) == (True, Secret("k" * 32), ())
    assert str(done) == "The key 'ci' is new; keep it, the server never shows it again."
    assert "kkkk" not in repr(done)
    assert server.those("POST")[0][1] == {
        "name": "ci", "method": "ip", "allowed": ["10.0.0.5"], "permissions": ["create_user"]
    }  # fmt: skip


def test_key_that_is_there_has_no_text() -> None:
    """The result says so, and that it is as it was asked for, whatever the order."""
    server = keys((200, [entry(permissions=["b", "a"])]))

    done = ensure_key(server, permissions=["a", "b"], method="none")

    assert (done.created, done.key, done.differs) == (False, None, ())
    assert str(done) == (
        "The key 'ci' (…5GRT) was there already; its text cannot be had again. Use the copy that"
        " was kept, or another name for a new key."
    )
    assert server.those("POST") == []


def test_key_that_is_there_tells_what_differs() -> None:
    """A key of other restrictions is not changed, which would need its text."""
    server = keys((200, [entry(permissions=None)]))

    done = ensure_key(server, permissions=["create_user"], method="ip", allowed=[])

    assert done.differs == ("method", "permissions")
    assert str(done).endswith("It is not as asked for: method, permissions.")


def test_key_that_somebody_else_just_made_counts_as_there() -> None:
    """Where another program is faster, its key is found."""
    taken = (400, "The given name already exists")
    server = keys(NO_KEY, (200, [entry()]), **{"POST /api/user/7/api": taken})

    assert ensure_key(server).key is None


def test_refusal_of_a_new_key_is_told() -> None:
    """A key that is still not there was refused for another reason."""
    server = keys(NO_KEY, **{"POST /api/user/7/api": (400, "Invalid security method")})

    with pytest.raises(BadRequest, match=r"api_keys\.create_for_user"):
        ensure_key(server, method="magic")


def test_key_without_its_limits_is_limited() -> None:
    """Old servers make a key that may do everything: its limits are set at once."""
    limited = (200, [entry(permissions=["create_user"])])
    server = keys(NO_KEY, (200, [entry()]), limited, **{"PATCH /api/user/7/api": (204, None)})

    done = ensure_key(server, permissions=["create_user"])

    assert (done.created, done.info.permissions) == (True, ["create_user"])
    assert server.those("PATCH")[0][1] == {"api_key": "k" * 32, "permissions": ["create_user"]}


@pytest.mark.parametrize("states", [(NO_KEY, (200, [entry()])), (NO_KEY, NO_KEY)])
def test_key_that_cannot_be_limited_is_deleted(states: tuple[Any, ...]) -> None:
    """No key stays that may do more than was asked for."""
    routes = {"PATCH /api/user/7/api": (501, "x"), "DELETE /api/user/7/api": (204, None)}
    server = keys(*states, **routes)

    with pytest.raises(ServerError):
        ensure_key(server, permissions=["create_user"])

    assert server.those("DELETE")[0][1] == {"api_key": "k" * 32}


def test_key_that_vanishes_is_an_error() -> None:
    """A key that is not listed after it was made cannot be relied on."""
    server = keys(NO_KEY, **{"DELETE /api/user/7/api": (204, None)})

    with pytest.raises(DocassembleError, match="is not listed"):
        ensure_key(server)


def test_key_of_an_account_object_is_that_of_its_number() -> None:
    """The account can be passed as it came from the server."""
    server = keys((200, [entry()]), **{"GET /api/user/7": (200, account())})

    async def job() -> EnsuredApiKey:
        async with server.client() as da:
            return await da.ensure_api_key(await da.users.get(7), "ci")

    assert run(job()).info.name == "ci"
