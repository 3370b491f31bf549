"""Converts results to the JSON that `--json` writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import singledispatch
from pathlib import PurePath
from typing import Any

from attrs import fields, has

from docassemble_client._types import JSON, UNSET
from docassemble_client.config import Confidential, Secret
from docassemble_client.responses import BinaryContent
from docassemble_client.tasks import TaskHandle

MASK = "***"


@singledispatch
def to_json(value: Any, *, reveal: bool = False) -> JSON:
    """
    Convert a result to JSON.

    Args:
        value: The result.
        reveal: Whether secrets are shown; otherwise they are `***`.

    Returns:
        The JSON. An object has the name of its class as `kind`, its attributes and its properties.
        What its repr hides is `***`, and what its repr leaves out, such as answers, is left out.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind: type[Any] = value.__class__
    if not has(kind):
        return str(value)
    data: dict[str, JSON] = {"kind": kind.__name__}
    for attribute in fields(kind):
        item = getattr(value, attribute.name)
        if item is UNSET or attribute.repr is False:
            continue
        is_hidden = callable(attribute.repr) and bool(item) and not reveal
        data[attribute.name.lstrip("_")] = MASK if is_hidden else to_json(item, reveal=reveal)
    for name, item in vars(kind).items():
        if isinstance(item, property) and not name.startswith("_") and name not in data:
            data[name] = to_json(getattr(value, name), reveal=reveal)
    return data


@to_json.register
def _convert_secret(value: Secret, *, reveal: bool = False) -> JSON:
    return value.reveal() if reveal else MASK


@to_json.register
def _convert_confidential(value: Confidential, *, reveal: bool = False) -> JSON:
    return {name: item if reveal else MASK for name, item in value.items()}


@to_json.register
def _convert_content(value: BinaryContent, *, reveal: bool = False) -> JSON:  # noqa: ARG001
    size = len(value.content)
    return {"kind": type(value).__name__, "filename": value.filename, "size": size}


@to_json.register
def _convert_handle(value: TaskHandle, *, reveal: bool = False) -> JSON:  # noqa: ARG001
    return {"kind": "TaskHandle", **value._asdict(), "token": value.to_token()}


@to_json.register(Mapping)
def _convert_mapping(value: Mapping[object, object], *, reveal: bool = False) -> JSON:
    return {str(name): to_json(item, reveal=reveal) for name, item in value.items()}


@to_json.register(list)
@to_json.register(tuple)
def _convert_sequence(value: Any, *, reveal: bool = False) -> JSON:
    if hasattr(value, "_asdict"):
        items = value._asdict().items()
        data = {name: to_json(item, reveal=reveal) for name, item in items}
        return {"kind": type(value).__name__, **data}
    return [to_json(item, reveal=reveal) for item in value]


@to_json.register
def _convert_date(value: date, *, reveal: bool = False) -> JSON:  # noqa: ARG001
    return value.isoformat()


@to_json.register
def _convert_error(value: Exception, *, reveal: bool = False) -> JSON:  # noqa: ARG001
    return {"kind": type(value).__name__, "message": str(value)}


@to_json.register
def _convert_path(value: PurePath, *, reveal: bool = False) -> JSON:  # noqa: ARG001
    return value.as_posix()
