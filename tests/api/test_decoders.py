"""Printed decoders take every response on the fast path, and agree with the slow path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen.__main__ import read
from codegen.ir import Type
from codegen.names import to_snake_case
from docassemble_client import decoders, models
from docassemble_client._header_params import parse_media_type
from docassemble_client.operation import DiscriminatedUnion
from docassemble_client.operations import OPERATIONS
from tests.decoding import check_decoder
from tests.recording import read_all

SPEC = read(Path(__file__).parents[2] / "spec")
MODELS: dict[str, str] = {model.name: tag.name for tag in SPEC.tags for model in tag.models}
DECODED = [
    (operation, result)
    for operation in SPEC.operations
    for result in operation.results
    if result.decoded_type and not result.union
]
DECODED_OPERATIONS = {operation.full_name for operation, _ in DECODED}
RESULTS = {
    f"{operation.tag} {operation.return_annotation()}": (operation, result)
    for operation, result in DECODED
    if result.decoded_type and result.decoded_type.name not in MODELS
}
EXCHANGES = [exchange for scenario in read_all().values() for exchange in scenario.exchanges]


@pytest.mark.parametrize("name", MODELS)
def test_the_decoder_of_a_model_agrees_with_the_slow_path(name: str) -> None:
    """Exact JSON takes the fast path; for any other, both paths have the same result or error."""
    decode = getattr(getattr(decoders, MODELS[name]), f"decode_{to_snake_case(name)}")

    check_decoder(SPEC, Type("named", name=name), getattr(models, name), decode)


@pytest.mark.parametrize("name", RESULTS)
def test_the_decoder_of_a_result_agrees_with_the_slow_path(name: str) -> None:
    """The same is true of the results of operations, such as lists of models."""
    operation, described = RESULTS[name]
    result = OPERATIONS[operation.full_name].results[described.status]

    assert described.decoded_type
    assert result.decode
    check_decoder(SPEC, described.decoded_type, result.json, result.decode)


def take_fast_path(name: str, status: int, content: bytes) -> bool:
    """Decode a response on the fast path; return False if it has no decoder."""
    operation = OPERATIONS[name]
    result = operation.find_result(status)
    if result is None or result.decode is None:
        return False
    data = json.loads(content)
    if isinstance(result.json, DiscriminatedUnion) and result.json.key not in (data or {}):
        return False  # an interview's own JSON
    for item in data[operation.paging.items] if operation.paging else [data]:
        result.decode(item)
    return True


def test_examples_take_the_fast_path() -> None:
    """No example response of the specification needs cattrs."""
    decoded = {
        operation.full_name
        for operation in SPEC.operations
        if "json" in (response := operation.example["response"])
        and take_fast_path(
            operation.full_name, response["status"], json.dumps(response["json"]).encode()
        )
    }

    assert DECODED_OPERATIONS - decoded == set()
    assert len(decoded) > len(DECODED_OPERATIONS)  # and unions


def test_recorded_responses_take_the_fast_path() -> None:
    """No response of a real server needs cattrs."""
    decoded = {
        exchange.operation
        for exchange in EXCHANGES
        if exchange.operation in OPERATIONS
        and exchange.response
        and parse_media_type(exchange.response_type) == "application/json"
        and take_fast_path(exchange.operation, exchange.status, exchange.response)
    }

    assert DECODED_OPERATIONS - decoded == set()


def test_only_modules_of_tags_are_decoders() -> None:
    """The package imports the module of a tag at its first use, and nothing else."""
    assert decoders.users.decode_user.__module__ == "docassemble_client.decoders.users"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        decoders.nothing  # type: ignore[attr-defined]  # noqa: B018
