"""Sends raw requests to a fake server, and reads its errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from docassemble_client.testing._server.messages import FakeRequest, FakeResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing import FakeServer


async def send_raw(
    fake: FakeServer,
    method: str,
    target: str,
    value: Any = None,
    *,
    key: str = "",
    headers: Mapping[str, str] | None = None,
    files: Mapping[str, tuple[str, bytes]] | None = None,
) -> FakeResponse:
    """Send a request; a value is sent as JSON, or as the fields of a form with files."""
    url = f"{fake.url}{target}"
    if files is not None:
        request = httpx.Request(method, url, data=value, files=dict(files))
    else:
        content = None if value is None else json.dumps(value)
        request = httpx.Request(method, url, content=content)
        request.headers["content-type"] = "application/json"
    parts = urlsplit(target)
    return await fake.respond(
        FakeRequest(
            method=method,
            path=parts.path,
            query=dict(httpx.QueryParams(parts.query)),
            headers={"x-api-key": key or fake.api_key, **request.headers, **(headers or {})},
            content=await request.aread() if files is None else b"".join(request.stream),  # type: ignore[arg-type]  # httpx types both kinds of streams
        )
    )


async def get_error(fake: FakeServer, method: str, target: str, *value: Any, **options: Any) -> str:
    """Send a request that is refused; return status and message."""
    response = await send_raw(fake, method, target, *value, **options)
    assert response.status >= 400
    if response.content.startswith(b"<!"):
        text = response.content.partition(b'class="blockquote">')[2].partition(b"<")[0].decode()
        text = text.replace("&#x27;", "'")
    else:
        text = json.loads(response.content)
    return f"{int(response.status)} {text}"
