"""A command loads only what it uses, and the command line only if it is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from docassemble_client import __main__
from tests.cli.process import COMMAND, make_environment, run_process

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform != "win32":
    import resource

MAX_RATIO = 1.5
RUNS = 4
HTTP_LIBRARIES = {"httpx", "httpx2", "aiohttp", "httpcore", "anyio", "h11"}
PROGRAM = """
import runpy, sys
sys.argv[1:] = {arguments!r}
try:
    runpy.run_module("docassemble_client", run_name="__main__", alter_sys=True)
except SystemExit as end:
    print(*sorted(sys.modules), file=sys.stderr)
    sys.exit(end.code)
"""


def list_modules(arguments: list[str], home: Path) -> set[str]:
    """Run a command, and list the modules that are loaded at its end."""
    result = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=make_environment(None, home),
    )
    return set(result.stderr.splitlines()[-1].split())


def measure_cpu(command: list[str], environment: dict[str, str]) -> float:
    """Run a process, and return its CPU time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603 - ours
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["user", "list", "--help"], ["profile", "list"], ["doctor", "-x"]],
    ids=" ".join,
)
def test_no_http_library_is_loaded_before_a_request(arguments: list[str], tmp_path: Path) -> None:
    """Neither by the version nor by help, profiles or wrong usage."""
    loaded = {name.partition(".")[0] for name in list_modules(arguments, tmp_path)}

    assert loaded & HTTP_LIBRARIES == set()


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["session", "--help"], ["doctor", "--help"], ["usr"], ["doctor"]],
    ids=" ".join,
)
def test_help_and_wrong_usage_load_no_large_library(arguments: list[str], tmp_path: Path) -> None:
    """Progress needs rich, and a request needs asyncio. No server is known to `doctor`."""
    loaded = list_modules(arguments, tmp_path)

    assert loaded & {"rich", "rich.console", "docstring_parser", "asyncio", "yaml"} == set()


@pytest.mark.skipif(sys.platform == "win32", reason="needs the CPU time of POSIX")
@pytest.mark.parametrize(
    ("libraries", "arguments"),
    [
        ("cyclopts, docassemble_client", ["--help"]),
        ("cyclopts, docassemble_client", ["project", "sync", "--help"]),
        ("cyclopts, docassemble_client", ["usr"]),
        # They end when they know no server to connect to.
        ("cyclopts, docassemble_client", ["doctor"]),
        ("cyclopts, docassemble_client", ["batch", "test:main.yml", "rows.csv"]),
    ],
    ids=str,
)
def test_command_starts_in_little_more_than_its_libraries(
    libraries: str, arguments: list[str], tmp_path: Path
) -> None:
    """At most 1.5 times their CPU time: the minimum of alternating runs."""
    environment = {**make_environment(None, tmp_path), "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    baseline = [sys.executable, "-c", f"import {libraries}"]
    command = [*COMMAND, *arguments]
    measure_cpu(baseline, environment)
    measure_cpu(command, environment)

    seconds = [
        (measure_cpu(baseline, environment), measure_cpu(command, environment)) for _ in range(RUNS)
    ]

    libraries_only, whole = map(min, zip(*seconds, strict=True))
    assert whole <= MAX_RATIO * libraries_only


@pytest.mark.parametrize("arguments", [["run", "--help"], ["call", "users.get", "--help"]])
def test_help_needs_no_docstrings(arguments: list[str], tmp_path: Path) -> None:
    """`python -OO` removes them; names and options are left."""
    result = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-OO", *COMMAND[1:], *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=make_environment(None, tmp_path),
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert "--json" in result.stdout


def test_version_loads_no_command(tmp_path: Path) -> None:
    """And no library that only other commands need."""
    loaded = list_modules(["--version"], tmp_path)

    assert not {name for name in loaded if name.startswith("docassemble_client.workflows")}
    assert loaded & {"rich", "yaml", "docassemble_client.testing", "asyncio"} == set()
    assert {name for name in loaded if name.startswith("docassemble_client.cli.")} == {
        f"docassemble_client.cli.{name}"
        for name in ("app", "commands", "exit_codes", "help", "output")
    }


@pytest.mark.parametrize("library", ["cyclopts", "rich", "yaml"])
def test_missing_extra_is_named(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what to install."""

    def find_spec(name: str) -> object:
        return None if name == library else importlib.util.find_spec(name)

    monkeypatch.setattr(__main__, "find_spec", find_spec)

    assert __main__.main() == 2
    assert capsys.readouterr().err == (
        'dactl needs libraries that are not installed. Run: pip install "docassemble-client[cli]"\n'
    )


def test_arguments_are_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script `dactl` calls `main`."""
    monkeypatch.setattr("sys.argv", ["dactl", "--version"])

    assert __main__.main() == 0
    assert capsys.readouterr().out.count(".") == 2


def test_module_is_the_command(tmp_path: Path) -> None:
    """`python -m docassemble_client` runs it."""
    result = run_process("--version", environment=make_environment(None, tmp_path))

    assert (result.returncode, result.stderr, result.stdout.count(".")) == (0, "", 2)
