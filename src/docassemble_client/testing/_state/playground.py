"""The Playgrounds of all users."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from docassemble_client.testing.clock import Clock

Folder: TypeAlias = dict[str, bytes]
DEFAULT_PROJECT = "default"
_INTERVIEW_NAME = re.compile(r"docassemble\.playground([0-9]+)([A-Za-z]?[A-Za-z0-9]*):(.+)")


class Playground:
    """
    Files by user, project and folder.

    Attributes:
        modified: When a file was last changed, in seconds since 1970.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.modified = clock.now()
        self._projects: dict[int, dict[str, dict[str, Folder]]] = {}

    def list_projects(self, user: int) -> list[str]:
        """List the names of a user's projects, without the default project."""
        return sorted(name for name in self._projects.get(user, {}) if name != DEFAULT_PROJECT)

    def create_project(self, user: int, project: str) -> None:
        """Create an empty project."""
        self._projects.setdefault(user, {})[project] = {}

    def delete_project(self, user: int, project: str) -> None:
        """Delete a project and its files."""
        del self._projects[user][project]

    def has_project(self, user: int, project: str) -> bool:
        """Whether a project exists; the default project always does."""
        return project == DEFAULT_PROJECT or project in self._projects.get(user, {})

    def read_folder(self, user: int, project: str, name: str) -> Mapping[str, bytes]:
        """Return the files of a folder by name; none if the project does not exist."""
        return self._projects.get(user, {}).get(project, {}).get(name, {})

    def change_folder(self, user: int, project: str, name: str) -> Folder:
        """Return the files of a folder by name, to be changed."""
        self.modified = self._clock.now()
        projects = self._projects.setdefault(user, {})
        return projects.setdefault(project, {}).setdefault(name, {})

    def find_source(self, filename: str) -> bytes | None:
        """Find the source of an interview, such as docassemble.playground1test:letter.yml."""
        match = _INTERVIEW_NAME.fullmatch(filename)
        if match is None:
            return None
        user, project, name = match.groups()
        name = name.removeprefix("data/questions/")
        return self.read_folder(int(user), project or DEFAULT_PROJECT, "questions").get(name)
