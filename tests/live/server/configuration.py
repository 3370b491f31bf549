"""Configuration files and environment variables of the server."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from .environment import get_site_packages
from .paths import Layout
from .state import read_object, write_private

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"

# The server runs any Python code that a test sends. So it inherits only these variables: no tokens,
# and no settings of the test run (PYTHONWARNINGS, COV_CORE_*).
_INHERITED_VARIABLES = (
    *("PATH", "TMPDIR", "USER", "LOGNAME", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)


@dataclass(frozen=True)
class Credentials:
    """Secrets of a database, created together with its tables."""

    api_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    admin_email: str = "admin@example.com"
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(15), repr=False)
    secret_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    redis_password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def list_secrets(self) -> tuple[str, ...]:
        """List the values that must not be shown."""
        return (self.api_key, self.admin_password, self.secret_key, self.redis_password)

    @classmethod
    def read(cls, path: Path) -> "Credentials | None":
        """Read the credentials from a file; return None if it is missing or damaged."""
        data = read_object(path)
        return cls(**data) if data.keys() == {item.name for item in fields(cls)} else None

    def write(self, path: Path) -> None:
        """Write the credentials to a file that only its owner can read."""
        write_private(path, vars(self))


@dataclass(frozen=True)
class Settings:
    """Settings of one run of the server."""

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
        """The file that is touched to restart the server."""
        return self.layout.run / "docassemble.wsgi"

    def make_environment(self) -> dict[str, str]:
        """Return the environment variables of every process of the server."""
        return {
            **inherit_environment(),
            "PATH": f"{self.layout.environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            # The server writes below HOME, so not the user's. gunicorn has a socket there: its path
            # must be short.
            "HOME": str(self.scratch / "home"),
            "TMPDIR": str(self.scratch / "tmp"),
            "DA_CONFIG_FILE": str(self.configuration_file),
            "DA_ADMIN_API_KEY": self.credentials.api_key,
            "DA_ADMIN_EMAIL": self.credentials.admin_email,
            "DA_ADMIN_PASSWORD": self.credentials.admin_password,
            "CONTAINERROLE": ":all:",
            "NLTK_DATA": str(self.layout.run / "nltk"),
            "C_FORCE_ROOT": "1",  # lets Celery run as root
            "PYTHONUNBUFFERED": "1",
        }


def inherit_environment() -> dict[str, str]:
    """Return the environment variables that the server inherits."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED_VARIABLES or name.startswith("PIP_")
    }
    if "PIP_CONFIG_FILE" not in variables:
        # Because of the other HOME, pip would not find the configured package index.
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        for candidate in (Path(base) / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
            if candidate.is_file():
                variables["PIP_CONFIG_FILE"] = str(candidate)
                break
    return variables


def write_files(settings: Settings) -> None:
    """Write all files that the server reads; delete those of an earlier run."""
    run = settings.layout.run
    shutil.rmtree(run, ignore_errors=True)
    settings.layout.logs.mkdir(parents=True)
    for folder in ("home", "tmp", "uploads"):
        (settings.scratch / folder).mkdir(mode=0o700)
    settings.touch_file.write_text("# Touched by the server to be restarted.\n", encoding="utf-8")
    (settings.scratch / "ready").touch()
    _write_nltk_data(run / "nltk")
    write_private(settings.configuration_file, _make_configuration(settings))
    redis = run / "redis.conf"
    redis.touch(mode=0o600)
    redis.write_text(_make_redis_configuration(settings), encoding="utf-8")


def _make_configuration(settings: Settings) -> dict[str, object]:
    # JSON is valid YAML, so no YAML library is needed.
    run, scratch = settings.layout.run, settings.scratch
    packages = get_site_packages(settings.layout)
    redis = f"redis://:{settings.credentials.redis_password}@127.0.0.1:{settings.ports['redis']}"
    return {
        "secretkey": settings.credentials.secret_key,
        # A secret that tests search for in texts that must not contain secrets.
        "live test secret": f"canary-{secrets.token_hex(12)}",
        "debug": True,  # with `allow demo`: demo interviews can be started
        "allow demo": True,
        "enable playground": True,
        "enable api": True,
        "pagination limit": 100,
        "mail": {"server": "127.0.0.1", "port": 1},  # no mail server: tests send no e-mail
        # A custom privilege with some permissions of an admin.
        "permissions": {"clerk": ["access_user_info", "create_user", "edit_user_privileges"]},
        "two factor authentication": {"enable": True, "allowed for": ["clerk"]},
        "dispatch": {
            "questionless": INTERVIEW,
            "demo": "docassemble.demo:data/questions/questions.yml",
            "broken": "docassemble.demo:data/questions/no-such.yml",
        },
        # docassemble joins these strings to a URL; only the name can hold a Unix socket.
        "db": {"name": f"docassemble?host={settings.socket}", "user": "docassemble"},
        "redis": redis,
        "rabbitmq": f"{redis}/9",  # Redis is also the broker of Celery, instead of RabbitMQ
        "url root": settings.url,
        "external hostname": "127.0.0.1",
        "web server": "none",
        "uploads": str(scratch / "uploads"),
        "packages": str(settings.layout.environment),
        "webapp": str(settings.touch_file),
        "log": str(settings.layout.logs),
        # The defaults are shared by all servers of a machine, or writable by root only.
        "flask log": str(settings.layout.logs / "flask.log"),
        "celery flask log": str(settings.layout.logs / "celery-flask.log"),
        "ready file": str(scratch / "ready"),
        "pypirc path": str(scratch / "home" / ".pypirc"),
        "nltk socket": str(run / "no-nltk.sock"),
        "pandoc": str(packages / "pypandoc" / "files" / "pandoc"),
        # Without it the first conversion of the server fails, because LibreOffice is missing.
        "libreoffice macro file": str(packages / "docassemble/base/data/macros/Module1.xba"),
        "language": "en",
        "locale": "en_US.utf8",
        "timezone": "America/New_York",
    }


def _make_redis_configuration(settings: Settings) -> str:
    # The password is in a file, because all users of the machine can read command lines. Without a
    # password, they could write files as the current user. The save point makes Redis save its data
    # when it stops: API keys are stored in Redis only.
    return (
        f"bind 127.0.0.1\nport {settings.ports['redis']}\n"
        f"requirepass {settings.credentials.redis_password}\n"
        f"dir {json.dumps(str(settings.scratch / 'redis'))}\nsave 3600 1\n"
    )


def _write_nltk_data(folder: Path) -> None:
    # The server loads WordNet when it starts, and downloads it if it is missing. It only inflects
    # nouns and verbs, so an empty WordNet is enough. The server looks for folders and for archives.
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
