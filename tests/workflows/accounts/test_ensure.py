"""Ensured users and API keys: which requests are sent, and what is not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from docassemble_client import BadRequest, Secret, UsageError
from tests.workflows.routes import RouteServer

if TYPE_CHECKING:
    from docassemble_client import EnsuredUser

EMAIL = "ana_b@example.com"
ADDRESS_EXISTS = (400, "That e-mail address is already being used.")
NOT_FOUND = (404, "User not found.")
NEW_USER = (200, {"user_id": 7, "password": "examplePass"})


def make_user_json(email: str = EMAIL, user_id: int = 7, **fields: Any) -> dict[str, Any]:
    """Make the JSON of a user."""
    empty = dict.fromkeys(
        ("country", "subdivisionfirst", "subdivisionsecond", "subdivisionthird", "organization"), ""
    )
    names = {"first_name": "", "last_name": "", "timezone": None, "language": None}
    rest = {"privileges": ["user"], "active": True, "account_type": "local"}
    return {"id": user_id, "email": email, **empty, **names, **rest, **fields}


def make_page(*users: dict[str, Any]) -> tuple[int, Any]:
    """Make the JSON of a list page."""
    return 200, {"items": list(users), "next_id": None}


async def ensure_user(server: RouteServer, **options: Any) -> EnsuredUser:
    """Ensure the user on this server."""
    async with server.client() as da:
        return await da.ensure_user(EMAIL, **options)


async def test_missing_user_is_created() -> None:
    """One request sets everything; the password is returned as a secret."""
    server = RouteServer(
        {
            "GET /api/user_info": NOT_FOUND,
            "POST /api/user/new": NEW_USER,
            "GET /api/user/7": (200, make_user_json(first_name="Ana")),
        }
    )

    result = await ensure_user(server, privileges=["user", "user"], profile={"first_name": " Ana "})

    assert (result.created, result.user.id, result.password) == (True, 7, Secret("examplePass"))
    assert (result.granted, result.revoked, result.changed) == (("user",), (), ("first_name",))
    assert "examplePass" not in repr(result)
    assert server.find_calls("POST") == [
        ("POST /api/user/new", {"username": EMAIL, "privileges": ["user"], "first_name": "Ana"})
    ]


async def test_matching_user_is_not_changed() -> None:
    """The case of the address does not matter."""
    existing = make_user_json(EMAIL.upper(), first_name="Ana", privileges=["user", "advocate"])
    server = RouteServer({"GET /api/user_info": (200, existing)})

    result = await ensure_user(
        server, privileges=["advocate", "user"], profile={"first_name": "Ana ", "language": ""}
    )

    assert (result.created, result.granted, result.revoked, result.changed) == (False, (), (), ())
    assert server.calls == ["GET /api/user_info"]


async def test_only_differences_are_sent() -> None:
    """Missing privileges are granted first, and others revoked last."""
    before = make_user_json(first_name="Ana", last_name="B", privileges=["user", "advocate"])
    after = make_user_json(first_name="Ana", last_name="C", privileges=["user", "developer"])
    server = RouteServer(
        {
            "GET /api/user_info": (200, before),
            "POST /api/user/7/privileges": (204, None),
            "PATCH /api/user/7": (204, None),
            "DELETE /api/user/7/privileges": (204, None),
            "GET /api/user/7": (200, after),
        }
    )

    result = await ensure_user(
        server,
        exact_privileges=["user", "developer"],
        profile={"first_name": "Ana", "last_name": "C"},
        password="unused",
    )

    assert (result.granted, result.revoked) == (("developer",), ("advocate",))
    assert (result.changed, result.user.last_name, result.password) == (("last_name",), "C", None)
    assert server.find_calls("POST", "PATCH", "DELETE") == [
        ("POST /api/user/7/privileges", {"privilege": "developer"}),
        ("PATCH /api/user/7", {"last_name": "C"}),
        ("DELETE /api/user/7/privileges", {"privilege": "advocate"}),
    ]


async def test_privileges_are_added_to_those_of_the_user() -> None:
    """`privileges` takes none away."""
    before = make_user_json(privileges=["user", "advocate"])
    after = make_user_json(privileges=["user", "advocate", "developer"])
    server = RouteServer(
        {
            "GET /api/user_info": (200, before),
            "POST /api/user/7/privileges": (204, None),
            "GET /api/user/7": (200, after),
        }
    )

    result = await ensure_user(server, privileges=["developer"])

    assert (result.granted, result.revoked) == (("developer",), ())
    assert result.user.privileges == ["user", "advocate", "developer"]


async def test_empty_exact_privileges_revoke_all() -> None:
    """The server also takes away the privilege user."""
    server = RouteServer(
        {
            "GET /api/user_info": (200, make_user_json(privileges=["user"])),
            "DELETE /api/user/7/privileges": (204, None),
            "GET /api/user/7": (200, make_user_json(privileges=[])),
        }
    )

    result = await ensure_user(server, exact_privileges=[])

    assert (result.granted, result.revoked) == ((), ("user",))


async def test_dry_run_reports_the_changes_of_an_existing_user() -> None:
    """Nothing is sent that changes the account."""
    server = RouteServer(
        {"GET /api/user_info": (200, make_user_json(first_name="Ana", privileges=["user"]))}
    )

    result = await ensure_user(
        server, exact_privileges=["advocate"], profile={"first_name": "Bo"}, dry_run=True
    )

    assert (result.dry_run, result.created, result.user.first_name) == (True, False, "Ana")
    assert (result.granted, result.revoked) == (("advocate",), ("user",))
    assert result.changed == ("first_name",)
    assert server.find_calls("POST", "PATCH", "DELETE") == []


async def test_dry_run_reports_a_new_user() -> None:
    """There is no user yet."""
    server = RouteServer({"GET /api/user_info": (404, "User not found.")})

    result = await ensure_user(server, privileges=["user"], profile={"country": "DE"}, dry_run=True)

    assert (result.created, result.granted, result.changed) == (True, ("user",), ("country",))
    assert server.find_calls("POST", "PATCH", "DELETE") == []
    with pytest.raises(UsageError, match="does not exist, because this was a dry run"):
        _ = result.user


async def test_privileges_are_kept_by_default() -> None:
    """Without a list of privileges, none are granted or revoked."""
    server = RouteServer(
        {
            "GET /api/user_info": (200, make_user_json()),
            "PATCH /api/user/7": (204, None),
            "GET /api/user/7": (200, make_user_json(country="DE")),
        }
    )

    result = await ensure_user(server, profile={"country": "DE"})

    assert (result.granted, result.revoked, result.changed) == ((), (), ("country",))


@pytest.mark.parametrize("exists", [True, False])
async def test_user_with_a_similar_address_is_not_changed(exists: bool) -> None:
    """The lookup treats an underscore as a wildcard, so it may return another user."""
    similar_user = make_user_json("anaxb@example.com", 3)
    server = RouteServer(
        {
            "GET /api/user_info": (200, similar_user),
            "GET /api/user_list": make_page(similar_user, *([make_user_json()] if exists else [])),
            "POST /api/user/new": NEW_USER,
            "GET /api/user/7": (200, make_user_json()),
        }
    )

    result = await ensure_user(server, privileges=["user"] if exists else None)

    assert (result.created, result.user.id) == (not exists, 7)
    assert server.calls[-1] == "GET /api/user/7"
    assert ("POST /api/user/new" in server.calls) is not exists


async def test_user_created_meanwhile_is_updated() -> None:
    """If another program creates the user first, only the differences are sent."""
    server = RouteServer(
        {
            "GET /api/user_info": NOT_FOUND,
            "POST /api/user/new": ADDRESS_EXISTS,
            "GET /api/user_list": make_page(make_user_json()),
            "GET /api/user/7": (200, make_user_json()),
            "POST /api/user/7/privileges": (204, None),
        }
    )

    result = await ensure_user(server, privileges=["user", "developer"])

    assert (result.created, result.granted, result.password) == (False, ("developer",), None)


async def test_refused_user_raises_an_error() -> None:
    """The user still does not exist, so the server refused it for another reason."""
    server = RouteServer(
        {
            "GET /api/user_info": NOT_FOUND,
            "POST /api/user/new": (400, "Password too short or too long"),
            "GET /api/user_list": make_page(make_user_json(cast("str", None))),
        }
    )

    with pytest.raises(BadRequest, match=r"users\.create"):
        await ensure_user(server, password="abc")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": {"shoe_size": "9", "hat": "8"}}, "unknown profile fields: hat, shoe_size"),
        ({"profile": {"country": None}}, "country must be a string"),
        ({"privileges": "admin"}, "privileges must be a list of strings"),
        ({"exact_privileges": "admin"}, "exact_privileges must be a list of strings"),
        ({"privileges": [], "exact_privileges": []}, "not both"),
    ],
)
async def test_invalid_arguments_are_refused_without_a_request(
    options: dict[str, Any], message: str
) -> None:
    """The server would ignore them or store wrong values."""
    server = RouteServer({})

    with pytest.raises(UsageError, match=message):
        await ensure_user(server, **options)

    assert server.calls == []


async def ensure_users(server: RouteServer, profiles: Any, **options: Any) -> list[EnsuredUser]:
    """Ensure these users on this server."""
    async with server.client() as da:
        return [ensured async for ensured in da.ensure_users(profiles, **options)]


async def test_many_users_are_listed_once() -> None:
    """Only missing users are created, and only differences are sent."""
    ben = make_user_json("BEN@example.com", 3, privileges=["user", "advocate"])
    phone = {**make_user_json(user_id=4), "email": None}
    server = RouteServer(
        {
            "GET /api/user_list": make_page(ben, phone),
            "POST /api/user/new": NEW_USER,
            "GET /api/user/7": (200, make_user_json("ana@example.com", first_name="Ana")),
        }
    )

    ana, same = await ensure_users(
        server,
        {" ana@example.com ": {"first_name": "Ana"}, "ben@example.com": {}},
        privileges=["user"],
    )

    assert (ana.created, ana.user.id, ana.password) == (True, 7, Secret("examplePass"))
    assert (same.created, same.user.id, same.granted, same.revoked) == (False, 3, (), ())
    assert server.calls == ["GET /api/user_list", "POST /api/user/new", "GET /api/user/7"]


async def test_dry_run_of_many_users_changes_nothing() -> None:
    """It only lists the users."""
    server = RouteServer({"GET /api/user_list": make_page(make_user_json())})

    new, old = await ensure_users(
        server, {"x@example.com": {}, EMAIL: {}}, exact_privileges=["advocate"], dry_run=True
    )

    assert (new.created, old.granted, old.revoked) == (True, ("advocate",), ("user",))
    assert server.calls == ["GET /api/user_list"]


@pytest.mark.parametrize(
    ("profiles", "options"),
    [
        ({"a@example.com": {}, "A@example.com ": {}}, {}),
        ({"a@example.com": {"name": "A"}}, {}),
        ({"a@example.com": {}}, {"privileges": ["user"], "exact_privileges": ["user"]}),
        (["a@example.com"], {}),
    ],
    ids=["twice", "unknown field", "both privileges", "no mapping"],
)
async def test_invalid_arguments_for_many_users_send_nothing(profiles: Any, options: Any) -> None:
    """All users are checked before the first request."""
    server = RouteServer({})

    with pytest.raises(UsageError):
        await ensure_users(server, profiles, **options)

    assert server.calls == []
