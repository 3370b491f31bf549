"""Tests the Django view without a server."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false, reportFunctionMemberAccess=false
# pyright: reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# Django has no type annotations.

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client, override_settings

from docassemble_client.testing import FakeServer

if TYPE_CHECKING:
    from collections.abc import Generator

if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["testserver"], ROOT_URLCONF="examples.django_view")

from examples import django_view


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Generator[FakeServer]:
    """Return a fake server that the view calls."""
    fake = FakeServer()
    with fake.blocking_client() as da:
        monkeypatch.setattr(django_view, "get_client", lambda: da)
        yield fake


def test_result_of_the_interview_is_returned(fake: FakeServer) -> None:
    """The interview runs to its end, and its session is deleted."""
    with override_settings(ROOT_URLCONF="examples.django_view"):
        response = Client().get("/inhabitants/42")

    assert response.json() == {"result": {"final": True, "inhabitants": 2}}
    assert fake.received_requests[-1].operation == "sessions.delete"


def test_failure_of_docassemble_is_a_bad_gateway(fake: FakeServer) -> None:
    """The view reports a failure without details, and leaves no session."""
    fake.fail("sessions.set_variables", status=500)

    response = Client().get("/inhabitants/42")

    assert response.status_code == 502
    assert response.json() == {"error": "docassemble is not available"}
    assert fake.received_requests[-1].operation == "sessions.delete"
