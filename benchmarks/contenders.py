"""The compared clients."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from docassemble_client import AsyncDocassemble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import Self

KEY = "exampleApiKey0123456789ABCDEFGHI"
_HEADERS = {"X-API-Key": KEY}
_TIMEOUT_SECONDS = 600.0
_NEW_USER = {"username": "jane@example.com", "first_name": "Jane", "last_name": "Roe"}
_CHUNK_SIZE = 1 << 16


class Contender(Protocol):
    """A client; each method makes a call and reads the complete response."""

    async def __aenter__(self) -> Self:
        """Open the client."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        ...

    async def get(self) -> object:
        """Get one account."""
        ...

    async def page(self) -> object:
        """Get 100 accounts."""
        ...

    async def post(self) -> object:
        """Create an account."""
        ...

    async def list_all(self, path: Path) -> object:
        """Count all accounts in all pages."""
        ...

    async def upload(self, path: Path) -> object:
        """Send a file."""
        ...

    async def download(self, path: Path) -> object:
        """Fetch a file to disk."""
        ...


async def _count_items(fetch: Callable[[dict[str, str]], Awaitable[Any]]) -> int:
    """Count the items of all pages."""
    query: dict[str, str] = {}
    count = 0
    while True:
        page = await fetch(query)
        count += len(page["items"])
        if page["next_id"] is None:
            return count
        query = {"next_id": page["next_id"]}


class Ours:
    """This client; responses are decoded to models."""

    def __init__(self, url: str, max_concurrency: int, transport: Any, **options: Any) -> None:
        self.da = AsyncDocassemble(
            url,
            KEY,
            transport=transport,
            max_concurrency=max_concurrency,
            timeout=_TIMEOUT_SECONDS,
            **options,
        )
        self._new: dict[str, Any] = dict(_NEW_USER)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.da.aclose()

    async def get(self) -> object:
        return await self.da.users.get_current()

    async def page(self) -> object:
        return await self.da.users.list()

    async def post(self) -> object:
        return await self.da.users.create(**self._new)

    async def list_all(self, path: Path) -> object:  # noqa: ARG002 - writes no file
        count = 0
        async for _ in self.da.users.list():
            count += 1
        return count

    async def upload(self, path: Path) -> object:
        return await self.da.playground.upload_files([path])

    async def download(self, path: Path) -> object:
        return await self.da.files.download(17).save(path)


class RawHttpx:
    """The AsyncClient of httpx or httpx2, with json.loads."""

    def __init__(self, url: str, max_concurrency: int, library: str) -> None:
        httpx: Any = import_module(library)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=max_concurrency)
        self._client = httpx.AsyncClient(
            base_url=url, headers=_HEADERS, timeout=_TIMEOUT_SECONDS, limits=limits
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self) -> object:
        return json.loads((await self._client.get("/api/user")).raise_for_status().content)

    async def page(self, query: dict[str, str] | None = None) -> Any:
        response = await self._client.get("/api/user_list", params=query)
        return json.loads(response.raise_for_status().content)

    async def post(self) -> object:
        response = await self._client.post("/api/user/new", json=_NEW_USER)
        return json.loads(response.raise_for_status().content)

    async def list_all(self, path: Path) -> object:  # noqa: ARG002 - writes no file
        return await _count_items(self.page)

    async def upload(self, path: Path) -> object:
        with path.open("rb") as file:
            return (
                await self._client.post("/api/playground", files={"file": file})
            ).raise_for_status()

    async def download(self, path: Path) -> object:
        with path.open("wb") as file:
            async with self._client.stream("GET", "/api/file/17") as response:
                async for chunk in response.raise_for_status().aiter_bytes():
                    file.write(chunk)
        return path


class RawAiohttp:
    """The ClientSession of aiohttp, with json.loads."""

    def __init__(self, url: str, max_concurrency: int) -> None:
        self._url, self._max_concurrency = url, max_concurrency

    async def __aenter__(self) -> Self:
        # Not at import time, so that other contenders do not import aiohttp.
        self._aiohttp = aiohttp = import_module("aiohttp")
        self._session = aiohttp.ClientSession(
            self._url,
            headers=_HEADERS,
            raise_for_status=True,
            timeout=aiohttp.ClientTimeout(_TIMEOUT_SECONDS),
            connector=aiohttp.TCPConnector(limit=self._max_concurrency),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self) -> object:
        async with self._session.get("/api/user") as response:
            return json.loads(await response.read())

    async def page(self, query: dict[str, str] | None = None) -> Any:
        async with self._session.get("/api/user_list", params=query) as response:
            return json.loads(await response.read())

    async def post(self) -> object:
        async with self._session.post("/api/user/new", json=_NEW_USER) as response:
            return json.loads(await response.read())

    async def list_all(self, path: Path) -> object:  # noqa: ARG002 - writes no file
        return await _count_items(self.page)

    async def upload(self, path: Path) -> object:
        with path.open("rb") as file:
            form = self._aiohttp.FormData()
            form.add_field("file", file, filename="big")
            async with self._session.post("/api/playground", data=form) as response:
                return response.status

    async def download(self, path: Path) -> object:
        with path.open("wb") as file:
            async with self._session.get("/api/file/17") as response:
                async for chunk in response.content.iter_any():
                    file.write(chunk)
        return path


class Requests:
    """Functions of requests in threads, as in the documentation of docassemble."""

    def __init__(self, url: str, max_concurrency: int) -> None:
        self._url = url
        self._requests: Any = import_module("requests")
        self._threads = ThreadPoolExecutor(max_concurrency)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown()

    async def _run(self, function: Callable[..., object], *arguments: object) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self._requests.request(method, self._url + path, headers=_HEADERS, **options)
        response.raise_for_status()
        return response

    async def get(self) -> object:
        return await self._run(lambda: self._call("GET", "/api/user").json())

    async def page(self, query: dict[str, str] | None = None) -> Any:
        return await self._run(lambda: self._call("GET", "/api/user_list", params=query).json())

    async def post(self) -> object:
        return await self._run(lambda: self._call("POST", "/api/user/new", json=_NEW_USER).json())

    async def list_all(self, path: Path) -> object:  # noqa: ARG002 - writes no file
        return await _count_items(self.page)

    def _upload(self, path: Path) -> None:
        with path.open("rb") as file:
            self._call("POST", "/api/playground", files={"file": file})

    async def upload(self, path: Path) -> object:
        return await self._run(self._upload, path)

    def _download(self, path: Path) -> None:
        with path.open("wb") as file:
            for chunk in self._call("GET", "/api/file/17", stream=True).iter_content(_CHUNK_SIZE):
                file.write(chunk)

    async def download(self, path: Path) -> object:
        return await self._run(self._download, path)


class Generated:
    """The client that openapi-python-client generates from openapi.yaml, with models."""

    def __init__(self, url: str, max_concurrency: int) -> None:
        package = "docassemble_api_client"
        httpx: Any = import_module("httpx")
        self._client = import_module(package).AuthenticatedClient(
            url,
            KEY,
            prefix="",
            auth_header_name="X-API-Key",
            timeout=httpx.Timeout(_TIMEOUT_SECONDS),
            httpx_args={
                "limits": httpx.Limits(
                    max_connections=None, max_keepalive_connections=max_concurrency
                )
            },
        )
        self._models: Any = import_module(f"{package}.models")
        self._file: Any = import_module(f"{package}.types").File
        names = ("get_user", "list_users", "create_user", "upload_file", "get_file")
        self._api: dict[str, Callable[..., Awaitable[Any]]] = {
            name: import_module(f"{package}.api.default.{name}").asyncio_detailed for name in names
        }

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *arguments: object) -> None:
        await self._client.__aexit__(*arguments)

    async def _call(self, name: str, *path: object, **arguments: object) -> Any:
        response = await self._api[name](*path, client=self._client, **arguments)
        assert response.status_code // 100 == 2  # noqa: PLR2004 - any success
        return response

    async def get(self) -> object:
        return (await self._call("get_user")).parsed

    async def page(self) -> object:
        return (await self._call("list_users")).parsed

    async def post(self) -> object:
        body = self._models.UserInput.from_dict(_NEW_USER)
        return (await self._call("create_user", body=body)).parsed

    async def list_all(self, path: Path) -> object:  # noqa: ARG002 - writes no file
        async def fetch(query: dict[str, str]) -> dict[str, Any]:
            page = (await self._call("list_users", **query)).parsed
            return {"items": page.items, "next_id": page.next_id}

        return await _count_items(fetch)

    async def upload(self, path: Path) -> object:
        with path.open("rb") as file:
            body = self._models.UploadFileBody(self._file(payload=file, file_name="big"))
            return await self._call("upload_file", body=body)

    async def download(self, path: Path) -> object:
        response = await self._call("get_file", 17)
        parsed = response.parsed
        content = parsed.payload.read() if parsed is not None else response.content
        path.write_bytes(content)
        return path
