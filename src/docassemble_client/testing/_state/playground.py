"""The Playgrounds of all users."""

from __future__ import annotations

import re
from typing import TypeAlias

Folder: TypeAlias = dict[str, bytes]
DEFAULT_PROJECT = "default"
_INTERVIEW_NAME = re.compile(r"docassemble\.playground([0-9]+)([A-Za-z]?[A-Za-z0-9]*):(.+)")


class Playground:
    """Files by user, project and folder."""

    def __init__(self) -> None:
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

    def get_folder(self, user: int, project: str, name: str) -> Folder:
        """Return the files of a folder by name."""
        projects = self._projects.setdefault(user, {})
        return projects.setdefault(project, {}).setdefault(name, {})

    def find_source(self, filename: str) -> bytes | None:
        """Find the source of an interview, such as docassemble.playground1test:letter.yml."""
        match = _INTERVIEW_NAME.fullmatch(filename)
        if match is None:
            return None
        user, project, name = match.groups()
        name = name.removeprefix("data/questions/")
        return self.get_folder(int(user), project or DEFAULT_PROJECT, "questions").get(name)
