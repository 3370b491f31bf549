"""The whole state of a fake server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docassemble_client.testing._state.files import Files
from docassemble_client.testing._state.links import Links
from docassemble_client.testing._state.missing_interview import (
    MissingInterview,
    explain_missing_interview,
)
from docassemble_client.testing._state.packages import Packages
from docassemble_client.testing._state.playground import Playground
from docassemble_client.testing._state.secrets import generate_alphanumeric
from docassemble_client.testing._state.sessions import Sessions
from docassemble_client.testing._state.stash import Stash
from docassemble_client.testing._state.tasks import Tasks
from docassemble_client.testing._state.users import Account, Users
from docassemble_client.testing.recordings import RecordedInterview, Recording

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.testing.clock import Clock
    from docassemble_client.testing.interviews import ScriptedInterview

CRON_EMAIL = "cron@admin.com"
ADMIN_EMAIL = "admin@example.com"
_QUESTIONS_FOLDER = "data/questions/"


def parse_version(version: str) -> tuple[int, ...]:
    """Parse a version into a tuple for comparisons."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))


class ServerState:
    """
    The state of one fake server.

    Attributes:
        clock: Clock of the server.
        version: Emulated docassemble version.
        url: Base URL.
        config: The configuration.
        users: Accounts, privileges and API keys.
        admin: Account of the administrator.
        files: Stored files.
        sessions: Interview sessions.
        interviews: Scripted interviews by file name.
        recordings: Recordings by YAML source.
        playground: Files of all Playgrounds.
        packages: Installed packages.
        tasks: Restarts and installations.
        stash: Stashed data.
        links: Links, and the visitors who opened them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        version: str,
        url: str,
        page_size: int,
        restart_seconds: float,
        install_seconds: float,
    ) -> None:
        self.clock = clock
        self.version = version
        self.url = url
        self.config: dict[str, JSON] = {
            "db": {"prefix": "postgresql+psycopg2://", "password": generate_alphanumeric(16)},
            "secretkey": generate_alphanumeric(32),
            "timezone": "America/New_York",
            "language": "en",
            "pagination limit": page_size,
            "mail": {"default sender": '"Administrator" <no-reply@example.com>'},
        }
        self.users = Users()
        password = generate_alphanumeric(12)
        self.admin: Account = self.users.add(ADMIN_EMAIL, password, ["admin"])
        self.admin.first_name, self.admin.last_name = "System", "Administrator"
        self.admin.timezone = self.admin.language = None
        # The server runs scheduled tasks as this user (create_tables.py).
        cron = self.users.add(CRON_EMAIL, "", ["cron"])
        cron.first_name, cron.last_name, cron.active = "Cron", "User", False
        cron.timezone = cron.language = None
        self.files = Files(clock)
        self.sessions = Sessions(clock, self.files)
        self.interviews: dict[str, ScriptedInterview] = {}
        self.recordings: dict[bytes, Recording] = {}
        self.playground = Playground(clock)
        self._yaml_interviews: dict[str, tuple[bytes, ScriptedInterview]] = {}
        self.packages = Packages(version)
        self.tasks = Tasks(clock, restart_seconds=restart_seconds, install_seconds=install_seconds)
        self.stash = Stash(clock)
        self.links = Links(clock)

    def is_older_than(self, version: str) -> bool:
        """Whether the emulated docassemble is older than this version."""
        return parse_version(self.version) < parse_version(version)

    def find_interview(self, filename: str) -> ScriptedInterview | None:
        """
        Find a scripted interview, or a YAML interview in a Playground or package.

        As on the real server, data/questions/ in the name makes no difference.

        Raises:
            InterviewSyntaxError: The source is not a valid interview.
        """
        spellings = _list_spellings(filename)
        source = self.playground.find_source(filename)
        if source is None:
            source = next(filter(None, map(self.packages.find_source, spellings)), None)
        if source is None:
            return next(filter(None, map(self.interviews.get, spellings)), None)
        if source in self.recordings:
            return RecordedInterview.from_recording(self.recordings[source], filename)
        from docassemble_client.testing._yaml.yaml_interview import read_yaml_interview

        cached = self._yaml_interviews.get(filename)
        if cached is None or cached[0] != source:
            cached = (source, read_yaml_interview(filename, source))
            self._yaml_interviews[filename] = cached
        return cached[1]

    def explain_missing_interview(self, filename: str) -> MissingInterview:
        """Explain why an interview does not exist."""
        return explain_missing_interview(filename, self.users)

    def remove_account(self, account: Account, *, delete_shared_sessions: bool) -> None:
        """Delete an account, its own sessions and optionally those shared with other users."""
        for session, user in list(self.sessions.iter_rows()):
            if user == account.id:
                self.sessions.remove_user(
                    session, None if delete_shared_sessions else user, discard_steps=True
                )
        self.users.remove(account)


def _list_spellings(filename: str) -> tuple[str, ...]:
    package, colon, path = filename.partition(":")
    path = path.removeprefix(_QUESTIONS_FOLDER)
    return (filename, f"{package}{colon}{path}", f"{package}{colon}{_QUESTIONS_FOLDER}{path}")
