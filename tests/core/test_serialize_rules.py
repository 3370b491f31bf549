"""Rules for names and combinations: filters, variable names, files, and no second API key."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import operations
from docassemble_client._core.serialize import serialize
from docassemble_client._types import UNSET
from docassemble_client.config import Secret
from docassemble_client.errors import UsageError
from docassemble_client.operation import ArgumentRule, Operation, Param, Result
from docassemble_client.transfer import Upload

START = operations.SESSIONS_START
SET = operations.SESSIONS_SET_VARIABLES
SESSION: dict[str, object] = {"i": "a.yml", "session": "s"}


def make_operation(
    *params: Param, method: str = "GET", path: str = "/p", **options: Any
) -> Operation[Any]:
    return Operation(
        tag="t",
        name="n",
        method=method,
        path=path,
        summary="S.",
        results={"204": Result()},
        params=params,
        **options,
    )


def get_error(operation: Operation[Any], arguments: dict[str, object]) -> str:
    """Serialize invalid arguments; return the text of the error."""
    with pytest.raises(UsageError) as caught:
        serialize(operation, arguments)
    error = caught.value
    assert error.operation == operation.id
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "hunter2" not in str(error)
    return error.message


KEY_RULE = make_operation(
    Param("name", "query", "str"),
    Param("api_key", "query", "secret"),
    Param("zip", "file", "file"),
    requires=(ArgumentRule(("name", "api_key", "zip"), exactly_one=True),),
)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "a"},
        {"api_key": Secret("k")},
        {"zip": b""},
        {"name": "a", "api_key": None},
        {"name": "a", "api_key": " "},
    ],
)
def test_exactly_one_of_several_arguments_is_accepted(arguments: dict[str, object]) -> None:
    """Exactly one argument that is not blank satisfies the rule."""
    request = serialize(KEY_RULE, arguments)

    assert request.query or request.files


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"name": ""},
        {"name": " \n"},
        {"api_key": Secret("")},
        {"api_key": Secret(" ")},
        {"name": None, "api_key": UNSET},
        {"name": "a", "api_key": "k"},
        {"name": "a", "zip": b"z"},
    ],
)
def test_none_or_two_of_several_arguments_are_refused(arguments: dict[str, object]) -> None:
    """A blank text or Secret counts as absent, because the server treats it so."""
    message = get_error(KEY_RULE, arguments)

    assert message == "pass exactly one of name, api_key, zip"


@pytest.mark.parametrize(
    "arguments",
    [
        {"i": "a.yml"},
        {"i": "a.yml", "tag": "t"},
        {"delete_all": True},
        {"delete_all": True, "i": "a.yml"},
        {"user_id": 0},
    ],
)
def test_a_filter_or_delete_all_is_accepted(arguments: dict[str, object]) -> None:
    """Deleting many sessions needs a filter or delete_all=True, which is not sent."""
    request = serialize(operations.SESSIONS_DELETE_MANY_ACROSS_USERS, arguments)

    assert [name for name, _ in request.query] == [
        name for name in ("i", "tag", "user_id") if name in arguments
    ]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"i": ""}, {"tag": " \t"}, {"delete_all": False}, {"delete_all": 1, "i": ""}],
)
def test_without_a_filter_nothing_is_deleted(arguments: dict[str, object]) -> None:
    """Without a filter, with a blank filter, or with a delete_all that is not True: refused."""
    message = get_error(operations.SESSIONS_DELETE_MANY, arguments)

    assert message == (
        "pass at least one of i, session, tag, query, or delete_all=True to include all"
    )


def test_a_rule_without_an_alternative_mentions_none() -> None:
    """The message mentions an alternative only if the rule has one."""
    operation = make_operation(Param("a", "query", "str"), requires=(ArgumentRule(("a", "b")),))

    message = get_error(operation, {})

    assert message == "pass at least one of a, b"


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), ("", ""), ("a b&c=d", "a b&c=d"), ("ü", "ü")]
)
def test_url_arguments_become_query_parameters(value: str, text: str) -> None:
    """URL arguments of an interview are sent in the query under their own names."""
    request = serialize(START, {"i": "a.yml", "url_args": {"from_1": value, "_b": "y"}})

    assert request.query == (("i", "a.yml"), ("from_1", text), ("_b", "y"))


def test_url_arguments_may_be_none_or_empty() -> None:
    """Without URL arguments no parameter is sent, even if null could be sent."""
    operation = make_operation(Param("a", "query", "map[str]", spread=True, null=True))

    empty_values: tuple[object, ...] = (None, UNSET, {})

    requests = [serialize(operation, {"a": value}) for value in empty_values]

    assert [request.query for request in requests] == [(), (), ()]


@pytest.mark.parametrize("name", ["key", "i", "secret"])
def test_url_arguments_cannot_replace_other_parameters(name: str) -> None:
    """A URL argument named key would be a second API key, one named i another interview."""
    message = get_error(START, {"i": "a.yml", "url_args": {name: "hunter2"}})

    assert message == f"url_args must not contain {name!r}: the server uses it otherwise"


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "a.b", "a\n", "ü", "a&key", 5, None])
def test_url_arguments_the_server_would_ignore_are_refused(name: object) -> None:
    """The server silently drops other names."""
    message = get_error(START, {"i": "a.yml", "url_args": {name: "hunter2"}})

    assert message == "url_args contains a name the server ignores: use letters, digits, _"


@pytest.mark.parametrize("value", [5, None, True, ["hunter2"], Secret("hunter2"), "\ud800"])
def test_url_arguments_must_be_texts(value: object) -> None:
    """Interviews receive texts from their URL; other values are not converted silently."""
    message = get_error(START, {"i": "a.yml", "url_args": {"a": value}})

    assert message.startswith("url_args ")


@pytest.mark.parametrize("name", ["x", "user.name.first", "x['a b'].c", "größe", "key"])
def test_variable_names_are_sent_unchanged(name: str) -> None:
    """Every plain target of a Python assignment is accepted."""
    arguments: dict[str, object] = {
        **SESSION,
        "variables": {name: 1},
        "file_variables": {"f": name},
        "delete_variables": [name],
    }

    request = serialize(SET, arguments)

    assert json.loads(request.json or b"") == arguments


@pytest.mark.parametrize("name", ["a[__import__('os').system('id')]", "x\nimport os", "", "f()"])
@pytest.mark.parametrize(
    "argument", ["variables", "file_variables", "delete_variables", "files", "single"]
)
def test_variable_names_that_could_run_code_are_refused(argument: str, name: str) -> None:
    """The server executes names as Python, in every argument that carries them."""
    operation = make_operation(
        *SET.params, Param("single", "body", "str", variable_name=True), method="POST"
    )
    values: dict[str, object] = {
        "variables": {"ok": 1, name: 1},
        "file_variables": {"f": "ok", "g": name},
        "delete_variables": ["ok", name],
        "files": {"ok": b"", name: b""},
        "single": name,
    }

    message = get_error(operation, {**SESSION, argument: values[argument]})

    description = (
        repr(name) if name.isprintable() else "a text with a line break or control character"
    )
    assert message == f"{argument} contains {description}, which is not a valid variable name"


def test_long_variable_names_are_shortened_in_the_error() -> None:
    """A whole text that was passed as a name does not fill the error."""
    message = get_error(SET, {**SESSION, "delete_variables": ["a b" * 1000]})

    assert len(message) < 200


@pytest.mark.parametrize("name", [5, None, b"x", ("x",)])
def test_variable_names_must_be_texts(name: object) -> None:
    """A key that is not a text cannot be a variable."""
    message = get_error(SET, {**SESSION, "variables": {name: 1}})

    kind = type(name).__name__
    assert message == f"variables contains a key of type {kind}, which is not a valid variable name"


def test_a_file_of_another_variable_may_have_any_name() -> None:
    """The server executes the variable of `file_variables` instead of the name of the file."""
    names = {"file_variables": {"my-file": "user.relative['aunt']"}}

    request = serialize(SET, {**SESSION, **names, "files": {"my-file": b"x"}})

    assert [name for name, _ in request.files] == ["my-file"]
    assert "'my-other'" in get_error(SET, {**SESSION, **names, "files": {"my-other": b"x"}})


def test_a_map_of_files_has_one_field_per_variable(tmp_path: Path) -> None:
    """Fields have the names of their variables; several files of a variable share a field."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"x")
    opened = io.BytesIO(b"y")
    files = {"doc": path, "more": [b"1", opened], "named": Upload(b"2", "n.txt", "text/plain")}

    request = serialize(SET, {**SESSION, "variables": {"a": True}, "files": files})

    fields = [
        (name, file.content, file.filename, file.content_type) for name, file in request.files
    ]
    assert fields == [
        ("doc", path, "a.pdf", None),
        ("more", b"1", "upload", None),
        ("more", opened, "upload", None),
        ("named", b"2", "n.txt", "text/plain"),
    ]
    assert dict(request.form)["variables"] == '{"a":true}'


def test_an_empty_map_of_files_is_ignored() -> None:
    """Without a file, the body is JSON."""
    request = serialize(SET, {**SESSION, "files": {}})

    assert request.files == ()
    assert request.json == b'{"i":"a.yml","session":"s"}'


def test_a_list_of_files_repeats_its_field() -> None:
    """The files of a list are sent under one name, in order."""
    request = serialize(
        operations.PLAYGROUND_UPLOAD_FILES, {"files": (Upload(b"1", "a"), Upload(b"2", "b"))}
    )

    assert [(name, upload.filename) for name, upload in request.files] == [
        ("file", "a"),
        ("file", "b"),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("file", "/no/such/hunter2", "f: there is no file at this path"),
        ("file", "hunter2" * 1000, "f: there is no file at this path"),
        ("file", "hunter2\x00", "f: there is no file at this path"),
        ("file", "", "f: there is no file at this path"),
        ("file", Path("/"), "f: there is no file at this path"),
        (
            "file",
            io.StringIO("hunter2"),
            "f: a file must be opened in binary mode, not in text mode",
        ),
        ("file", 5, "f: a file must be a path, bytes, a binary file or an Upload, not int"),
        ("file", [b"x"], "f: a file must be a path, bytes, a binary file or an Upload, not list"),
        (
            "file",
            Upload(b"", "hunter2\r\nX: y"),
            "f: a file name or media type contains a character that cannot be sent",
        ),
        ("files", b"hunter2", "f must be a list of files, not bytes"),
        ("files", {"hunter2": b"x"}, "f must be a list of files, not dict"),
        ("files", [], "f contains no file"),
        ("file_map", [b"hunter2"], "f must be a mapping from field to file, not list"),
        ("file_map", {"key": b"hunter2"}, "f must not contain a field named key: "),
        ("file_map", {"": b"x"}, "f contains a field name that cannot be sent"),
        ("file_map", {5: b"x"}, "f contains a field name that cannot be sent"),
        ("file_map", {"hunter2\n": b"x"}, "f contains a field name that cannot be sent"),
        ("file_map", {"\ud800": b"x"}, "f contains a field name that cannot be sent"),
    ],
)
def test_files_that_cannot_be_sent_are_refused(kind: str, value: object, message: str) -> None:
    """A missing or invalid file is refused without showing its name."""
    error = get_error(make_operation(Param("f", "file", kind), method="POST"), {"f": value})

    assert error.startswith(message)
