"""Where the harness keeps things: outside the checkout, a folder for each server version."""

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
    """The files of one server version. Everything in it can be deleted while no server runs."""

    version: str
    directory: Path

    @property
    def environment(self) -> Path:
        """The server's own Python environment."""
        return self.directory / "environment"

    @property
    def python(self) -> Path:
        """The server's interpreter."""
        return self.environment / "bin" / "python"

    @property
    def template(self) -> Path:
        """A cleanly stopped database with all tables, copied at every start."""
        return self.directory / "template"

    @property
    def run(self) -> Path:
        """What a running server reads: configuration, NLTK data, touch file."""
        return self.directory / "run"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.run / "logs"

    @property
    def state_file(self) -> Path:
        """Address, API key and process ids of the running server; readable by its owner only."""
        return self.directory / "state.json"

    @property
    def ports_file(self) -> Path:
        """The ports used last, kept so that the URL stays the same over a restart if it can."""
        return self.directory / "ports.json"

    @contextlib.contextmanager
    def locked(self) -> Generator[int, None, None]:
        """Hold the lock of this version: only one process at a time builds, starts or stops.

        Yields:
            A descriptor; a child that is given it holds the lock as well.
        """
        with (self.directory / "lock").open("w") as file:
            # Unlike a lock *file* made with O_EXCL, this one vanishes with its holder, however that
            # ends. Python's descriptors are not inherited, so the supervisor does not keep it.
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()


def layout_of(version: str) -> Layout:
    """Return the layout of a server version, and create its folder.

    Args:
        version: Such as `1.10.14`.

    Raises:
        LiveServerUnavailable: This is not a version number, or the folder cannot be made.
    """
    if not _VERSION.fullmatch(version):
        message = f"{version!r} is not a docassemble version; give one such as {DEFAULT_VERSION}."
        raise LiveServerUnavailable(message)
    directory = cache_directory() / version
    try:
        # Private, because the state file below it opens a server that runs anybody's Python code.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = (
            f"The live server's cache {directory} cannot be created ({error.strerror}). "
            f"Set {CACHE_VARIABLE} to a folder that can be written."
        )
        raise LiveServerUnavailable(message) from error
    return Layout(version, directory)


def cache_directory() -> Path:
    """Return the folder that holds a folder for each version."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path.home() / ".cache" / "docassemble-client" / "live"
