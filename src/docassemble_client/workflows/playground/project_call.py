"""Makes a call that fills a project, and waits for the restart if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client._checks import CALLABLE, FLAG, SECONDS, check_arguments
from docassemble_client._concurrency import time_limit
from docassemble_client._core.retry import retry_until_available
from docassemble_client.errors import TaskTimeout
from docassemble_client.workflows.server.restart import latest_start_time, wait_until_stable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client._base_client import BaseClient
    from docassemble_client.tasks import TaskEvent, TaskHandle


def check_options(
    *, restart: bool, timeout: float | None, on_progress: Callable[[TaskEvent], object] | None
) -> None:
    """Check the options of a call that may restart the server."""
    check_arguments(FLAG, restart=restart)
    check_arguments(SECONDS, optional=True, timeout=timeout)
    check_arguments(CALLABLE, optional=True, on_progress=on_progress)


async def call_and_wait(
    client: BaseClient,
    call: Callable[[], Awaitable[TaskHandle | None]],
    *,
    timeout: float | None,
    on_progress: Callable[[TaskEvent], object] | None,
) -> bool:
    """
    Make a call that is safe to repeat, and wait for the restart if there is one.

    Args:
        client: Client.
        call: Makes the call.
        timeout: Seconds for both; None for no limit.
        on_progress: Function or coroutine function, called after each poll.

    Returns:
        Whether the server restarted.

    Raises:
        TaskTimeout: They did not end in time.
    """
    handle: TaskHandle | None = None

    def make_error() -> TaskTimeout:
        message = f"the project was not ready within {timeout} s"
        hint = "The server may still be working on it; you can safely repeat the call"
        return TaskTimeout(message, hint=hint, handle=handle)

    async with time_limit(timeout, make_error):
        since = await latest_start_time(client)
        handle = await retry_until_available(call)
        await client.wait_for_task(handle, timeout=None, on_progress=on_progress)
        # If the first response was lost, that request may have caused the restart.
        restarted = handle is not None or await latest_start_time(client) > since
        if restarted:
            await wait_until_stable(client, since)
    return restarted
