"""Turns the arguments of a call into a request, or refuses them before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from docassemble_client._core.json_codec import write
from docassemble_client._core.messages import Request
from docassemble_client._types import UNSET, is_list, is_mapping
from docassemble_client.config import Secret
from docassemble_client.errors import UsageError
from docassemble_client.operation import Param

if TYPE_CHECKING:
    from docassemble_client.operation import Operation
    from docassemble_client.transfer import Upload

# Texts, as compiling all of them takes as long as many calls, of which most need none.
_CONTROL = r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]"
_URL_ARGUMENT = r"[A-Za-z_][A-Za-z0-9_]*"
# docassemble takes a parameter of this name for the API key, in a query, form or JSON body
# (docassemble.webapp 1.10.14, api/helpers.py, get_api_key).
API_KEY_FIELD = "key"
_KEY_TAKEN = "the server would take it for the API key"
_WITH_BODY = frozenset({"POST", "PATCH", "PUT"})
_METHOD = r"[A-Za-z]+"
_PATH_SAFE = "/%:@!$&'()*+,;=~"
_HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_OWN_HEADERS = frozenset(
    {
        "authorization",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "transfer-encoding",
        "x-api-key",
    }
)
_FREE_FILES = Param("files", "file", "file_map")
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "secret": (str, Secret),
    "object": (Mapping,),
}
_NAMES = {"object": "a mapping", "secret": "a string or Secret", "float": "a number"}


class _Refused(Exception):  # noqa: N818 - internal, becomes a UsageError
    """Why an argument cannot be sent."""


def encode(operation: Operation[Any], arguments: Mapping[str, object]) -> Request:
    """
    Build the request of a call.

    Args:
        operation: The operation.
        arguments: Its arguments by Python name; None and UNSET stand for left out.

    Returns:
        The request.

    Raises:
        UsageError: An argument is missing, of the wrong type, or cannot be sent.
    """
    given = {
        param.name: arguments[param.name]
        for param in operation.params
        if arguments.get(param.name, UNSET) is not UNSET
        and (arguments[param.name] is not None or param.null)
    }
    try:
        return _request(operation, given) if given else _blank_request(operation)
    except _Refused as error:
        raise UsageError(str(error), operation=operation.id) from None


def encode_request(
    method: str,
    path: str,
    *,
    params: Mapping[str, object],
    json: object,
    data: Mapping[str, object],
    files: Mapping[str, object],
    headers: Mapping[str, str],
    safe: bool,
) -> Request:
    """
    Build a request that no operation describes.

    Raises:
        UsageError: Something cannot be sent, or would smuggle in another key.
    """
    try:
        _check_free(method, path, params, json, data, headers)
        body = None if json is UNSET else dump_json(json, "json").encode()
        if body is not None and (files or data):
            message = "pass json, or data and files, not both"
            raise _Refused(message)
        if data and not files:
            message = "data goes with files; without files pass json"
            raise _Refused(message)
        return Request(
            operation="request",
            method=method.upper(),
            path=quote(path, safe=_PATH_SAFE),
            query=_texts(params),
            headers={name.lower(): value for name, value in headers.items()},
            json=body,
            form=_texts(data),
            files=tuple(_files(_FREE_FILES, files)),
            safe=safe,
        )
    except _Refused as error:
        raise UsageError(str(error), operation="request") from None


def _check_free(
    method: str,
    path: str,
    params: Mapping[str, object],
    json: object,
    data: Mapping[str, object],
    headers: Mapping[str, str],
) -> None:
    if not re.fullmatch(_METHOD, method):
        message = "method must be a word such as GET"
        raise _Refused(message)
    if not path.startswith("/") or re.search(_CONTROL, path) or "?" in path or "#" in path:
        message = (
            "path must begin with a slash and hold no query, fragment or control character;"
            " pass the query as params"
        )
        raise _Refused(message)
    for where, fields in (("params", params), ("json", json), ("data", data)):
        if isinstance(fields, Mapping) and API_KEY_FIELD in fields:
            message = f"{where} may not hold a field called key: {_KEY_TAKEN}"
            raise _Refused(message)
    for name, value in headers.items():
        if name.lower() in _OWN_HEADERS:
            message = f"headers may not hold {name.lower()!r}"
            raise _Refused(message)
        hidden = re.search(_CONTROL, value) or not value.isascii()
        if hidden or not re.fullmatch(_HEADER_NAME, name):
            message = "headers hold a control, non-ASCII or other character they may not"
            raise _Refused(message)


def _require(operation: Operation[Any], given: Mapping[str, object]) -> None:
    for param in operation.params:
        if param.required and param.name not in given:
            message = f"{param.name} is required"
            raise _Refused(message)
    for rule in operation.requires:
        count = sum(1 for name in rule.names if name in given and not _blank(given[name]))
        listed = ", ".join(rule.names)
        if rule.exactly_one and count != 1:
            message = f"pass exactly one of {listed}"
            raise _Refused(message)
        if count == 0 and not (rule.unless and given.get(rule.unless) is True):
            switch = f", or {rule.unless}=True if you really mean all" if rule.unless else ""
            message = f"pass at least one of {listed}{switch}"
            raise _Refused(message)


def _blank(value: object) -> bool:
    """Whether the server takes it for no filter at all."""
    text = value.reveal() if isinstance(value, Secret) else value
    return isinstance(text, str) and not text.strip()


@cache
def _blank_request(operation: Operation[Any]) -> Request:
    return _request(operation, {})


def _request(operation: Operation[Any], given: Mapping[str, object]) -> Request:
    _require(operation, given)
    path = operation.path
    query: list[tuple[str, str]] = []
    body: dict[str, object] = {}
    files: list[tuple[str, Upload]] = []
    for param in operation.params:
        if param.name not in given:
            continue
        value = given[param.name]
        if param.place == "file":
            files += _files(param, value)
            continue
        wire = _value(param, value)
        if param.place == "path":
            path = path.replace(f"{{{param.name}}}", _path_part(param, wire))
        elif param.spread:
            query += _spread(param, wire)
        elif param.place == "query":
            query.append((param.wire, _text(wire, param.name)))
        elif param.place == "body":
            body[param.wire] = dump_json(wire, param.name) if param.json_text else wire
    has_body = operation.method in _WITH_BODY
    return Request(
        operation=operation.id,
        method=operation.method,
        path=path,
        query=tuple(query),
        json=dump_json(body, "the arguments").encode() if has_body and not files else None,
        form=tuple((name, _text(value)) for name, value in body.items()) if files else (),
        files=tuple(files),
        auth=operation.auth,
        safe=operation.retry == "safe",
        target=_target(operation, given),
    )


def _target(operation: Operation[Any], given: Mapping[str, object]) -> str:
    """Normalised name of the package an operation is about, without version and extras."""
    name = given.get(operation.verify.target) if operation.verify else None
    return normalised(name) if isinstance(name, str) else ""


def normalised(name: str) -> str:
    """Name of a package as names are compared, without version and extras."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@]", name.strip(), maxsplit=1)[0]).lower()


def _path_part(param: Param, value: object) -> str:
    text = _text(value, param.name)
    if text in {"", ".", ".."}:
        message = f"{param.name} would lead to another path"
        raise _Refused(message)
    return quote(text, safe="")


def _value(param: Param, value: object) -> object:
    """Check an argument and bring it into the shape JSON has for it."""
    if value is None:
        return None
    container, _, rest = param.kind.partition("[")
    if container == "list":
        if not is_list(value):
            message = f"{param.name} must be a list, not {type(value).__name__}"
            raise _Refused(message)
        result: object = [_scalar(param, rest[:-1], item) for item in value]
    elif container == "map":
        if not is_mapping(value):
            message = f"{param.name} must be a mapping, not {type(value).__name__}"
            raise _Refused(message)
        result = {name: _scalar(param, rest[:-1], item) for name, item in value.items()}
    else:
        result = _scalar(param, param.kind, value)
    if param.values and result not in param.values:
        message = f"{param.name} must be one of {', '.join(param.values)}"
        raise _Refused(message)
    if param.variable_name:
        _variable_names(param, result)
    return result


def _scalar(param: Param, kind: str, value: object) -> object:
    types = _PYTHON.get(kind)
    if types and (not isinstance(value, types) or (isinstance(value, bool) and kind != "bool")):
        expected = _NAMES.get(kind, f"of type {kind}")
        message = f"{param.name} must be {expected}, not {type(value).__name__}"
        raise _Refused(message)
    if param.place == "path" and isinstance(value, int) and value < 0:
        message = f"{param.name} must not be negative"
        raise _Refused(message)
    if isinstance(value, bool) and kind == "bool":
        # The server takes every text but 0, false and f for true (utils/helpers.py, true_or_false).
        return int(value)
    return value.reveal() if isinstance(value, Secret) else value


def _variable_names(param: Param, value: object) -> None:
    names: Iterable[object]
    if is_mapping(value):
        # Of variables the names are the keys; a map of names has them as values.
        names = value.values() if param.kind.startswith("map[") else value
    else:
        names = value if is_list(value) else [value]
    for name in names:
        check_variable_name(param.name, name)


def check_variable_name(argument: str, name: object) -> None:
    """
    Refuse what cannot be the name of a variable.

    The server runs `name = value` as Python (interview/helpers.py, set_session_variables).
    """
    if not isinstance(name, str) or not name.strip():
        message = f"{argument} holds a variable name that is empty or no text"
        raise _Refused(message)
    if re.search(_CONTROL, name):
        message = f"{argument} holds a variable name with a line break or control character"
        raise _Refused(message)


def _files(param: Param, value: object) -> Iterator[tuple[str, Upload]]:
    for name, item in _file_fields(param, value):
        if param.variable_name:
            check_variable_name(param.name, name)
        if not isinstance(name, str) or not name or re.search(_CONTROL, name):
            message = f"{param.name} holds a field name that cannot be sent"
            raise _Refused(message)
        if name == API_KEY_FIELD:
            message = f"{param.name} may not hold a field called key: {_KEY_TAKEN}"
            raise _Refused(message)
        from docassemble_client.transfer import as_upload  # noqa: PLC0415 - few calls send files

        try:
            yield name, as_upload(item)
        except (TypeError, ValueError) as error:
            message = f"{param.name}: {error}"
            raise _Refused(message) from None


def _file_fields(param: Param, value: object) -> list[tuple[object, object]]:
    """Field names as given, and what the caller calls files."""
    if param.kind == "file_map":
        if not is_mapping(value):
            kind = type(value).__name__
            message = f"{param.name} must be a mapping from field to file, not {kind}"
            raise _Refused(message)
        return [
            (name, item) for name, one in value.items() for item in (one if is_list(one) else [one])
        ]
    if param.kind == "files":
        if not is_list(value):
            message = f"{param.name} must be a list of files, not {type(value).__name__}"
            raise _Refused(message)
        if not value:
            message = f"{param.name} holds no file"
            raise _Refused(message)
        return [(param.wire, item) for item in value]
    return [(param.wire, value)]


def _spread(param: Param, value: object) -> Iterator[tuple[str, str]]:
    if is_mapping(value):
        for name, item in value.items():
            if name in param.reserved:
                message = (
                    f"{param.name} may not hold {name!r}: it means something else to the server"
                )
                raise _Refused(message)
            if not isinstance(name, str) or not re.fullmatch(_URL_ARGUMENT, name):
                message = f"{param.name} holds a name the server ignores: use letters, digits and _"
                raise _Refused(message)
            yield name, _text(item, param.name)


def _texts(values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Fields of a query or form; None stands for left out."""
    return tuple((_text(name), _text(one)) for name, one in values.items() if one is not None)


def _text(value: object, what: str = "an argument") -> str:
    """Text of a value in a query or form, where lists and objects are sent as JSON."""
    plain = value.reveal() if isinstance(value, Secret) else value
    if isinstance(plain, str):
        return _sendable(plain, what)
    return dump_json(int(plain) if isinstance(plain, bool) else plain, what)


def _sendable(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # The original error carries the text.
        message = f"{what} holds half of a surrogate pair, which is no character"
        raise _Refused(message) from None
    return text


def dump_json(value: object, what: str) -> str:
    """
    Write JSON the server can read.

    Args:
        value: Any JSON value, with any mapping and sequence.
        what: How to call it where it cannot be written.
    """
    try:
        text = write(value)
    except ValueError:
        message = f"{what} cannot be written as JSON"
        raise _Refused(message) from None
    return _sendable(text, what)
