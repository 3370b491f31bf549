"""Paths of the live server: one folder per version, outside of the checkout."""

import contextlib
import fcntl
import os
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from .errors import LiveServerUnavailable

CACHE_VARIABLE = "DOCASSEMBLE_LIVE_CACHE"
DEFAULT_VERSION = "1.10.14"

_VERSION = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True)
class Layout:
    """Files of a server version. They can be deleted while the server does not run."""

    version: str
    directory: Path

    @property
    def environment(self) -> Path:
        """The Python environment of the server."""
        return self.directory / "environment"

    @property
    def python(self) -> Path:
        """The interpreter of the server."""
        return self.environment / "bin" / "python"

    @property
    def template(self) -> Path:
        """A database with all tables, copied at every start."""
        return self.directory / "template"

    @property
    def run(self) -> Path:
        """Files that a running server reads: configuration, NLTK data, touch file."""
        return self.directory / "run"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.run / "logs"

    @property
    def state_file(self) -> Path:
        """Address, API key and process IDs of the running server; readable by its owner only."""
        return self.directory / "state.json"

    @property
    def ports_file(self) -> Path:
        """The ports of the last run, reused if they are free, so that the URL stays the same."""
        return self.directory / "ports.json"

    @contextlib.contextmanager
    def lock(self) -> Generator[int, None, None]:
        """Hold the lock of this version: one process at a time builds, starts or stops it.

        Yields:
            Descriptor of the lock; a child process that inherits it holds the lock too.
        """
        with (self.directory / "lock").open("w") as file:
            # Unlike a lock file created with O_EXCL, this lock ends with its process, even if that
            # is killed. The supervisor does not inherit the descriptor, so it holds no lock.
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()


def get_layout(version: str) -> Layout:
    """Return the layout of a server version; create its folder.

    Args:
        version: Version, such as `1.10.14`.

    Raises:
        LiveServerUnavailable: The version is not valid, or the folder cannot be created.
    """
    if not _VERSION.fullmatch(version):
        message = f"{version!r} is not a docassemble version; use one such as {DEFAULT_VERSION}."
        raise LiveServerUnavailable(message)
    directory = get_cache_directory() / version
    try:
        # Private: the state file has the key of a server that runs any Python code.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = (
            f"The live server's cache {directory} cannot be created ({error.strerror}). "
            f"Set {CACHE_VARIABLE} to a writable folder."
        )
        raise LiveServerUnavailable(message) from error
    return Layout(version, directory)


def get_cache_directory() -> Path:
    """Return the folder with the folders of all versions."""
    path = os.environ.get(CACHE_VARIABLE)
    if path:
        return Path(path).expanduser().absolute()
    return Path.home() / ".cache" / "docassemble-client" / "live"
