"""Repeats recorded calls; their arguments are read from the recorded requests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from docassemble_client import Upload
from docassemble_client.operations import OPERATIONS
from tests.recording import decode_content

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client.operation import Operation, Param
    from tests.recording import RecordedExchange


async def repeat_call(da: AsyncDocassemble, recorded: RecordedExchange) -> Any:
    """Repeat a recorded call."""
    operation = OPERATIONS.get(recorded.operation)
    if operation is None:
        return await _repeat_request(da, recorded)
    method = getattr(getattr(da, operation.tag), operation.name)
    return await method(**read_arguments(operation, recorded))


async def _repeat_request(da: AsyncDocassemble, recorded: RecordedExchange) -> Any:
    path, _, query = recorded.target.partition("?")
    params = dict(parse_qsl(query, keep_blank_values=True))
    body: dict[str, Any] = {}
    if "json" in recorded.request:
        body["json"] = recorded.request["json"]
    elif "parts" in recorded.request:
        body = {"data": _read_form(recorded), "files": dict(_read_files(recorded))}
    return await da.request(recorded.method, unquote(path), params=params, **body)


def read_arguments(operation: Operation[Any], recorded: RecordedExchange) -> dict[str, Any]:
    """Read the arguments of a call from its recorded request."""
    path, _, query = recorded.target.partition("?")
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
    segments = re.fullmatch(pattern, path)
    assert segments is not None
    fields = dict(parse_qsl(query, keep_blank_values=True))
    form = _read_form(recorded)
    body: dict[str, Any] = recorded.request.get("json", {})
    wires = {param.wire for param in operation.params if not param.spread}
    arguments: dict[str, Any] = {}
    for param in operation.params:
        if param.location == "path":
            arguments[param.name] = _parse_text(param, unquote(segments[param.name]))
        elif param.spread:
            items = {name: value for name, value in fields.items() if name not in wires}
            arguments |= {param.name: items} if items else {}
        elif param.location == "file":
            arguments |= _read_uploads(param, recorded, wires)
        elif param.location == "query" and param.wire in fields:
            arguments[param.name] = _parse_text(param, fields[param.wire])
        elif param.wire in form:
            arguments[param.name] = _parse_text(param, form[param.wire])
        elif param.wire in body:
            arguments[param.name] = _convert_value(param, body[param.wire])
    for rule in operation.requires:
        if rule.unless and not arguments.keys() & set(rule.names):
            arguments[rule.unless] = True
    return arguments


def _parse_text(param: Param, text: str) -> Any:
    return text if param.kind in {"str", "secret"} else _convert_value(param, json.loads(text))


def _convert_value(param: Param, value: Any) -> Any:
    if param.json_text and isinstance(value, str):
        value = json.loads(value)
    return bool(value) if param.kind == "bool" else value


def _read_form(recorded: RecordedExchange) -> dict[str, str]:
    parts = recorded.request.get("parts", ())
    return {part["name"]: part["text"] for part in parts if "filename" not in part}


def _read_files(recorded: RecordedExchange) -> list[tuple[str, Upload]]:
    """Read the files of a request; content that was left out has the same size."""
    return [
        (part["name"], Upload(decode_content(part), part["filename"], part["type"]))
        for part in recorded.request.get("parts", ())
        if "filename" in part
    ]


def _read_uploads(param: Param, recorded: RecordedExchange, wires: set[str]) -> dict[str, Any]:
    files = _read_files(recorded)
    if param.kind == "file_map":
        by_name: dict[str, list[Upload]] = {}
        for name, upload in files:
            if name not in wires:
                by_name.setdefault(name, []).append(upload)
        return {param.name: by_name} if by_name else {}
    uploads = [upload for name, upload in files if name == param.wire]
    return {param.name: uploads if param.kind == "files" else uploads[0]} if uploads else {}
