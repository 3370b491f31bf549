"""Interviews of many kinds on the real server: each is started, read and answered."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from attrs import field, frozen

from docassemble_client import UNSET, Question, SessionReply
from tests.live.answering import send_answer
from tests.live.interviews import own_interview, session_of
from tests.live.kinds import (
    DATATYPES,
    EXAMPLES,
    INPUT_TYPES,
    OWN,
    QUESTION_TYPES,
    SCREEN_MODELS,
    SILENT,
    UNMET,
    VARIETIES,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Run


@frozen
class Met:
    """What the interviews of this module have shown."""

    interviews: set[str] = field(factory=set)
    question_types: set[str] = field(factory=set)
    varieties: set[str] = field(factory=set)
    datatypes: set[str] = field(factory=set)
    input_types: set[str] = field(factory=set)
    attributes: set[str] = field(factory=set)

    def note(self, reply: object) -> None:
        """Note what kinds an answer of a session has."""
        self.question_types.add(getattr(reply, "question_type", type(reply).__name__))
        if isinstance(reply, Question):
            fields = reply.fields or []
            self.varieties.update(filter(None, [reply.question_variety]))
            self.datatypes.update(one.datatype for one in fields if one.datatype)
            self.input_types.update(one.inputtype for one in fields if one.inputtype)
        self.attributes.update(given(reply))


@pytest.fixture(scope="module")
def met() -> Met:
    """Collect what the interviews show."""
    return Met()


def parts_of(value: Any) -> Iterator[Any]:
    """Walk a model and every model below it."""
    if attrs.has(type(value)):
        yield value
        for attribute in attrs.fields(type(value)):
            yield from parts_of(getattr(value, attribute.name))
    elif isinstance(value, list):
        for part in value:
            yield from parts_of(part)


def unknown_keys(value: Any) -> list[str]:
    """Find every key that a model has no attribute for."""
    return [
        f"{type(part).__name__}.{name}"
        for part in parts_of(value)
        for name in getattr(part, "extra", {})
    ]


def given(value: Any) -> Iterator[str]:
    """Name the attributes that the server has given a value, with their class."""
    for part in parts_of(value):
        for attribute in attrs.fields(type(part)):
            if getattr(part, attribute.name) not in (None, UNSET):
                yield f"{type(part).__name__}.{attribute.name}"


def screen(reply: SessionReply | None) -> object:
    """What tells one screen from another, also where the same block asks for several things."""
    if not isinstance(reply, Question):
        return reply
    return reply.question_name, reply.question_text, [one.label for one in reply.fields or []]


@asynccontextmanager
async def interview(da: AsyncDocassemble, name: str) -> AsyncGenerator[str]:
    """Yield the file name of an example, or of an interview of our own."""
    if name in OWN:
        async with own_interview(da, OWN[name]) as i:
            yield i
    else:
        yield name


@pytest.mark.parametrize("name", [*EXAMPLES, *OWN])
def test_interview_is_driven_from_its_first_screen_to_the_next(
    run: Run, met: Met, name: str
) -> None:
    """Any screen decodes without a key left over, and its answer leads to another one."""

    async def job(da: AsyncDocassemble) -> None:
        async with interview(da, name) as i, session_of(da, i) as s:
            first = await da.sessions.get_question(i, s.session, secret=s.secret)
            replies: list[SessionReply | None] = [first]
            if isinstance(first, Question) and first.question_type not in SILENT:
                replies.append(await send_answer(da, s, first))

        assert unknown_keys(replies) == []
        assert len({repr(screen(reply)) for reply in replies}) == len(replies)
        for reply in replies:
            met.note(reply)
        met.interviews.add(name)

    run(job)


def test_every_kind_of_question_and_field_was_met(met: Met) -> None:
    """The interviews show every question type, variety, datatype and input type there is."""
    if met.interviews < {*EXAMPLES, *OWN}:
        pytest.skip("only some interviews were driven")

    assert met.question_types >= QUESTION_TYPES
    assert met.varieties == VARIETIES
    assert met.datatypes >= DATATYPES
    assert met.input_types == INPUT_TYPES


@pytest.mark.since("1.10")
def test_every_attribute_of_a_screen_was_met(met: Met) -> None:
    """No model of a screen has an attribute that the server never sends, but for known ones."""
    if met.interviews < {*EXAMPLES, *OWN}:
        pytest.skip("only some interviews were driven")

    described = {
        f"{model.__name__}.{attribute.name}"
        for model in SCREEN_MODELS
        for attribute in attrs.fields(model)
    }

    assert described - met.attributes == UNMET.keys()
