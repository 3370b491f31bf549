"""Installed packages, and those that pip would find."""

from __future__ import annotations

import re

from attrs import define, field

from docassemble_client.testing.state.tasks import Work

OFFERED = {
    "docassemble.AssemblyLine": "3.5.0",
    "docassemble.ALToolbox": "0.13.0",
    "pyjokes": "0.8.3",
    "cowsay": "6.1",
}


@define
class Installed:
    """
    A package in the server's list.

    Attributes:
        name: Its name.
        type: Where it came from: pip, git or zip.
        version: Its version; empty where it could not be installed.
        git_url: Address of its repository.
        branch: Branch of the repository.
        zip_file_number: File it was installed from.
        installed_by: Number of the account that installed it; None for the server's own.
        core: Whether the server needs it, so that it cannot be removed.
        pinned: Whether it cannot be updated either.
        questions: Its interviews, by their path in it.
    """

    name: str
    type: str = "pip"
    version: str = ""
    git_url: str | None = None
    branch: str | None = None
    zip_file_number: int | None = None
    installed_by: int | None = None
    core: bool = False
    pinned: bool = False
    questions: dict[str, bytes] = field(factory=dict[str, bytes], repr=False)


class Packages:
    """
    All packages.

    Attributes:
        installed: Those in the server's list, by name.
        offered: Versions pip would find, by name.
    """

    def __init__(self, version: str) -> None:
        self.installed = {
            name: Installed(name, version=version, core=True)
            for name in ("docassemble.base", "docassemble.demo", "docassemble.webapp")
        }
        self.installed["certifi"] = Installed("certifi", version="2026.1.4", core=True, pinned=True)
        self.offered = dict(OFFERED)

    def install(self, package: Installed) -> Work:
        """Put a package into the list; without a version if it cannot be installed."""
        there = _found(self.offered, package.name)
        ok = package.type != "pip" or there is not None
        package.version = (package.version or there or "1.0") if ok else ""
        self.installed[package.name] = package
        return Work(ok, _log(package, ok=ok))

    def source(self, filename: str) -> bytes | None:
        """Find the source of an interview such as docassemble.mine:data/questions/letter.yml."""
        name, _, path = filename.partition(":")
        package = self.installed.get(name)
        return None if package is None else package.questions.get(path)

    def uninstall(self, name: str) -> Work:
        """Take a package from the list."""
        self.installed.pop(name, None)
        return Work(ok=True, log=f"{name}: pip uninstall command returned success code.")

    def update(self, name: str) -> Work:
        """Bring a package to the version offered."""
        package = self.installed[name]
        package.version = _found(self.offered, name) or package.version
        return Work(ok=True, log=_log(package, ok=True))


def _found(offered: dict[str, str], name: str) -> str | None:
    wanted = normalised(name)
    for one, version in offered.items():
        if normalised(one) == wanted:
            return version
    return None


def normalised(name: str) -> str:
    """Name of a package as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _log(package: Installed, *, ok: bool) -> str:
    name = package.name
    code = "success" if ok else "failure"
    said = f"Successfully installed {name}-{package.version}"
    if not ok:
        said = f"ERROR: No matching distribution found for {name}"
    return (
        f"{name}: pip install command returned {code} code.  See log for details.\n"
        f"pip log:\nCollecting {name}\n{said}\n"
    )
