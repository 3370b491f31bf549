"""The comparison of two servers by random calls, without a real server."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.testing import FakeServer
from tests.live.differential.calls import Body, Call, Reference, Response, Text
from tests.live.differential.comparison import Difference, compare
from tests.live.differential.generator import ENDPOINTS
from tests.live.differential.report import KnownDifference, Report, read_known_differences
from tests.live.differential.runner import Result, run
from tests.testing.server_setups import set_up_server

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.sockets
CALL = Call(method="GET", route="/api/user", path=Text(("/api/user",)))


def make_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Make a JSON response."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, content)


def get_kinds(real: Response, fake: Response, *pairs: Reference, call: Call = CALL) -> list[str]:
    """Compare two responses; return the kinds of the differences."""
    return [difference.kind for difference in compare(call, real, fake, pairs)]


def test_two_fake_servers_do_not_differ() -> None:
    """Random IDs, keys, secrets and times are no differences; what was created is deleted."""
    fake = FakeServer()
    set_up_server(fake)
    first_account = fake._state.admin
    with fake.serve() as url:
        results = list(run(url, fake.api_key, seed="x", count=250))

    report = Report()
    for result in results:
        report.add(result)
    kinds = Counter(kind for _, kind, *_ in report.groups)
    assert kinds["status"] == kinds["shape"] == kinds["text"] == 0, list(report.iter_lines())
    assert report.calls == 250
    assert report.successes > 60
    assert report.get_shares()["status"] == 1
    accounts = [account for account in fake._state.users.iter_accounts() if account.active]
    assert accounts == [first_account]


def test_the_same_seed_makes_the_same_calls() -> None:
    """So a difference can be looked at again."""
    fake = FakeServer()
    with fake.serve() as url:
        calls = [
            [str(result.call)[:20] for result in run(url, fake.api_key, seed="x", count=15)]
            for _ in range(2)
        ]

    assert calls[0] == calls[1]


def test_every_operation_is_called() -> None:
    """And some paths that are not documented."""
    pairs = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert len(pairs) > 69
    assert ("GET", "/api/playground_pull") in pairs


@pytest.mark.parametrize(
    ("real", "fake", "kinds"),
    [
        (make_response({"a": 1}), make_response({"a": 1}), []),
        (make_response("x", 403), make_response({"a": 1}), ["status"]),
        (make_response("x", 400), make_response("y", 400), ["text"]),
        (make_response({"a": 1}), make_response({"a": "1"}), ["shape"]),
        (make_response({"a": 1}), make_response({"a": 2}), ["value"]),
        (make_response({"a": [1, 2]}), make_response({"a": [1]}), ["value"]),
        (make_response(b"x"), make_response(b"y"), ["value"]),
        (make_response(1), make_response(1, headers={"content-type": "text/html"}), ["type"]),
        (make_response(1, headers={"allow": "A, B"}), make_response(1), ["header"]),
        (
            make_response(1, headers={"allow": "A, B"}),
            make_response(1, headers={"allow": "B, A"}),
            [],
        ),
        (make_response(1, headers={"etag": "x"}), make_response(1), ["header"]),
    ],
)
def test_a_difference_has_a_kind(real: Response, fake: Response, kinds: list[str]) -> None:
    """A different status hides all others."""
    assert get_kinds(real, fake) == kinds


def test_generated_values_are_no_differences() -> None:
    """IDs that were learned from responses, times, addresses, random texts."""
    pair = Reference("session", ("realsession", "fakesession"))
    real = make_response({"s": "in realsession", "t": "2026-01-01T10:00:00", "r": "abcdefgh"})
    fake = make_response({"s": "in fakesession", "t": "2026-02-03T11:12:13", "r": "hgfedcba"})

    assert get_kinds(real, fake, pair) == []
    assert get_kinds(real, fake) == ["value"]
    html = b"<html><title>Error</title><blockquote class='b'>KeyError: 'x'</blockquote></html>"
    other = b"<html><title>Other</title><blockquote>KeyError: 'x'\nmore</blockquote></html>"
    assert get_kinds(make_response(html, 501), make_response(other, 501)) == []


def test_a_call_describes_itself() -> None:
    """With names instead of generated values."""
    user = Reference("user", (7, 3))
    body = Body("multipart", {"a": user, "b": ["x" * 200]}, (("up", "a.txt", b"x"),))
    call = Call(
        method="POST",
        route="/api/user/{user_id}",
        path=Text(("/api/user/", user)),
        query=(("q", user),),
        key="k",
        key_place="cookie",
        role="admin",
        body=body,
        headers={"Origin": "x"},
    )

    text = str(call)
    assert text.startswith("POST /api/user/<user> q=<user>[admin in cookie] multipart")
    assert text.endswith("...['a.txt'] {'Origin': 'x'}")


def test_known_differences_are_counted_but_not_listed() -> None:
    """Each has a reason; a report lists the others by operation, the most frequent first."""
    assert all(known.reason.endswith(".") for known in read_known_differences())
    report = Report()
    known = {"call": "GET /api/user", "kind": "text", "real": "^x$", "fake": "", "reason": "."}
    report.known = [KnownDifference.from_entry(known)]

    for real in ("x", "z"):
        difference = Difference("text", real, "y")
        responses = make_response(real, 400), make_response("y", 400)
        report.add(Result("s", CALL, *responses, [difference]))

    lines = list(report.iter_lines())
    assert lines[0] == "1 calls of GET /api/user: text"
    assert "    real: z" in lines
    assert report.get_shares()["text"] == 0
    assert "2 calls (0 accepted, 2 refused by both)" in lines[-1]
