"""Every operation of the table is there, and its errors can be told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

import docassemble_client
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing._handlers import HANDLERS
from docassemble_client.testing._server.call import known_error
from docassemble_client.testing._server.messages import Incoming
from docassemble_client.testing._server.routes import choose, find_route
from docassemble_client.testing.server import NEWEST


def test_every_operation_has_a_handler() -> None:
    """One that the specification gets must get a handler too."""
    assert HANDLERS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_routed(name: str) -> None:
    """A request with what the operation demands leads to it, and to no other of its path."""
    operation = OPERATIONS[name]
    wires = {one.name: one.wire for one in operation.params}
    demanded = {one.wire for one in operation.params if one.required and one.place == "query"}
    demanded |= {wires[one.names[0]] for one in operation.requires}
    body = {one.wire: "1" for one in operation.params if one.required and one.place == "body"}
    content = "&".join(f"{one}=1" for one in body).encode()
    request = Incoming(
        method=operation.method,
        path=operation.path.replace("{user_id}", "7").replace("{file_number}", "7"),
        query=dict.fromkeys(demanded, "1"),
        headers={"content-type": "application/x-www-form-urlencoded"},
        content=content,
    )

    found = find_route(request.path, NEWEST)

    assert found is not None
    route, place = found
    assert choose(route.candidates(request.method), request) is operation
    assert set(place) == {one.name for one in operation.params if one.place == "path"}
    assert set(place.values()) <= {7}


def test_error_is_found_by_words_only_it_has() -> None:
    """Words that none or several of the messages have are a mistake of the handler."""
    operation = OPERATIONS["users.create"]

    found = known_error(operation, "already being used")

    assert found.status == 400
    for words in ("no such words", "a"):
        with pytest.raises(LookupError, match=r"users\.create"):
            known_error(operation, words)


def test_runtime_does_not_know_the_fake() -> None:
    """Only the tour and the plugin of pytest import it; the client works without the extra."""
    package = Path(docassemble_client.__file__).parent
    known = {"demo.py", "pytest_plugin.py"}

    importing = {
        path.name
        for path in package.rglob("*.py")
        if package / "testing" not in path.parents
        and "docassemble_client.testing" in path.read_text(encoding="utf-8")
    }

    assert importing == known
