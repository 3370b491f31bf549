"""The one process that owns a running server: it starts the others, restarts and ends them."""

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
from .processes import ProcessRecord, end, end_group, wait_until
from .scratch import database_account, give_to, make_scratch, remove_scratch
from .services import PostgreSQL, Service
from .state import READY, State, read_object, write_private, write_state

_POLL = 0.25  # seconds between two looks at the processes and the touch file
_GRACE = 10.0  # seconds for a process to end by itself
_TAIL = 1200  # characters of a log worth showing


class Supervisor:
    """Starts one server and stays with it until it ends."""

    def __init__(self, layout: Layout) -> None:
        """Prepare to run the server of this layout.

        Args:
            layout: With a complete environment.
        """
        self._layout = layout
        self._template_ready = layout.template / "credentials.json"
        kept = Credentials.read(self._template_ready)
        self._has_template = kept is not None
        credentials = kept or Credentials()
        ports = _choose_ports(layout)
        self._settings = Settings(layout, make_scratch(), credentials, ports)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._asked_to_end = False
        self._state = State(
            version=layout.version,
            url=self._settings.url,
            api_key=credentials.api_key,
            admin_email=credentials.admin_email,
            admin_password=credentials.admin_password,
            phase="database",
            supervisor=ProcessRecord.of("supervisor", os.getpid()),
            processes=(),
            ports=ports,
            scratch=str(self._settings.scratch),
        )

    def run(self) -> None:
        """Run the server until SIGTERM or SIGINT, or until one of its processes ends.

        Raises:
            ServiceError: A process could not be started, or ended by itself.
        """
        # The handler raises nothing: an exception between the start of a process and its record
        # would lose it. All our waiting looks at the flag.
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._ask_to_end)
        try:
            write_state(self._layout.state_file, self._state)
            self._boot()
            self._watch()
        finally:
            self._stop(*reversed(self._running))
            remove_scratch(self._settings.scratch)
            self._layout.state_file.unlink(missing_ok=True)
            _log("ended")

    def _boot(self) -> None:
        write_files(self._settings)
        account = database_account()
        postgres = PostgreSQL.prepare(self._settings, account)
        if not self._has_template:
            self._make_template(postgres)
        shutil.copytree(self._layout.template / "postgresql", postgres.data, symlinks=True)
        shutil.copytree(self._layout.template / "redis", self._settings.scratch / "redis")
        give_to(postgres.data, account)
        self._start_databases(postgres)
        self._enter("web")
        self._start(services.worker(self._settings))
        self._start(services.web(self._settings), services.web_variables(self._settings))
        port = self._settings.ports["web"]
        self._expect("web", lambda: services.is_healthy(port), timeout=240)
        self._enter(READY)

    def _make_template(self, postgres: PostgreSQL) -> None:
        redis_data = self._settings.scratch / "redis"
        redis_data.mkdir(mode=0o700)
        self._complete(postgres.initialise(), timeout=60)
        self._start_databases(postgres)
        self._complete(postgres.create_database(), timeout=60)
        self._enter("tables")
        self._complete(services.tables(self._settings), timeout=300)
        # Both must be down: only then are their files complete.
        self._stop("redis", "postgres")
        template = self._layout.template
        shutil.rmtree(template, ignore_errors=True)
        template.mkdir(mode=0o700)
        for folder, name in ((postgres.data, "postgresql"), (redis_data, "redis")):
            shutil.copytree(folder, template / name, symlinks=True)
            shutil.rmtree(folder)
        # Last of all: without it, the template is not used.
        self._settings.credentials.write(self._template_ready)

    def _start_databases(self, postgres: PostgreSQL) -> None:
        port, password = self._settings.ports["redis"], self._settings.credentials.redis_password
        self._start(postgres.service())
        self._start(services.redis(self._settings))
        self._expect("postgres", postgres.is_ready, timeout=60)
        self._expect("redis", lambda: services.answers_ping(port, password), timeout=60)

    def _watch(self) -> None:
        touched = self._touched()
        while True:
            self._check()
            if touched != (touched := self._touched()):
                # The server's own way to ask for a restart. gunicorn has no touch-reload, but
                # renews its workers at SIGHUP, and keeps the port open meanwhile.
                _log("restarting the web server")
                self._running["web"].send_signal(signal.SIGHUP)
            time.sleep(_POLL)

    def _touched(self) -> int:
        try:
            return self._settings.touch_file.stat().st_mtime_ns
        except OSError:
            return 0

    def _ask_to_end(self, _signum: int, _frame: FrameType | None) -> None:
        self._asked_to_end = True

    def _check(self) -> None:
        if self._asked_to_end:
            _log("asked to end")
            sys.exit()
        for name, process in self._running.items():
            if process.poll() is not None:
                end_group(process.pid)
                raise self._failure(name, f"ended with status {process.returncode}")

    def _expect(self, name: str, condition: Callable[[], bool], *, timeout: float) -> None:
        def holds() -> bool:
            self._check()
            return condition()

        if not wait_until(holds, timeout=timeout, interval=0.1):
            raise self._failure(name, f"did not answer within {timeout:.0f} s")

    def _complete(self, service: Service, *, timeout: float) -> None:
        process = self._start(service)

        def is_over() -> bool:
            if process.poll() != 0:
                self._check()
            return process.poll() == 0

        if not wait_until(is_over, timeout=timeout, interval=0.1):
            raise self._failure(service.name, f"did not end within {timeout:.0f} s")
        self._stop(service.name)

    def _start(
        self, service: Service, variables: dict[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        account = service.account
        with (self._layout.logs / f"{service.name}.log").open("ab") as log:
            process = subprocess.Popen(
                service.command,
                env={**self._settings.environment(), **(variables or {})},
                cwd=self._settings.scratch,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own, to end it with everything it starts.
                start_new_session=True,
                user=account.user if account else None,
                group=account.group if account else None,
                extra_groups=[] if account else None,
            )
        self._running[service.name] = process
        record = ProcessRecord.of(service.name, process.pid, service.stop_signal)
        # At once, so that the process can be found if we are killed.
        self._state = self._state.with_processes((*self._state.processes, record))
        write_state(self._layout.state_file, self._state)
        _log(f"{service.name} started (pid {process.pid})")
        return process

    def _stop(self, *names: str) -> None:
        records = {record.name: record for record in self._state.processes}
        end([records[name] for name in names], grace=_GRACE)
        for name in names:
            self._running.pop(name).wait()
        remaining = tuple(each for each in self._state.processes if each.name in self._running)
        self._state = self._state.with_processes(remaining)
        write_state(self._layout.state_file, self._state)

    def _failure(self, name: str, what: str) -> ServiceError:
        log = self._layout.logs / f"{name}.log"
        end_of_log = log.read_text(errors="replace")[-_TAIL:].strip()
        for secret in self._settings.credentials.hidden():
            end_of_log = end_of_log.replace(secret, "(secret)")
        return ServiceError(f"{name} {what}; the end of {log}:\n{end_of_log}")

    def _enter(self, phase: str) -> None:
        self._state = self._state.in_phase(phase)
        write_state(self._layout.state_file, self._state)
        _log(f"phase {phase}")


def _choose_ports(layout: Layout) -> dict[str, int]:
    """Choose ports: those of the last time if they are still free."""
    wanted = read_object(layout.ports_file)
    chosen: dict[str, int] = {}
    held: list[socket.socket] = []
    try:
        for name in ("web", "redis"):
            probe = socket.socket()
            held.append(probe)  # held until all are chosen, so that no two are the same
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(wanted.get(name, 0))))
            except (OSError, ValueError, TypeError, OverflowError):
                probe.bind(("127.0.0.1", 0))
            chosen[name] = probe.getsockname()[1]
    finally:
        for probe in held:
            probe.close()
    write_private(layout.ports_file, chosen)
    return chosen


def _log(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)
