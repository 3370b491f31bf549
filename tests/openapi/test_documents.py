"""The OpenAPI documents follow the rules of OpenAPI and of Redocly's linter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from openapi_spec_validator import validate

if TYPE_CHECKING:
    from tests.openapi.conftest import RunNode

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ("openapi.json", "openapi-3.0.json")


@pytest.mark.parametrize("name", NAMES)
def test_document_is_valid(name: str) -> None:
    """Each document follows the specification of its version."""
    validate(json.loads((DOCS / name).read_text("utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_linter_has_no_remark(name: str, run_node: RunNode) -> None:
    """Redocly's recommended rules have neither errors nor warnings; examples fit their schemas."""
    output = run_node("redocly", "lint", str(DOCS / name), "--format=json")
    report = json.loads(output[output.index("{") :])

    assert report["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}
