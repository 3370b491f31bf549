"""Parses pip's log of an installation."""

from __future__ import annotations

import re

from docassemble_client._names import normalize_package_name

# The server writes one line per package before pip's log (update.py).
_RESULT = re.compile(r"^([\w.-]+): (pip install command .*|install failed)$", re.MULTILINE)
_INSTALLED = re.compile(r"\bSuccessfully installed (.*)$", re.MULTILINE)
_TRUNCATION_MARK = "\nTRUNCATED\n"
_REPOSITORY_ERROR = (
    "Repository not found|repository '.*' not found|Authentication failed|could not read"
    "|find remote branch|with 128|exit code: 128"
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
    The log of an installation.

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
        self._installed = {
            normalize_package_name(package.rpartition("-")[0])
            for line in _INSTALLED.findall(text)
            for package in line.split()
        }

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
        return normalize_package_name(name) in self._installed

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
