"""Tests the example with endpoints that a fake server adds, like the package does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import APIError
from examples import aldashboard_jobs
from examples.aldashboard_jobs import JobFailed, run_job

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import EndpointRequest, FakeServer


@pytest.fixture(autouse=True)
def poll_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for seconds between two polls."""
    monkeypatch.setattr(aldashboard_jobs, "POLL_SECONDS", 0.01)


class FakeDashboard:
    """The endpoints of ALDashboard: a job is polled a few times before it ends."""

    def __init__(self, *results: dict[str, Any]) -> None:
        self.results = list(results)
        self.options: Any = None
        self.deleted = 0

    def add_to(self, fake: FakeServer) -> None:
        """Add the endpoints."""
        fake.add_endpoint("POST", "/al/api/v1/dashboard/yaml/check", self.start)
        fake.add_endpoint("GET", "/al/api/v1/dashboard/jobs/7", lambda _: self.results.pop(0))
        fake.add_endpoint("DELETE", "/al/api/v1/dashboard/jobs/7", self.delete)

    def start(self, request: EndpointRequest) -> dict[str, Any]:
        """Start a job."""
        self.options = request.data
        return {"success": True, "status": "queued", "job_id": "7"}

    def delete(self, _request: EndpointRequest) -> dict[str, Any]:
        """Delete a job."""
        self.deleted += 1
        return {"success": True, "deleted": True}


async def test_result_is_returned_when_the_job_has_ended(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The job is started in asynchronous mode, polled until it succeeds, and deleted."""
    dashboard = FakeDashboard(
        {"status": "queued"}, {"status": "running"}, {"status": "succeeded", "data": {"errors": []}}
    )
    dashboard.add_to(fake_docassemble)

    result = await run_job(docassemble, "/yaml/check", {"yaml_text": "question: Hello"})

    assert result == {"errors": []}
    assert dashboard.options == {"yaml_text": "question: Hello", "mode": "async"}
    assert dashboard.deleted == 1


async def test_failed_job_raises_an_error_without_its_text(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The text of the server may contain what was sent."""
    error = {"type": "ValueError", "message": "secret"}
    dashboard = FakeDashboard({"status": "failed", "error": error})
    dashboard.add_to(fake_docassemble)

    with pytest.raises(JobFailed, match="ValueError") as caught:
        await run_job(docassemble, "/yaml/check", {})
    assert "secret" not in str(caught.value)
    assert dashboard.deleted == 1


async def test_job_that_does_not_end_is_deleted(
    fake_docassemble: FakeServer, docassemble: AsyncDocassemble
) -> None:
    """The wait ends at its limit."""
    dashboard = FakeDashboard(*[{"status": "running"}] * 100)
    dashboard.add_to(fake_docassemble)

    with pytest.raises(TimeoutError):
        await run_job(docassemble, "/yaml/check", {}, timeout=0.2)
    assert dashboard.deleted == 1


async def test_server_without_the_package_is_an_error(docassemble: AsyncDocassemble) -> None:
    """The endpoint does not exist."""
    with pytest.raises(APIError, match="404"):
        await run_job(docassemble, "/yaml/check", {})
