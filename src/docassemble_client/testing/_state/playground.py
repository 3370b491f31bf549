"""The Playgrounds of all users."""

from __future__ import annotations

import re
from typing import TypeAlias

Folder: TypeAlias = dict[str, bytes]
DEFAULT = "default"
_INTERVIEW = re.compile(r"docassemble\.playground([0-9]+)([A-Za-z]?[A-Za-z0-9]*):(.+)")


class Playground:
    """Files by user, project and folder."""

    def __init__(self) -> None:
        self._projects: dict[int, dict[str, dict[str, Folder]]] = {}

    def projects(self, user: int) -> list[str]:
        """Names of a user's projects but the one that always exists."""
        return sorted(one for one in self._projects.get(user, {}) if one != DEFAULT)

    def create(self, user: int, project: str) -> None:
        """Make a project."""
        self._projects.setdefault(user, {})[project] = {}

    def delete(self, user: int, project: str) -> None:
        """Delete a project with its files."""
        del self._projects[user][project]

    def folder(self, user: int, project: str, name: str) -> Folder:
        """Files of a folder by name."""
        projects = self._projects.setdefault(user, {})
        return projects.setdefault(project, {}).setdefault(name, {})

    def interview(self, filename: str) -> bytes | None:
        """Find the source of an interview such as docassemble.playground1test:letter.yml."""
        match = _INTERVIEW.fullmatch(filename)
        if match is None:
            return None
        user, project, name = match.groups()
        name = name.removeprefix("data/questions/")
        return self.folder(int(user), project or DEFAULT, "questions").get(name)
