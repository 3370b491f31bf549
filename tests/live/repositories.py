"""Makes Git repositories and serves them over HTTP."""

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


def commit_package(folder: Path, name: str, files: Mapping[str, str]) -> Path:
    """
    Commit files to the branch main of a repository; create the repository if needed.

    Args:
        folder: Folder of the repository `docassemble-<name>.git`.
        name: Name of the package, without `docassemble.`.
        files: Texts by path.

    Returns:
        Path of the repository.
    """
    bare, tree = folder / f"docassemble-{name}.git", folder / f"{name}-files"
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")
    _run_git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    location = (f"--git-dir={bare}", f"--work-tree={tree}")
    _run_git(*location, "add", "--all")
    _run_git(*location, "commit", "--quiet", "--message=Change")
    # Lets Git clone the repository from a plain HTTP server.
    _run_git(*location, "update-server-info")
    return bare


@contextmanager
def serve_folder(folder: Path) -> Generator[str]:
    """
    Serve a folder over HTTP.

    Args:
        folder: The folder.

    Yields:
        URL of the folder.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_SilentHandler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name in the base class
        """Log nothing."""


def _run_git(*arguments: str) -> None:
    settings = (part for setting in _SETTINGS for part in ("-c", setting))
    subprocess.run(["git", *settings, *arguments], check=True, capture_output=True)  # noqa: S603, S607
