"""Configuration, restarts and state of the real server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    Confidential,
    NotFound,
    ServerError,
    TaskHandle,
    UsageError,
)
from tests.live.known_errors import get_error
from tests.live.server_config import get_config_path

if TYPE_CHECKING:
    from tests.live.server import LiveServer


async def test_configuration_is_hidden_in_its_repr(da: AsyncDocassemble) -> None:
    """The configuration is complete; its repr shows no values."""
    config = await da.server.get_config()

    assert isinstance(config, Confidential)
    secret = config["live test secret"]
    assert isinstance(secret, str)
    assert config["secretkey"]
    assert secret not in f"{config!r} {config}"
    assert str(config["secretkey"]) not in f"{config!r} {config}"


async def test_configuration_is_updated_and_replaced(da: AsyncDocassemble, unique: str) -> None:
    """An update adds a directive; only a replacement removes it."""
    before = {**await da.server.get_config()}
    update = await da.server.update_config({unique: {"number": 1}})
    updated = {**await da.server.get_config()}
    replaced = await da.server.replace_config(before)
    status = await da.server.get_restart_status(replaced.id, timeout=120)
    await asyncio.gather(*(da.wait_for_task(task, timeout=180) for task in (update, replaced)))
    after = {**await da.server.get_config()}

    assert isinstance(update, TaskHandle)
    assert (update.kind, replaced.kind) == ("restart", "restart")
    assert status.status in {"working", "completed"}
    assert updated == before | {unique: {"number": 1}}
    assert after == before


async def test_invalid_configuration_file_is_an_error(
    da: AsyncDocassemble, server: LiveServer
) -> None:
    """An invalid configuration file cannot be read or updated."""
    file = get_config_path(server)
    text = file.read_text(encoding="utf-8")

    file.write_text("{", encoding="utf-8")
    try:
        refusals = [
            await get_error(da.server.get_config()),
            await get_error(da.server.update_config({"language": "en"})),
        ]
    finally:
        file.write_text(text, encoding="utf-8")

    assert refusals == ["400 Could not parse Configuration."] * 2
    assert (await da.server.get_config())["language"] == "en"


async def test_unknown_restart_has_the_status_unknown(da: AsyncDocassemble) -> None:
    """An unknown restart is not an error."""
    assert (await da.server.get_restart_status("nosuchtask")).status == "unknown"


async def test_health_needs_no_key(server: LiveServer, da: AsyncDocassemble) -> None:
    """The health call returns the version without an API key."""
    health = await da.server.get_health()

    assert health.version == server.version
    assert health.ok is True


async def test_any_path_is_requested_with_the_same_errors(da: AsyncDocassemble) -> None:
    """`da.request` calls any path; an unknown path raises NotFound with the page as body."""
    response = await da.request("GET", "/api/list", params={"absolute_urls": False})
    with pytest.raises(NotFound) as error:
        await da.request("GET", "/al/api/v1/dashboard/jobs/7")
    with pytest.raises(UsageError):
        await da.request("GET", "/api/user", params={"key": "smuggled"})

    assert response.status == 200
    assert "set-cookie" not in response.headers
    assert "<html" in str(error.value.body).lower()


async def test_server_exception_is_a_server_error(da: AsyncDocassemble) -> None:
    """An exception in the server raises ServerError; the page is only in its body."""
    with pytest.raises(ServerError, match="501") as error:
        await da.request("POST", "/api/stash_data", json={"data": [1]})

    assert "Traceback" not in str(error.value)
