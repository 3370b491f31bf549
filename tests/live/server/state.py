"""The state file: what is known about the running server, shared by everybody who uses it."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from .processes import ProcessRecord

READY = "ready"


@dataclass(frozen=True)
class State:
    """One running (or dead) server.

    Attributes:
        version: The server's version.
        url: Its address, without a slash at the end.
        api_key: The administrator's API key.
        admin_email: The administrator's login.
        admin_password: The administrator's password.
        phase: What the supervisor does now; `ready` when the server answers.
        supervisor: The process that owns all others.
        processes: The others, in the order they were started.
        ports: TCP ports by name.
        scratch: The folder with the databases and uploads, outside the cache.
    """

    version: str
    url: str
    api_key: str = field(repr=False)
    admin_email: str
    admin_password: str = field(repr=False)
    phase: str
    supervisor: ProcessRecord
    processes: tuple[ProcessRecord, ...]
    ports: dict[str, int]
    scratch: str

    def in_phase(self, phase: str) -> "State":
        """Return this state in another phase."""
        return replace(self, phase=phase)

    def with_processes(self, processes: tuple[ProcessRecord, ...]) -> "State":
        """Return this state with other processes."""
        return replace(self, processes=processes)


def write_private(path: Path, data: Mapping[str, object]) -> None:
    """Write a JSON object that only its owner can read, and never show a half-written file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2)
        file.write("\n")
    draft.replace(path)


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object of ours; an empty one if it is missing or damaged."""
    with contextlib.suppress(OSError, ValueError):
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict):
            return cast("dict[str, Any]", data)
    return {}


def write_state(path: Path, state: State) -> None:
    """Publish the state."""
    write_private(path, asdict(state))


def read_state(path: Path) -> State | None:
    """Return the published state, or None if there is none (or one that no longer makes sense)."""
    data = read_object(path)
    try:
        supervisor = ProcessRecord(**data.pop("supervisor"))
        processes = tuple(ProcessRecord(**each) for each in data.pop("processes"))
        return State(supervisor=supervisor, processes=processes, **data)
    except (TypeError, KeyError):
        return None
