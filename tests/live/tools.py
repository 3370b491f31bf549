"""Installs other programs that use docassemble's API: docassemblecli, docassemblecli3, ALKiln."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import uv

from tests.live.server.paths import get_cache_directory

if TYPE_CHECKING:
    from pathlib import Path

_PYTHON_PACKAGES = ("docassemblecli", "docassemblecli3")
_NODE_PACKAGE = "@suffolklitlab/alkiln"
_INSTALL_SECONDS = 600
# How uv and npm begin to say that they have not reached the package index.
_UNREACHABLE = ("Failed to fetch", "error sending request", "ENOTFOUND", "ETIMEDOUT", "ECONN")


def install_python_tools() -> Path:
    """
    Install the Python programs into the cache of the live server, unless they are there.

    Returns:
        The folder of their commands.
    """
    environment = get_cache_directory() / "tools" / "python"
    commands = environment / "bin"
    if not (commands / "dainstall").exists():
        uv_command = str(uv.find_uv_bin())
        _run(uv_command, "venv", "--clear", "--python", sys.executable, str(environment))
        _run(uv_command, "pip", "install", "--python", str(commands / "python"), *_PYTHON_PACKAGES)
    return commands


def install_alkiln() -> Path:
    """
    Install ALKiln into the cache of the live server, unless it is there.

    Returns:
        Its file of REST calls.
    """
    folder = get_cache_directory() / "tools" / "node"
    file = folder / "node_modules" / _NODE_PACKAGE / "lib/docassemble/docassemble_api_REST.js"
    if not file.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        _run(
            npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", _NODE_PACKAGE
        )
    return file


def _run(*command: str) -> None:
    """Run an installer; skip the test if it cannot reach its index."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    process = subprocess.run(  # noqa: S603 - the installers named above
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if process.returncode and any(text in process.stdout for text in _UNREACHABLE):
        pytest.skip(f"the package index cannot be reached: {process.stdout[-200:]}")
    assert process.returncode == 0, process.stdout[-2000:]
