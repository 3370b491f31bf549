"""Schemathesis compares the fake server with the OpenAPI document."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

from tests.openapi.example_server import INTERVIEW, ExampleServer
from tests.openapi.schemathesis_checks import CHECKS, load_schema

SERVER = ExampleServer()
SCHEMA = load_schema()
SCHEMA.app = SERVER


def _call(case: Any) -> Any:
    """Send the request of a case with the values of the server."""
    for name in ("path_parameters", "query", "body"):
        setattr(case, name, SERVER.localize(getattr(case, name)))
    return case.call(headers={"X-API-Key": SERVER.fake.api_key})


@SCHEMA.parametrize()
@settings(deadline=None)
def test_responses_are_as_described(case: Any) -> None:
    """Examples, limits and invalid values: status, content and error text are documented."""
    SERVER.reset()

    response = _call(case)

    case.validate_response(response, checks=CHECKS)


class Links(SCHEMA.as_state_machine()):  # type: ignore[misc]  # its class is made at run time
    """Follows the links between calls, such as from a new session to its question."""

    def setup(self) -> None:
        """Start with a new server."""
        SERVER.reset()

    def call(self, case: Any, **_: Any) -> Any:
        """Send a request; if its interview is unknown, it is about a known one instead."""
        for arguments in (case.query, case.body):
            if isinstance(arguments, dict) and "i" in arguments:
                arguments["i"] = INTERVIEW
        return _call(case)

    def validate_response(self, response: Any, case: Any, **_: Any) -> None:
        """Check a response as in the other test."""
        case.validate_response(response, checks=CHECKS)


def test_sequences_of_calls_are_as_described() -> None:
    """Calls that follow each other along the links of the document are documented too."""
    Links.run(
        settings=settings(
            max_examples=60,
            stateful_step_count=6,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
    )
