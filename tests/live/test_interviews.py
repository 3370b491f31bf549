"""Interviews of the real server, and the names in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AccessDenied, AsyncDocassemble, BadRequest
from tests.live.accounts import limited_client, temporary_account
from tests.live.interviews import (
    QUESTIONLESS,
    TEXT_FIELD,
    get_heading,
    get_question,
    temporary_interview,
    temporary_session,
)

if TYPE_CHECKING:
    from tests.live.conftest import Connect
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


async def test_advertised_interviews_are_listed(da: AsyncDocassemble, server: LiveServer) -> None:
    """Each interview has its title, its package, and an absolute or relative link."""
    interviews = await da.interviews.list()
    relative = await da.interviews.list(absolute_urls=False)

    by_file = {interview.filename: interview for interview in interviews}
    questionless = by_file[QUESTIONLESS]
    assert questionless.package == "docassemble.demo"
    assert questionless.title
    assert questionless.metadata["title"] == questionless.title
    assert questionless.link == f"{server.url}/start/questionless/"
    assert (questionless.status_class, questionless.subtitle_class) == (None, None)
    assert [f"{server.url}{interview.link}" for interview in relative] == [
        interview.link for interview in interviews
    ]


async def test_broken_interview_is_listed(da: AsyncDocassemble) -> None:
    """An interview that cannot be loaded is listed by its file name, with CSS classes."""
    interviews = await da.interviews.list()

    [broken] = [interview for interview in interviews if interview.status_class]
    assert broken.title == broken.filename == "docassemble.demo:data/questions/no-such.yml"
    assert (broken.package, broken.metadata, broken.tags) == (None, {}, [])
    assert broken.status_class == "dainterviewhaserror"
    assert broken.subtitle_class == "dainvisible"


async def test_interviews_are_filtered_by_tag(da: AsyncDocassemble) -> None:
    """Only interviews with the tag are listed."""
    interviews = await da.interviews.list()
    tagged = next(interview for interview in interviews if interview.tags)
    matching = await da.interviews.list(tag=tagged.tags[0])
    unmatched = await da.interviews.list(tag="no such tag")

    assert [interview.filename for interview in matching] == [
        interview.filename for interview in interviews if tagged.tags[0] in interview.tags
    ]
    assert len(matching) < len(interviews)
    assert unmatched == []


async def test_list_needs_no_privilege(da: AsyncDocassemble, connect: Connect) -> None:
    """The list needs no privilege, and limited keys need no permission."""
    async with (
        temporary_account(da, connect) as plain,
        limited_client(da, connect, "access_user_info") as limited,
    ):
        lists = [await client.interviews.list() for client in (da, plain.da, limited)]

    assert lists[0] == lists[1] == lists[2]
    assert lists[0]


async def test_data_of_an_uploaded_interview_has_its_names(da: AsyncDocassemble) -> None:
    """The data has the variables and images, and the files of the Playground."""
    async with temporary_interview(da, INTERVIEW) as i:
        data = await da.interviews.get_data(i)

    variables = {variable.var: variable for variable in data.names.var_list}
    assert variables["client"].class_name == "Individual"
    assert variables["client.name.first"].hide is True
    assert "fruit" in variables
    assert "star" in [image.var for image in data.names.images_list]
    assert "Individual" in [class_name.var for class_name in data.names.classes_list]
    assert data.names.functions_list
    assert data.names.templates_list is not None
    assert {"client", "fruit"} <= set(data.vocabulary)


async def test_data_of_a_package_interview_has_its_names(da: AsyncDocassemble) -> None:
    """The data has no files of the Playground."""
    data = await da.interviews.get_data(QUESTIONLESS)

    assert {"favorite_number", "user_agrees_to_waive_penalties"} <= set(data.vocabulary)
    assert data.names.templates_list is None


@pytest.mark.parametrize(
    "i",
    ["docassemble.demo:data/questions/no-such.yml", "question: [\n"],
    ids=["unknown", "not YAML"],
)
async def test_data_of_a_broken_interview_is_an_error(da: AsyncDocassemble, i: str) -> None:
    """A missing interview and invalid YAML are known errors of get_data."""
    async with temporary_interview(da, i) as own:
        with pytest.raises(BadRequest) as error:
            await da.interviews.get_data(i if i.endswith(".yml") else own)

    assert str(error.value.body).startswith("Error finding interview: ")
    assert error.value.hint


async def test_data_needs_a_privilege(da: AsyncDocassemble, connect: Connect) -> None:
    """Developers and limited keys with interview_data may read the data."""
    async with (
        temporary_account(da, connect) as plain,
        temporary_account(da, connect, "developer") as developer,
        limited_client(da, connect, "interview_data") as permitted,
        limited_client(da, connect, "access_sessions") as limited,
    ):
        for client in (plain.da, limited):
            with pytest.raises(AccessDenied) as error:
                await client.interviews.get_data(QUESTIONLESS)
            assert error.value.hint
        responses = [
            await client.interviews.get_data(QUESTIONLESS) for client in (developer.da, permitted)
        ]

    assert all("favorite_number" in data.vocabulary for data in responses)


async def test_clearing_the_cache_needs_a_privilege(da: AsyncDocassemble, connect: Connect) -> None:
    """Developers and limited keys with playground_control may clear it; sessions are kept."""
    async with (
        temporary_account(da, connect) as plain,
        temporary_account(da, connect, "developer") as developer,
        limited_client(da, connect, "playground_control") as permitted,
        limited_client(da, connect, "interview_data") as limited,
        temporary_session(da, TEXT_FIELD) as s,
    ):
        before = await get_question(da, s)
        for client in (plain.da, limited):
            with pytest.raises(AccessDenied):
                await client.interviews.clear_cache()
        for client in (da, developer.da, permitted):
            await client.interviews.clear_cache()
        after = await get_question(da, s)

    assert get_heading(after) == get_heading(before)
