"""Restarts the server, and waits until only new processes respond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client._checks import FLAG, SECONDS, check_arguments
from docassemble_client._concurrency import sleep, time_limit
from docassemble_client.config import RetryPolicy
from docassemble_client.errors import DocassembleError, ServerError, TaskTimeout
from docassemble_client.tasks import TaskHandle

if TYPE_CHECKING:
    from docassemble_client._base_client import BaseClient

_STABLE_RESPONSES = 3  # consecutive responses of new processes that end a restart
_POLL_INTERVAL_SECONDS = 1.0
_POLL_TIMEOUT_SECONDS = 10.0


async def restart(client: BaseClient, *, wait: bool, timeout: float | None) -> TaskHandle:
    """Restart the server, and wait until only new processes respond."""
    check_arguments(FLAG, wait=wait)
    check_arguments(SECONDS, optional=True, timeout=timeout)
    if not wait:
        return await client.server.restart()
    since = await latest_start_time(client)
    handle = await client.server.restart()

    def make_error() -> TaskTimeout:
        message = f"the server was not stable within {timeout} s"
        hint = "It may still be restarting; wait again with the handle of this error"
        return TaskTimeout(message, operation=handle.operation, hint=hint, handle=handle)

    async with time_limit(timeout, make_error):
        await client.wait_for_task(handle, timeout=None)
        await wait_until_stable(client, since)
    return handle


async def latest_start_time(client: BaseClient) -> float:
    """
    Get the latest start time of the server's processes.

    Args:
        client: The client.

    Returns:
        Seconds since 1970 by the server's clock. Compare it only with the server's own times.
        Several processes may respond, each with its own start time.
    """
    responses = [await client.server.get_health() for _ in range(_STABLE_RESPONSES)]
    return max(health.server_start_time for health in responses)


async def wait_until_stable(client: BaseClient, since: float) -> None:
    """
    Wait for several consecutive responses from processes that started after a time.

    Args:
        client: The client.
        since: The time, by the server's clock.
    """
    no_retries = RetryPolicy(attempts=1)
    stable_responses = 0
    while True:
        try:
            health = await client.server.get_health(timeout=_POLL_TIMEOUT_SECONDS, retry=no_retries)
            is_new = health.server_start_time > since
            stable_responses = stable_responses + 1 if is_new else 0
        except DocassembleError as error:
            # While it starts, the server itself may fail too.
            if not error.is_transient and not isinstance(error, ServerError):
                raise
            stable_responses = 0
        if stable_responses == _STABLE_RESPONSES:
            return
        await sleep(_POLL_INTERVAL_SECONDS)
