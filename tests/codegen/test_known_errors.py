"""Known errors of operations, and where the generator prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.codegen.harness import Generate


def test_known_error_names_configuration_switches(generate: Generate) -> None:
    """The directives are data; other errors have none."""
    client = generate(
        "operations: {go: {call: GET /api/go, errors: [{status: 404, message: Gone, hint: Wait.}, "
        "{status: 404, message: Away, hint: Ask., switches: [enable x, allow y]}]}}"
    )

    errors = client.find_operation("things.go").errors

    assert [error.switches for error in errors] == [(), ("enable x", "allow y")]


async def test_known_errors_have_hints(generate: Generate) -> None:
    """An operation's own errors come first, then its groups, then the group every."""
    client = generate(
        "operations: {go: {call: POST /api/go, errors: [login, "
        "{status: 400, message: 'Bad {}.', hint: Fix it.}]}, "
        "get_health: {call: GET /health, auth: false}}",
        common="""
errors:
  login: [{status: 403, message: No., hint: Log in.}]
  every: [{status: 403, message: Access denied., hint: Check the key.}]
statuses: {"404": Check the path.}
""",
    )

    errors = client.find_operation("things.go").errors

    assert [error.hint for error in errors] == ["Fix it.", "Log in.", "Check the key."]
    assert client.find_operation("things.get_health").errors == ()
    with pytest.raises(client.errors.BadRequest, match="Fix it"):
        await client.call_with_response("go", "Bad thing.", 400)
    with pytest.raises(client.errors.NotFound, match="Check the path"):
        await client.call_with_response("go", "", 404)


def test_shared_errors_are_printed_once(generate: Generate) -> None:
    """A group that several tags use is printed in _errors, any other in the module of its tag."""
    client = generate(
        "operations: {go: {call: POST /api/go, errors: [login, busy]}}",
        "{tag: others, operations: {go: {call: POST /api/others, errors: [login]}}}",
        common="""
errors:
  login: [{status: 403, message: No., hint: Log in.}]
  busy: [{status: 400, message: Later., hint: Wait.}]
""",
    )

    def find_modules(text: str) -> list[str]:
        names = ("__init__", "_errors", "things", "others")
        return [name for name in names if text in client.read_text(f"operations/{name}.py")]

    things, others = map(client.find_operation, ("things.go", "others.go"))
    assert [error.hint for error in things.errors] == ["Log in.", "Wait."]
    assert [error.hint for error in others.errors] == ["Log in."]
    assert (find_modules("Log in."), find_modules("Wait.")) == (["_errors"], ["things"])
