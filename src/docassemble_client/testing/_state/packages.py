"""Installed packages, and packages that pip can install."""

from __future__ import annotations

from attrs import define, evolve, field

from docassemble_client._names import normalize_package_name
from docassemble_client.testing._state.tasks import InstallResult

AVAILABLE_VERSIONS = {
    "docassemble.AssemblyLine": "3.5.0",
    "docassemble.ALToolbox": "0.13.0",
    "pyjokes": "0.8.3",
    "cowsay": "6.1",
}

# What pip prints about a package that add_package() has not made available.
_MISSING_ERRORS = {
    "pip": "ERROR: No matching distribution found for {0.name}",
    "git": "fatal: unable to access '{0.git_url}': Could not resolve host",
}


@define
class InstalledPackage:
    """
    A package in the server's list.

    Attributes:
        name: Package name.
        type: Source of the package: pip, git or zip.
        version: Installed version; empty if the installation failed.
        git_url: URL of the Git repository.
        branch: Branch of the repository.
        zip_file_number: Number of the stored ZIP file.
        installed_by: ID of the account that installed it; None for core packages.
        core: Whether the server needs it, so that it cannot be uninstalled.
        pinned: Whether it cannot be updated.
        interviews: YAML source of its interviews by path within the package.
        pip_error: Output of pip if it cannot be installed; otherwise empty.
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
    interviews: dict[str, bytes] = field(factory=dict[str, bytes], repr=False)
    pip_error: str = field(default="", repr=False)


class Packages:
    """
    All packages.

    Attributes:
        installed: Packages in the server's list, by name.
        available: Versions that pip can install, by package name.
    """

    def __init__(self, version: str) -> None:
        self.installed = {
            name: InstalledPackage(name, version=version, core=True)
            for name in ("docassemble.base", "docassemble.demo", "docassemble.webapp")
        }
        self.installed["certifi"] = InstalledPackage(
            "certifi", version="2026.1.4", core=True, pinned=True
        )
        self.available = dict(AVAILABLE_VERSIONS)

    def register(self, package: InstalledPackage) -> None:
        """Add a package to the list before pip runs; it keeps the previous version."""
        previous = self.installed.get(package.name)
        self.installed[package.name] = evolve(
            package,
            version=previous.version if previous else "",
            interviews=previous.interviews if previous else {},
        )

    def install(self, package: InstalledPackage, *, restart: bool) -> InstallResult:
        """Install a package; a previous version is removed first."""
        available_version = _find_version(self.available, package.name)
        if package.type in _MISSING_ERRORS and available_version is None:
            package.pip_error = _MISSING_ERRORS[package.type].format(package)
        listed = self.installed.get(package.name) or package
        if not package.pip_error:
            package.version = package.version or available_version or "1.0"
            self.installed[package.name] = package
        elif restart and not listed.version:
            # Without a restart the server does not check whether pip succeeded.
            del self.installed[package.name]
        else:
            listed.interviews = {}
        return InstallResult(not package.pip_error, _format_log(package, restart=restart))

    def find_source(self, filename: str) -> bytes | None:
        """Find the source of an interview, such as docassemble.mine:data/questions/letter.yml."""
        name, _, path = filename.partition(":")
        package = self.installed.get(name)
        return None if package is None else package.interviews.get(path)

    def uninstall(self, name: str) -> InstallResult:
        """Remove a package from the list."""
        package = self.installed.pop(name)
        result = "pip uninstall command returned success code.  See log for details."
        output = f"Successfully uninstalled {name}-{package.version}"
        return InstallResult(ok=True, log=f"{name}: {result}\npip log:\n{output}\n")

    def update(self, name: str) -> InstallResult:
        """Update a package to the available version."""
        package = self.installed[name]
        package.version = _find_version(self.available, name) or package.version
        return InstallResult(ok=True, log=_format_log(package, restart=True))


def _find_version(available: dict[str, str], name: str) -> str | None:
    canonical_name = normalize_package_name(name)
    for available_name, version in available.items():
        if normalize_package_name(available_name) == canonical_name:
            return version
    return None


def _format_log(package: InstalledPackage, *, restart: bool) -> str:
    name = package.name
    result = "pip install command returned success code.  See log for details."
    if package.pip_error and restart:
        result = "install failed"
    output = package.pip_error or f"Successfully installed {name}-{package.version}"
    return f"{name}: {result}\npip log:\nCollecting {name}\n{output}\n"
