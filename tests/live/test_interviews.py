"""The interviews a real server offers, and the names they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AccessDenied, AsyncDocassemble, BadRequest
from tests.live.interviews import QUESTIONLESS, TEXT_FIELD, ask, heading, own_interview, session_of
from tests.live.people import limited, person

if TYPE_CHECKING:
    from tests.live.conftest import Connect, Run
    from tests.live.server import LiveServer

INTERVIEW = """
modules:
  - docassemble.base.util
---
objects:
  - client: Individual
---
mandatory: True
code: |
  client.name.first
  fruit = "apple"
  the_end
---
question: Name?
fields:
  - First: client.name.first
---
event: the_end
question: The end
---
images:
  star: docassemble.demo:data/static/demo.png
"""


def test_advertised_interviews_are_listed(run: Run, server: LiveServer) -> None:
    """Each advertised interview has its title, its package and a link, whole or without host."""

    async def job(da: AsyncDocassemble) -> None:
        listed = await da.interviews.list()
        relative = await da.interviews.list(absolute_urls=False)

        by_file = {one.filename: one for one in listed}
        questionless = by_file[QUESTIONLESS]
        assert questionless.package == "docassemble.demo"
        assert questionless.title
        assert questionless.metadata["title"] == questionless.title
        assert questionless.link == f"{server.url}/start/questionless/"
        assert (questionless.status_class, questionless.subtitle_class) == (None, None)
        assert [f"{server.url}{one.link}" for one in relative] == [one.link for one in listed]

    run(job)


def test_advertised_interview_that_cannot_be_loaded_is_listed(run: Run) -> None:
    """It is listed by its file name, with classes for the web page and without a package."""

    async def job(da: AsyncDocassemble) -> None:
        listed = await da.interviews.list()

        [broken] = [one for one in listed if one.status_class]
        assert broken.title == broken.filename == "docassemble.demo:data/questions/no-such.yml"
        assert (broken.package, broken.metadata, broken.tags) == (None, {}, [])
        assert broken.status_class == "dainterviewhaserror"
        assert broken.subtitle_class == "dainvisible"

    run(job)


def test_interviews_are_filtered_by_tag(run: Run) -> None:
    """A tag narrows the list to the interviews that have it."""

    async def job(da: AsyncDocassemble) -> None:
        listed = await da.interviews.list()
        tagged = next(one for one in listed if one.tags)
        some = await da.interviews.list(tag=tagged.tags[0])
        none = await da.interviews.list(tag="no such tag")

        assert [one.filename for one in some] == [
            one.filename for one in listed if tagged.tags[0] in one.tags
        ]
        assert len(some) < len(listed)
        assert none == []

    run(job)


def test_anybody_may_see_what_is_advertised(run: Run, connect: Connect) -> None:
    """The list needs no privilege, and a limited key no permission."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as plain,
            limited(da, connect, "access_user_info") as few,
        ):
            lists = [await one.interviews.list() for one in (da, plain.da, few)]

        assert lists[0] == lists[1] == lists[2]
        assert lists[0]

    run(job)


def test_interview_tells_its_names(run: Run) -> None:
    """Variables, pictures and the Playground's files come for an interview of one's own."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_interview(da, INTERVIEW) as i:
            data = await da.interviews.get_data(i)

        variables = {one.var: one for one in data.names.var_list}
        assert variables["client"].class_name == "Individual"
        assert variables["client.name.first"].hide is True
        assert "fruit" in variables
        assert "star" in [one.var for one in data.names.images_list]
        assert "Individual" in [one.var for one in data.names.classes_list]
        assert data.names.functions_list
        assert data.names.templates_list is not None
        assert {"client", "fruit"} <= set(data.vocabulary)

    run(job)


def test_interview_of_a_package_tells_its_names(run: Run) -> None:
    """For other interviews the Playground's files are absent."""

    async def job(da: AsyncDocassemble) -> None:
        data = await da.interviews.get_data(QUESTIONLESS)

        assert {"favorite_number", "user_agrees_to_waive_penalties"} <= set(data.vocabulary)
        assert data.names.templates_list is None

    run(job)


@pytest.mark.parametrize(
    "i",
    ["docassemble.demo:data/questions/no-such.yml", "question: [\n"],
    ids=["unknown", "not YAML"],
)
def test_interview_that_cannot_be_loaded_tells_why(run: Run, i: str) -> None:
    """A missing interview and one with an error are known errors of get_data."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_interview(da, i) as own:
            with pytest.raises(BadRequest) as error:
                await da.interviews.get_data(i if i.endswith(".yml") else own)

        assert str(error.value.body).startswith("Error finding interview: ")
        assert error.value.hint

    run(job)


def test_names_of_interviews_need_a_privilege(run: Run, connect: Connect) -> None:
    """Developers, and limited keys with interview_data, see them; others do not."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as plain,
            person(da, connect, "developer") as developer,
            limited(da, connect, "interview_data") as some,
            limited(da, connect, "access_sessions") as few,
        ):
            for refused in (plain.da, few):
                with pytest.raises(AccessDenied) as error:
                    await refused.interviews.get_data(QUESTIONLESS)
                assert error.value.hint
            seen = [await one.interviews.get_data(QUESTIONLESS) for one in (developer.da, some)]

        assert all("favorite_number" in one.vocabulary for one in seen)

    run(job)


def test_cache_is_cleared_by_those_who_write_interviews(run: Run, connect: Connect) -> None:
    """Developers and limited keys with playground_control may; sessions stay as they are."""

    async def job(da: AsyncDocassemble) -> None:
        async with (
            person(da, connect) as plain,
            person(da, connect, "developer") as developer,
            limited(da, connect, "playground_control") as some,
            limited(da, connect, "interview_data") as few,
            session_of(da, TEXT_FIELD) as s,
        ):
            before = await ask(da, s)
            for refused in (plain.da, few):
                with pytest.raises(AccessDenied):
                    await refused.interviews.clear_cache()
            for allowed in (da, developer.da, some):
                await allowed.interviews.clear_cache()
            after = await ask(da, s)

        assert heading(after) == heading(before)

    run(job)
