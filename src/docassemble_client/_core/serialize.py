"""Serializes the arguments of a call to a request, or refuses them before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from docassemble_client._checks import MAPPING, TEXT, check_arguments, unreadable_argument
from docassemble_client._core.json_codec import encode_json, find_json_problem, is_unicode
from docassemble_client._core.messages import Request, check_headers, has_dot_segment
from docassemble_client._names import (
    VARIABLE_NAME_HINT,
    describe_name,
    is_variable_name,
    normalize_package_name,
)
from docassemble_client._types import UNSET, is_json_array, is_mapping
from docassemble_client.config import Secret
from docassemble_client.errors import UsageError
from docassemble_client.operation import Param

if TYPE_CHECKING:
    from docassemble_client.operation import Operation
    from docassemble_client.transfer import Upload

# Kept as strings: compiling them at import would cost more than most programs ever use.
_CONTROL = r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]"
_URL_ARGUMENT = r"[A-Za-z_][A-Za-z0-9_]*"
# docassemble reads the API key from this parameter, in a query, form or JSON body
# (docassemble.webapp 1.10.14, api/helpers.py, get_api_key).
API_KEY_FIELD = "key"
_KEY_REASON = "the server would use it as the API key"
_WITH_BODY = frozenset({"POST", "PATCH", "PUT"})
_INT_BITS = 64  # encode_json refuses numbers that str() would refuse
_METHOD = r"[A-Za-z]+"
_PATH_SAFE = "/%:@!$&'()*+,;=~"
_RAW_FILES = Param("files", "file", "file_map")
_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "secret": (str, Secret),
    "object": (Mapping,),
}
_TYPE_NAMES = {"object": "a mapping", "secret": "a string or Secret", "float": "a number"}


class InvalidArgument(Exception):  # noqa: N818 - internal, becomes a UsageError
    """An argument cannot be sent."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def serialize(operation: Operation[Any], arguments: Mapping[str, object]) -> Request:
    """
    Build the request of a call.

    Args:
        operation: The operation.
        arguments: Arguments by Python name; None and UNSET mean left out.

    Returns:
        The request.

    Raises:
        UsageError: An argument is missing, has the wrong type, or cannot be sent.
    """
    values = {
        param.name: arguments[param.name]
        for param in operation.params
        if arguments.get(param.name, UNSET) is not UNSET
        and (arguments[param.name] is not None or param.null)
    }
    try:
        return _build_request(operation, values) if values else _build_empty_request(operation)
    except InvalidArgument as error:
        raise UsageError(str(error), operation=operation.id, hint=error.hint) from None
    except Exception as error:  # noqa: BLE001 - whatever the caller's object raises
        raise unreadable_argument(error, operation.id) from None


def serialize_request(
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
        UsageError: An argument cannot be sent, or would pass another API key.
    """
    check_arguments(TEXT, method=method, path=path)
    check_arguments(MAPPING, params=params, data=data, files=files)
    try:
        _check_raw_request(method, path, params, json, data)
        body = None if json is UNSET else dump_json(json, "json").encode()
        if body is not None and (files or data):
            message = "pass json, or data and files, not both"
            raise InvalidArgument(message)
        return Request(
            operation="request",
            method=method.upper(),
            path=quote(path, safe=_PATH_SAFE),
            query=_to_pairs(params, "params"),
            headers=check_headers(headers, "request"),
            json=body,
            form=_to_pairs(data, "data"),
            files=tuple(_to_uploads(_RAW_FILES, files)),
            safe=safe,
        )
    except InvalidArgument as error:
        raise UsageError(str(error), operation="request") from None
    except Exception as error:  # noqa: BLE001 - whatever the caller's object raises
        raise unreadable_argument(error, "request") from None


def _check_raw_request(
    method: str,
    path: str,
    params: Mapping[str, object],
    json: object,
    data: Mapping[str, object],
) -> None:
    if not re.fullmatch(_METHOD, method):
        message = "method must be an HTTP method, such as GET"
        raise InvalidArgument(message)
    if not path.startswith("/") or re.search(_CONTROL, path) or "?" in path or "#" in path:
        message = (
            "path must begin with a slash and contain no query, fragment or control character;"
            " pass the query as params"
        )
        raise InvalidArgument(message)
    if has_dot_segment(path):
        message = "path must not contain the segments '.' or '..', which may leave base_url"
        raise InvalidArgument(message)
    for argument, fields in (("params", params), ("json", json), ("data", data)):
        if isinstance(fields, Mapping) and API_KEY_FIELD in fields:
            message = f"{argument} must not contain a field named key: {_KEY_REASON}"
            raise InvalidArgument(message)


def _check_required(operation: Operation[Any], values: Mapping[str, object]) -> None:
    for param in operation.params:
        if param.required and param.name not in values:
            message = f"{param.name} is required"
            raise InvalidArgument(message)
    for rule in operation.requires:
        count = sum(1 for name in rule.names if name in values and not _is_blank(values[name]))
        names = ", ".join(rule.names)
        if rule.exactly_one and count != 1:
            message = f"pass exactly one of {names}"
            raise InvalidArgument(message)
        if count == 0 and not (rule.unless and values.get(rule.unless) is True):
            alternative = f", or {rule.unless}=True to include all" if rule.unless else ""
            message = f"pass at least one of {names}{alternative}"
            raise InvalidArgument(message)


def _is_blank(value: object) -> bool:
    """Whether the server treats the value as no filter."""
    text = value.reveal() if isinstance(value, Secret) else value
    return isinstance(text, str) and not text.strip()


@cache
def _build_empty_request(operation: Operation[Any]) -> Request:
    return _build_request(operation, {})


def _build_request(operation: Operation[Any], values: Mapping[str, object]) -> Request:
    _check_required(operation, values)
    path = operation.path
    query: list[tuple[str, str]] = []
    body: dict[str, object] = {}
    files: list[tuple[str, Upload]] = []
    for param in operation.params:
        if param.name not in values:
            continue
        value = values[param.name]
        if param.location == "file":
            files += _to_uploads(param, value, values.get(param.renamed_by))
            continue
        json_value = _convert_value(param, value)
        if param.location == "path":
            path = path.replace(f"{{{param.name}}}", _quote_path_part(param, json_value))
        elif param.spread:
            query += _spread_query(param, json_value)
        elif param.location == "query":
            query.append((param.wire, _to_text(json_value, param.name)))
        elif param.location == "body":
            body[param.wire] = dump_json(json_value, param.name) if param.json_text else json_value
    return Request(
        operation=operation.id,
        method=operation.method,
        path=path,
        query=tuple(query),
        json=None if files or operation.method not in _WITH_BODY else _dump_body(operation, body),
        form=_make_form(operation, body) if files else (),
        files=tuple(files),
        auth=operation.auth,
        safe=operation.retry == "safe",
        package=_package_name(operation, values),
    )


def _dump_body(operation: Operation[Any], body: Mapping[str, object]) -> bytes:
    try:
        return encode_json(body).encode()
    except ValueError:
        names = {param.wire: param.name for param in operation.params}
        problems = (find_json_problem(value, names[wire]) for wire, value in body.items())
        message = next(filter(None, problems), "the arguments cannot be sent")
        raise InvalidArgument(message) from None


def _make_form(
    operation: Operation[Any], body: Mapping[str, object]
) -> tuple[tuple[str, str], ...]:
    names = {param.wire: param.name for param in operation.params}
    return tuple((wire, _to_text(value, names[wire])) for wire, value in body.items())


def _package_name(operation: Operation[Any], values: Mapping[str, object]) -> str:
    """Return the normalized name of the operation's package, or "" if it has none."""
    name = values.get(operation.package_check.package) if operation.package_check else None
    return normalize_package_name(name) if isinstance(name, str) else ""


def _quote_path_part(param: Param, value: object) -> str:
    text = _to_text(value, param.name)
    if not text or has_dot_segment(text):
        message = f"{param.name} must not be empty, '.' or '..'"
        raise InvalidArgument(message)
    return quote(text, safe="")


def _convert_value(param: Param, value: object) -> object:
    """Check an argument and convert it to its JSON form."""
    if value is None:
        return None
    container_kind, _, item_kind = param.kind.removesuffix("]").partition("[")
    if container_kind == "list":
        if not is_json_array(value):
            message = f"{param.name} must be a list, not {type(value).__name__}"
            raise InvalidArgument(message)
        result: object = [_convert_scalar(param, item_kind, item) for item in value]
    elif container_kind == "map":
        if not is_mapping(value):
            message = f"{param.name} must be a mapping, not {type(value).__name__}"
            raise InvalidArgument(message)
        result = {name: _convert_scalar(param, item_kind, item) for name, item in value.items()}
    else:
        result = _convert_scalar(param, param.kind, value)
    if param.values and result not in param.values:
        message = f"{param.name} must be one of {', '.join(param.values)}"
        raise InvalidArgument(message)
    if param.variable_name:
        _check_variable_names(param, result)
    return result


def _convert_scalar(param: Param, kind: str, value: object) -> object:
    types = _PYTHON_TYPES.get(kind)
    if types and (not isinstance(value, types) or (isinstance(value, bool) and kind != "bool")):
        expected = _TYPE_NAMES.get(kind, f"of type {kind}")
        message = f"{param.name} must be {expected}, not {type(value).__name__}"
        raise InvalidArgument(message)
    if param.location == "path" and isinstance(value, int) and value < 0:
        message = f"{param.name} must not be negative"
        raise InvalidArgument(message)
    if isinstance(value, bool) and kind == "bool":
        # The server reads any text but 0, false and f as true (utils/helpers.py, true_or_false).
        return int(value)
    plain = value.reveal() if isinstance(value, Secret) else value
    return str.__str__(plain) if isinstance(plain, str) else plain  # not a subclass's own __str__


def _check_variable_names(param: Param, value: object) -> None:
    names: Iterable[object] = value if is_json_array(value) else [value]
    if is_mapping(value):
        # In a map of variables, the keys are the names; in a map of names, the values are.
        names = value.values() if param.kind.startswith("map[") else value
    for name in names:
        _check_variable_name(param, name)


def _check_variable_name(param: Param, name: object) -> None:
    if not is_variable_name(name):
        message = f"{param.name} contains {describe_name(name)}, which is not a valid variable name"
        raise InvalidArgument(message, hint=VARIABLE_NAME_HINT)


def _to_uploads(
    param: Param, value: object, renamed: object = None
) -> Iterator[tuple[str, Upload]]:
    """Return pairs of field name and file; names in `renamed` are not those of variables."""
    from docassemble_client.transfer import to_upload

    for name, item in _file_fields(param, value):
        if param.variable_name and not (is_mapping(renamed) and name in renamed):
            _check_variable_name(param, name)
        if not isinstance(name, str) or not name or re.search(_CONTROL, name):
            message = f"{param.name} contains a field name that cannot be sent"
            raise InvalidArgument(message)
        if name == API_KEY_FIELD:
            message = f"{param.name} must not contain a field named key: {_KEY_REASON}"
            raise InvalidArgument(message)
        try:
            yield name, to_upload(item)
        except (TypeError, ValueError) as error:
            message = f"{param.name}: {error}"
            raise InvalidArgument(message) from None


def _file_fields(param: Param, value: object) -> list[tuple[object, object]]:
    """Return pairs of field name and file, as the caller passed them."""
    if param.kind == "file_map":
        if not is_mapping(value):
            type_name = type(value).__name__
            message = f"{param.name} must be a mapping from field to file, not {type_name}"
            raise InvalidArgument(message)
        return [
            (name, item)
            for name, content in value.items()
            for item in (content if is_json_array(content) else [content])
        ]
    if param.kind == "files":
        if not is_json_array(value):
            message = f"{param.name} must be a list of files, not {type(value).__name__}"
            raise InvalidArgument(message)
        if not value:
            message = f"{param.name} contains no file"
            raise InvalidArgument(message)
        return [(param.wire, item) for item in value]
    return [(param.wire, value)]


def _spread_query(param: Param, value: object) -> Iterator[tuple[str, str]]:
    if is_mapping(value):
        for name, item in value.items():
            if name in param.reserved:
                message = f"{param.name} must not contain {name!r}: the server uses it otherwise"
                raise InvalidArgument(message)
            if not isinstance(name, str) or not re.fullmatch(_URL_ARGUMENT, name):
                message = f"{param.name} contains a name the server ignores: use letters, digits, _"
                raise InvalidArgument(message)
            yield name, _to_text(item, param.name)


def _to_pairs(values: Mapping[str, object], argument: str) -> tuple[tuple[str, str], ...]:
    """Return the fields of a query or form; None means left out."""
    return tuple(
        (_to_text(name, f"a name in {argument}"), _to_text(value, f"{argument}[{name!r}]"))
        for name, value in values.items()
        if value is not None
    )


def _to_text(value: object, name: str) -> str:
    """Return the text of a value in a query or form; lists and objects become JSON."""
    plain = value.reveal() if isinstance(value, Secret) else value
    if isinstance(plain, str):
        if is_unicode(plain):
            return plain
        raise InvalidArgument(find_json_problem(plain, name))
    if type(plain) is int and plain.bit_length() <= _INT_BITS:
        return str(plain)
    return dump_json(int(plain) if isinstance(plain, bool) else plain, name)


def dump_json(value: object, name: str) -> str:
    """
    Encode a value as JSON.

    Args:
        value: Any JSON value, with any mapping and sequence.
        name: Name of the value in an error message.
    """
    try:
        text = encode_json(value)
        text.encode()
    except ValueError:
        # The original errors contain the value.
        message = find_json_problem(value, name) or f"{name} cannot be sent"
        raise InvalidArgument(message) from None
    return text
