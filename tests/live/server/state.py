"""The state file describes the running server to all processes that use it."""

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
    """A running or crashed server.

    Attributes:
        version: Version of docassemble.
        url: Address, without a slash at the end.
        api_key: API key of the administrator.
        admin_email: E-mail address of the administrator.
        admin_password: Password of the administrator.
        phase: Current step of the supervisor; `ready` when the server responds.
        supervisor: The process that starts and stops the others.
        processes: The other processes, in the order of their start.
        ports: TCP ports by name.
        scratch: Folder with databases and uploads, outside of the cache.
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

    def with_phase(self, phase: str) -> "State":
        """Return this state with another phase."""
        return replace(self, phase=phase)

    def with_processes(self, processes: tuple[ProcessRecord, ...]) -> "State":
        """Return this state with other processes."""
        return replace(self, processes=processes)


def write_private(path: Path, data: Mapping[str, object]) -> None:
    """Write a JSON object atomically to a file that only its owner can read."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2)
        file.write("\n")
    draft.replace(path)


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; return an empty one if the file is missing or damaged."""
    with contextlib.suppress(OSError, ValueError):
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict):
            return cast("dict[str, Any]", data)
    return {}


def write_state(path: Path, state: State) -> None:
    """Write the state."""
    write_private(path, asdict(state))


def read_state(path: Path) -> State | None:
    """Read the state; return None if the file is missing, damaged or has another format."""
    data = read_object(path)
    try:
        supervisor = ProcessRecord(**data.pop("supervisor"))
        processes = tuple(ProcessRecord(**record) for record in data.pop("processes"))
        return State(supervisor=supervisor, processes=processes, **data)
    except (TypeError, KeyError):
        return None
