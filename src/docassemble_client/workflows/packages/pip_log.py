"""Parses pip's log of an installation or removal."""

from __future__ import annotations

import re

from docassemble_client._names import normalize_package_name

# The server writes one line per package before pip's log (update.py).
_RESULT = re.compile(r"^([\w.-]+): (pip install command .*|install failed)$", re.MULTILINE)
_INSTALLED = re.compile(r"\bSuccessfully installed (.*)$", re.MULTILINE)
_UNINSTALL = re.compile(r"^([\w.-]+): pip uninstall (command|was not run)", re.MULTILINE)
_UNINSTALLED = re.compile(r"\bSuccessfully uninstalled (\S+)$", re.MULTILINE)
_TRUNCATION_MARK = "\nTRUNCATED\n"
_REPOSITORY_ERROR = (
    "Repository not found|repository '.*' not found|Authentication failed|could not read"
    "|find remote branch|did not match any file|with 128|exit code: 128"
)
_REPOSITORY_HINT = (
    "The server cannot read the repository, or that of a dependency; check URL, branch and access"
    " rights"
)
_DEPENDENCY_HINT = (
    "The server cannot read the Git repository of a dependency; check the package's dependencies"
)
_HINTS = (
    (
        "No matching distribution found|Could not find a version that satisfies",
        "pip finds no such package or version; check the package and its dependencies",
    ),
    (_REPOSITORY_ERROR, _DEPENDENCY_HINT),
    (
        "Failed to build|to build wheel exited|metadata-generation-failed",
        "The package cannot be built; try `pip install .` in its folder",
    ),
    (
        "because it is a system package",
        "The server needs this package itself and does not allow changing it",
    ),
)


class PipLog:
    """
    The log of an installation or removal.

    Attributes:
        text: The whole log.
    """

    def __init__(self, text: str) -> None:
        """
        Parse a log.

        Args:
            text: The log that the server returned; may be empty.
        """
        self.text = text
        self._results = {
            normalize_package_name(name): (name, result) for name, result in _RESULT.findall(text)
        }
        # One line for each run of pip, also for those that only prepare the build of a package.
        self._installed_together = [
            {normalize_package_name(package.rpartition("-")[0]) for package in line.split()}
            for line in _INSTALLED.findall(text)
        ]

    def was_uninstalled(self, name: str) -> bool | None:
        """
        Whether pip has removed a package, or found that it was not installed.

        The server reports success in any case.

        Args:
            name: Name of the package.

        Returns:
            None if the log does not say it: it is missing, or the server cut the middle out.
        """
        name = normalize_package_name(name)
        results = {
            normalize_package_name(package): result
            for package, result in _UNINSTALL.findall(self.text)
        }
        if results.get(name) == "was not run":
            return True
        uninstalled = {
            normalize_package_name(package.rpartition("-")[0])
            for package in _UNINSTALLED.findall(self.text)
        }
        is_complete = bool(self.text) and _TRUNCATION_MARK not in self.text
        return True if name in uninstalled else (False if is_complete else None)

    def was_attempted(self, name: str) -> bool:
        """
        Whether the server ran pip for the package, and the log shows the result.

        The server cuts the middle out of a long log; the results of all packages but one may be
        missing.
        """
        is_complete = len(self._results) == 1 or _TRUNCATION_MARK not in self.text
        return normalize_package_name(name) in self._results and is_complete

    def was_skipped(self, name: str) -> bool:
        """Whether the server did not run pip for the package; not known of a truncated log."""
        is_complete = _TRUNCATION_MARK not in self.text
        return is_complete and normalize_package_name(name) not in self._results

    def was_successful(self, name: str) -> bool:
        """Whether the server reports success (not proof: pip may have installed nothing)."""
        return "success" in self._results.get(normalize_package_name(name), ("", ""))[1]

    def was_installed(self, name: str) -> bool:
        """Whether pip reports that it installed the package."""
        name = normalize_package_name(name)
        return any(name in packages for packages in self._installed_together)

    def find_other_packages(self, name: str) -> tuple[str, ...] | None:
        """
        Return the normalized names of what pip installed together with a package.

        These are its dependencies, and the other packages that the server installed. What pip
        installs in its own environment, only to build a package, does not count.

        Args:
            name: The package that does not count.

        Returns:
            The names, sorted; None if the log does not show them all.
        """
        if not (self.was_attempted(name) and self.was_installed(name)):
            return None
        installed = {
            package
            for packages in self._installed_together
            if packages & self._results.keys()
            for package in packages
        }
        return tuple(sorted(installed - {normalize_package_name(name)}))

    @property
    def failed_packages(self) -> tuple[str, ...]:
        """Packages that could not be installed, in the server's order."""
        return tuple(name for name, result in self._results.values() if "success" not in result)

    def find_hint(self, *, is_repository: bool) -> str:
        """
        Find a hint on what to do next; empty if the log has no known error.

        Args:
            is_repository: Whether the package itself is fetched from a Git repository.

        Returns:
            The hint.
        """
        if is_repository and re.search(_REPOSITORY_ERROR, self.text):
            return f"{_REPOSITORY_HINT}; see the error's log"
        for pattern, hint in _HINTS:
            if re.search(pattern, self.text):
                return f"{hint}; see the error's log"
        return ""
