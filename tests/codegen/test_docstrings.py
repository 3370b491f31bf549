"""Docstrings of the generated code."""

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
    see_also: {Store.save: keeps the old thing}
    source: things/api.py:12
    docs: thing_patch
    since: 1.4.0
    privileges: {any_of: [admin, advocate], permissions: [edit, read], note: not for your own}
    parameters:
      id: {in: path, type: int, doc: Number of the thing.}
      name: {in: body, type: str, default: empty, doc: Name.}
      confirm: {in: local, type: bool, default: false, doc: Whether to do it.}
    returns: {200: Thing, 204: none}
    errors:
      - {status: 404, message: "Thing {} not found.", hint: Check it.}
      - {status: 400, message: Bad name., hint: Fix it.}
      - {status: 400, message: Bad colour., hint: Fix it.}
      - {status: 418, message: I am a teapot., hint: Drink.}
"""
DOCUMENTED = """
sources:
  documentation:
    title: The documentation
    doc: Its sections.
    entries: [{entry: thing_patch, call: "PATCH /api/thing/{id}"}]
"""


def _get_doc(client: Generated, name: str) -> str:
    return inspect.getdoc(client.get_function(name)) or ""


def test_docstring_contains_all_facts_of_the_specification(generate: Generate) -> None:
    """It has summary, endpoint, effects, privileges, source, workflow, arguments and errors."""
    client = generate(FULL, common=DOCUMENTED)

    assert (
        _get_doc(client, "update")
        == """\
Change a thing.

Only what is given changes.

PATCH /api/thing/{id} (since docassemble 1.4.0).

Effects: changes the thing.
Privileges: admin or advocate; a key with limited permissions: the permissions edit, read;
    not for your own.
Server code: things/api.py:12.
See also: Store.save(), which keeps the old thing.

Args:
    id: Number of the thing.
    name: Name. Default: empty.
    confirm: Whether to do it.
    timeout: Seconds, or Timeouts, for this call; None for no limit.
    retry: Retry policy for this call. Default: the client's.
    headers: Further headers of the request; they replace those of the client.

Returns:
    A thing, or None if the response is empty.

Raises:
    UsageError: An argument is invalid; no request was sent.
    APIError: I am a teapot.
    BadRequest: Bad name; Bad colour.
    NotFound: Thing … not found."""
    )


def test_docstring_says_that_a_call_is_undocumented(generate: Generate) -> None:
    """A call that is not in the public documentation says so."""
    client = generate("operations: {go: {call: POST /api/go, privileges: {permissions: [go]}}}")

    doc = _get_doc(client, "go")

    assert "POST /api/go, not in the public documentation." in doc
    assert "Privileges: a key with limited permissions: the permission go." in doc
    assert "Returns:\n    None." in doc


@pytest.mark.parametrize(
    ("operation", "privileges"),
    [("auth: false", "none, not even an API key."), ("retry: safe", "none.")],
)
def test_docstring_says_that_a_call_needs_no_privilege(
    generate: Generate, operation: str, privileges: str
) -> None:
    """Needing no privilege and needing no key are distinguished."""
    client = generate(f"operations: {{go: {{call: POST /api/go, {operation}}}}}")

    assert f"Privileges: {privileges}\n" in _get_doc(client, "go")


@pytest.mark.parametrize(
    ("returns", "text"),
    [
        ("int", "An integer."),
        ("secret", "A string that its repr hides."),
        ("Thing", "URL of a thing."),
        ("Colour", "Colours."),
        ("'list[Thing]'", "A list; each item: URL of a thing."),
        ("'map[list[Colour]]'", "A dict; each item: a list; each item: colours."),
        ("Reply", "A reply."),
        ("'task[restart]'", "A handle of the restart task."),
        ("text", "Text."),
        (
            "{json: Thing, text: true, binary: true}",
            "URL of a thing, or text, or bytes with their media type.",
        ),
    ],
)
def test_docstring_describes_the_result(generate: Generate, returns: str, text: str) -> None:
    """Every type of result has a description; a word in capitals is not lowered."""
    client = generate(
        f"""
enums: {{Colour: {{doc: Colours., values: [red]}}}}
models:
  Thing: {{doc: URL of a thing., fields: {{colour: {{type: Colour, doc: Colour.}}}}}}
  Reply: {{doc: A reply., union: {{key: a, default: Thing}}}}
operations:
  go: {{call: POST /api/go, returns: {{200: {returns}}}}}
  use: {{call: POST /api/use, returns: {{200: Reply}}}}
""",
        common="""
tasks:
  restart: {doc: R., status: things.go, working: w, completed: c, unknown: u, confirm: things.go}
""",
    )

    assert f"Returns:\n    {text}\n" in _get_doc(client, "go")


def test_docstring_uses_the_result_description_of_the_specification(
    generate: Generate,
) -> None:
    """returns_text: overrides the description of the type."""
    client = generate(
        "operations: {go: {call: POST /go, returns: {200: str}, returns_text: Its name.}}"
    )

    assert "Returns:\n    Its name.\n" in _get_doc(client, "go")


def test_docstring_explains_lists_and_files(generate: Generate) -> None:
    """It says what to await, iterate or stream."""
    client = generate("""
operations:
  list:
    call: GET /api/a
    parameters: {resume: {in: query, type: str, doc: Page.}}
    returns: {200: "page[str]"}
    paging: {page_param: resume, items: items, next: next}
  download: {call: GET /api/b, returns: {200: binary}}
""")

    assert "A paginator: iterate over it with `async for`" in _get_doc(client, "list")
    assert "A download: await it for the content" in _get_doc(client, "download")


def test_raises_section_names_the_raised_classes(generate: Generate) -> None:
    """The class under Raises is the one that the client raises for the status."""
    errors = [f"{{status: {code}, message: M{code}., hint: H.}}" for code in range(400, 600)]
    client = generate(f"operations: {{go: {{call: POST /go, errors: [{', '.join(errors)}]}}}}")

    messages = dict(render._group_errors(client.spec.operations[0]))

    for code in range(400, 600):
        name = client.errors.get_error_class(code).__name__
        assert f"M{code}" in messages[name]


async def test_any_text_is_escaped_in_docstrings_and_the_table(generate: Generate) -> None:
    """Backslashes, all quotes and other scripts are printed as text, not code."""
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
    operation = client.find_operation("things.go")

    assert (await client.call_with_response("go", {"Größe": text})).a == text
    assert client.find_operation("things.go").errors[0].hint == text
    assert operation.privileges.note == text
    assert operation.params[0].wire == text
    for source, count in (("models/things.py", 3), ("api/things.py", 7), ("api/__init__.py", 1)):
        docs = [
            " ".join(str(node.value).split())
            for node in ast.walk(ast.parse(client.read_text(source)))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert sum(doc.count(text[1:]) for doc in docs) >= count


async def test_empty_texts_produce_valid_code(generate: Generate) -> None:
    """An empty text still produces valid code."""
    client = generate("""
description: ""
models: {Thing: {doc: "", fields: {id: {type: int, doc: ""}}}}
operations: {go: {call: POST /api/go, effects: "", returns: {200: Thing}}}
""")

    assert (await client.call_with_response("go", {"id": 1})).id == 1


def test_invalid_generated_code_is_reported() -> None:
    """If ruff fails, the error names the file and contains the code."""
    with pytest.raises(RuntimeError, match=r"(?s)some\.py: ruff .* failed.*def \("):
        render._format_python("some.py", "def (")
