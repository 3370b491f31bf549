"""Processes that outlive us: how to know them again, and how to end them.

A bare process id is not enough to signal a process recorded some time ago: the number may belong to
somebody else by now. A record therefore also has the moment the process started.
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
_START_TIME = 19  # the 22nd field of /proc/PID/stat, counted from the one after the name


@dataclass(frozen=True)
class ProcessRecord:
    """One process, identified for good."""

    name: str
    pid: int
    started: str
    stop_signal: int = signal.SIGTERM

    @classmethod
    def of(cls, name: str, pid: int, stop_signal: int = signal.SIGTERM) -> "ProcessRecord":
        """Record a process that runs now (a process already gone is recorded as never alive)."""
        return cls(name, pid, started_at(pid) or "", stop_signal)

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return bool(self.started) and started_at(self.pid) == self.started


def started_at(pid: int) -> str | None:
    """Return an opaque mark of when a process started, or None if there is no such process.

    A zombie counts as gone: it holds nothing, and only its parent can remove it.
    """
    if (_PROC / "self" / "stat").exists():
        try:
            text = (_PROC / str(pid) / "stat").read_text(errors="replace")
        except OSError:
            return None
        # The name may hold spaces and parentheses, so count from the last one.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{_boot()}/{fields[_START_TIME]}"
    answer = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, start = answer.stdout.strip().partition(" ")
    return None if state.startswith("Z") else start.strip() or None


def end(records: Sequence[ProcessRecord], *, grace: float) -> None:
    """End processes (and their process groups) in the given order, each completely before the next.

    Args:
        records: Session leaders that the harness started.
        grace: Seconds each one gets between its own stop signal and SIGKILL.
    """
    for record in records:
        if record.is_alive:
            _end(record, grace)


def end_group(pid: int) -> None:
    """Kill what is left of a process group; only for one whose leader was ours a moment ago."""
    _signal(os.killpg, pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], *, timeout: float, interval: float = 0.05) -> bool:
    """Wait for a condition.

    Args:
        condition: Asked again and again.
        timeout: Seconds to wait at most.
        interval: Seconds between two questions.

    Returns:
        Whether it came true in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def _end(record: ProcessRecord, grace: float) -> None:
    def is_gone() -> bool:
        return not record.is_alive

    _signal(os.kill, record.pid, record.stop_signal)
    wait_until(is_gone, timeout=grace)
    # What is left of the group: the leader if it hangs, or children it left behind. The number of a
    # group is not given to anybody else while the group exists, so it is still ours.
    if record.is_alive or started_at(record.pid) is None:
        end_group(record.pid)
    wait_until(is_gone, timeout=grace)


def _boot() -> str:
    # Start times count from the boot of the machine, so they mean nothing without it.
    try:
        return (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""


def _signal(send: Callable[[int, int], None], number: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(number, signum)
