"""Starts, finds and stops servers, for the tests and the command line."""

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import environment, services
from .configuration import inherit_environment
from .errors import LiveServerUnavailable
from .paths import CACHE_VARIABLE, DEFAULT_VERSION, Layout, get_cache_directory, get_layout
from .processes import ProcessRecord, stop_processes, wait_until
from .scratch import remove_scratch
from .state import READY, State, read_state
from .supervisor import Supervisor

_BOOT_SECONDS = 600.0  # until the server is ready, on a slow machine
_RESTART_SECONDS = 60.0  # until the server responds again after a restart
_STOP_SECONDS = 60.0  # until the supervisor has stopped all processes


@dataclass(frozen=True)
class LiveServer:
    """A running docassemble server.

    Attributes:
        url: Address, such as `http://127.0.0.1:40123`.
        api_key: API key of the administrator.
        version: Version, such as `1.10.14`.
        directory: Folder in the cache; the logs are in `run/logs`.
        admin_email: E-mail address of the administrator.
        admin_password: Password of the administrator.
    """

    url: str
    api_key: str = field(repr=False)
    version: str
    directory: Path
    admin_email: str
    admin_password: str = field(repr=False)


def ensure_running(version: str = DEFAULT_VERSION) -> LiveServer:
    """Return a running server; build and start it if needed.

    The server keeps running after the calling process, to be reused. A server that is started has
    an empty database; one that runs already keeps its data.

    Args:
        version: Version of docassemble.

    Raises:
        LiveServerUnavailable: The server cannot run on this machine; the text gives the reason.
    """
    layout = get_layout(version)
    with layout.lock() as lock:
        state = read_state(layout.state_file)
        if state is not None and _is_responding(state):
            return _make_live_server(layout, state)
        _clean_up(layout, state)
        if not environment.is_built(layout):
            with _Progress(version, "environment"):
                environment.build(layout, lock)
        return _make_live_server(layout, _start(layout))


def stop(version: str | None = None) -> list[str]:
    """Stop servers, and clean up after crashed ones.

    Args:
        version: Version to stop; None for all versions in the cache.

    Returns:
        The stopped versions.
    """
    stopped: list[str] = []
    for layout in _list_layouts(version):
        with layout.lock():
            state = read_state(layout.state_file)
            if state is not None:
                _clean_up(layout, state)
                stopped.append(layout.version)
    return stopped


def supervise(version: str = DEFAULT_VERSION) -> None:
    """Run a server in the foreground until SIGTERM or SIGINT.

    Args:
        version: A built version.

    Raises:
        LiveServerUnavailable: The server is not built, or runs already.
        ServiceError: A process of the server failed.
    """
    layout = get_layout(version)
    # No lock: the process that started this one holds it and waits.
    state = read_state(layout.state_file)
    if state is not None and state.supervisor.is_alive:
        message = f"docassemble {version} already runs at {state.url}; stop it first."
        raise LiveServerUnavailable(message)
    _clean_up(layout, state)
    if not environment.is_built(layout):
        message = f"docassemble {version} is not built; build it with `start`."
        raise LiveServerUnavailable(message)
    Supervisor(layout).run()


def get_status(version: str | None = None) -> dict[str, str]:
    """Describe the status of a version, or of all versions in the cache, without secrets."""
    return {layout.version: _describe(layout) for layout in _list_layouts(version)}


class _Progress:
    """Prints the steps and their durations to stderr."""

    def __init__(self, version: str, step: str) -> None:
        self._prefix = f"docassemble {version}: {step}"

    def __enter__(self) -> None:
        self._start_time = time.monotonic()
        print(f"{self._prefix} ...", file=sys.stderr, flush=True)

    def __exit__(self, *error: object) -> None:
        seconds = time.monotonic() - self._start_time
        outcome = "failed after" if error[0] else "took"
        print(f"{self._prefix} {outcome} {seconds:.1f} s", file=sys.stderr, flush=True)


def _start(layout: Layout) -> State:
    process = _spawn_supervisor(layout)
    deadline = time.monotonic() + _BOOT_SECONDS
    phase = "database"
    while True:
        with _Progress(layout.version, phase):
            has_changed = _wait_for_change(layout, process, phase, deadline - time.monotonic())
            if not process.is_alive or not has_changed:
                _stop_supervisor(process)
                message = (
                    f"The live docassemble server {layout.version} did not start. Its logs are in "
                    f"{layout.logs}. If its packages are damaged (tests install and remove some), "
                    f"delete {layout.directory} to rebuild it. The end of "
                    f"{_get_supervisor_log(layout)}:\n{_read_tail(_get_supervisor_log(layout))}"
                )
                raise LiveServerUnavailable(message)
        state = read_state(layout.state_file)
        if state is not None and state.phase == READY:
            return state
        phase = _get_phase(layout) or phase


def _wait_for_change(layout: Layout, process: ProcessRecord, phase: str, timeout: float) -> bool:
    def has_changed() -> bool:
        return not process.is_alive or _get_phase(layout) not in (None, phase)

    return wait_until(has_changed, timeout=timeout)


def _spawn_supervisor(layout: Layout) -> ProcessRecord:
    root = Path(__file__).parents[3]
    command = (sys.executable, "-m", __package__ or "", "supervise", "--version", layout.version)
    variables = {
        **inherit_environment(),
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(root),
        CACHE_VARIABLE: str(get_cache_directory()),
        services.WORKERS_VARIABLE: os.environ.get(services.WORKERS_VARIABLE, ""),
    }
    log = os.open(_get_supervisor_log(layout), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        # subprocess.Popen warns about child processes that outlive it.
        pid = os.posix_spawn(
            command[0],
            command,
            variables,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(log)
        os.close(null)
    return ProcessRecord.create("supervisor", pid)


def _is_responding(state: State) -> bool:
    """Check whether the server responds; wait if it is restarting."""
    if not state.supervisor.is_alive or state.phase != READY:
        return False
    port = state.ports["web"]
    healthy_or_dead = wait_until(
        lambda: services.is_healthy(port) or not state.supervisor.is_alive,
        timeout=_RESTART_SECONDS,
        interval=0.5,
    )
    return healthy_or_dead and state.supervisor.is_alive


def _clean_up(layout: Layout, state: State | None) -> None:
    """Stop the supervisor, and clean up after one that was killed."""
    if state is None:
        return
    _stop_supervisor(state.supervisor)
    stop_processes(tuple(reversed(state.processes)), grace=10)
    remove_scratch(Path(state.scratch))
    layout.state_file.unlink(missing_ok=True)


def _stop_supervisor(supervisor: ProcessRecord) -> None:
    stop_processes([supervisor], grace=_STOP_SECONDS)
    with contextlib.suppress(ChildProcessError):
        # If this process started it, it is a zombie now.
        os.waitpid(supervisor.pid, os.WNOHANG)


def _list_layouts(version: str | None) -> list[Layout]:
    if version is not None:
        return [get_layout(version)]
    states = sorted(get_cache_directory().glob("*/state.json"))
    return [Layout(path.parent.name, path.parent) for path in states]


def _describe(layout: Layout) -> str:
    state = read_state(layout.state_file)
    if state is None:
        built = environment.is_built(layout)
        return "stopped" if built else "not built"
    if not state.supervisor.is_alive:
        return "crashed (the next start cleans up)"
    return f"{state.phase} at {state.url}, state in {layout.state_file}"


def _make_live_server(layout: Layout, state: State) -> LiveServer:
    return LiveServer(
        state.url,
        state.api_key,
        state.version,
        layout.directory,
        state.admin_email,
        state.admin_password,
    )


def _get_phase(layout: Layout) -> str | None:
    state = read_state(layout.state_file)
    return None if state is None else state.phase


def _get_supervisor_log(layout: Layout) -> Path:
    return layout.directory / "supervisor.log"


def _read_tail(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[-2500:].strip()
    except OSError:
        return "(empty)"
