"""Other programs that use the API behave the same on the real server and on the served fake."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from attrs import field, frozen

from tests.live.documents import make_package_files
from tests.live.tools import install_alkiln, install_python_tools
from tests.raw_server import get_free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from tests.live.conftest import Server

_COMMAND_SECONDS = 600
_START_SECONDS = 30
# Progress, addresses, IDs, and what only the real server's pip prints.
_VARIABLE_PARTS = (
    (re.compile(r"(https?://)?127\.0\.0\.1:\d+"), "<url>"),
    (re.compile(r"\x1b\[[0-9;]*m|\a"), ""),
    (re.compile(r"\[?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]?|\d\d:\d\d:\d\d"), "<time>"),
    (re.compile(r"Elapsed: <time>\s*"), ""),
    (re.compile(r"\.{2,}"), "..."),
    (re.compile(r"\b[A-Za-z]{24}\b"), "<task>"),
    (re.compile(r"\d+(\.\d+)? ?s(econds)?\b"), "<seconds>"),
)
_ALKILN_SCRIPT = """
const da = require(process.argv[1]);
const vars = require(process.argv[1].replace(/docassemble\\/[^/]+$/, 'utils/session_vars.js'));
const name = process.argv[2];
vars.get_project_name = () => name;
async function show(label, call) {
  try {
    const response = await call();
    console.log(JSON.stringify([label, response.status, response.data]));
  } catch (error) {
    console.log(JSON.stringify([label, error.status, error.data]));
  }
}
(async () => {
  await show('id', () => da.get_dev_id(30000));
  await show('create', () => da.create_project(name, 30000));
  await show('create again', () => da.create_project(name, 30000));
  await show('pull', () => da.pull(60000));
  await show('unknown task', () => da.has_task_finished('nosuch', 30000));
  await show('delete', () => da.delete_project(30000));
  await show('delete again', () => da.delete_project(30000));
})();
"""


@frozen
class Target:
    """
    A server that the programs call.

    Attributes:
        url: Its address.
        api_key: API key of the administrator.
    """

    url: str
    api_key: str = field(repr=False)

    def list_versions(self) -> dict[str, str]:
        """Return the versions of the installed packages."""
        headers = {"X-API-Key": self.api_key}
        packages = httpx.get(f"{self.url}/api/package", headers=headers, timeout=60).json()
        return {package["name"]: package.get("version", "") for package in packages}


@pytest.fixture
def targets(server: Server) -> Generator[tuple[Target, Target]]:
    """Start the command that serves a fake server, besides the real one."""
    with _serve_fake() as fake:
        yield Target(server.url, server.api_key), fake


@contextmanager
def _serve_fake() -> Generator[Target]:
    port = str(get_free_port())
    command = (sys.executable, "-m", "docassemble_client.testing", "--port", port)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            variables = dict(part.split("=", 1) for part in process.stdout.readline().split()[1:])
            target = Target(variables["DOCASSEMBLE_URL"], variables["DOCASSEMBLE_API_KEY"])
            transport = httpx.HTTPTransport(retries=_START_SECONDS)
            with httpx.Client(transport=transport, timeout=_START_SECONDS) as client:
                client.get(f"{target.url}/health_status").raise_for_status()
            yield target
        finally:
            process.terminate()


def run(command: Sequence[str], target: Target, home: Path) -> tuple[int, str]:
    """Run a command against a server; return its exit status and what is constant of its output."""
    environment = {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        "HOME": str(home),
        "DOCASSEMBLEAPIURL": target.url,
        "DOCASSEMBLEAPIKEY": target.api_key,
        "SERVER_URL": target.url,
        "DOCASSEMBLE_DEVELOPER_API_KEY": target.api_key,
        "REPO_URL": "http://127.0.0.1:9/docassemble-nosuch",
        "BRANCH_NAME": "main",
    }
    process = subprocess.run(  # noqa: S603 - a program that the test has installed
        command,
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )
    output = process.stdout
    for pattern, replacement in _VARIABLE_PARTS:
        output = pattern.sub(replacement, output)
    return process.returncode, re.sub(r"\s+", " ", output).strip()


def write_package(folder: Path, name: str, version: str, *, broken: bool = False) -> Path:
    """Write a package with a module, so that installing it restarts the server."""
    files = make_package_files(name, version, modules=True)
    files["setup.py"] += ")" if broken else ""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def compare(
    targets: tuple[Target, Target], scenario: Callable[[Target], object]
) -> tuple[object, object]:
    """Run a scenario on both servers, the fake one first."""
    real, fake = targets
    fake_result = scenario(fake)
    return scenario(real), fake_result


def test_docassemblecli_behaves_the_same(
    targets: tuple[Target, Target], unique: str, tmp_path: Path
) -> None:
    """It installs into the Playground and the server, refuses a broken package, and uninstalls."""
    commands = install_python_tools()
    name = f"docassemble.{unique}"
    good = str(write_package(tmp_path / "good", unique, "0.1.0"))
    broken = str(write_package(tmp_path / "broken", f"{unique}b", "0.1.0", broken=True))

    def scenario(target: Target) -> list[object]:
        results: list[object] = []

        def call(command: str, *arguments: str) -> None:
            line = (str(commands / command), "--noconfig", *arguments)
            status, output = run(line, target, tmp_path)
            version = target.list_versions().get(name)
            results.append(
                (command, arguments[:-1], status, output.partition("pip log")[0], version)
            )

        call("dainstall", "--playground", good)
        call("dainstall", good)
        call("dainstall", "--norestart", good)
        call("dainstall", broken)
        call("dauninstall", name)
        call("dauninstall", name)
        call("dauninstall", "docassemble.base")
        wrong = Target(target.url, "wrong")
        results.append(run((str(commands / "dainstall"), "--noconfig", good), wrong, tmp_path))
        return results

    real, fake = compare(targets, scenario)
    assert fake == real


def test_docassemblecli3_behaves_the_same(
    targets: tuple[Target, Target], unique: str, tmp_path: Path
) -> None:
    """It installs into a new project of the Playground, and into the server."""
    command = str(install_python_tools() / "da")
    name = f"docassemble.{unique}"
    folder = str(write_package(tmp_path / "good", unique, "0.1.0"))

    def scenario(target: Target) -> list[object]:
        results: list[object] = []
        install = (command, "--no-bell", "-N", "install", "-d", folder, "-c", "")
        for options in (("-p", unique), ("-r", "yes"), ("-r", "no")):
            status, output = run((*install, *options), target, tmp_path)
            results.append((options[0], status, output, target.list_versions().get(name)))
        headers = {"X-API-Key": target.api_key}
        httpx.delete(f"{target.url}/api/playground/project?project={unique}", headers=headers)
        httpx.delete(
            f"{target.url}/api/package?package={name}&restart=0", headers=headers, timeout=60
        )
        return results

    real, fake = compare(targets, scenario)
    assert fake == real


def test_the_rest_calls_of_alkiln_behave_the_same(
    targets: tuple[Target, Target], unique: str, tmp_path: Path
) -> None:
    """Its projects are created, pulled and deleted; each response has the same status and text."""
    file = str(install_alkiln())
    node = shutil.which("node") or pytest.skip("node is not installed")

    def scenario(target: Target) -> list[object]:
        _, output = run((node, "-e", _ALKILN_SCRIPT, file, unique), target, tmp_path)
        lines = [json.loads(line) for line in output.replace("] [", "]\n[").splitlines()]
        return [_shorten(line) for line in lines]

    real, fake = compare(targets, scenario)
    assert fake == real


def _shorten(line: list[object]) -> list[object]:
    """Keep the part of a response that does not depend on the account or on Git's output."""
    label, status, data = line
    if isinstance(data, dict) and "email" in data:
        shown: object = sorted(data)
    else:
        shown = str(data).partition("encountered an error")[0]
    return [label, status, shown]
