"""The stash of the real server: what comes back, for how long and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Confidential, ServerError
from tests.live.people import limited, person
from tests.live.refusals import refused

if TYPE_CHECKING:
    from tests.live.conftest import Connect, Run

LOST = "The stashed data could not be retrieved: {}"
DATA: dict[str, Any] = {
    "note": "Grüße, 李 \U0001f600 \\ \"'<b>",
    "nothing": None,
    "numbers": [0, -1, 1.5, 10**20],
    "flags": {"yes": True, "no": False, "": {}},
    "born": "2001-05-17",
    "thing": {"_class": "docassemble.nowhere.Thing", "instanceName": "thing"},
}
MIDNIGHT = "2001-05-17T00:00:00-04:00"  # in the time zone of the live server
PERSON = {"_class": "docassemble.base.util.Individual", "instanceName": "person"}


@pytest.mark.parametrize("keep", [{}, {"expire": 60}, {"expire": 0}], ids=str)
def test_raw_data_comes_back_as_it_was(run: Run, keep: dict[str, Any]) -> None:
    """Whatever JSON can say comes back the same, hidden in its repr."""

    async def job(da: AsyncDocassemble) -> None:
        stash = await da.stash.store(DATA, raw=True, **keep)
        again = await da.stash.retrieve(stash.stash_key, stash.secret)
        data = await da.stash.retrieve(stash.stash_key, stash.secret, delete=True)
        await refused(da.stash.retrieve(stash.stash_key, stash.secret), 400, LOST)

        assert isinstance(data, Confidential)
        assert dict(data) == dict(again) == DATA
        assert "Grüße" not in f"{data!r} {data}"
        assert stash.secret.reveal() not in f"{stash!r}"

    run(job)


def test_dates_and_objects_are_converted_unless_raw(run: Run) -> None:
    """Dates get a time and an offset, objects their attributes; unknown classes are lost."""
    foreign = {"_class": "elsewhere.Thing", "instanceName": "thing"}
    looks = {"2001-05-17": 1, "person": PERSON, "foreign": foreign, "at": "10:20:30"}

    async def job(da: AsyncDocassemble) -> None:
        stash = await da.stash.store(DATA | looks)
        data = await da.stash.retrieve(stash.stash_key, stash.secret, delete=True)

        made = data["person"]
        assert data["born"] == MIDNIGHT
        assert data[MIDNIGHT] == 1
        assert data["thing"] is None
        assert isinstance(made, dict)
        assert made.items() > PERSON.items()
        assert "name" in made
        assert data["foreign"] == foreign
        assert data["note"] == DATA["note"]
        assert data["at"] == "10:20:30"

    run(job)


def test_lifetime_is_changed_by_a_look(run: Run) -> None:
    """A look keeps the data for a given time from now; with delete it goes all the same."""

    async def job(da: AsyncDocassemble) -> None:
        stash = await da.stash.store({"a": 1}, expire=30)
        for refresh in (60, 0):
            await da.stash.retrieve(stash.stash_key, stash.secret, refresh=refresh)
        data = await da.stash.retrieve(stash.stash_key, stash.secret, refresh=60, delete=True)
        await refused(da.stash.retrieve(stash.stash_key, stash.secret), 400, LOST)

        assert dict(data) == {"a": 1}

    run(job)


def test_any_key_fetches_what_another_stashed(run: Run, connect: Connect) -> None:
    """Identifier and secret are enough, for whatever key."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as one, limited(da, connect, "template_parse") as other:
            stash = await one.da.stash.store({"a": 1})
            data = await other.stash.retrieve(stash.stash_key, stash.secret, delete=True)

        assert dict(data) == {"a": 1}

    run(job)


def test_both_parts_must_be_right(run: Run) -> None:
    """A wrong identifier or secret brings nothing, and the data stays."""

    async def job(da: AsyncDocassemble) -> None:
        stash, other = await da.stash.store({"a": 1}), await da.stash.store({"b": 2})
        for key, secret in (
            ("unknown", stash.secret),
            (stash.stash_key, "unknown"),
            (stash.stash_key, other.secret),
            (stash.stash_key, ""),
            ("", stash.secret),
        ):
            await refused(da.stash.retrieve(key, secret, delete=True), 400, LOST)
        both = [
            await da.stash.retrieve(one.stash_key, one.secret, delete=True)
            for one in (stash, other)
        ]

        assert [dict(data) for data in both] == [{"a": 1}, {"b": 2}]

    run(job)


@pytest.mark.parametrize("thing", [PERSON, DATA["thing"]], ids=["known", "unknown"])
def test_object_itself_must_be_raw(run: Run, thing: dict[str, str]) -> None:
    """Data that is itself an object of a docassemble class makes the server fail, unless raw."""

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(ServerError) as error:
            await da.stash.store(thing)
        stash = await da.stash.store(thing, raw=True)
        data = await da.stash.retrieve(stash.stash_key, stash.secret, delete=True)

        assert "Traceback" not in str(error.value)
        assert dict(data) == thing

    run(job)
