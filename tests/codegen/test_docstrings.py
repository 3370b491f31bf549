"""What a reader of the generated code is told."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

import pytest

from codegen import render

if TYPE_CHECKING:
    from tests.codegen.harness import Generate, Generated

FULL = """
models: {Thing: {doc: A thing., fields: {id: {type: int, doc: Number.}}}}
operations:
  update:
    call: PATCH /api/thing/{id}
    summary: Change a thing.
    description: Only what is given changes.
    effects: Changes the thing.
    source: things/api.py:12
    docs: thing_patch
    since: 1.4.0
    privileges: {any: [admin, advocate], permissions: [edit, read], note: none for one's own}
    parameters:
      id: {in: path, type: int, doc: Number of the thing.}
      name: {in: body, type: str, default: empty, doc: Name.}
      really: {in: local, type: bool, default: false, doc: Whether it is meant.}
    returns: {200: Thing, 204: none}
    errors:
      - {status: 404, message: "Thing {} not found.", hint: Look.}
      - {status: 400, message: Bad name., hint: Mend.}
      - {status: 400, message: Bad colour., hint: Mend.}
      - {status: 418, message: I am a teapot., hint: Drink.}
"""
DOCUMENTED = """
sources:
  documentation:
    title: The documentation
    doc: What it says.
    entries: [{entry: thing_patch, call: "PATCH /api/thing/{id}"}]
"""


def _doc(client: Generated, name: str) -> str:
    return inspect.getdoc(client.method(name)) or ""


def test_docstring_says_all_that_the_specification_knows(generate: Generate) -> None:
    """Summary, call, effects, privileges, source, arguments, result and errors are in it."""
    client = generate(FULL, common=DOCUMENTED)

    assert (
        _doc(client, "update")
        == """\
Change a thing.

Only what is given changes.

PATCH /api/thing/{id} (servers since 1.4.0).

Effects: changes the thing.
Privileges: admin or advocate; a key with limited permissions: the permissions edit, read;
    none for one's own.
Server code: things/api.py:12.

Args:
    id: Number of the thing.
    name: Name. Default: empty.
    really: Whether it is meant.
    timeout: Seconds, or Timeouts, for this call; None for no limit.
    retry: Policy for this call instead of the client's.

Returns:
    A thing, or None if nothing more happens.

Raises:
    UsageError: An argument is wrong; nothing was sent.
    APIError: I am a teapot.
    BadRequest: Bad name; Bad colour.
    NotFound: Thing … not found."""
    )


def test_docstring_says_that_a_call_is_undocumented(generate: Generate) -> None:
    """Where no public documentation describes the call, the reader is told."""
    client = generate("operations: {go: {call: POST /api/go, privileges: {permissions: [go]}}}")

    doc = _doc(client, "go")

    assert "POST /api/go, which the public documentation does not mention." in doc
    assert "Privileges: a key with limited permissions: the permission go." in doc
    assert "Returns:\n    Nothing." in doc


@pytest.mark.parametrize(
    ("operation", "privileges"),
    [("auth: false", "none, not even an API key."), ("retry: safe", "none.")],
)
def test_docstring_says_that_a_call_needs_no_privilege(
    generate: Generate, operation: str, privileges: str
) -> None:
    """No privilege and no key are different things."""
    client = generate(f"operations: {{go: {{call: POST /api/go, {operation}}}}}")

    assert f"Privileges: {privileges}\n" in _doc(client, "go")


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        ("int", "A whole number."),
        ("secret", "A text that does not show itself."),
        ("Thing", "URL of a thing."),
        ("Colour", "Colours."),
        ("'list[Thing]'", "A list; each item: URL of a thing."),
        ("'map[list[Colour]]'", "A map; each item: a list; each item: colours."),
        ("Reply", "What comes."),
        ("'task[restart]'", "A handle of the restart the server has begun."),
        ("text", "Text."),
        (
            "{json: Thing, text: true, binary: true}",
            "URL of a thing, or text, or bytes with their media type.",
        ),
    ],
)
def test_docstring_says_what_a_call_brings(generate: Generate, returns: str, words: str) -> None:
    """Every kind of result has words, and a word in capitals keeps them."""
    client = generate(
        f"""
enums: {{Colour: {{doc: Colours., values: [red]}}}}
models:
  Thing: {{doc: URL of a thing., fields: {{colour: {{type: Colour, doc: Colour.}}}}}}
  Reply: {{doc: What comes., union: {{key: a, default: Thing}}}}
operations:
  go: {{call: POST /api/go, returns: {{200: {returns}}}}}
  use: {{call: POST /api/use, returns: {{200: Reply}}}}
""",
        common="""
tasks:
  restart: {doc: R., status: things.go, working: w, completed: c, unknown: u, confirm: things.go}
""",
    )

    assert f"Returns:\n    {words}\n" in _doc(client, "go")


def test_docstring_says_what_a_call_brings_in_words_of_the_specification(
    generate: Generate,
) -> None:
    """Where a type does not say what it means, brings: does."""
    client = generate("operations: {go: {call: POST /go, returns: {200: str}, brings: Its name.}}")

    assert "Returns:\n    Its name.\n" in _doc(client, "go")


def test_docstring_tells_lists_and_files_apart(generate: Generate) -> None:
    """What is awaited, iterated or streamed is said in so many words."""
    client = generate("""
operations:
  list:
    call: GET /api/a
    parameters: {resume: {in: query, type: str, doc: Page.}}
    returns: {200: "page[str]"}
    paging: {resume: resume, items: items, next: next}
  download: {call: GET /api/b, returns: {200: binary}}
""")

    assert "The list; await it for its first page." in _doc(client, "list")
    assert "The file; await it for its content" in _doc(client, "download")


def test_errors_are_named_as_the_runtime_raises_them(generate: Generate) -> None:
    """The class under Raises is the one that comes with the status."""
    errors = [f"{{status: {code}, message: M{code}., hint: H.}}" for code in range(400, 600)]
    client = generate(f"operations: {{go: {{call: POST /go, errors: [{', '.join(errors)}]}}}}")

    listed = dict(render._raises(client.spec.operations[0]))

    for code in range(400, 600):
        name = client.errors.api_error_class(code).__name__
        assert f"M{code}" in listed[name]


def test_any_text_survives_in_docstrings_and_the_table(generate: Generate) -> None:
    """Backslashes, quotes of all kinds and other scripts are text, nowhere code."""
    text = r'''C:\new \"\"\" """x""" 'y' {{ z }} {% if %} Größe 字 🎉 "quoted"'''
    quoted = text.replace("'", "''")
    client = generate(f"""
title: '{quoted}'
description: '{quoted}'
enums: {{State: {{doc: '{quoted}', values: ['{quoted}']}}}}
models:
  Thing: {{doc: '{quoted}', fields: {{a: {{type: State, wire: 'Größe', doc: '{quoted}'}}}}}}
operations:
  go:
    call: POST /api/go
    summary: '{quoted}.'
    description: '{quoted}'
    effects: '{quoted}'
    privileges: {{note: '{quoted}'}}
    parameters:
      b: {{in: body, type: str, wire: '{quoted}', default: '{quoted}', doc: '{quoted}'}}
    returns: {{200: Thing}}
    errors: [{{status: 400, message: '{quoted}', hint: '{quoted}'}}]
""")
    operation = client.operation("things.go")

    assert client.answered("go", {"Größe": text}).a == text
    assert client.operation("things.go").errors[0].hint == text
    assert operation.privileges.note == text
    assert operation.params[0].wire == text
    for source, count in (("models/things.py", 3), ("api/things.py", 7), ("api/__init__.py", 1)):
        docs = [
            " ".join(str(node.value).split())
            for node in ast.walk(ast.parse(client.text(source)))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert sum(doc.count(text[1:]) for doc in docs) >= count


def test_empty_texts_break_nothing(generate: Generate) -> None:
    """A text that says nothing is poor, but the code around it is still code."""
    client = generate("""
description: ""
models: {Thing: {doc: "", fields: {id: {type: int, doc: ""}}}}
operations: {go: {call: POST /api/go, effects: "", returns: {200: Thing}}}
""")

    assert client.answered("go", {"id": 1}).id == 1


def test_template_that_makes_no_python_is_named() -> None:
    """Code that ruff refuses is an error that names the file and holds the code."""
    with pytest.raises(RuntimeError, match=r"(?s)some\.py: ruff .* refused it.*def \("):
        render._format("some.py", "def (")
