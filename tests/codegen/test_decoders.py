"""Decoders of every type of the specification."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from codegen.__main__ import FOLDERS
from tests.decoding import check_decoder

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from tests.codegen.harness import Generate

KINDS = (
    *("int", "float", "bool", "str", "secret", "json", "object", "confidential"),
    *("Open", "Closed", "Part", "Box"),
)
TYPES = (
    *KINDS,
    *(f"list[{kind}]" for kind in KINDS),
    *(f"map[{kind}]" for kind in KINDS),
    *("list[list[str]]", "map[list[Part]]", "list[map[json]]", "map[map[Closed]]"),
)
BOXES = """
tag: boxes
models: {Box: {doc: A box., fields: {size: {type: float, wire: how big, doc: Size.}}}}
operations: {get: {call: GET /api/box, returns: {200: Box}}}
"""


def _describe_types() -> str:
    """Describe an operation and a model for each type."""
    spec: dict[str, Any] = {
        "enums": {
            "Open": {"doc": "Open.", "values": ["a", "b"]},
            "Closed": {"doc": "Closed.", "values": ["a", "b"], "closed": True},
        },
        "models": {"Part": _describe_model("list[Part]")},
        "operations": {},
    }
    for number, type_ in enumerate(TYPES):
        spec["models"][f"Model{number}"] = _describe_model(type_)
        for name, result in (("model", f"Model{number}"), ("value", type_)):
            path = f"/api/{number:02}/{name}"
            spec["operations"][f"get_{name}_{number}"] = {
                "call": f"GET {path}",
                "returns": {"200": result},
            }
    return json.dumps(spec)


def _describe_model(type_: str) -> dict[str, Any]:
    """Describe a model with a field for each combination of null and absence."""
    fields = {
        "present": {"type": type_, "doc": "D."},
        "nullable": {"type": type_, "null": True, "doc": "D."},
        "optional": {"type": type_, "optional": True, "doc": "D."},
        "both": {"type": type_, "null": True, "optional": True, "wire": "Bo th", "doc": "D."},
    }
    return {"doc": "D.", "fields": fields}


@pytest.mark.slow
def test_decoders_agree_with_the_slow_path(generate: Generate) -> None:
    """Exact JSON takes the fast path; for any other, both paths have the same result or error."""
    client = generate(_describe_types(), BOXES)

    for operation in client.spec.operations:
        (described,) = operation.results
        result = client.find_operation(operation.full_name).results["200"]
        assert described.decoded_type
        check_decoder(
            client.spec, described.decoded_type, result.json, result.decode, profile="few"
        )


def test_union_is_decoded_by_its_key(generate: Generate) -> None:
    """The decoder of a union calls the decoder of the model that the key selects."""
    client = generate("""
models:
  File: {doc: A file., fields: {kind: {type: str, doc: K.}, size: {type: int, doc: Bytes.}}}
  Other: {doc: Anything else., fields: {kind: {type: str, doc: Kind.}}}
  Reply: {doc: A reply., union: {key: kind, cases: {file: File}, default: Other}}
operations:
  get: {call: GET /api/thing, returns: {200: Reply}}
""")
    models, types = client.models, client.import_module("_types")
    decode = client.find_operation("things.get").results["200"].decode

    assert decode({"kind": "file", "size": 1}) == models.File(kind="file", size=1)
    assert decode({"kind": "new"}) == models.Other(kind="new")
    inexact: list[JSON] = [{"kind": "file", "size": "1"}, {"kind": 1}, [], None]
    for data in inexact:
        with pytest.raises(types.NeedsSlowPath):
            decode(data)
    with pytest.raises(KeyError):
        decode({})


def test_unknown_keys_are_sorted(generate: Generate) -> None:
    """Unknown keys are kept in the order of their names, whatever the server does."""
    client = generate("""
models: {Thing: {doc: A thing., fields: {id: {type: int, wire: i d, doc: Number.}}}}
operations: {get: {call: GET /api/thing, returns: {200: Thing}}}
""")
    decode = client.import_module("decoders.things").decode_thing

    thing = decode({"z": 1, "i d": 7, "id": 2, "a": [2]})

    assert thing.id == 7
    assert list(thing.extra.items()) == [("a", [2]), ("id", 2), ("z", 1)]


def test_tag_without_json_has_no_decoders(generate: Generate) -> None:
    """A module is printed only for a tag with models or results that are JSON."""
    client = generate("operations: {go: {call: POST /api/go}}", BOXES)

    names = {path.name for path in (client.root / FOLDERS[0] / "decoders").iterdir()}
    assert names == {"__init__.py", "boxes.py"}
