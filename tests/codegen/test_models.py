"""Responses decoded by generated models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs
import pytest

if TYPE_CHECKING:
    from tests.codegen.harness import Generate


def _build_model(fields: str, more: str = "") -> str:
    return f"""
{more}
models:
  Thing:
    doc: A thing.
    fields:
      {fields}
operations:
  get: {{call: GET /api/thing, returns: {{200: Thing}}}}
"""


async def test_missing_required_field_is_a_decode_error(generate: Generate) -> None:
    """A field that is neither optional nor null must be present; the error names it."""
    client = generate(_build_model("id: {type: int, doc: Number.}"))

    with pytest.raises(client.errors.DecodeError, match="id is missing"):
        await client.call_with_response("get", {})


async def test_value_of_another_type_is_a_decode_error(generate: Generate) -> None:
    """A value of another type is not a valid response of the operation."""
    client = generate(_build_model("id: {type: int, doc: Number.}"))

    with pytest.raises(client.errors.DecodeError, match="expected int, got list"):
        await client.call_with_response("get", {"id": []})


async def test_field_is_read_from_its_wire_name(generate: Generate) -> None:
    """wire: is the key in the JSON; the name in the specification is the attribute."""
    client = generate(_build_model("number: {type: int, wire: Thing-No, doc: Number.}"))

    thing = await client.call_with_response("get", {"Thing-No": 7})

    assert thing == client.models.Thing(number=7)
    assert thing.extra == {}


async def test_absent_optional_field_is_none(generate: Generate) -> None:
    """If null is never sent, None means absent."""
    client = generate(_build_model("name: {type: str, optional: true, doc: Name.}"))

    absent = await client.call_with_response("get", {})
    present = await client.call_with_response("get", {"name": "x"})

    assert absent.name is None
    assert present.name == "x"


async def test_nullable_field_is_required(generate: Generate) -> None:
    """A field that may be null is still required."""
    client = generate(_build_model('name: {type: str, "null": true, doc: Name.}'))

    assert (await client.call_with_response("get", {"name": None})).name is None
    with pytest.raises(client.errors.DecodeError, match="name is missing"):
        await client.call_with_response("get", {})


async def test_optional_nullable_field_distinguishes_absent_and_null(generate: Generate) -> None:
    """If null and absence mean different things, an absent field is UNSET."""
    client = generate(_build_model('name: {type: str, "null": true, optional: true, doc: Name.}'))
    unset = client.import_module("_types").UNSET

    absent = await client.call_with_response("get", {})
    null = await client.call_with_response("get", {"name": None})

    assert absent.name is unset
    assert null.name is None
    assert absent != null


async def test_required_fields_may_follow_optional_ones(generate: Generate) -> None:
    """Fields may be in any order in the specification."""
    client = generate(
        _build_model("""first: {type: str, optional: true, doc: First.}
      second: {type: str, doc: Second.}""")
    )

    thing = await client.call_with_response("get", {"second": "2"})
    names = [field.name for field in attrs.fields(client.models.Thing)]

    assert (thing.first, thing.second) == (None, "2")
    assert names == ["second", "first", "extra"]


async def test_open_enumeration_accepts_unknown_values(generate: Generate) -> None:
    """A newer server may have more values than the specification."""
    client = generate(
        _build_model(
            "state: {type: State, doc: State.}", "enums: {State: {doc: States., values: [new]}}"
        )
    )

    assert (await client.call_with_response("get", {"state": "new"})).state == "new"
    assert (await client.call_with_response("get", {"state": "newer"})).state == "newer"


async def test_closed_enumeration_refuses_unknown_values(generate: Generate) -> None:
    """closed: true means that there are no other values."""
    client = generate(
        _build_model(
            "state: {type: State, doc: State.}",
            "enums: {State: {doc: States., values: [new, old], closed: true}}",
        )
    )

    assert (await client.call_with_response("get", {"state": "old"})).state == "old"
    with pytest.raises(client.errors.DecodeError):
        await client.call_with_response("get", {"state": "newer"})


async def test_unknown_keys_are_kept_in_extra(generate: Generate) -> None:
    """No data is lost, and new keys of newer servers are accepted."""
    client = generate(_build_model("id: {type: int, doc: Number.}"))

    thing = await client.call_with_response("get", {"id": 1, "new": [2]})

    assert thing.extra == {"new": [2]}


async def test_models_nest_in_lists_and_maps(generate: Generate) -> None:
    """Types nest, in any order of definition."""
    client = generate("""
models:
  Box: {doc: A box., fields: {things: {type: "list[Thing]", doc: In it.}}}
  Thing: {doc: A thing., fields: {boxes: {type: "map[list[Box]]", doc: Inside., optional: true}}}
operations:
  get: {call: GET /api/box, returns: {200: Box}}
""")
    thing, box = client.models.Thing, client.models.Box

    result = await client.call_with_response(
        "get", {"things": [{"boxes": {"a": [{"things": []}]}}, {}]}
    )

    assert result == box(things=[thing(boxes={"a": [box(things=[])]}), thing()])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 1),
        ("float", 1.5),
        ("bool", True),
        ("str", "x"),
        ("json", [None, {"a": 1}]),
        ("object", {"a": [1]}),
        ("list[bool]", [True, False]),
        ("map[object]", {"a": {"b": None}}),
    ],
)
async def test_value_of_each_type_is_decoded_unchanged(
    generate: Generate, kind: str, value: object
) -> None:
    """Every type of the specification has a Python type that holds the JSON value."""
    client = generate(_build_model(f'value: {{type: "{kind}", doc: Value.}}'))

    result = await client.call_with_response("get", {"value": value})

    assert result.value == value
    assert type(result.value) is type(value)


async def test_time_is_also_a_datetime(generate: Generate) -> None:
    """datetime_property: adds a property; it is None if the field is no text or not a time."""
    words = "type: str, 'null': true, optional: true, datetime_property: started_at, doc: T."
    client = generate(_build_model(f"start: {{{words}}}"))

    async def read_time(response: dict[str, Any]) -> datetime | None:
        thing = await client.call_with_response("get", response)
        started_at: datetime | None = thing.started_at
        return started_at

    assert await read_time({"start": "2026-11-22T20:44:54.5"}) == datetime(
        2026, 11, 22, 20, 44, 54, 500_000, UTC
    )
    assert [await read_time(response) for response in ({"start": "soon"}, {"start": None}, {})] == [
        None, None, None
    ]  # fmt: skip


async def test_sensitive_field_is_hidden_in_repr(generate: Generate) -> None:
    """The repr shows that there is a sensitive value, but not the value."""
    client = generate(_build_model("url: {type: str, sensitive: true, doc: Link.}"))

    thing = await client.call_with_response("get", {"url": "example-token"})

    assert thing.url == "example-token"
    assert "example-token" not in repr(thing)
    assert "url=" in repr(thing)


async def test_sensitive_field_may_be_renamed_and_absent(generate: Generate) -> None:
    """sensitive, wire and optional can be combined."""
    client = generate(
        _build_model("url: {type: str, sensitive: true, optional: true, wire: U, doc: L.}")
    )

    absent = await client.call_with_response("get", {})
    present = await client.call_with_response("get", {"U": "example-token"})

    assert (absent.url, present.url) == (None, "example-token")
    assert repr(absent) == "Thing(url=None)"
    assert "example-token" not in repr(present)


async def test_secrets_are_hidden_in_repr(generate: Generate) -> None:
    """A secret is wrapped; only reveal() returns it."""
    client = generate(_build_model("password: {type: secret, doc: Password.}"))

    thing = await client.call_with_response("get", {"password": "example-password"})

    assert thing.password.reveal() == "example-password"
    assert "example-password" not in f"{thing!r} {thing.password}"


async def test_confidential_objects_show_only_their_keys(generate: Generate) -> None:
    """The values of a confidential object can be read, but are not in its repr."""
    client = generate(_build_model("answers: {type: confidential, doc: Answers.}"))

    thing = await client.call_with_response("get", {"answers": {"name": "example-name"}})

    assert thing.answers["name"] == "example-name"
    assert "name" in repr(thing)
    assert "example-name" not in repr(thing)


def test_models_cannot_be_changed(generate: Generate) -> None:
    """Models are frozen."""
    client = generate(_build_model("id: {type: int, doc: Number.}"))
    thing = client.models.Thing(id=1)

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        thing.id = 2


async def test_union_is_discriminated_by_its_key(generate: Generate) -> None:
    """The string under the key selects the model, an unknown one the default; without it, JSON."""
    client = generate("""
models:
  File: {doc: A file., fields: {kind: {type: str, doc: Kind.}, size: {type: int, doc: Bytes.}}}
  Other: {doc: Anything else., fields: {kind: {type: str, doc: Kind.}}}
  Reply: {doc: A reply., union: {key: kind, cases: {file: File}, default: Other}}
operations:
  get: {call: GET /api/thing, returns: {200: Reply}}
""")
    models, reply = client.models, client.import_module("responses").JSONReply

    file = await client.call_with_response("get", {"kind": "file", "size": 1})
    assert file == models.File(kind="file", size=1)
    assert await client.call_with_response("get", {"kind": "new"}) == models.Other(kind="new")
    assert await client.call_with_response("get", {"size": 1}) == reply({"size": 1})
    assert await client.call_with_response("get", [1]) == reply([1])
    assert sorted(models.__all__) == ["File", "Other", "Reply"]


async def test_specification_without_models_makes_an_empty_module(generate: Generate) -> None:
    """Models and enumerations are optional."""
    client = generate("operations: {go: {call: POST /api/go}}")

    assert client.models.__all__ == []
    assert await client.call("go") is None


def test_models_of_several_files_can_use_each_other(generate: Generate) -> None:
    """A model may be used in another file; names are sorted."""
    client = generate(
        _build_model("id: {type: Number, doc: Number.}"),
        """
tag: boxes
enums: {Number: {doc: Numbers., values: ["1"]}}
models: {Box: {doc: A box., fields: {thing: {type: Thing, doc: In it.}}}}
operations: {get: {call: GET /api/box, returns: {200: Box}}}
""",
    )
    models: Any = client.models

    assert models.Box(thing=models.Thing(id="1")).thing.id == "1"
    assert models.__all__ == ["Box", "Number", "Thing"]
