"""The fake server's responses to raw requests: HEAD, OPTIONS, ranges, odd bodies, checks."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from docassemble_client.testing import FakeServer, ManualClock
from tests.testing.raw_requests import get_error, send_raw

TEXT = "docassemble.base:data/questions/examples/text-field.yml"
JSON = "docassemble.base:data/questions/examples/response-json.yml"


@pytest.fixture
def fake() -> FakeServer:
    """Make a server whose clock stands still."""
    return FakeServer(clock=ManualClock(1_780_000_000))


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/api/list", 200),
        ("/health_status", 200),
        ("/api/user", 204),
        ("/api/user/99", 404),
        ("/api/session", 204),
        ("/api/interviews?query=x", 400),
        ("/api/config", 404),
        ("/api/playground", 400),
        ("/api/playground_pull", 400),
        ("/api/user/new", 405),
    ],
)
async def test_head_has_the_status_of_the_real_server(
    fake: FakeServer, target: str, status: int
) -> None:
    """Most views respond to HEAD like to GET; those that test the method do not."""
    response = await send_raw(fake, "HEAD", target)

    assert response.status == status
    assert response.content == b"" or status == 405
    assert ("content-length" in response.headers) == (status != 204)


async def test_options_lists_the_methods_and_echoes_the_origin(fake: FakeServer) -> None:
    """Web pages of any origin may call the API, but not read an error page or the health."""
    origin = {"origin": "https://a.example"}

    plain = await send_raw(fake, "OPTIONS", "/api/session")
    echo = await send_raw(fake, "OPTIONS", "/api/user", headers=origin)
    page = await send_raw(fake, "POST", "/api/stash_data", {"data": [1]}, headers=origin)
    health = await send_raw(fake, "GET", "/health_status", headers=origin)

    assert set(plain.headers["allow"].split(", ")) == {"OPTIONS", "GET", "HEAD", "POST", "DELETE"}
    assert plain.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in echo.headers["allow"]
    assert echo.headers["access-control-allow-origin"] == "https://a.example"
    assert echo.headers["vary"] == "Origin"
    assert page.status == 501
    assert "access-control-allow-origin" not in {**page.headers, **health.headers}
    assert "set-cookie" not in health.headers


@pytest.mark.sockets
async def test_repeated_key_headers_are_joined(fake: FakeServer) -> None:
    """As on a server behind WSGI, two keys become one invalid key."""
    keys = [("X-API-Key", fake.api_key), ("X-API-Key", "wrong")]
    with fake.serve() as url:
        async with httpx.AsyncClient() as client:
            response = await client.get(f"{url}/api/user", headers=keys)

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [
        ({"range": "bytes=1-2"}, 206, b"el"),
        ({"range": "bytes=3-"}, 206, b"lo"),
        ({"range": "bytes=-2"}, 206, b"lo"),
        ({"range": "bytes=0-99"}, 206, b"hello"),
        ({"range": "bytes=99-"}, 416, None),
        ({"range": "bytes=0-0,2-2"}, 416, None),
        ({"range": "lines=1-2"}, 416, None),
        ({"range": "bytes=1-2", "if-range": "old"}, 200, b"hello"),
        ({"range": "bytes=1-2", "if-range": "Thu, 28 May 2099 20:26:40 GMT"}, 206, b"el"),
        ({"if-none-match": "*"}, 304, b""),
        ({"if-none-match": '"other"'}, 200, b"hello"),
        ({"if-modified-since": "Thu, 28 May 2099 20:26:40 GMT"}, 304, b""),
        ({"if-modified-since": "x"}, 200, b"hello"),
    ],
)
async def test_a_file_is_sent_in_part_or_not_at_all(
    fake: FakeServer, header: dict[str, str], status: int, content: bytes | None
) -> None:
    """A client asks for a range, or for a file that has changed."""
    number = fake.add_file("a.txt", b"hello").number

    whole = await send_raw(fake, "GET", f"/api/file/{number}")
    response = await send_raw(fake, "GET", f"/api/file/{number}", headers=header)
    same = {"range": "bytes=0-1", "if-range": whole.headers["etag"]}
    part = await send_raw(fake, "GET", f"/api/file/{number}", headers=same)

    assert response.status == status
    assert content is None or response.content == content
    assert whole.headers["last-modified"] == "Thu, 28 May 2026 20:26:40 GMT"
    assert part.headers["content-range"] == "bytes 0-1/5"


async def test_a_body_that_is_no_object_fails_like_on_the_real_server(fake: FakeServer) -> None:
    """In a number the server cannot search for a key; in a list it finds no parameter."""
    number = await get_error(fake, "POST", "/api/clear_cache", 5)
    boolean = await get_error(fake, "POST", "/api/user/new", json.loads("true"))
    with_key = await get_error(fake, "POST", f"/api/user/new?key={fake.api_key}", 5)
    items = await send_raw(fake, "PATCH", "/api/user", ["first_name"])
    no_items = await send_raw(fake, "PATCH", "/api/user", ["x"])
    get = await get_error(fake, "POST", "/api/session/back", ["i"])

    assert number == "501 TypeError: argument of type 'int' is not iterable"
    assert boolean == "501 TypeError: argument of type 'bool' is not iterable"
    assert with_key == number
    assert items.status == 501
    assert no_items.status == 204
    assert get == "501 AttributeError: 'list' object has no attribute 'get'"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (5, "TypeError: 'int' object is not iterable"),
        ([1], "IndexError: list index out of range"),
        ([["a", 1]], "TypeError: list indices must be integers or slices, not list"),
        ({"_class": "docassemble.base.util.DAList"}, "TypeError: 'DAList' object is not iterable"),
    ],
)
async def test_stashed_data_must_have_items(fake: FakeServer, data: Any, error: str) -> None:
    """The server reads the items by name; an empty text or list has none."""
    assert await get_error(fake, "POST", "/api/stash_data", {"data": data}) == f"501 {error}"
    empty_values: list[Any] = ["", []]
    for empty in empty_values:
        assert (await send_raw(fake, "POST", "/api/stash_data", {"data": empty})).status == 200
    assert await get_error(fake, "POST", "/api/stash_data", {}) == "501 KeyError: 'data'"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("docassemble.base:data/questions/../x.yml", "DAInvalidFilename: Invalid filename"),
        ("no:such.yml", "DAInvalidFilename: Invalid filename"),
        ("docassemble.base:a*b.yml", "DAInvalidFilename: Invalid filename"),
        ("docassemble.base:x.yml", "DANotFoundError: Interview docassemble.base:x.yml not found"),
        (
            "docassemble.playground99:data/questions/x.yml",
            "DANotFoundError: Interview docassemble.playground99:x.yml not found",
        ),
        ("docassemble.playground1:x.yml", "DANotFoundError: Reference to invalid playground path."),
    ],
)
async def test_a_missing_interview_is_explained(fake: FakeServer, name: str, error: str) -> None:
    """The message depends on the name: invalid, of a package, of a Playground."""
    assert await get_error(fake, "GET", f"/api/session/new?i={name}") == f"400 {error}"
    message = error.partition(": ")[2]
    question = f"/api/session/question?i={name}&session=x"
    assert await get_error(fake, "GET", question) == f"400 {message}"
    data = await get_error(fake, "GET", f"/api/interview_data?i={name}")
    assert data == f"400 Error finding interview: {message}"
    action = {"i": name, "session": "x", "action": "y"}
    status = (await send_raw(fake, "POST", "/api/session/action", action)).status
    assert status == (501 if "Invalid" in error else 404)


@pytest.mark.parametrize(
    ("profile", "error"),
    [
        ({"country": "Germany"}, "value too long for type character varying(3)"),
        ({"timezone": "x" * 65}, "value too long for type character varying(64)"),
        ({"first_name": "x" * 256}, "value too long for type character varying(255)"),
        ({"first_name": None}, 'null value in column "first_name" of relation "user"'),
        ({"country": {}}, "(psycopg2.ProgrammingError) can't adapt type 'dict'"),
    ],
)
async def test_the_columns_of_an_account_limit_its_values(
    fake: FakeServer, profile: dict[str, Any], error: str
) -> None:
    """Nothing is changed; a new account is not created."""
    error_text = await get_error(fake, "PATCH", "/api/user", {**profile, "last_name": "New"})
    new_error = await get_error(fake, "POST", "/api/user/new", {"username": "a@b.de", **profile})

    assert error in error_text
    assert new_error.startswith("501 AttributeError") or error in new_error
    assert fake._state.admin.last_name == "Administrator"
    assert fake._state.users.find_by_email("a@b.de") is None


async def test_values_become_texts_as_in_the_database(fake: FakeServer) -> None:
    """Lists become arrays, booleans true or false; a column that may be empty takes null."""
    profile = {"country": ["a"], "organization": True, "subdivisionfirst": 5, "timezone": None}
    response = await send_raw(fake, "PATCH", "/api/user", profile)

    account = fake._state.admin
    assert response.status == 204
    assert (account.country, account.organization) == ("{a}", "true")
    assert (account.subdivisionfirst, account.timezone) == ("5", None)


async def test_an_address_must_be_a_text(fake: FakeServer) -> None:
    """The other name of the parameter, `email`, is stripped like it."""
    error = await get_error(fake, "POST", "/api/user/new", {"username": 5})
    created = await send_raw(fake, "POST", "/api/user/new", {"email": " a@b.de "})
    privilege = await get_error(
        fake, "POST", "/api/user/new", {"username": "c@d.de", "privileges": 5}
    )

    assert error == "400 'int' object has no attribute 'strip'"
    assert created.status == 200
    assert fake._state.users.find_by_email("a@b.de") is not None
    assert privilege.startswith("400 Invalid privilege name.  5")


async def test_a_limited_key_may_not_edit_others_without_permission(fake: FakeServer) -> None:
    """Reading is not enough."""
    user = fake.add_user("ada@example.com")
    fake._state.users.keys[0].permissions = ["access_user_info"]

    error = await get_error(fake, "PATCH", f"/api/user/{user.id}", {"first_name": "A"})

    assert error == "403 You do not have sufficient privileges to edit user information."


async def test_a_key_is_found_by_its_value_if_no_name_matches(fake: FakeServer) -> None:
    """Only a key that was found by its name lacks its masked value."""
    by_value = await send_raw(fake, "GET", f"/api/user/api?name=nosuch&api_key={fake.api_key}")
    by_name = await send_raw(fake, "GET", "/api/user/api?name=default")
    unchanged = await send_raw(fake, "PATCH", "/api/user/api", {"name": None, "method": None})

    assert "key" in json.loads(by_value.content)
    assert "key" not in json.loads(by_name.content)
    assert unchanged.status == 204


@pytest.mark.parametrize("value", [0, [1], "{"])
async def test_a_configuration_must_be_an_object(fake: FakeServer, value: Any) -> None:
    """Another value is not valid JSON to the server."""
    error = await get_error(fake, "PATCH", "/api/config", {"config_changes": value})
    assert error == "400 Configuration changes were not valid JSON."


async def test_parameters_are_checked_before_the_changes_of_a_session(fake: FakeServer) -> None:
    """A malformed value does not hide that the interview or the session is missing."""
    for name in ("variables", "event_list"):
        error = await get_error(fake, "POST", "/api/session", {name: "bad"})
        assert error == "400 Parameters i and session are required."


async def test_docassembles_own_variables_must_keep_their_type(fake: FakeServer) -> None:
    """The next question fails, and nothing is saved."""
    session = json.loads((await send_raw(fake, "GET", f"/api/session/new?i={TEXT}")).content)
    call = {"i": TEXT, "session": session["session"], "secret": session["secret"]}

    error = await get_error(fake, "POST", "/api/session", {**call, "variables": {"nav": "x"}})
    target = f"/api/session?i={TEXT}&session={call['session']}&secret={call['secret']}"
    variables = json.loads((await send_raw(fake, "GET", target)).content)

    assert error.endswith("AttributeError: 'str' object has no attribute 'sections'")
    assert isinstance(variables["nav"], dict)


async def test_an_empty_name_is_a_syntax_error_of_python(fake: FakeServer) -> None:
    """The server runs `del` with it; the interview and the arguments of an action are checked."""
    session = json.loads((await send_raw(fake, "GET", f"/api/session/new?i={TEXT}")).content)
    call = {"i": TEXT, "session": session["session"], "secret": session["secret"]}
    action = {"session": "x", "action": "y"}
    target = "/api/session/action"

    deleted = await get_error(fake, "POST", "/api/session", {**call, "delete_variables": [""]})
    number = await get_error(fake, "POST", target, {**action, "i": 1.5})
    arguments = await get_error(fake, "POST", target, {**action, "i": "x", "arguments": 0})

    assert deleted == "400 Problem deleting variables: invalid syntax (<string>, line 1)"
    assert number == "501 TypeError: expected string or bytes-like object, got 'float'"
    assert arguments == "400 Malformed arguments."


async def test_a_broken_pdf_has_no_fields(fake: FakeServer) -> None:
    """The list is compact, unlike that of a readable template."""
    broken = await send_raw(fake, "POST", "/api/fields", {}, files={"template": ("t.pdf", b"x")})
    text = await send_raw(fake, "POST", "/api/fields", {}, files={"template": ("t.md", b"{{ a }}")})

    assert (broken.content, broken.headers["content-type"]) == (
        b'{"fields":[]}\n',
        "application/json",
    )
    assert json.loads(text.content) == {"fields": ["a"]}
    assert text.headers["content-type"] == "application/json; charset=utf-8"


async def test_an_action_is_a_variable_name(fake: FakeServer) -> None:
    """An undefined variable in an action is asked for, which is no error."""
    session = json.loads((await send_raw(fake, "GET", f"/api/session/new?i={JSON}")).content)
    call = {"i": JSON, "session": session["session"]}
    action = "/api/session/action"

    illegal = await get_error(fake, "POST", action, {**call, "action": "a b"})
    number = await get_error(fake, "POST", action, {**call, "action": 5})
    undefined = await send_raw(fake, "POST", action, {**call, "action": "query_fruit"})

    assert illegal.endswith("failure to assemble interview: DAError: Illegal variable name")
    assert number.endswith("TypeError: expected string or bytes-like object, got 'int'")
    assert undefined.status == 204


@pytest.mark.parametrize(
    ("permissions", "message"),
    [
        (
            ["manage_packages"],
            "you do not have sufficient privileges to access information about other users",
        ),
        (["access_sessions"], "no user_id provided"),
    ],
)
async def test_a_limited_key_may_not_delete_sessions(
    fake: FakeServer, permissions: list[str], message: str
) -> None:
    """The server does not handle its own refusal."""
    fake._state.users.keys[0].permissions = permissions
    error = await get_error(fake, "DELETE", f"/api/session?i={TEXT}&session=x")
    assert error == f"501 DAException: user_interviews: {message}"
