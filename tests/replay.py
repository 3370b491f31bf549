"""Makes the calls of recordings again: their arguments, read back from what was sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from docassemble_client import Upload
from docassemble_client.operations import OPERATIONS
from tests.recording import content_of

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client.operation import Operation, Param
    from tests.recording import Recorded


async def call(da: AsyncDocassemble, recorded: Recorded) -> Any:
    """Make the call of a recording."""
    operation = OPERATIONS.get(recorded.operation)
    if operation is None:
        return await _request(da, recorded)
    method = getattr(getattr(da, operation.tag), operation.name)
    return await method(**arguments_of(operation, recorded))


async def _request(da: AsyncDocassemble, recorded: Recorded) -> Any:
    path, _, query = recorded.target.partition("?")
    params = dict(parse_qsl(query, keep_blank_values=True))
    body: dict[str, Any] = {}
    if "json" in recorded.request:
        body["json"] = recorded.request["json"]
    elif "parts" in recorded.request:
        body = {"data": _form(recorded), "files": dict(_files(recorded))}
    return await da.request(recorded.method, unquote(path), params=params, **body)


def arguments_of(operation: Operation[Any], recorded: Recorded) -> dict[str, Any]:
    """Read the arguments of a call back from its request."""
    path, _, query = recorded.target.partition("?")
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
    in_path = re.fullmatch(pattern, path)
    assert in_path is not None
    in_query = dict(parse_qsl(query, keep_blank_values=True))
    form = _form(recorded)
    in_body: dict[str, Any] = recorded.request.get("json", {})
    wires = {one.wire for one in operation.params if not one.spread}
    given: dict[str, Any] = {}
    for param in operation.params:
        if param.place == "path":
            given[param.name] = _from_text(param, unquote(in_path[param.name]))
        elif param.spread:
            rest = {name: one for name, one in in_query.items() if name not in wires}
            given |= {param.name: rest} if rest else {}
        elif param.place == "file":
            given |= _uploads(param, recorded, wires)
        elif param.place == "query" and param.wire in in_query:
            given[param.name] = _from_text(param, in_query[param.wire])
        elif param.wire in form:
            given[param.name] = _from_text(param, form[param.wire])
        elif param.wire in in_body:
            given[param.name] = _from_json(param, in_body[param.wire])
    for rule in operation.requires:
        if rule.unless and not given.keys() & set(rule.names):
            given[rule.unless] = True
    return given


def _from_text(param: Param, text: str) -> Any:
    return text if param.kind in {"str", "secret"} else _from_json(param, json.loads(text))


def _from_json(param: Param, value: Any) -> Any:
    if param.json_text and isinstance(value, str):
        value = json.loads(value)
    return bool(value) if param.kind == "bool" else value


def _form(recorded: Recorded) -> dict[str, str]:
    parts = recorded.request.get("parts", ())
    return {one["name"]: one["text"] for one in parts if "filename" not in one}


def _files(recorded: Recorded) -> list[tuple[str, Upload]]:
    """Files of a request; of what the recording leaves out only the size is the same."""
    return [
        (part["name"], Upload(content_of(part), part["filename"], part["type"]))
        for part in recorded.request.get("parts", ())
        if "filename" in part
    ]


def _uploads(param: Param, recorded: Recorded, wires: set[str]) -> dict[str, Any]:
    files = _files(recorded)
    if param.kind == "file_map":
        named: dict[str, list[Upload]] = {}
        for name, upload in files:
            if name not in wires:
                named.setdefault(name, []).append(upload)
        return {param.name: named} if named else {}
    uploads = [upload for name, upload in files if name == param.wire]
    return {param.name: uploads if param.kind == "files" else uploads[0]} if uploads else {}
