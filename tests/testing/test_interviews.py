"""The list of interviews and their variable names on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, JSONReply, Upload
from tests.testing.conftest import get_error_text
from tests.testing.test_server import make_raw_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]


async def test_interviews_are_listed_with_their_variable_names(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """Interviews with a short name are listed, including those of the configuration."""
    options: dict[str, Any] = {"metadata": {"subtitle": "B"}, "tags": ["demo"]}
    fake.add_interview("docassemble.demo:b.yml", "a", dispatch="b", **options)
    playground = "docassemble.playground1:"
    fake.config["dispatch"] = {"gone": f"{playground}gone.yml", "bad": f"{playground}bad.yml"}

    await da.playground.upload_files([Upload(b"a: [", "bad.yml")], folder="questions")
    listings = await da.interviews.list()
    tagged_listings = await da.interviews.list(tag="demo", absolute_urls=False)
    data = await da.interviews.get_data("docassemble.demo:b.yml")
    await da.interviews.clear_cache()

    assert [listing.link for listing in listings] == [
        "https://docassemble.test/start/b/",
        "https://docassemble.test/start/bad/",
        "https://docassemble.test/start/gone/",
        "https://docassemble.test/start/questionless/",
    ]
    assert [listing.subtitle for listing in listings] == ["B", None, None, None]
    assert {listing.status_class for listing in listings[1:3]} == {"dainterviewhaserror"}
    (tagged,) = tagged_listings
    assert (tagged.link, tagged.metadata["subtitle"]) == ("/start/b/", "B")
    own_names = [item.var for item in data.names.var_list if item.var_type == "default"]
    assert own_names == data.names.undefined_names == ["a"]
    assert {item.name for item in data.names.classes_list if item.methods} >= {"Address"}
    assert "a" in data.vocabulary


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (make_raw_call("GET", "/api/interview_data"), "400 No filename supplied."),
        (lambda da: da.interviews.get_data("x"), "400 Error finding interview: Interview x"),
    ],
)
async def test_invalid_calls_on_interviews_are_refused(
    da: AsyncDocassemble, call: Call, expected: str
) -> None:
    """Each error has the same text as on a real server."""
    error = await get_error_text(call(da))

    assert error.startswith(expected)


@pytest.mark.parametrize("added", ["docassemble.a:b.yml", "docassemble.a:data/questions/b.yml"])
@pytest.mark.parametrize("exact_name", [True, False])
async def test_interview_starts_under_its_short_and_its_full_name(
    da: AsyncDocassemble, fake: FakeServer, added: str, *, exact_name: bool
) -> None:
    """The folder data/questions/ in the name of an interview makes no difference."""
    fake.add_interview(added, final=lambda _: {"total": 3})

    async with da.interview("docassemble.a:b.yml", exact_name=exact_name).session() as s:
        assert await s.question() == JSONReply({"total": 3})
