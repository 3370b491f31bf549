"""An aiohttp back end that lists a docassemble's users; test_aiohttp_app.py tests it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from docassemble_client import AsyncDocassemble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOCASSEMBLE = web.AppKey("docassemble", AsyncDocassemble)


async def _client(app: web.Application) -> AsyncIterator[None]:
    """Make one client for the whole application, unless it has one, and close it at the end."""
    if DOCASSEMBLE in app:
        yield
        return
    async with AsyncDocassemble.from_env() as da:
        app[DOCASSEMBLE] = da
        yield


async def addresses(request: web.Request) -> web.Response:
    """Return the e-mail addresses of all users, of as many pages as there are."""
    da = request.app[DOCASSEMBLE]
    return web.json_response([user.email async for user in da.users.list()])


def make_app(da: AsyncDocassemble | None = None) -> web.Application:
    """
    Make the application.

    Args:
        da: The client; by default one that the environment describes.

    Returns:
        The application.
    """
    app = web.Application()
    if da is not None:
        app[DOCASSEMBLE] = da
    app.cleanup_ctx.append(_client)
    app.router.add_get("/addresses", addresses)
    return app
