"""The lines that users type most, on any server: each is checked as a process of its own."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from tests.cli.process import make_environment, run_process, start
from tests.cli.terminal import record_terminal
from tests.workflows.package_files import write_files

if TYPE_CHECKING:
    from collections.abc import Callable

FORM = "docassemble.base:data/questions/examples/pdf-fill.yml"
ANSWERS = {
    "user.name.first": "Ada",
    "user.name.last": "Lovelace",
    "user.organization": "Analytical Engines",
    "likes_apples": True,
    "likes_oranges": False,
    "likes_pears": True,
    "likes_toast": True,
}
_INTERVIEW = """\
metadata:
  title: A survey
---
mandatory: True
code: |
  multi_user = True
---
mandatory: True
question: How do you like it?
fields:
  - Stars: rating
    datatype: integer
"""


@frozen(kw_only=True)
class CommandLine:
    """
    A command line on a server.

    Attributes:
        url: URL of the server.
        api_key: API key of an administrator.
        folder: Current folder, with the files of `prepare`.
        name: Name that nothing else on the server has; letters and digits.
        environment: Environment of the processes.
    """

    url: str
    api_key: str
    folder: Path
    name: str
    environment: dict[str, str]

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command, check its exit code, and return its text on stdout."""
        result = run_process(*arguments, environment=self.environment, cwd=self.folder)
        assert result.returncode == code, result
        assert "Traceback" not in result.stderr
        assert self.api_key not in result.stdout + result.stderr
        return result.stdout


def prepare(url: str, api_key: str, folder: Path, name: str) -> CommandLine:
    """Write a package, answers and rows."""
    inside = f"docassemble/{name}"
    write_files(
        folder / "package",
        {
            "setup.py": (
                "from setuptools import find_namespace_packages, setup\n\nsetup(\n"
                f"    name='docassemble.{name}',\n    version='1.3.0',\n"
                "    packages=find_namespace_packages(include=['docassemble.*']),\n"
                "    package_data={'': ['data/*/*']},\n)\n"
            ),
            f"{inside}/__init__.py": "__version__ = '1.3.0'\n",
            f"{inside}/data/questions/main.yml": _INTERVIEW,
        },
    )
    rows = [{"case": f"c-{number}", **ANSWERS} for number in range(3)]
    write_files(
        folder,
        {
            "answers.json": json.dumps(ANSWERS),
            "known.json": '{"rating": 5}',
            "rows.jsonl": "\n".join(map(json.dumps, rows)),
        },
    )
    environment = make_environment(None, folder)
    return CommandLine(url=url, api_key=api_key, folder=folder, name=name, environment=environment)


def add_profile(cli: CommandLine) -> None:
    """The key is asked for, tested and saved; the other lines use it."""
    recording = record_terminal(
        ("profile", "add", "prod", cli.url),
        cli.environment,
        answers={"API key": cli.api_key},
        has_output=True,
    )

    assert recording.code == 0, recording.screens[-1]
    shown = " ".join(recording.screens[-1].split())
    assert re.search(r"Key of \S+ \(admin\)\. Saved as profile prod in ~/\.config/", shown)


def run_doctor(cli: CommandLine) -> None:
    """The report begins with the address."""
    lines = cli.run("doctor").splitlines()

    assert lines[0] == f"{cli.url}: usable"
    assert lines[1].startswith("  server: docassemble 1.")
    assert "  API key: valid, of " in lines[3]


def deploy_folder(cli: CommandLine) -> None:
    """The version is verified; the second time it is the same."""
    first = cli.run("deploy", "package", "--restart", "auto")
    second = json.loads(cli.run("deploy", "package", "--json"))

    assert first.startswith(f"docassemble.{cli.name} 1.3.0 is installed, for the first time.")
    assert (second["kind"], second["version"]) == ("DeployReport", "1.3.0")
    assert second["has_changed"] is False


def uninstall_package(cli: CommandLine) -> None:
    """The end of the package."""
    out = cli.run("package", "uninstall", f"docassemble.{cli.name}", "--yes")

    assert out == f"docassemble.{cli.name} 1.3.0 is uninstalled.\n"


def deploy_repository(cli: CommandLine) -> None:
    """The server fetches it."""
    url = "https://github.com/jhpyle/docassemble-helloworld"

    report = json.loads(cli.run("deploy", "--github", url, "--branch", "main", "--json"))

    assert (report["kind"], report["name"]) == ("DeployReport", "docassemble.helloworld")


def sync_project(cli: CommandLine) -> None:
    """First as a dry run."""
    cli.run("project", "create", cli.name)

    plan = cli.run("project", "sync", "package", "-p", cli.name, "--delete", "--dry-run")
    done = cli.run("project", "sync", "package", "-p", cli.name, "--delete")

    assert plan == "+ questions/main.yml\nwould restart the server: no\n"
    assert done == "+ questions/main.yml\n"


def watch_project(cli: CommandLine) -> None:
    """Until Ctrl+C."""
    arguments = ("project", "watch", "package", "-p", cli.name)
    with start(arguments, cli.environment, cwd=cli.folder) as process:
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()

    assert re.fullmatch(r"\d\d:\d\d:\d\d  0 files sent, no restart\n", line)
    assert (process.returncode, errors) == (130, "")


def download_project(cli: CommandLine) -> None:
    """The inverse of sync."""
    out = cli.run("project", "download", "backup", "-p", cli.name)

    assert "questions 1" in out
    text = (cli.folder / "backup/questions/main.yml").read_text(encoding="utf-8")
    assert text == _INTERVIEW


def run_interview(cli: CommandLine) -> None:
    """The path of the document."""
    out = cli.run("run", FORM, "-a", "answers.json", "--save", "out", "--format", "pdf")

    assert (cli.folder / out.strip()).read_bytes().startswith(b"%PDF")


def run_batch(cli: CommandLine) -> None:
    """Again, it does nothing."""
    arguments = (
        *("batch", FORM, "rows.jsonl", "--key", "case", "--save", "batch"),
        *("--journal", "run.jsonl", "-c", "2"),
    )

    assert cli.run(*arguments) == "3 rows: 3 done\n"
    assert cli.run(*arguments) == "3 rows: 3 done\n"
    assert len([*(cli.folder / "batch").rglob("*.pdf")]) == 3


def create_link(cli: CommandLine) -> None:
    """Anyone who has it can open the session."""
    user_id = json.loads(cli.run("user", "show", "--json"))["id"]
    link = (
        *("link", f"docassemble.playground{user_id}{cli.name}:main.yml", "-a", "known.json"),
        *("--expires", "2d", "--one-time", "--reveal"),
    )

    assert cli.run(*link).startswith(cli.url)


def check_interview(cli: CommandLine) -> None:
    """An interview that loads, and one that does not."""
    user_id = json.loads(cli.run("user", "show", "--json"))["id"]
    good = f"docassemble.playground{user_id}{cli.name}:main.yml"
    check = ("interview", "check", "--junit", "interviews.xml", good)

    passed = cli.run(*check)
    failed = cli.run(*check, "docassemble.demo:data/questions/none.yml", code=1)

    assert re.match(rf"{good} +ok +[0-9.]+ s\n", passed)
    assert failed.splitlines()[-1] == "1 of 2 interviews failed"
    text = (cli.folder / "interviews.xml").read_text(encoding="utf-8")
    assert 'failures="1"' in text


def export_sessions(cli: CommandLine) -> None:
    """The answers of the link's session, as CSV."""
    user_id = json.loads(cli.run("user", "show", "--json"))["id"]
    interview = f"docassemble.playground{user_id}{cli.name}:main.yml"

    out = cli.run(
        *("session", "export", "-i", interview, "--columns", "@email,rating", "-o", "sessions.csv")
    )

    lines = (cli.folder / "sessions.csv").read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"1 session\n", out)
    assert lines[0] == "@email,rating"
    assert lines[1].endswith(",5")


def clean_up_sessions(cli: CommandLine) -> None:
    """A report; nothing is old enough."""
    out = cli.run("session", "cleanup", "--older-than", "90d")

    assert re.fullmatch(r"\d+ of \d+ sessions are stale; nothing was deleted \(dry run\)\n", out)


def ensure_user(cli: CommandLine) -> None:
    """The second time, nothing differs."""
    email = f"{cli.name}@example.com"
    ensure = ("user", "ensure", email, "--privilege", "advocate", "--set", "first_name=Ana")

    first, second = cli.run(*ensure), cli.run(*ensure)
    cli.run("user", "delete", email, "--yes")

    assert first.startswith("created, granted advocate, set first_name; password: shown once")
    assert second == "nothing differs\n"


def call_operation(cli: CommandLine) -> None:
    """Every page of the list."""
    data = json.loads(cli.run("call", "users.list", "include_inactive=true", "--json"))

    assert data["kind"] == "list"
    assert all("email" in item for item in data["items"])


def serve_fake(cli: CommandLine) -> None:
    """It serves until Ctrl+C; another process uses it."""
    with start(("fake", "serve", "--port", "0"), cli.environment) as process:
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert re.fullmatch(
        r"export DOCASSEMBLE_URL=http://127.0.0.1:[1-9]\d+ DOCASSEMBLE_API_KEY=\S+\n", line
    )


def clean_up(cli: CommandLine) -> None:
    """Delete what the lines have created."""
    user_id = json.loads(cli.run("user", "show", "--json"))["id"]
    interview = f"i=docassemble.playground{user_id}{cli.name}:main.yml"
    cli.run("call", "sessions.delete_many_across_users", interview, "--yes")
    cli.run("project", "delete", cli.name, "--yes")


# In this order.
LINES: tuple[Callable[[CommandLine], None], ...] = (
    add_profile,
    run_doctor,
    deploy_folder,
    uninstall_package,
    deploy_repository,
    sync_project,
    watch_project,
    download_project,
    run_interview,
    run_batch,
    check_interview,
    create_link,
    export_sessions,
    clean_up_sessions,
    ensure_user,
    call_operation,
    serve_fake,
    clean_up,
)
