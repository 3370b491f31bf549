"""Everything the fake server remembers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docassemble_client.testing._state.files import Files
from docassemble_client.testing._state.links import Links
from docassemble_client.testing._state.packages import Packages
from docassemble_client.testing._state.people import Account, People
from docassemble_client.testing._state.playground import Playground
from docassemble_client.testing._state.secrets import alphanumeric
from docassemble_client.testing._state.sessions import Sessions
from docassemble_client.testing._state.stash import Stash
from docassemble_client.testing._state.tasks import Tasks
from docassemble_client.testing.recordings import RecordedInterview, Recording

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.testing.clock import Clock
    from docassemble_client.testing.interviews import Interview

ADMIN_EMAIL = "admin@example.com"


def numbers(version: str) -> tuple[int, ...]:
    """Turn a version into what can be compared."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))


class World:
    """
    What one fake server remembers.

    Attributes:
        clock: Its clock.
        version: Version of docassemble it behaves like.
        url: Its address.
        config: The configuration.
        people: Accounts, privileges and keys.
        admin: The administrator.
        files: Stored files.
        sessions: Interview sessions.
        interviews: Scripted interviews by file name.
        recorded: Recordings by the text of the interview.
        playground: Files of the Playgrounds.
        packages: Installed packages.
        tasks: Restarts and installations.
        stash: Stashed data.
        links: Links for people, and who has followed one.
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
            "db": {"prefix": "postgresql+psycopg2://", "password": alphanumeric(16)},
            "secretkey": alphanumeric(32),
            "timezone": "America/New_York",
            "language": "en",
            "pagination limit": page_size,
            "mail": {"default sender": '"Administrator" <no-reply@example.com>'},
        }
        self.people = People()
        password = alphanumeric(12)
        self.admin: Account = self.people.add(ADMIN_EMAIL, password, ["admin"])
        self.admin.timezone = self.admin.language = None
        self.files = Files()
        self.sessions = Sessions(clock, self.files)
        self.interviews: dict[str, Interview] = {}
        self.recorded: dict[bytes, Recording] = {}
        self.playground = Playground()
        self._sources: dict[str, tuple[bytes, Interview]] = {}
        self.packages = Packages(version)
        self.tasks = Tasks(clock, restart_seconds=restart_seconds, install_seconds=install_seconds)
        self.stash = Stash(clock)
        self.links = Links(clock)

    def before(self, version: str) -> bool:
        """Whether it behaves like a docassemble that is older than this version."""
        return numbers(self.version) < numbers(version)

    def find_interview(self, filename: str) -> Interview | None:
        """
        Find an interview: a scripted one, or one written as YAML in a Playground or package.

        Raises:
            SourceError: It is no YAML.
        """
        source = self.playground.interview(filename) or self.packages.source(filename)
        if source is None:
            return self.interviews.get(filename)
        if source in self.recorded:
            return RecordedInterview.of(self.recorded[source], filename)
        from docassemble_client.testing._yaml.yaml_interview import read_source

        known = self._sources.get(filename)
        if known is None or known[0] != source:
            known = self._sources[filename] = (source, read_source(filename, source))
        return known[1]

    def remove_account(self, account: Account, *, shared: bool) -> None:
        """Delete an account with its sessions; of shared ones only if that is wanted."""
        for session, user in list(self.sessions.rows()):
            if user == account.id:
                self.sessions.leave(session, None if shared else user, takes_back=True)
        self.people.remove(account)
