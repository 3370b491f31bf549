"""The stash of the real server: conversion, lifetime and access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Confidential, ServerError
from tests.live.accounts import limited_client, temporary_account
from tests.live.known_errors import assert_error

if TYPE_CHECKING:
    from tests.live.conftest import Connect

NOT_FOUND = "The stashed data could not be retrieved: {}"
DATA: dict[str, Any] = {
    "note": "Grüße, 李 \U0001f600 \\ \"'<b>",
    "nothing": None,
    "numbers": [0, -1, 1.5, 10**20],
    "flags": {"yes": True, "no": False, "": {}},
    "born": "2001-05-17",
    "thing": {"_class": "docassemble.nowhere.Thing", "instanceName": "thing"},
}
MIDNIGHT = "2001-05-17T00:00:00-04:00"  # in the time zone of the live server
INDIVIDUAL = {"_class": "docassemble.base.util.Individual", "instanceName": "person"}


@pytest.mark.parametrize("options", [{}, {"expire": 60}, {"expire": 0}], ids=str)
async def test_raw_data_is_returned_unchanged(
    da: AsyncDocassemble, options: dict[str, Any]
) -> None:
    """JSON data is returned unchanged; its repr hides it."""
    stash = await da.stash.store(DATA, raw=True, **options)
    first = await da.stash.retrieve(stash.stash_key, stash.secret)
    data = await da.stash.retrieve(stash.stash_key, stash.secret, delete=True)
    await assert_error(da.stash.retrieve(stash.stash_key, stash.secret), 400, NOT_FOUND)

    assert isinstance(data, Confidential)
    assert dict(data) == dict(first) == DATA
    assert "Grüße" not in f"{data!r} {data}"
    assert stash.secret.reveal() not in f"{stash!r}"


async def test_dates_and_objects_are_converted_unless_raw(da: AsyncDocassemble) -> None:
    """Dates get a time and an offset, objects get attributes; unknown classes become null."""
    foreign = {"_class": "elsewhere.Thing", "instanceName": "thing"}
    convertible = {"2001-05-17": 1, "person": INDIVIDUAL, "foreign": foreign, "at": "10:20:30"}

    stash = await da.stash.store(DATA | convertible)
    data = await da.stash.retrieve(stash.stash_key, stash.secret, delete=True)

    individual = data["person"]
    assert data["born"] == MIDNIGHT
    assert data[MIDNIGHT] == 1
    assert data["thing"] is None
    assert isinstance(individual, dict)
    assert individual.items() > INDIVIDUAL.items()
    assert "name" in individual
    assert data["foreign"] == foreign
    assert data["note"] == DATA["note"]
    assert data["at"] == "10:20:30"


async def test_retrieving_changes_the_lifetime(da: AsyncDocassemble) -> None:
    """`refresh` sets a new lifetime; `delete` deletes the data in any case."""
    stash = await da.stash.store({"a": 1}, expire=30)
    for refresh in (60, 0):
        await da.stash.retrieve(stash.stash_key, stash.secret, refresh=refresh)
    data = await da.stash.retrieve(stash.stash_key, stash.secret, refresh=60, delete=True)
    await assert_error(da.stash.retrieve(stash.stash_key, stash.secret), 400, NOT_FOUND)

    assert dict(data) == {"a": 1}


async def test_any_api_key_retrieves_stashed_data(da: AsyncDocassemble, connect: Connect) -> None:
    """Stash key and secret suffice, with any API key."""
    async with (
        temporary_account(da, connect) as account,
        limited_client(da, connect, "template_parse") as limited,
    ):
        stash = await account.da.stash.store({"a": 1})
        data = await limited.stash.retrieve(stash.stash_key, stash.secret, delete=True)

    assert dict(data) == {"a": 1}


async def test_retrieving_needs_key_and_secret(da: AsyncDocassemble) -> None:
    """With a wrong key or secret, retrieving fails and the data is kept."""
    stash, other_stash = await da.stash.store({"a": 1}), await da.stash.store({"b": 2})
    for key, secret in (
        ("unknown", stash.secret),
        (stash.stash_key, "unknown"),
        (stash.stash_key, other_stash.secret),
        (stash.stash_key, ""),
        ("", stash.secret),
    ):
        await assert_error(da.stash.retrieve(key, secret, delete=True), 400, NOT_FOUND)
    results = [
        await da.stash.retrieve(stored.stash_key, stored.secret, delete=True)
        for stored in (stash, other_stash)
    ]

    assert [dict(data) for data in results] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("described", [INDIVIDUAL, DATA["thing"]], ids=["known", "unknown"])
async def test_objects_must_be_stored_raw(da: AsyncDocassemble, described: dict[str, str]) -> None:
    """The server fails if the data is an object of a docassemble class, unless raw is set."""
    with pytest.raises(ServerError) as error:
        await da.stash.store(described)
    stash = await da.stash.store(described, raw=True)
    data = await da.stash.retrieve(stash.stash_key, stash.secret, delete=True)

    assert "Traceback" not in str(error.value)
    assert dict(data) == described
