"""What the log of an installation says, which the server itself does not."""

from __future__ import annotations

import re

from docassemble_client.workflows.packages.metadata import normalised

# How the server sums up each package, before the log of pip (update.py).
_RESULT = re.compile(r"^([\w.-]+): (pip install command .*|install failed)$", re.MULTILINE)
_INSTALLED = re.compile(r"\bSuccessfully installed (.*)$", re.MULTILINE)
_CUT = "\nTRUNCATED\n"
_ADVICE = (
    (
        "No matching distribution found|Could not find a version that satisfies",
        "pip finds no such package or version, of it or of something it needs; check both",
    ),
    (
        "Repository not found|Authentication failed|could not read|find remote branch|with 128",
        "The server cannot read the repository; check its URL and branch, and what it may read",
    ),
    (
        "Failed to build|to build wheel exited|metadata-generation-failed",
        "The package cannot be built; try `pip install .` in its folder",
    ),
    (
        "because it is a system package",
        "The server needs this package itself and does not let it be changed",
    ),
)


class PipLog:
    """
    The log of an installation.

    Attributes:
        text: The whole of it.
    """

    def __init__(self, text: str) -> None:
        """
        Read a log.

        Args:
            text: What the server brought; may be empty.
        """
        self.text = text
        self._results = {normalised(name): (name, word) for name, word in _RESULT.findall(text)}
        self._installed = {
            normalised(one.rpartition("-")[0])
            for line in _INSTALLED.findall(text)
            for one in line.split()
        }

    def tried(self, name: str) -> bool:
        """
        Whether the server let pip install the package, and the log has the end of that.

        Of a long log the server cuts out the middle, in which all but one package may have ended.
        """
        alone = len(self._results) == 1 or _CUT not in self.text
        return normalised(name) in self._results and alone

    def succeeded(self, name: str) -> bool:
        """Whether the server says that pip was well, which it may say of what pip did not do."""
        return "success" in self._results.get(normalised(name), ("", ""))[1]

    def installed(self, name: str) -> bool:
        """Whether pip says that it installed the package."""
        return normalised(name) in self._installed

    @property
    def failed(self) -> tuple[str, ...]:
        """Packages that could not be installed, in the server's order."""
        bad = (name for name, word in self._results.values() if "success" not in word)
        return tuple(bad)

    @property
    def advice(self) -> str:
        """What to do next, see the log as well; empty if the log is of no known kind."""
        for pattern, advice in _ADVICE:
            if re.search(pattern, self.text):
                return f"{advice}; see the error's log"
        return ""
