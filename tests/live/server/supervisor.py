"""The supervisor process starts, restarts and stops the processes of a server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from . import services
from .configuration import Credentials, Settings, write_files
from .errors import ServiceError
from .paths import Layout
from .processes import ProcessRecord, kill_group, stop_processes, wait_until
from .scratch import change_owner, find_database_account, make_scratch, remove_scratch
from .services import PostgreSQL, Service
from .state import READY, State, read_object, write_private, write_state

_POLL_SECONDS = 0.25  # between two checks of the processes and the touch file
_GRACE_SECONDS = 10.0  # between the stop signal and SIGKILL
_LOG_TAIL_CHARS = 1200


class Supervisor:
    """Starts a server and supervises it until it is stopped."""

    def __init__(self, layout: Layout) -> None:
        """Choose ports and credentials.

        Args:
            layout: Paths of the server; its environment must be complete.
        """
        self._layout = layout
        self._credentials_file = layout.template / "credentials.json"
        template_credentials = Credentials.read(self._credentials_file)
        self._has_template = template_credentials is not None
        credentials = template_credentials or Credentials()
        ports = _choose_ports(layout)
        self._settings = Settings(layout, make_scratch(), credentials, ports)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._should_stop = False
        self._state = State(
            version=layout.version,
            url=self._settings.url,
            api_key=credentials.api_key,
            admin_email=credentials.admin_email,
            admin_password=credentials.admin_password,
            phase="database",
            supervisor=ProcessRecord.create("supervisor", os.getpid()),
            processes=(),
            ports=ports,
            scratch=str(self._settings.scratch),
        )

    def run(self) -> None:
        """Run the server until SIGTERM or SIGINT, or until one of its processes ends.

        Raises:
            ServiceError: A process did not start, or ended unexpectedly.
        """
        # The handler only sets a flag: an exception between the start of a process and its record
        # would lose the process.
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._request_stop)
        try:
            write_state(self._layout.state_file, self._state)
            self._boot()
            self._watch()
        finally:
            self._stop(*reversed(self._running))
            remove_scratch(self._settings.scratch)
            self._layout.state_file.unlink(missing_ok=True)
            _log("stopped")

    def _boot(self) -> None:
        write_files(self._settings)
        account = find_database_account()
        postgres = PostgreSQL.prepare(self._settings, account)
        if not self._has_template:
            self._make_template(postgres)
        shutil.copytree(self._layout.template / "postgresql", postgres.data, symlinks=True)
        shutil.copytree(self._layout.template / "redis", self._settings.scratch / "redis")
        change_owner(postgres.data, account)
        self._start_databases(postgres)
        self._set_phase("web")
        self._start(services.make_worker(self._settings))
        self._start(services.make_web(self._settings), services.make_web_variables(self._settings))
        port = self._settings.ports["web"]
        self._wait_for_service("web", lambda: services.is_healthy(port), timeout=240)
        self._set_phase(READY)

    def _make_template(self, postgres: PostgreSQL) -> None:
        redis_data = self._settings.scratch / "redis"
        redis_data.mkdir(mode=0o700)
        self._run_to_completion(postgres.make_initdb(), timeout=60)
        self._start_databases(postgres)
        self._run_to_completion(postgres.make_createdb(), timeout=60)
        self._set_phase("tables")
        self._run_to_completion(services.make_tables(self._settings), timeout=300)
        # Their files are complete only after they have stopped.
        self._stop("redis", "postgres")
        template = self._layout.template
        shutil.rmtree(template, ignore_errors=True)
        template.mkdir(mode=0o700)
        for folder, name in ((postgres.data, "postgresql"), (redis_data, "redis")):
            shutil.copytree(folder, template / name, symlinks=True)
            shutil.rmtree(folder)
        # Write this file last: without it, the template is not used.
        self._settings.credentials.write(self._credentials_file)

    def _start_databases(self, postgres: PostgreSQL) -> None:
        port, password = self._settings.ports["redis"], self._settings.credentials.redis_password
        self._start(postgres.make_service())
        self._start(services.make_redis(self._settings))
        self._wait_for_service("postgres", postgres.is_ready, timeout=60)
        self._wait_for_service("redis", lambda: services.is_redis_ready(port, password), timeout=60)

    def _watch(self) -> None:
        touch_time = self._get_touch_time()
        while True:
            self._check_processes()
            if touch_time != (touch_time := self._get_touch_time()):
                # docassemble touches this file to restart. gunicorn does not watch files, but
                # restarts its workers at SIGHUP, and keeps the port open.
                _log("restarting the web server")
                self._running["web"].send_signal(signal.SIGHUP)
            time.sleep(_POLL_SECONDS)

    def _get_touch_time(self) -> int:
        try:
            return self._settings.touch_file.stat().st_mtime_ns
        except OSError:
            return 0

    def _request_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._should_stop = True

    def _check_processes(self) -> None:
        if self._should_stop:
            _log("received a stop signal")
            sys.exit()
        for name, process in self._running.items():
            if process.poll() is not None:
                kill_group(process.pid)
                raise self._make_error(name, f"ended with status {process.returncode}")

    def _wait_for_service(
        self, name: str, condition: Callable[[], bool], *, timeout: float
    ) -> None:
        def is_ready() -> bool:
            self._check_processes()
            return condition()

        if not wait_until(is_ready, timeout=timeout, interval=0.1):
            raise self._make_error(name, f"did not respond within {timeout:.0f} s")

    def _run_to_completion(self, service: Service, *, timeout: float) -> None:
        process = self._start(service)

        def has_succeeded() -> bool:
            if process.poll() != 0:
                self._check_processes()
            return process.poll() == 0

        if not wait_until(has_succeeded, timeout=timeout, interval=0.1):
            raise self._make_error(service.name, f"did not end within {timeout:.0f} s")
        self._stop(service.name)

    def _start(
        self, service: Service, variables: dict[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        account = service.account
        with (self._layout.logs / f"{service.name}.log").open("ab") as log:
            process = subprocess.Popen(
                service.command,
                env={**self._settings.make_environment(), **(variables or {})},
                cwd=self._settings.scratch,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A new process group, to stop it together with its children.
                start_new_session=True,
                user=account.user if account else None,
                group=account.group if account else None,
                extra_groups=[] if account else None,
            )
        self._running[service.name] = process
        record = ProcessRecord.create(service.name, process.pid, service.stop_signal)
        # Immediately, so that the process can be found if the supervisor is killed.
        self._state = self._state.with_processes((*self._state.processes, record))
        write_state(self._layout.state_file, self._state)
        _log(f"{service.name} started (pid {process.pid})")
        return process

    def _stop(self, *names: str) -> None:
        records = {record.name: record for record in self._state.processes}
        stop_processes([records[name] for name in names], grace=_GRACE_SECONDS)
        for name in names:
            self._running.pop(name).wait()
        remaining = tuple(
            record for record in self._state.processes if record.name in self._running
        )
        self._state = self._state.with_processes(remaining)
        write_state(self._layout.state_file, self._state)

    def _make_error(self, name: str, problem: str) -> ServiceError:
        log = self._layout.logs / f"{name}.log"
        log_tail = log.read_text(errors="replace")[-_LOG_TAIL_CHARS:].strip()
        for secret in self._settings.credentials.list_secrets():
            log_tail = log_tail.replace(secret, "(secret)")
        return ServiceError(f"{name} {problem}; the end of {log}:\n{log_tail}")

    def _set_phase(self, phase: str) -> None:
        self._state = self._state.with_phase(phase)
        write_state(self._layout.state_file, self._state)
        _log(f"phase {phase}")


def _choose_ports(layout: Layout) -> dict[str, int]:
    """Choose ports; reuse those of the last run if they are free."""
    last_ports = read_object(layout.ports_file)
    ports: dict[str, int] = {}
    sockets: list[socket.socket] = []
    try:
        for name in ("web", "redis"):
            probe = socket.socket()
            sockets.append(probe)  # stays open until all are chosen, so that they differ
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(last_ports.get(name, 0))))
            except (OSError, ValueError, TypeError, OverflowError):
                probe.bind(("127.0.0.1", 0))
            ports[name] = probe.getsockname()[1]
    finally:
        for probe in sockets:
            probe.close()
    write_private(layout.ports_file, ports)
    return ports


def _log(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)
