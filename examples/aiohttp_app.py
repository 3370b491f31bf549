"""An aiohttp back end that lists the users of docassemble. test_aiohttp_app.py tests it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from docassemble_client import AsyncDocassemble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOCASSEMBLE = web.AppKey("docassemble", AsyncDocassemble)


async def _manage_client(app: web.Application) -> AsyncIterator[None]:
    """Create a client for the application if it has none, and close it at shutdown."""
    if DOCASSEMBLE in app:
        yield
        return
    async with AsyncDocassemble.from_env() as da:
        app[DOCASSEMBLE] = da
        yield


async def list_addresses(request: web.Request) -> web.Response:
    """Return the e-mail addresses of all users."""
    da = request.app[DOCASSEMBLE]
    return web.json_response([user.email async for user in da.users.list()])


def make_app(da: AsyncDocassemble | None = None) -> web.Application:
    """
    Create the application.

    Args:
        da: Client; by default created from the environment variables.

    Returns:
        The application.
    """
    app = web.Application()
    if da is not None:
        app[DOCASSEMBLE] = da
    app.cleanup_ctx.append(_manage_client)
    app.router.add_get("/addresses", list_addresses)
    return app
