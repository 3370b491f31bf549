"""Merges changes into the server's configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from attrs import frozen

from docassemble_client._checks import FLAG, TEXT_MAPPING, check_arguments
from docassemble_client.errors import UsageError
from docassemble_client.tasks import TaskHandle

if TYPE_CHECKING:
    from docassemble_client._base_client import BaseClient
    from docassemble_client._types import JSON, JSONInput


@frozen(kw_only=True)
class ConfigPatch:
    """
    The differences that `patch_config` found; it contains names, never values.

    Attributes:
        added: Directives that are new, such as mail.server.
        changed: Directives whose value differs.
        task: The restart that applies the change, for `wait_for_task`; None if nothing was sent.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    task: TaskHandle | None = None

    def __str__(self) -> str:
        lines = [f"+ {name}" for name in self.added] + [f"~ {name}" for name in self.changed]
        return "\n".join(lines) or "nothing differs"


async def patch_config(
    client: BaseClient, changes: Mapping[str, JSONInput], *, dry_run: bool
) -> ConfigPatch:
    """Merge changes into the configuration."""
    check_arguments(TEXT_MAPPING, changes=changes)
    check_arguments(FLAG, dry_run=dry_run)
    config = dict(await client.server.get_config())
    merger = _ConfigMerger()
    try:
        merged = merger.merge(config, changes, "")
        directives = {
            name: merged[name]
            for name in changes
            if name not in config or _to_text(merged[name]) != _to_text(config[name])
        }
    except (ValueError, TypeError, RecursionError):
        message = "changes cannot be written as JSON"
        hint = "They contain themselves, are nested too deeply, or have a number that is too long"
        raise UsageError(message, hint=hint) from None
    task = None
    if directives and not dry_run:
        task = await client.server.update_config(directives)
    return ConfigPatch(added=tuple(merger.added), changed=tuple(merger.changed), task=task)


class _ConfigMerger:
    """Merges mappings at every depth, and collects the names of what differs."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.changed: list[str] = []

    def merge(
        self, old: Mapping[str, JSON], new: Mapping[str, JSONInput], prefix: str
    ) -> dict[str, JSONInput]:
        merged: dict[str, JSONInput] = dict(cast("Mapping[str, JSONInput]", old))
        for name, value in new.items():
            path = f"{prefix}{name}"
            if name not in old:
                self.added.append(path)
                merged[name] = value
                continue
            old_value = old[name]
            if isinstance(old_value, dict) and isinstance(value, Mapping):
                merged[name] = self.merge(old_value, value, f"{path}.")
            elif _to_text(value) != _to_text(old_value):
                self.changed.append(path)
                merged[name] = value
        return merged


def _to_text(value: object) -> str:
    """Return a text that is equal only for equal JSON: True is not 1."""
    return json.dumps(value, sort_keys=True, default=str)
