"""Installed packages, and those that pip would find."""

from __future__ import annotations

import re

from attrs import define, evolve, field

from docassemble_client.testing._state.tasks import Work

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
        broken: What pip prints if it cannot be installed; empty if it can.
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
    broken: str = field(default="", repr=False)


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

    def register(self, package: Installed) -> None:
        """Put a package into the list as what is to be installed; the version is that of before."""
        before = self.installed.get(package.name)
        self.installed[package.name] = evolve(
            package,
            version=before.version if before else "",
            questions=before.questions if before else {},
        )

    def install(self, package: Installed, *, restart: bool) -> Work:
        """Install a package; what was there before of a ZIP file or repository is removed first."""
        there = _found(self.offered, package.name)
        if package.type == "pip" and there is None:
            package.broken = f"ERROR: No matching distribution found for {package.name}"
        listed = self.installed.get(package.name) or package
        if not package.broken:
            package.version = package.version or there or "1.0"
            self.installed[package.name] = package
        elif restart and not listed.version:
            # Without a restart the server does not look whether pip did anything.
            del self.installed[package.name]
        else:
            listed.questions = {}
        return Work(not package.broken, _log(package, restart=restart))

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
        return Work(ok=True, log=_log(package, restart=True))


def _found(offered: dict[str, str], name: str) -> str | None:
    wanted = normalised(name)
    for one, version in offered.items():
        if normalised(one) == wanted:
            return version
    return None


def normalised(name: str) -> str:
    """Name of a package as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _log(package: Installed, *, restart: bool) -> str:
    name = package.name
    result = "pip install command returned success code.  See log for details."
    if package.broken and restart:
        result = "install failed"
    said = package.broken or f"Successfully installed {name}-{package.version}"
    return f"{name}: {result}\npip log:\nCollecting {name}\n{said}\n"
