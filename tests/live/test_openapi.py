"""Schemathesis compares a server with the OpenAPI document, by calls that change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.openapi.schemathesis_checks import CHECKS, load_schema

if TYPE_CHECKING:
    from tests.live.conftest import Server

# A failure would print what the server has sent.
CONFIDENTIAL = "server.get_config"
EXAMPLE_USER, FIRST_ADMIN = 22, 1


def _changes_nothing(context: Any) -> bool:
    node = context.operation.definition.raw
    return node["x-effects"] == "None." and CONFIDENTIAL not in node["x-operations"]


SCHEMA = load_schema().include(_changes_nothing, method="GET")


@pytest.mark.since("1.10")
@SCHEMA.parametrize()
@settings(deadline=None)
def test_responses_are_as_described(case: Any, server: Server) -> None:
    """Examples, limits and invalid values: status, content and error text are documented."""
    if case.path_parameters.get("user_id") == EXAMPLE_USER:
        case.path_parameters["user_id"] = FIRST_ADMIN

    response = case.call(base_url=server.url, headers={"X-API-Key": server.api_key})

    case.validate_response(response, checks=CHECKS)
