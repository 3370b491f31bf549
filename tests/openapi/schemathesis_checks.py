"""The OpenAPI document for Schemathesis, and what it checks of each response."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

if TYPE_CHECKING:
    from schemathesis.specs.openapi.schemas import OpenApiSchema

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"

# What the server responds to values of types that the client never sends.
_TYPE_ERRORS = (
    r"(\(raised as a result of Query-invoked autoflush.*)?\(psycopg2\..*",
    r"'\w+' object has no attribute 'strip'",
)


def load_schema() -> OpenApiSchema:
    """Load the document; random data and undocumented methods are left out."""
    phases = {"fuzzing": {"enabled": False}, "coverage": {"unexpected-methods": []}}
    config = SchemathesisConfig.from_dict({"phases": phases})
    return schemathesis.openapi.from_path(str(DOCUMENT), config=config)


def check_error_text(_: Any, response: Any, case: Any) -> None:
    """Raise an AssertionError unless the text of an error is one of the known texts."""
    node = case.operation.definition.raw["responses"].get(str(int(response.status_code)), {})
    content_type = response.headers.get("content-type", [""])[0]
    if response.status_code < 400 or "json" not in content_type:
        return
    text = json.loads(response.content)
    patterns = [
        ".*".join(map(re.escape, error["message"].split("{}")))
        for error in node.get("x-known-errors", ())
    ]
    patterns += _TYPE_ERRORS
    assert any(re.fullmatch(pattern, text, re.DOTALL) for pattern in patterns), (
        f"{case.operation.label}: {response.status_code} {text!r} is not a known error"
    )


CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    check_error_text,
]
