"""Rules over names and combinations: filters, variable names, files, and no second API key."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import operations
from docassemble_client._core.serialize import encode
from docassemble_client._types import UNSET
from docassemble_client.config import Secret
from docassemble_client.errors import UsageError
from docassemble_client.operation import Operation, Param, Requirement, Result
from docassemble_client.transfer import Upload

START = operations.SESSIONS_START
SET = operations.SESSIONS_SET_VARIABLES
SESSION: dict[str, object] = {"i": "a.yml", "session": "s"}


def made(*params: Param, method: str = "GET", path: str = "/p", **more: Any) -> Operation[Any]:
    return Operation(
        tag="t",
        name="n",
        method=method,
        path=path,
        summary="S.",
        results={"204": Result()},
        params=params,
        **more,
    )


def problem(operation: Operation[Any], arguments: dict[str, object]) -> str:
    """Encode what must be refused, and return what the error says."""
    with pytest.raises(UsageError) as caught:
        encode(operation, arguments)
    error = caught.value
    assert error.operation == operation.id
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "hunter2" not in str(error)
    return error.message


KEY_RULE = made(
    Param("name", "query", "str"),
    Param("api_key", "query", "secret"),
    Param("zip", "file", "file"),
    requires=(Requirement(("name", "api_key", "zip"), exactly_one=True),),
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
def test_one_of_several_passes(arguments: dict[str, object]) -> None:
    """Exactly one that is given and not blank satisfies the rule."""
    request = encode(KEY_RULE, arguments)

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
def test_none_or_two_of_several_are_refused(arguments: dict[str, object]) -> None:
    """A blank text counts as nothing, because the server takes it so, Secret or not."""
    message = problem(KEY_RULE, arguments)

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
def test_a_filter_or_the_explicit_word_passes(arguments: dict[str, object]) -> None:
    """Deleting many needs a filter or delete_all=True; the switch itself is not sent."""
    request = encode(operations.SESSIONS_DELETE_MANY_ACROSS_USERS, arguments)

    assert [name for name, _ in request.query] == [
        name for name in ("i", "tag", "user_id") if name in arguments
    ]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"i": ""}, {"tag": " \t"}, {"delete_all": False}, {"delete_all": 1, "i": ""}],
)
def test_without_a_filter_nothing_is_deleted(arguments: dict[str, object]) -> None:
    """No filter, a blank one, or a switch that is not really True: nothing is sent."""
    message = problem(operations.SESSIONS_DELETE_MANY, arguments)

    assert message == (
        "pass at least one of i, session, tag, query, or delete_all=True if you really mean all"
    )


def test_a_rule_without_a_switch_names_none() -> None:
    """Where nothing lifts the rule, the message does not say so."""
    operation = made(Param("a", "query", "str"), requires=(Requirement(("a", "b")),))

    message = problem(operation, {})

    assert message == "pass at least one of a, b"


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), ("", ""), ("a b&c=d", "a b&c=d"), ("ü", "ü")]
)
def test_each_url_argument_becomes_a_parameter(value: str, text: str) -> None:
    """URL arguments of an interview stand in the query under their own names."""
    request = encode(START, {"i": "a.yml", "url_args": {"from_1": value, "_b": "y"}})

    assert request.query == (("i", "a.yml"), ("from_1", text), ("_b", "y"))


def test_url_arguments_may_be_none_or_empty() -> None:
    """Without URL arguments only the others are sent, even where null could be sent."""
    operation = made(Param("a", "query", "map[str]", spread=True, null=True))

    nothing: tuple[object, ...] = (None, UNSET, {})

    requests = [encode(operation, {"a": value}) for value in nothing]

    assert [request.query for request in requests] == [(), (), ()]


@pytest.mark.parametrize("name", ["key", "i", "secret"])
def test_url_arguments_cannot_take_the_place_of_others(name: str) -> None:
    """A URL argument called key would be a second API key, one called i another interview."""
    message = problem(START, {"i": "a.yml", "url_args": {name: "hunter2"}})

    assert message == f"url_args may not hold {name!r}: it means something else to the server"


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "a.b", "a\n", "ü", "a&key", 5, None])
def test_url_arguments_the_server_would_ignore_are_refused(name: object) -> None:
    """The server drops other names silently, so they are refused here."""
    message = problem(START, {"i": "a.yml", "url_args": {name: "hunter2"}})

    assert message == "url_args holds a name the server ignores: use letters, digits and _"


@pytest.mark.parametrize("value", [5, None, True, ["hunter2"], Secret("hunter2"), "\ud800"])
def test_url_arguments_are_texts(value: object) -> None:
    """What an interview gets from its URL is text; nothing else is quietly turned into it."""
    message = problem(START, {"i": "a.yml", "url_args": {"a": value}})

    assert message.startswith("url_args ")


@pytest.mark.parametrize(
    "name", ["x", "x.y", "x[0]", "x['a b'].c", "user.name.first", "größe", " x ", 'x["key"]', "key"]
)
def test_names_of_variables_are_sent_as_they_are(name: str) -> None:
    """What can stand before an equals sign in Python passes, the server knows better."""
    arguments: dict[str, object] = {
        **SESSION,
        "variables": {name: 1},
        "file_variables": {"f": name},
        "delete_variables": [name],
    }

    request = encode(SET, arguments)

    assert json.loads(request.json or b"") == arguments


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "holds a variable name that is empty or no text"),
        (" \t", "holds a variable name that is empty or no text"),
        ("x\nimport os", "holds a variable name with a line break or control character"),
        ("x\rhunter2", "holds a variable name with a line break or control character"),
        ("x\x00", "holds a variable name with a line break or control character"),
        ("x\x0chunter2", "holds a variable name with a line break or control character"),
        ("x\x85y", "holds a variable name with a line break or control character"),
        ("x\u2028y", "holds a variable name with a line break or control character"),
        ("x\ud800", "holds a variable name with a line break or control character"),
    ],
)
@pytest.mark.parametrize(
    "argument", ["variables", "file_variables", "delete_variables", "files", "one"]
)
def test_names_that_could_run_code_are_refused(argument: str, name: str, complaint: str) -> None:
    """The server executes names as Python: a line break would begin a second statement."""
    operation = made(*SET.params, Param("one", "body", "str", variable_name=True), method="POST")
    values: dict[str, object] = {
        "variables": {"ok": 1, name: 1},
        "file_variables": {"f": "ok", "g": name},
        "delete_variables": ["ok", name],
        "files": {"ok": b"", name: b""},
        "one": name,
    }

    message = problem(operation, {**SESSION, argument: values[argument]})

    assert message == f"{argument} {complaint}"


@pytest.mark.parametrize("name", [5, None, b"x", ("x",)])
def test_names_of_variables_are_texts(name: object) -> None:
    """A key that is no text cannot be a variable."""
    message = problem(SET, {**SESSION, "variables": {name: 1}})

    assert message == "variables holds a variable name that is empty or no text"


def test_a_map_of_files_has_a_field_for_each_file(tmp_path: Path) -> None:
    """Fields carry the names of their variables; several files of one variable share it."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"x")
    opened = io.BytesIO(b"y")
    files = {"doc": path, "more": [b"1", opened], "named": Upload(b"2", "n.txt", "text/plain")}

    request = encode(SET, {**SESSION, "variables": {"a": True}, "files": files})

    assert request.files == (
        ("doc", Upload(path, "a.pdf")),
        ("more", Upload(b"1", "upload")),
        ("more", Upload(opened, "upload")),
        ("named", Upload(b"2", "n.txt", "text/plain")),
    )
    assert dict(request.form)["variables"] == '{"a":true}'


def test_an_empty_map_of_files_is_none() -> None:
    """Without a file in it the map changes nothing: the body is JSON."""
    request = encode(SET, {**SESSION, "files": {}})

    assert request.files == ()
    assert request.json == b'{"i":"a.yml","session":"s"}'


def test_a_list_of_files_repeats_its_field() -> None:
    """Files of a list are sent under one name, in their order."""
    request = encode(
        operations.PLAYGROUND_UPLOAD_FILES, {"files": (Upload(b"1", "a"), Upload(b"2", "b"))}
    )

    assert [(name, one.filename) for name, one in request.files] == [("file", "a"), ("file", "b")]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("file", "/no/such/hunter2", "f: there is no file at the path given"),
        ("file", "hunter2" * 1000, "f: there is no file at the path given"),
        ("file", "hunter2\x00", "f: there is no file at the path given"),
        ("file", "", "f: there is no file at the path given"),
        ("file", Path("/"), "f: there is no file at the path given"),
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
            "f: a file name or media type holds a character that cannot be sent",
        ),
        ("files", b"hunter2", "f must be a list of files, not bytes"),
        ("files", {"hunter2": b"x"}, "f must be a list of files, not dict"),
        ("files", [], "f holds no file"),
        ("file_map", [b"hunter2"], "f must be a mapping from field to file, not list"),
        ("file_map", {"key": b"hunter2"}, "f may not hold a field called key: "),
        ("file_map", {"": b"x"}, "f holds a field name that cannot be sent"),
        ("file_map", {5: b"x"}, "f holds a field name that cannot be sent"),
        ("file_map", {"hunter2\n": b"x"}, "f holds a field name that cannot be sent"),
        ("file_map", {"\ud800": b"x"}, "f holds a field name that cannot be sent"),
    ],
)
def test_files_that_cannot_be_sent_are_refused(kind: str, value: object, message: str) -> None:
    """A missing or wrong file is refused before anything is sent, without showing its name."""
    said = problem(made(Param("f", "file", kind), method="POST"), {"f": value})

    assert said.startswith(message)
