"""
Runs an action: `python run.py deploy|preview|check`.

All inputs come from environment variables, and reach `dactl` as single arguments: no shell reads
them. Nothing that a server or a branch name contains can set an output or run a workflow command.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PROJECT_LENGTH = 32
_HASH_LENGTH = 8
_NOT_THERE = 5  # exit code of dactl
_RESTART = {"": "auto", "auto": "auto", "yes": "yes", "1": "yes", "true": "yes"}
_RESTART |= {"no": "no", "0": "no", "false": "no"}


class Failure(Exception):  # noqa: N818 - ends the action with an exit code
    """The action failed."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def read_input(name: str) -> str:
    """Return an input without blanks at its ends; empty if it is not set."""
    return os.environ.get(name, "").strip()


def make_project_name(branch: str) -> str:
    """
    Make the name of a project from that of a branch: letters and digits, at most 32.

    If the name of the branch has to be changed, a hash of it is appended, so that two branches
    never share a project.
    """
    letters = re.sub(r"[^A-Za-z0-9]", "", branch)
    is_valid = letters == branch and letters[:1].isalpha() and letters != "default"
    if is_valid and len(letters) <= MAX_PROJECT_LENGTH:
        return letters
    digest = hashlib.sha256(branch.encode(errors="surrogateescape")).hexdigest()[:_HASH_LENGTH]
    prefix = letters if letters[:1].isalpha() else f"b{letters}"
    return prefix[: MAX_PROJECT_LENGTH - _HASH_LENGTH] + digest


def run_dactl(*arguments: str) -> Any:
    """
    Run dactl, and return its result.

    Raises:
        Failure: It failed. The error is in the log.
    """
    code, result = run_dactl_to_the_end(*arguments)
    if code:
        message = f"`dactl {arguments[0]}` ended with exit code {code}; see the log"
        raise Failure(message, code)
    return result


def run_dactl_to_the_end(*arguments: str) -> tuple[int, Any]:
    """Run dactl, and return its exit code and its result; None if it wrote none."""
    # What it writes to the log must not be read as a command of the workflow.
    token = secrets.token_hex(16)
    write_log(f"::stop-commands::{token}")
    try:
        process = subprocess.run(
            ["dactl", *arguments], stdout=subprocess.PIPE, check=False, env=make_environment()
        )
    finally:
        write_log(f"::{token}::")
    try:
        return process.returncode, json.loads(process.stdout or b"null")
    except ValueError:
        return process.returncode or 1, None


def make_environment() -> dict[str, str]:
    """Return the environment of dactl, in which only the inputs name a server."""
    return {name: text for name, text in os.environ.items() if name != "DOCASSEMBLE_PROFILE"}


def write_log(line: str) -> None:
    """Write a line to the log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def write_outputs(**outputs: object) -> None:
    """Write the outputs of the step; a value may have any characters."""
    with open_append("GITHUB_OUTPUT") as file:
        for name, value in outputs.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            delimiter = secrets.token_hex(16)
            file.write(f"{name.replace('_', '-')}<<{delimiter}\n{text}\n{delimiter}\n")


def write_summary(title: str, rows: Sequence[Sequence[object]]) -> None:
    """Write a table to the summary of the step."""
    lines = [f"### {title}", ""]
    if rows:
        header, *body = rows
        table = (header, ["---"] * len(header), *body)
        lines += [f"| {' | '.join(map(escape, row))} |" for row in table]
    with open_append("GITHUB_STEP_SUMMARY") as file:
        file.write("\n".join([*lines, "", ""]))


def escape(value: object) -> str:
    """Escape a value for a cell of a Markdown table."""
    text = " ".join(str(value).split())
    if text == "---":
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~@])", r"\\\1", text)


def open_append(variable: str) -> Any:
    """Open the file that an environment variable of the runner names."""
    return Path(os.environ.get(variable) or os.devnull).open("a", encoding="utf-8")


def read_source() -> str:
    """Return the folder or ZIP file; it never looks like an option."""
    source = read_input("SOURCE") or "."
    return source if Path(source).is_absolute() else f"./{source}"


def read_restart() -> str:
    """Return when to restart: auto, yes or no."""
    text = read_input("RESTART").lower()
    if text not in _RESTART:
        message = "the input restart must be auto, yes or no"
        raise Failure(message, 2)
    return _RESTART[text]


def deploy() -> int:
    """Install a package on the server, and return the exit code."""
    options = {name: read_input(name.upper()) for name in ("github", "branch", "pip")}
    arguments = [f"--{name}={value}" for name, value in options.items() if value]
    if not (options["github"] or options["pip"]):
        arguments.insert(0, read_source())
    if timeout := read_input("TIMEOUT"):
        arguments.append(f"--timeout={timeout}")
    report = run_dactl("deploy", "--json", *arguments, f"--restart={read_restart()}")
    before = report.get("previous_version") or ""
    name, version, restarted = report["name"], report["version"], report["restarted"]
    changed = before != version
    write_outputs(name=name, version=version, before=before, changed=changed, restarted=restarted)
    write_summary(
        f"{escape(name)} {escape(version)} is installed",
        [
            ["package", "version", "before", "restarted"],
            [name, version, before or "none", report.get("restart_reason") or restarted],
        ],
    )
    return 0


def preview() -> int:
    """Sync a folder to a project of the Playground, or delete it, and return the exit code."""
    branch = read_input("PROJECT") or read_input("BRANCH")
    if not branch:
        message = "there is no branch: set the input project"
        raise Failure(message, 2)
    project = make_project_name(branch)
    user_id = read_input("USER_ID")
    user = [f"--user={user_id}"] if user_id else []
    if read_input("EVENT_ACTION") == "closed":
        code, _ = run_dactl_to_the_end("project", "delete", project, *user, "--yes", "--json")
        if code not in {0, _NOT_THERE}:
            message = f"the project {project} was not deleted (exit code {code}); see the log"
            raise Failure(message, code)
        write_outputs(project=project, interview_url="")
        write_summary(f"The project {project} is deleted", [])
        return 0
    options = ["--no-restart"] if read_restart() == "no" else []
    options += ["--create", "--delete", f"--project={project}", *user]
    report = run_dactl("project", "sync", read_source(), *options, "--json")
    owner = user_id or str(run_dactl("call", "users.get_current", "--json")["id"])
    url = make_interview_url(owner, project, find_interview(project, user_id))
    write_outputs(project=project, interview_url=url, restarted=report["restarted"])
    restarted = "yes" if report["restarted"] else "no"
    write_summary(
        f"Preview in the project {project}: [open the interview](<{url}>)",
        [["changed files", "restarted"], [len(report["changes"]), restarted]],
    )
    return 0


def find_interview(project: str, user_id: str) -> str:
    """Return the file of the interview: the input, else main.yml, else the only one."""
    if filename := read_input("INTERVIEW"):
        return filename
    user = [f"user_id={user_id}"] if user_id else []
    arguments = ("folder=questions", f"project={project}", *user)
    listed = run_dactl("call", "playground.list_files", *arguments, "--json")
    names = [name for name in listed["items"] if name.endswith((".yml", ".yaml"))]
    if "main.yml" in names or len(names) == 1:
        return "main.yml" if "main.yml" in names else str(names[0])
    message = "the project has no main.yml and not exactly one interview: set the input interview"
    raise Failure(message, 2)


def make_interview_url(owner: str, project: str, filename: str) -> str:
    """Return the link that starts the interview."""
    base = (read_input("DOCASSEMBLE_PUBLIC_URL") or read_input("DOCASSEMBLE_URL")).rstrip("/")
    query = {"i": f"docassemble.playground{owner}{project}:{filename}", "new_session": "1"}
    return f"{base}/interview?{urlencode(query)}"


def check() -> int:
    """Check that interviews load and reach a screen, and return the exit code."""
    arguments = [line.strip() for line in read_input("INTERVIEWS").splitlines() if line.strip()]
    options = [f"--junit={read_input('JUNIT') or 'interviews.xml'}"]
    if tag := read_input("TAG"):
        options.append(f"--tag={tag}")
    separator = ["--"] if arguments else []
    code, report = run_dactl_to_the_end(
        *("interview", "check", "--json"), *options, *separator, *arguments
    )
    if report is None:
        message = f"`dactl interview check` ended with exit code {code}; see the log"
        raise Failure(message, code)
    interviews = report["interviews"]
    failed = [interview for interview in interviews if interview["outcome"] != "passed"]
    write_outputs(total=len(interviews), failed=len(failed))
    rows: list[list[object]] = [["interview", "outcome", "reason"]]
    rows += [[item["i"], item["outcome"], item.get("reason") or ""] for item in failed]
    summary = f"{len(failed)} of {len(interviews)} interviews failed"
    write_summary(summary, rows if failed else [])
    if code or failed:
        sys.stderr.write(f"{summary}\n")
    return code or bool(failed)


def main(name: str) -> int:
    """Run an action, and return its exit code."""
    try:
        if not (read_input("DOCASSEMBLE_URL") and read_input("DOCASSEMBLE_API_KEY")):
            message = "set the inputs url and api-key"
            raise Failure(message, 2)
        return {"deploy": deploy, "preview": preview, "check": check}[name]()
    except Failure as error:
        write_summary(f"The action {name} failed", [["reason"], [error]])
        sys.stderr.write(f"{error}\n")
        return error.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
