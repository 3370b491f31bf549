"""Endpoints of installed packages on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AccessDenied,
    AsyncDocassemble,
    BinaryContent,
    JSONReply,
    NotFound,
    ServerError,
    Upload,
    UsageError,
)

if TYPE_CHECKING:
    from docassemble_client.testing import EndpointRequest, FakeServer

JOBS = "/al/api/v1/dashboard/jobs/{job}"


async def test_an_endpoint_gets_the_request_and_returns_json(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The handler gets parts of the path, query, body, files and user."""
    requests: list[EndpointRequest] = []

    def respond(request: EndpointRequest) -> object:
        requests.append(request)
        return {"job": request.path_values["job"]}

    fake.add_endpoint("get", JOBS, respond)
    fake.add_endpoint("POST", JOBS, respond)
    response = await da.request("GET", "/al/api/v1/dashboard/jobs/7", params={"full": 1})
    await da.request("POST", "/al/api/v1/dashboard/jobs/8", json={"name": "Ada"})
    await da.request(
        *("POST", "/al/api/v1/dashboard/jobs/9"),
        data={"name": "Ada"},
        files={"file": Upload(b"x", "x.txt")},
    )

    assert (response.status, response.json()) == (200, {"job": "7"})
    assert [request.path_values for request in requests] == [{"job": n} for n in ("7", "8", "9")]
    assert requests[0].query == {"full": "1"}
    assert [request.data for request in requests[1:]] == [{"name": "Ada"}, {"name": "Ada"}]
    assert requests[2].files["file"] == BinaryContent(content=b"x", filename="x.txt")
    assert requests[0].email == fake.admin_email


async def test_an_endpoint_returns_any_kind_of_response(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """A status, bytes with their type, nothing, or the page of an exception."""
    fake.add_endpoint("GET", "/status", lambda _: JSONReply({"id": 1}, 202))
    fake.add_endpoint("GET", "/file", lambda _: BinaryContent(content=b"%PDF", content_type="a/b"))
    fake.add_endpoint("DELETE", "/file", lambda _: None)
    fake.add_endpoint("GET", "/broken", lambda _: 1 / 0)

    status = await da.request("GET", "/status")
    file = await da.request("GET", "/file")
    nothing = await da.request("DELETE", "/file")

    assert (status.status, status.json()) == (202, {"id": 1})
    assert (file.content, file.content_type) == (b"%PDF", "a/b")
    assert (nothing.status, nothing.content) == (204, b"")
    with pytest.raises(ServerError) as error:
        await da.request("GET", "/broken")
    assert "ZeroDivisionError" in str(error.value.body)


async def test_an_endpoint_needs_an_api_key_unless_it_is_public(fake: FakeServer) -> None:
    """Without a valid key the response is that of docassemble's own API."""
    fake.add_endpoint("GET", "/own", lambda request: request.email)
    fake.add_endpoint("GET", "/public", lambda request: request.email, public=True)
    async with AsyncDocassemble(fake.url, "wrong", transport=fake.transport()) as da:
        public = await da.request("GET", "/public")
        with pytest.raises(AccessDenied):
            await da.request("GET", "/own")

    assert public.json() == ""


async def test_the_latest_endpoint_of_a_path_responds(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """Other methods and paths are not found."""
    fake.add_endpoint("GET", "/own", lambda _: 1)
    fake.add_endpoint("GET", "/own", lambda _: 2)

    assert (await da.request("GET", "/own")).json() == 2
    for method, path in (("POST", "/own"), ("GET", "/own/1"), ("GET", "/other")):
        with pytest.raises(NotFound):
            await da.request(method, path)


async def test_faults_and_records_include_endpoints(da: AsyncDocassemble, fake: FakeServer) -> None:
    """They have no operation."""
    fake.add_endpoint("GET", "/own", lambda _: 1)
    fake.fail(status=503, times=1)

    assert (await da.request("GET", "/own", safe=True)).json() == 1
    assert [(r.operation, r.request.path) for r in fake.received_requests] == [("", "/own")] * 2


def test_invalid_arguments_of_an_endpoint_are_refused(fake: FakeServer) -> None:
    """The error names the argument."""
    with pytest.raises(UsageError, match="path"):
        fake.add_endpoint("GET", "own", lambda _: 1)
    with pytest.raises(UsageError, match="handler"):
        fake.add_endpoint("GET", "/own", 5)  # type: ignore[arg-type]  # a wrong argument
