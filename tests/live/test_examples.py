"""Interviews with all types of questions and fields on the real server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from attrs import field, frozen

from docassemble_client import UNSET, Question, SessionReply
from tests.live.example_interviews import (
    DATATYPES,
    EXAMPLES,
    INPUT_TYPES,
    NEVER_SENT,
    OWN_INTERVIEWS,
    QUESTION_TYPES,
    QUESTION_VARIETIES,
    SCREEN_MODELS,
    TYPES_WITHOUT_ANSWER,
)
from tests.live.interviews import temporary_interview, temporary_session
from tests.live.sample_answers import send_answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from docassemble_client import AsyncDocassemble


@frozen
class SeenTypes:
    """Types and attributes that the interviews of this module have shown."""

    interviews: set[str] = field(factory=set)
    question_types: set[str] = field(factory=set)
    varieties: set[str] = field(factory=set)
    datatypes: set[str] = field(factory=set)
    input_types: set[str] = field(factory=set)
    attributes: set[str] = field(factory=set)

    def add(self, reply: object) -> None:
        """Add the types and attributes of a reply."""
        self.question_types.add(getattr(reply, "question_type", type(reply).__name__))
        if isinstance(reply, Question):
            fields = reply.fields or []
            self.varieties.update(filter(None, [reply.question_variety]))
            self.datatypes.update(
                question_field.datatype for question_field in fields if question_field.datatype
            )
            self.input_types.update(
                question_field.inputtype for question_field in fields if question_field.inputtype
            )
        self.attributes.update(list_attributes(reply))


@pytest.fixture(scope="module")
def seen_types() -> SeenTypes:
    """Collect the types and attributes that the interviews show."""
    return SeenTypes()


def iterate_models(value: Any) -> Iterator[Any]:
    """Iterate over a model and all models below it."""
    if attrs.has(type(value)):
        yield value
        for attribute in attrs.fields(type(value)):
            yield from iterate_models(getattr(value, attribute.name))
    elif isinstance(value, list):
        for item in value:
            yield from iterate_models(item)


def find_unknown_keys(value: Any) -> list[str]:
    """Find keys without an attribute of the model."""
    return [
        f"{type(model).__name__}.{name}"
        for model in iterate_models(value)
        for name in getattr(model, "extra", {})
    ]


def list_attributes(value: Any) -> Iterator[str]:
    """List the attributes with a value, with their class."""
    for model in iterate_models(value):
        for attribute in attrs.fields(type(model)):
            if getattr(model, attribute.name) not in (None, UNSET):
                yield f"{type(model).__name__}.{attribute.name}"


def identify_screen(reply: SessionReply | None) -> object:
    """Return what distinguishes a screen, even if one block shows several screens."""
    if not isinstance(reply, Question):
        return reply
    return (
        reply.question_name,
        reply.question_text,
        [question_field.label for question_field in reply.fields or []],
    )


@asynccontextmanager
async def open_interview(da: AsyncDocassemble, name: str) -> AsyncGenerator[str]:
    """Yield the file name of an example, or upload an own interview."""
    if name in OWN_INTERVIEWS:
        async with temporary_interview(da, OWN_INTERVIEWS[name]) as i:
            yield i
    else:
        yield name


@pytest.mark.parametrize("name", [*EXAMPLES, *OWN_INTERVIEWS])
async def test_first_screen_is_answered(
    da: AsyncDocassemble, seen_types: SeenTypes, name: str
) -> None:
    """Any screen decodes without unknown keys; its answer leads to another screen."""
    async with open_interview(da, name) as i, temporary_session(da, i) as s:
        first = await da.sessions.get_question(i, s.session, secret=s.secret)
        replies: list[SessionReply | None] = [first]
        if isinstance(first, Question) and first.question_type not in TYPES_WITHOUT_ANSWER:
            replies.append(await send_answer(da, s, first))

    assert find_unknown_keys(replies) == []
    assert len({repr(identify_screen(reply)) for reply in replies}) == len(replies)
    for reply in replies:
        seen_types.add(reply)
    seen_types.interviews.add(name)


def test_every_type_of_question_and_field_is_shown(seen_types: SeenTypes) -> None:
    """The interviews show every question type, variety, datatype and input type."""
    if seen_types.interviews < {*EXAMPLES, *OWN_INTERVIEWS}:
        pytest.skip("only some interviews ran")

    assert seen_types.question_types >= QUESTION_TYPES
    assert seen_types.varieties == QUESTION_VARIETIES
    assert seen_types.datatypes >= DATATYPES
    assert seen_types.input_types == INPUT_TYPES


@pytest.mark.since("1.10")
def test_every_attribute_of_a_screen_is_sent(seen_types: SeenTypes) -> None:
    """The server sends every attribute of the models of screens, except those in NEVER_SENT."""
    if seen_types.interviews < {*EXAMPLES, *OWN_INTERVIEWS}:
        pytest.skip("only some interviews ran")

    attributes = {
        f"{model.__name__}.{attribute.name}"
        for model in SCREEN_MODELS
        for attribute in attrs.fields(model)
    }

    assert attributes - seen_types.attributes == NEVER_SENT.keys()
