"""Identifies and stops processes that may outlive the current one.

Process IDs are reused. A record therefore also has the start time of its process.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_START_TIME_FIELD = 19  # the 22nd field of /proc/PID/stat, counted from the one after the name


@dataclass(frozen=True)
class ProcessRecord:
    """A process, identified by ID and start time."""

    name: str
    pid: int
    started: str
    stop_signal: int = signal.SIGTERM

    @classmethod
    def create(cls, name: str, pid: int, stop_signal: int = signal.SIGTERM) -> "ProcessRecord":
        """Record a running process. The record of an ended process is not alive."""
        return cls(name, pid, get_start_time(pid) or "", stop_signal)

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return bool(self.started) and get_start_time(self.pid) == self.started


def get_start_time(pid: int) -> str | None:
    """Return the start time of a process as an opaque text, or None if it does not run.

    A zombie does not count as running: only its parent can remove it.
    """
    if (_PROC / "self" / "stat").exists():
        try:
            text = (_PROC / str(pid) / "stat").read_text(errors="replace")
        except OSError:
            return None
        # The name may contain spaces and parentheses, so count from the last parenthesis.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{_get_boot_id()}/{fields[_START_TIME_FIELD]}"
    process = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, start = process.stdout.strip().partition(" ")
    return None if state.startswith("Z") else start.strip() or None


def stop_processes(records: Sequence[ProcessRecord], *, grace: float) -> None:
    """Stop processes and their process groups, one after the other.

    Args:
        records: Session leaders, in the order in which to stop them.
        grace: Seconds between the stop signal of a process and SIGKILL.
    """
    for record in records:
        if record.is_alive:
            _stop_process(record, grace)


def kill_group(pid: int) -> None:
    """Kill a process group. Its leader must have been a child process a moment ago."""
    _send_signal(os.killpg, pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], *, timeout: float, interval: float = 0.05) -> bool:
    """Wait for a condition.

    Args:
        condition: Returns whether to stop waiting.
        timeout: Maximum seconds to wait.
        interval: Seconds between two checks.

    Returns:
        Whether the condition became true in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def _stop_process(record: ProcessRecord, grace: float) -> None:
    def has_ended() -> bool:
        return not record.is_alive

    _send_signal(os.kill, record.pid, record.stop_signal)
    wait_until(has_ended, timeout=grace)
    # Kill the rest of the group: the leader if it hangs, or its children. The ID of a group is not
    # reused while the group exists.
    if record.is_alive or get_start_time(record.pid) is None:
        kill_group(record.pid)
    wait_until(has_ended, timeout=grace)


def _get_boot_id() -> str:
    # Start times are relative to the boot of the machine.
    try:
        return (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""


def _send_signal(send: Callable[[int, int], None], number: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(number, signum)
