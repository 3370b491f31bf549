"""The files and variables a docassemble server reads when it starts."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from .environment import site_packages
from .paths import Layout
from .state import read_object, write_private

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"

# Only these go from the developer's environment to the server: it runs whatever Python code a test
# sends it, so it gets neither tokens nor settings of the test run (PYTHONWARNINGS, COV_CORE_*).
_PASSED_ON = (
    *("PATH", "TMPDIR", "USER", "LOGNAME", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)


@dataclass(frozen=True)
class Credentials:
    """The secrets of one database: they are made with its tables and stay with it."""

    api_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    admin_email: str = "admin@example.com"
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(15), repr=False)
    secret_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    redis_password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def hidden(self) -> tuple[str, ...]:
        """Return what must not be shown to anybody."""
        return (self.api_key, self.admin_password, self.secret_key, self.redis_password)

    @classmethod
    def read(cls, path: Path) -> "Credentials | None":
        """Return the credentials kept in a file, or None."""
        data = read_object(path)
        return cls(**data) if data.keys() == {each.name for each in fields(cls)} else None

    def write(self, path: Path) -> None:
        """Keep the credentials in a file of their owner."""
        write_private(path, vars(self))


@dataclass(frozen=True)
class Settings:
    """What one run of the server needs to know."""

    layout: Layout
    scratch: Path
    credentials: Credentials
    ports: Mapping[str, int]

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def socket(self) -> Path:
        """The folder of PostgreSQL's Unix socket."""
        return self.scratch / "socket"

    @property
    def configuration_file(self) -> Path:
        """The server's config.yml."""
        return self.layout.run / "config.yml"

    @property
    def touch_file(self) -> Path:
        """The file whose change asks for a restart."""
        return self.layout.run / "docassemble.wsgi"

    def environment(self) -> dict[str, str]:
        """Return the environment variables of every process of the server."""
        return {
            **passed_on(),
            "PATH": f"{self.layout.environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            # The server writes below HOME: not below the user's. gunicorn has a socket there, so it
            # must be short as well.
            "HOME": str(self.scratch / "home"),
            "TMPDIR": str(self.scratch / "tmp"),
            "DA_CONFIG_FILE": str(self.configuration_file),
            "DA_ADMIN_API_KEY": self.credentials.api_key,
            "DA_ADMIN_EMAIL": self.credentials.admin_email,
            "DA_ADMIN_PASSWORD": self.credentials.admin_password,
            "CONTAINERROLE": ":all:",
            "NLTK_DATA": str(self.layout.run / "nltk"),
            "C_FORCE_ROOT": "1",  # Celery refuses to run as root without
            "PYTHONUNBUFFERED": "1",
        }


def passed_on() -> dict[str, str]:
    """Return the part of our own environment that other programs may see."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith("PIP_")
    }
    if "PIP_CONFIG_FILE" not in kept:
        # With another HOME, the pip that the server calls would miss the user's package index.
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        for candidate in (Path(base) / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
            if candidate.is_file():
                kept["PIP_CONFIG_FILE"] = str(candidate)
                break
    return kept


def write_files(settings: Settings) -> None:
    """Write everything that the server reads, as if for the first time."""
    run = settings.layout.run
    shutil.rmtree(run, ignore_errors=True)
    settings.layout.logs.mkdir(parents=True)
    for folder in ("home", "tmp", "uploads"):
        (settings.scratch / folder).mkdir(mode=0o700)
    settings.touch_file.write_text("# Touched by the server to be restarted.\n", encoding="utf-8")
    (settings.scratch / "ready").touch()
    _write_nltk_data(run / "nltk")
    write_private(settings.configuration_file, _configuration(settings))
    redis = run / "redis.conf"
    redis.touch(mode=0o600)
    redis.write_text(_redis_configuration(settings), encoding="utf-8")


def _configuration(settings: Settings) -> dict[str, object]:
    # JSON is YAML too, so no YAML writer is needed.
    run, scratch = settings.layout.run, settings.scratch
    packages = site_packages(settings.layout)
    redis = f"redis://:{settings.credentials.redis_password}@127.0.0.1:{settings.ports['redis']}"
    return {
        "secretkey": settings.credentials.secret_key,
        # Something for the tests to find when they look for secrets where none may be.
        "live test secret": f"canary-{secrets.token_hex(12)}",
        "debug": True,  # with the next one: the demonstration interviews can be run
        "allow demo": True,
        "enable playground": True,
        "enable api": True,
        "pagination limit": 100,
        "mail": {"server": "127.0.0.1", "port": 1},  # nobody is there: no test sends e-mail
        # A privilege of one's own: what it may do, without any of the admin's other rights.
        "permissions": {"clerk": ["access_user_info", "create_user", "edit_user_privileges"]},
        "two factor authentication": {"enable": True, "allowed for": ["clerk"]},
        "dispatch": {
            "questionless": INTERVIEW,
            "demo": "docassemble.demo:data/questions/questions.yml",
            "broken": "docassemble.demo:data/questions/no-such.yml",
        },
        # The URL is put together from strings; the name is the only place for a Unix socket.
        "db": {"name": f"docassemble?host={settings.socket}", "user": "docassemble"},
        "redis": redis,
        "rabbitmq": f"{redis}/9",  # Celery takes Redis as its broker as well: no RabbitMQ
        "url root": settings.url,
        "external hostname": "127.0.0.1",
        "web server": "none",
        "uploads": str(scratch / "uploads"),
        "packages": str(settings.layout.environment),
        "webapp": str(settings.touch_file),
        "log": str(settings.layout.logs),
        # Their defaults are shared by all servers of a machine, or only root can write there.
        "flask log": str(settings.layout.logs / "flask.log"),
        "celery flask log": str(settings.layout.logs / "celery-flask.log"),
        "ready file": str(scratch / "ready"),
        "pypirc path": str(scratch / "home" / ".pypirc"),
        "nltk socket": str(run / "no-nltk.sock"),
        "pandoc": str(packages / "pypandoc" / "files" / "pandoc"),
        # Without it the server's first conversion fails for want of LibreOffice.
        "libreoffice macro file": str(packages / "docassemble/base/data/macros/Module1.xba"),
        "language": "en",
        "locale": "en_US.utf8",
        "timezone": "America/New_York",
    }


def _redis_configuration(settings: Settings) -> str:
    # In a file and not on the command line, which every user of the machine can read. A password,
    # because a Redis without one lets them write files in our name. The save point is what makes
    # Redis keep its data at a clean stop: the API keys are only there, not in PostgreSQL.
    return (
        f"bind 127.0.0.1\nport {settings.ports['redis']}\n"
        f"requirepass {settings.credentials.redis_password}\n"
        f"dir {json.dumps(str(settings.scratch / 'redis'))}\nsave 3600 1\n"
    )


def _write_nltk_data(folder: Path) -> None:
    # The server loads WordNet when it starts, and downloads it if it is missing. It only inflects
    # nouns and verbs with it, so an empty one will do. One part of the server looks for the
    # folders, another for the archives they come in.
    wordnet = folder / "corpora" / "wordnet"
    wordnet.mkdir(parents=True)
    for kind in ("noun", "verb", "adj", "adv"):
        for name in (f"index.{kind}", f"data.{kind}", f"{kind}.exc"):
            (wordnet / name).touch()
    for name in ("index.sense", "cntlist.rev"):
        (wordnet / name).touch()
    names = "".join(f"{number:02}\tnoun.x\t1\n" for number in range(45))
    (wordnet / "lexnames").write_text(names, encoding="utf-8")
    counts = folder / "corpora" / "wordnet_ic"
    counts.mkdir()
    (counts / "ic-brown.dat").write_text("wnver::x\n1740n 1 ROOT\n1740v 1 ROOT\n", encoding="utf-8")
    for name in ("sentiwordnet", "omw-1.4"):
        (folder / "corpora" / name).mkdir()
    for name in ("wordnet", "wordnet_ic", "sentiwordnet", "omw-1.4"):
        (folder / "corpora" / f"{name}.zip").touch()
