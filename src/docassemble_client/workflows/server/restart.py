"""The server itself: its configuration in part, and a restart that is really over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from attrs import frozen

from docassemble_client.config import RetryPolicy
from docassemble_client.errors import (
    DecodeError,
    RedirectRefused,
    ServerError,
    TaskTimeout,
    TransportError,
)
from docassemble_client.tasks import TaskHandle

if TYPE_CHECKING:
    from docassemble_client._types import JSON, JSONInput
    from docassemble_client.client import AsyncDocassemble

_IN_A_ROW = 3  # answers of new processes before a restart counts as over
_PAUSE = 1.0  # seconds between two looks
_SILENCE = 10.0  # seconds without an answer that count as a failed look


@frozen(kw_only=True)
class ConfigPatch:
    """
    What a change of the configuration amounts to, by names only.

    Attributes:
        added: Directives that are new, such as mail.server.
        changed: Directives whose value is another now.
        task: The restart that makes it effective, for `wait_for_task`; None where nothing was sent.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    task: TaskHandle | None = None

    def __str__(self) -> str:
        lines = [f"+ {name}" for name in self.added] + [f"~ {name}" for name in self.changed]
        return "\n".join(lines) or "nothing differs"


async def config_patch(
    da: AsyncDocassemble, changes: Mapping[str, JSONInput], *, dry_run: bool
) -> ConfigPatch:
    """
    Merge changes into the configuration.

    Args:
        da: Client.
        changes: Directives and their values.
        dry_run: Whether only to compare.

    Returns:
        What differs, and the restart.
    """
    config = dict(await da.server.get_config())
    merge = _Merge()
    merged = merge.mappings(config, changes, "")
    touched = {name: merged[name] for name in changes if _text(merged[name]) != merge.before(name)}
    task = None
    if touched and not dry_run:
        task = await da.server.update_config(touched)
    return ConfigPatch(added=tuple(merge.added), changed=tuple(merge.changed), task=task)


class _Merge:
    """One deep merge, and the names of what differs."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.changed: list[str] = []
        self._before: dict[str, str] = {}

    def before(self, name: str) -> str | None:
        """Return the text of a directive as it was; None where it was not there."""
        return self._before.get(name)

    def mappings(
        self, old: Mapping[str, JSON], new: Mapping[str, JSONInput], path: str
    ) -> dict[str, JSONInput]:
        merged: dict[str, JSONInput] = dict(cast("Mapping[str, JSONInput]", old))
        for name, value in new.items():
            place = f"{path}{name}"
            if name not in old:
                self.added.append(place)
                merged[name] = value
                continue
            present = old[name]
            self._before[place] = _text(present)
            if isinstance(present, dict) and isinstance(value, Mapping):
                merged[name] = self.mappings(present, value, f"{place}.")
            elif _text(value) != _text(present):
                self.changed.append(place)
                merged[name] = value
        return merged


def _text(value: object) -> str:
    """Tell values apart as JSON does: True is not 1."""
    return json.dumps(value, sort_keys=True, default=str)


async def restart(da: AsyncDocassemble, *, wait: bool, timeout: float | None) -> TaskHandle:
    """
    Restart the server, and wait until only new processes answer.

    Args:
        da: Client.
        wait: Whether to wait.
        timeout: Seconds for the wait.

    Returns:
        The restart.

    Raises:
        TaskTimeout: It was not over in time.
    """
    if not wait:
        return await da.server.restart()
    since = await latest_start(da)
    handle = await da.server.restart()
    try:
        async with asyncio.timeout(timeout):
            await da.wait_for_task(handle, timeout=None)
            await steady(da, since)
    except TimeoutError:
        message = f"the server did not answer steadily within {timeout} s"
        hint = "It may still restart; wait again with the error's handle"
        raise TaskTimeout(message, operation=handle.operation, hint=hint, handle=handle) from None
    return handle


async def latest_start(da: AsyncDocassemble) -> float:
    """
    Find out when the server's processes started.

    Args:
        da: Client.

    Returns:
        The latest start, in seconds since 1970 by the server's clock, to be compared only with
        what it says later. Several processes may answer, each with a start of its own.
    """
    return max([(await da.server.get_health()).server_start_time for _ in range(_IN_A_ROW)])


async def steady(da: AsyncDocassemble, since: float) -> None:
    """
    Wait for answers in a row, all of processes that started after a moment.

    Args:
        da: Client.
        since: The moment, by the server's clock.
    """
    once = RetryPolicy(attempts=1)
    row = 0
    while True:
        try:
            health = await da.server.get_health(timeout=_SILENCE, retry=once)
            row = row + 1 if health.server_start_time > since else 0
        except RedirectRefused:
            raise
        except (TransportError, ServerError, DecodeError):
            row = 0
        if row == _IN_A_ROW:
            return
        await asyncio.sleep(_PAUSE)
