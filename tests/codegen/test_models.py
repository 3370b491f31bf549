"""What generated models make of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

if TYPE_CHECKING:
    from tests.codegen.harness import Generate


def _thing(fields: str, more: str = "") -> str:
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


def test_missing_required_field_is_a_decode_error(generate: Generate) -> None:
    """A field that is neither optional nor null must be there, and the error names it."""
    client = generate(_thing("id: {type: int, doc: Number.}"))

    with pytest.raises(client.errors.DecodeError, match="id is missing"):
        client.answered("get", {})


def test_value_of_another_type_is_a_decode_error(generate: Generate) -> None:
    """A value that is not of the field's type is no answer of this operation."""
    client = generate(_thing("id: {type: int, doc: Number.}"))

    with pytest.raises(client.errors.DecodeError, match="expected int, got list"):
        client.answered("get", {"id": []})


def test_field_is_read_from_its_name_on_the_wire(generate: Generate) -> None:
    """wire: is the key in the JSON, the name in the specification that of the attribute."""
    client = generate(_thing("number: {type: int, wire: Thing-No, doc: Number.}"))

    thing = client.answered("get", {"Thing-No": 7})

    assert thing == client.models.Thing(number=7)
    assert thing.extra == {}


def test_optional_field_that_is_absent_is_none(generate: Generate) -> None:
    """Where null is never sent, None stands for absent."""
    client = generate(_thing("name: {type: str, optional: true, doc: Name.}"))

    absent, given = client.answered("get", {}), client.answered("get", {"name": "x"})

    assert absent.name is None
    assert given.name == "x"


def test_null_field_must_be_there(generate: Generate) -> None:
    """A field that may be null is still required."""
    client = generate(_thing('name: {type: str, "null": true, doc: Name.}'))

    assert client.answered("get", {"name": None}).name is None
    with pytest.raises(client.errors.DecodeError, match="name is missing"):
        client.answered("get", {})


def test_optional_field_that_may_be_null_tells_the_two_apart(generate: Generate) -> None:
    """Where null and absence mean different things, absence is UNSET."""
    client = generate(_thing('name: {type: str, "null": true, optional: true, doc: Name.}'))
    unset = client.module("_types").UNSET

    absent, null = client.answered("get", {}), client.answered("get", {"name": None})

    assert absent.name is unset
    assert null.name is None
    assert absent != null


def test_required_fields_may_follow_optional_ones(generate: Generate) -> None:
    """The order of the fields in the specification is free."""
    client = generate(
        _thing("""one: {type: str, optional: true, doc: One.}
      two: {type: str, doc: Two.}""")
    )

    thing = client.answered("get", {"two": "2"})

    assert (thing.one, thing.two) == (None, "2")
    assert [one.name for one in attrs.fields(client.models.Thing)] == ["two", "one", "extra"]


def test_open_enumeration_lets_unknown_values_pass(generate: Generate) -> None:
    """A newer server may know more values than the specification."""
    client = generate(
        _thing("state: {type: State, doc: State.}", "enums: {State: {doc: States., values: [new]}}")
    )

    assert client.answered("get", {"state": "new"}).state == "new"
    assert client.answered("get", {"state": "newer"}).state == "newer"


def test_closed_enumeration_refuses_unknown_values(generate: Generate) -> None:
    """closed: true promises that there are no other values."""
    client = generate(
        _thing(
            "state: {type: State, doc: State.}",
            "enums: {State: {doc: States., values: [new, old], closed: true}}",
        )
    )

    assert client.answered("get", {"state": "old"}).state == "old"
    with pytest.raises(client.errors.DecodeError):
        client.answered("get", {"state": "newer"})


def test_unknown_keys_are_kept_in_extra(generate: Generate) -> None:
    """Nothing of an answer is lost, and a key of a newer server breaks nothing."""
    client = generate(_thing("id: {type: int, doc: Number.}"))

    thing = client.answered("get", {"id": 1, "new": [2]})

    assert thing.extra == {"new": [2]}


def test_models_nest_in_lists_and_maps(generate: Generate) -> None:
    """Types nest, in any order of definition."""
    client = generate("""
models:
  Box: {doc: A box., fields: {things: {type: "list[Thing]", doc: In it.}}}
  Thing: {doc: A thing., fields: {boxes: {type: "map[list[Box]]", doc: Inside., optional: true}}}
operations:
  get: {call: GET /api/box, returns: {200: Box}}
""")
    thing, box = client.models.Thing, client.models.Box

    answer = client.answered("get", {"things": [{"boxes": {"a": [{"things": []}]}}, {}]})

    assert answer == box(things=[thing(boxes={"a": [box(things=[])]}), thing()])


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
def test_value_of_each_type_arrives_as_it_is(generate: Generate, kind: str, value: object) -> None:
    """Every type of the dialect has a Python type that holds what JSON says."""
    client = generate(_thing(f'value: {{type: "{kind}", doc: Value.}}'))

    answer = client.answered("get", {"value": value})

    assert answer.value == value
    assert type(answer.value) is type(value)


def test_sensitive_field_is_hidden_in_repr(generate: Generate) -> None:
    """The repr shows that there is a sensitive value, not which."""
    client = generate(_thing("url: {type: str, sensitive: true, doc: Link.}"))

    thing = client.answered("get", {"url": "example-token"})

    assert thing.url == "example-token"
    assert "example-token" not in repr(thing)
    assert "url=" in repr(thing)


def test_sensitive_field_may_be_renamed_and_absent(generate: Generate) -> None:
    """sensitive, wire and optional go together."""
    client = generate(_thing("url: {type: str, sensitive: true, optional: true, wire: U, doc: L.}"))

    absent, given = client.answered("get", {}), client.answered("get", {"U": "example-token"})

    assert (absent.url, given.url) == (None, "example-token")
    assert repr(absent) == "Thing(url=None)"
    assert "example-token" not in repr(given)


def test_secrets_do_not_show_themselves(generate: Generate) -> None:
    """A secret is wrapped, so that only reveal() brings it to light."""
    client = generate(_thing("password: {type: secret, doc: Password.}"))

    thing = client.answered("get", {"password": "example-password"})

    assert thing.password.reveal() == "example-password"
    assert "example-password" not in f"{thing!r} {thing.password}"


def test_confidential_objects_show_their_keys_only(generate: Generate) -> None:
    """The values of a confidential object can be read, but not in its repr."""
    client = generate(_thing("answers: {type: confidential, doc: Answers.}"))

    thing = client.answered("get", {"answers": {"name": "example-name"}})

    assert thing.answers["name"] == "example-name"
    assert "name" in repr(thing)
    assert "example-name" not in repr(thing)


def test_models_cannot_be_changed(generate: Generate) -> None:
    """A model is what the server sent, for good."""
    client = generate(_thing("id: {type: int, doc: Number.}"))
    thing = client.models.Thing(id=1)

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        thing.id = 2


def test_union_is_told_apart_by_its_key(generate: Generate) -> None:
    """The text under the key picks the model; another text the default; none at all is JSON."""
    client = generate("""
models:
  File: {doc: A file., fields: {kind: {type: str, doc: Kind.}, size: {type: int, doc: Bytes.}}}
  Other: {doc: Anything else., fields: {kind: {type: str, doc: Kind.}}}
  Reply: {doc: An answer., union: {key: kind, cases: {file: File}, default: Other}}
operations:
  get: {call: GET /api/thing, returns: {200: Reply}}
""")
    models, reply = client.models, client.module("responses").JSONReply

    assert client.answered("get", {"kind": "file", "size": 1}) == models.File(kind="file", size=1)
    assert client.answered("get", {"kind": "new"}) == models.Other(kind="new")
    assert client.answered("get", {"size": 1}) == reply({"size": 1})
    assert client.answered("get", [1]) == reply([1])
    assert sorted(models.__all__) == ["File", "Other", "Reply"]


def test_specification_without_models_makes_an_empty_module(generate: Generate) -> None:
    """Neither models nor enumerations are demanded."""
    client = generate("operations: {go: {call: POST /api/go}}")

    assert client.models.__all__ == []
    assert client.call("go") is None


def test_models_of_several_files_know_each_other(generate: Generate) -> None:
    """A model may be used in another file than its own; names are sorted for readers."""
    client = generate(
        _thing("id: {type: Number, doc: Number.}"),
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
