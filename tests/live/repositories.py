"""Git repositories that exist as long as a test needs them."""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

_SETTINGS = ("user.name=Test", "user.email=test@example.com", "commit.gpgsign=false")


def repository(folder: Path, name: str, files: Mapping[str, str]) -> Path:
    """
    Commit these files to the branch main of docassemble-name.git, which is made if it is not there.

    Args:
        folder: Where the repository is.
        name: Name of the package in it, without docassemble.
        files: Texts by path.

    Returns:
        The repository.
    """
    bare, tree = folder / f"docassemble-{name}.git", folder / f"{name}-files"
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")
    _git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    place = (f"--git-dir={bare}", f"--work-tree={tree}")
    _git(*place, "add", "--all")
    _git(*place, "commit", "--quiet", "--message=Change")
    # What makes a folder of files enough for cloning over HTTP.
    _git(*place, "update-server-info")
    return bare


@contextmanager
def served(folder: Path) -> Generator[str]:
    """
    Serve a folder over HTTP.

    Args:
        folder: The folder.

    Yields:
        The address.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
        """Say nothing."""


def _git(*arguments: str) -> None:
    settings = (part for one in _SETTINGS for part in ("-c", one))
    subprocess.run(["git", *settings, *arguments], check=True, capture_output=True)  # noqa: S603, S607
