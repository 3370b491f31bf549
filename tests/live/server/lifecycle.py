"""Starting, finding and stopping servers: what the tests and the command line use."""

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import environment, services
from .configuration import passed_on
from .errors import LiveServerUnavailable
from .paths import CACHE_VARIABLE, DEFAULT_VERSION, Layout, cache_directory, layout_of
from .processes import ProcessRecord, end, wait_until
from .scratch import remove_scratch
from .state import READY, State, read_state
from .supervisor import Supervisor

_BOOT = 600.0  # seconds for a supervisor to get the server ready, on a slow machine
_RESTART = 60.0  # seconds for a server to answer again while somebody restarts it
_STOP = 60.0  # seconds for a supervisor to end all its processes


@dataclass(frozen=True)
class LiveServer:
    """A real docassemble server that runs on this machine.

    Attributes:
        url: Its address, such as `http://127.0.0.1:40123`.
        api_key: The API key of its administrator.
        version: Its version, such as `1.10.14`.
        directory: Its folder in the cache, with `run/logs`.
        admin_email: The login of its administrator.
        admin_password: The password of its administrator.
    """

    url: str
    api_key: str = field(repr=False)
    version: str
    directory: Path
    admin_email: str
    admin_password: str = field(repr=False)


def ensure_running(version: str = DEFAULT_VERSION) -> LiveServer:
    """Return a running server; build and start it first if need be.

    The server goes on after the end of the calling process, for the next one to use. A new start
    begins with an empty server; one that runs is taken as it is.

    Args:
        version: The version of docassemble.

    Raises:
        LiveServerUnavailable: It cannot be had on this machine; the text says why.
    """
    layout = layout_of(version)
    with layout.locked() as lock:
        state = read_state(layout.state_file)
        if state is not None and _answers(state):
            return _live_server(layout, state)
        _clean_up(layout, state)
        if not environment.is_built(layout):
            with _Progress(version, "environment"):
                environment.build(layout, lock)
        return _live_server(layout, _start(layout))


def stop(version: str | None = None) -> list[str]:
    """Stop servers, and clean up after dead ones.

    Args:
        version: The version to stop; None for every version in the cache.

    Returns:
        The versions for which something was stopped.
    """
    stopped: list[str] = []
    for layout in _layouts(version):
        with layout.locked():
            state = read_state(layout.state_file)
            if state is not None:
                _clean_up(layout, state)
                stopped.append(layout.version)
    return stopped


def supervise(version: str = DEFAULT_VERSION) -> None:
    """Run a server in the foreground until it is asked to end.

    Args:
        version: A version that has been built.

    Raises:
        LiveServerUnavailable: It is not built, or runs already.
        ServiceError: One of its processes failed.
    """
    layout = layout_of(version)
    # No lock here: it is held by the process that started us and waits for the server.
    state = read_state(layout.state_file)
    if state is not None and state.supervisor.is_alive:
        message = f"docassemble {version} runs already at {state.url}; stop it first."
        raise LiveServerUnavailable(message)
    _clean_up(layout, state)
    if not environment.is_built(layout):
        message = f"docassemble {version} is not built yet; start it with `start` once."
        raise LiveServerUnavailable(message)
    Supervisor(layout).run()


def status(version: str | None = None) -> dict[str, str]:
    """Return a line on every version in the cache (or on one), without secrets."""
    return {layout.version: _describe(layout) for layout in _layouts(version)}


class _Progress:
    """Says on stderr what takes so long."""

    def __init__(self, version: str, step: str) -> None:
        self._prefix = f"docassemble {version}: {step}"

    def __enter__(self) -> None:
        self._began = time.monotonic()
        print(f"{self._prefix} ...", file=sys.stderr, flush=True)

    def __exit__(self, *error: object) -> None:
        seconds = time.monotonic() - self._began
        outcome = "failed after" if error[0] else "took"
        print(f"{self._prefix} {outcome} {seconds:.1f} s", file=sys.stderr, flush=True)


def _start(layout: Layout) -> State:
    process = _spawn_supervisor(layout)
    deadline = time.monotonic() + _BOOT
    phase = "database"
    while True:
        with _Progress(layout.version, phase):
            changed = _wait_for_change(layout, process, phase, deadline - time.monotonic())
            if not process.is_alive or not changed:
                _end_supervisor(process)
                message = (
                    f"The live docassemble server {layout.version} did not start. Its logs are in "
                    f"{layout.logs}; if its packages were damaged (tests install and remove some), "
                    f"delete {layout.directory} to build it anew. The end of "
                    f"{_supervisor_log(layout)}:\n{_tail(_supervisor_log(layout))}"
                )
                raise LiveServerUnavailable(message)
        state = read_state(layout.state_file)
        if state is not None and state.phase == READY:
            return state
        phase = _phase(layout) or phase


def _wait_for_change(layout: Layout, process: ProcessRecord, phase: str, timeout: float) -> bool:
    def is_over() -> bool:
        return not process.is_alive or _phase(layout) not in (None, phase)

    return wait_until(is_over, timeout=timeout)


def _spawn_supervisor(layout: Layout) -> ProcessRecord:
    root = Path(__file__).parents[3]
    command = (sys.executable, "-m", __package__ or "", "supervise", "--version", layout.version)
    variables = {
        **passed_on(),
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(root),
        CACHE_VARIABLE: str(cache_directory()),
        services.WORKERS_VARIABLE: os.environ.get(services.WORKERS_VARIABLE, ""),
    }
    log = os.open(_supervisor_log(layout), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        # Not subprocess.Popen: its object warns about a child that outlives it, as this one must.
        pid = os.posix_spawn(
            command[0],
            command,
            variables,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(log)
        os.close(nothing)
    return ProcessRecord.of("supervisor", pid)


def _answers(state: State) -> bool:
    """Whether the server can be used; waits for one that is just being restarted."""
    if not state.supervisor.is_alive or state.phase != READY:
        return False
    port = state.ports["web"]
    healthy_or_dead = wait_until(
        lambda: services.is_healthy(port) or not state.supervisor.is_alive,
        timeout=_RESTART,
        interval=0.5,
    )
    return healthy_or_dead and state.supervisor.is_alive


def _clean_up(layout: Layout, state: State | None) -> None:
    """End the supervisor, and what a supervisor that was killed left behind."""
    if state is None:
        return
    _end_supervisor(state.supervisor)
    end(tuple(reversed(state.processes)), grace=10)
    remove_scratch(Path(state.scratch))
    layout.state_file.unlink(missing_ok=True)


def _end_supervisor(supervisor: ProcessRecord) -> None:
    end([supervisor], grace=_STOP)
    with contextlib.suppress(ChildProcessError):
        # If it was this very process that started it, it is now a zombie of ours.
        os.waitpid(supervisor.pid, os.WNOHANG)


def _layouts(version: str | None) -> list[Layout]:
    if version is not None:
        return [layout_of(version)]
    states = sorted(cache_directory().glob("*/state.json"))
    return [Layout(path.parent.name, path.parent) for path in states]


def _describe(layout: Layout) -> str:
    state = read_state(layout.state_file)
    if state is None:
        built = environment.is_built(layout)
        return "stopped" if built else "not built"
    if not state.supervisor.is_alive:
        return "dead (the next start cleans up)"
    return f"{state.phase} at {state.url}, state in {layout.state_file}"


def _live_server(layout: Layout, state: State) -> LiveServer:
    return LiveServer(
        state.url,
        state.api_key,
        state.version,
        layout.directory,
        state.admin_email,
        state.admin_password,
    )


def _phase(layout: Layout) -> str | None:
    state = read_state(layout.state_file)
    return None if state is None else state.phase


def _supervisor_log(layout: Layout) -> Path:
    return layout.directory / "supervisor.log"


def _tail(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[-2500:].strip()
    except OSError:
        return "(nothing)"
