"""The connections to one server, which a client and its views share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client._blocking import reset_in_child
from docassemble_client._concurrency import ThreadLock, find_loop, is_blocking, make_limiter
from docassemble_client._http.network import check_proxy, find_environment_proxy, load_ssl_context
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    import ssl

    from docassemble_client._http.adapter import HTTPAdapter, HTTPXTransport
    from docassemble_client._http.httpx_adapter import HTTPXAdapter
    from docassemble_client.config import Secret

_LOOP_HINT = (
    "Create one client per event loop. Each asyncio.run() has its own. So has each request of "
    "FastAPI's TestClient, unless you open it: `with TestClient(app) as http:`"
)


class Connections:
    """
    The connections to one server, shared by a client and its views.

    They are opened at the first request and belong to the event loop of that request. Those of a
    blocking client belong to all threads of its process.

    Attributes:
        base_url: URL of the server.
        limiter: Limits the number of requests at the same time.
        max_response_size: Maximum number of bytes of a body in memory; None for the default.
        is_closed: Whether they were closed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: str | HTTPXTransport,
        verify: bool | str | ssl.SSLContext,
        cert: str | tuple[str, str] | None,
        proxy: Secret | None,
        max_concurrency: int,
        max_response_size: int | None,
    ) -> None:
        self.base_url = base_url
        self.max_response_size = max_response_size
        self.limiter = make_limiter(max_concurrency)
        self._transport = transport
        self._verify = verify
        self._cert = cert
        self._proxy = proxy
        self._adapter: HTTPAdapter | None = None
        self._guard = ThreadLock()
        self._loop: object = None
        self.is_closed = False
        if is_blocking():
            reset_in_child(self)

    def bind_to_loop(self) -> None:
        """Bind to the running event loop; raise UsageError if closed or bound to another."""
        loop = find_loop()
        if self.is_closed:
            message = "the client is closed; create a new one"
            raise UsageError(message)
        if self._loop is not loop:
            if self._loop is not None:
                message = "the client belongs to another event loop"
                raise UsageError(message, hint=_LOOP_HINT)
            self._loop = loop

    def get_adapter(self) -> HTTPAdapter:
        """Return the adapter of the HTTP library, which is imported for the first request."""
        if self.is_closed:  # while the request waited for a slot
            self.bind_to_loop()
        adapter = self._adapter
        if adapter is None:
            with self._guard:
                self.bind_to_loop()  # fails if another thread has closed the client
                adapter = self._adapter or self._make_adapter()
                self._adapter = adapter
        return adapter

    def reset_after_fork(self) -> None:
        """Open new connections in a forked process; the others belong to its parent."""
        self._adapter = None
        self._guard = ThreadLock()

    async def aclose(self) -> None:
        """Close all connections; they cannot be used afterwards."""
        if self.is_closed:
            return
        self.bind_to_loop()
        self.is_closed = True
        with self._guard:  # wait for a thread that creates the adapter
            adapter = self._adapter
        if adapter is not None:
            await adapter.aclose()

    def _make_adapter(self) -> HTTPAdapter:
        if not isinstance(self._transport, str):
            return _find_httpx_adapter().from_transport(self._transport, self.base_url)
        context = load_ssl_context(self._verify, self._cert, self._transport)
        own_proxy = self._proxy.reveal() if self._proxy else None
        proxy = own_proxy or find_environment_proxy(self.base_url)
        try:
            if proxy is not None:
                check_proxy(proxy)
            if self._transport == "aiohttp":
                from docassemble_client._http.aiohttp_adapter import AiohttpAdapter

                return AiohttpAdapter(self.base_url, context, proxy)
            return _find_httpx_adapter().from_library(
                self._transport, self.base_url, context, proxy
            )
        except (ImportError, ValueError) as error:
            # The original errors contain the URL, which may contain a password.
            message = f"the proxy cannot be used ({type(error).__name__})"
            hint = (
                "Check its URL. socks5:// needs the package socksio and does not work over aiohttp"
            )
            raise UsageError(message, hint=hint) from None


def _find_httpx_adapter() -> type[HTTPXAdapter]:
    """Return the adapter of httpx for event loops, or for blocking clients."""
    if is_blocking():
        from docassemble_client._http.blocking_adapter import BlockingAdapter

        return BlockingAdapter
    from docassemble_client._http.httpx_adapter import HTTPXAdapter

    return HTTPXAdapter
