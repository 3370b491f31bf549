"""Every operation has a handler and a route, and its errors are unambiguous."""

from __future__ import annotations

from pathlib import Path

import pytest

import docassemble_client
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing._handlers import HANDLERS
from docassemble_client.testing._server.api_call import find_known_error
from docassemble_client.testing._server.messages import FakeRequest
from docassemble_client.testing._server.routes import choose_operation, find_route
from docassemble_client.testing.server import LATEST_VERSION


def test_every_operation_has_a_handler() -> None:
    """A new operation of the specification needs a handler too."""
    assert HANDLERS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_routed(name: str) -> None:
    """A request with the required arguments is routed to this operation of the path only."""
    operation = OPERATIONS[name]
    wire_names = {param.name: param.wire for param in operation.params}
    required = [param for param in operation.params if param.required]
    query_names = {param.wire for param in required if param.location == "query"}
    query_names |= {wire_names[rule.names[0]] for rule in operation.requires}
    body_names = [param.wire for param in required if param.location == "body"]
    request = FakeRequest(
        method=operation.method,
        path=operation.path.replace("{user_id}", "7").replace("{file_number}", "7"),
        query=dict.fromkeys(query_names, "1"),
        headers={"content-type": "application/x-www-form-urlencoded"},
        content="&".join(f"{name}=1" for name in body_names).encode(),
    )

    match = find_route(request.path, LATEST_VERSION)

    assert match is not None
    route, path_values = match
    assert choose_operation(route.find_operations(request.method), request) is operation
    path_params = {param.name for param in operation.params if param.location == "path"}
    assert set(path_values) == path_params
    assert set(path_values.values()) <= {7}


def test_error_is_found_by_a_unique_part_of_its_text() -> None:
    """A text that matches no error or several errors is a bug in the handler."""
    operation = OPERATIONS["users.create"]

    error = find_known_error(operation, "already being used")

    assert error.status == 400
    for text in ("no such text", "a"):
        with pytest.raises(LookupError, match=r"users\.create"):
            find_known_error(operation, text)


def test_client_does_not_import_the_fake_server() -> None:
    """Only the demo, the pytest plugin and the command `fake` do: the extra is optional."""
    package = Path(docassemble_client.__file__).parent

    importers = {
        path.name
        for path in package.rglob("*.py")
        if package / "testing" not in path.parents
        and "docassemble_client.testing" in path.read_text(encoding="utf-8")
    }

    assert importers == {"demo.py", "fake.py", "pytest_plugin.py"}
