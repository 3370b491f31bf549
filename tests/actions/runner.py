"""Runs the steps of the GitHub Actions as a runner of GitHub does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.testing import FakeServer

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / "actions"
BRANCH = "feature/x-1"
# What a replaced dactl writes: the keys of every report.
REPLIES: dict[str, Any] = {
    "name": "docassemble.mine",
    "version": "1.0\n| evil | <b>\nname=evil",
    "previous_version": None,
    "restarted": False,
    "changes": [],
    "interviews": [],
    "items": ["main.yml"],
    "id": 1,
}


class Outcome(NamedTuple):
    """What the step of an action has done."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


def read_action(name: str) -> Any:
    """Read the file of an action."""
    return yaml.safe_load((ACTIONS / name / "action.yml").read_text(encoding="utf-8"))


def evaluate(expression: str, context: Mapping[str, str]) -> str:
    """Evaluate an expression such as ${{ inputs.url || inputs.SERVER_URL }}; case is ignored."""
    values = {name.lower(): value for name, value in context.items()}
    names = expression.removeprefix("${{").removesuffix("}}").split("||")
    return next(filter(None, (values.get(name.strip().lower(), "") for name in names)), "")


def parse_outputs(text: str) -> dict[str, str]:
    """Parse the file of outputs as the runner does."""
    outputs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, separator, delimiter = line.partition("<<")
        assert separator
        value = list[str]()
        while (part := next(lines)) != delimiter:
            value.append(part)
        outputs[name] = "\n".join(value)
    return outputs


class Runner:
    """Runs the last step of an action in bash, as a runner of GitHub does."""

    def __init__(self, folder: Path, fake: FakeServer) -> None:
        self.folder = folder
        self.fake = fake
        scripts = folder / "scripts"
        scripts.mkdir()
        for name, arguments in (("python", ""), ("dactl", "-m docassemble_client")):
            script = scripts / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            script.chmod(0o755)
        self.workspace = folder / "workspace"
        self.workspace.mkdir()

    def replace_dactl(self, replies: Mapping[str, Any]) -> Path:
        """Let dactl only record its arguments, one call a line, and write these replies."""
        record, file = self.folder / "record", self.folder / "replies"
        file.write_text(json.dumps(replies))
        program = (
            "import json, pathlib, sys\n"
            f"with open({str(record)!r}, 'a') as file: print(json.dumps(sys.argv[1:]), file=file)\n"
            "print('::error::evil', file=sys.stderr)\n"
            f"print(pathlib.Path({str(file)!r}).read_text())\n"
        )
        script = self.folder / "scripts/dactl"
        script.write_text(f"#!{sys.executable} -I\n{program}")
        return record

    def run_with_replies(self, name: str) -> Outcome:
        """Run an action with a replaced dactl."""
        self.replace_dactl(REPLIES)
        return self.run(name)

    def run(self, name: str, **inputs: str) -> Outcome:
        """Run an action with these inputs; a dash is written as two underscores."""
        action = read_action(name)
        context = {
            f"inputs.{key}": str(value["default"])
            for key, value in action["inputs"].items()
            if "default" in value
        }
        context |= {"github.ref_name": "main", "github.head_ref": BRANCH}
        given = {"url": self.fake.url, "api__key": self.fake.api_key} | inputs
        for key, value in given.items():
            scope = "github.event.action" if key == "event" else f"inputs.{key.replace('__', '-')}"
            context[scope] = value
        step = action["runs"]["steps"][-1]
        environment = {key: evaluate(value, context) for key, value in step["env"].items()}
        outputs, summary = self.folder / "outputs", self.folder / "summary"
        outputs.write_text("")
        summary.write_text("")
        # A runner shows both streams in one log.
        process = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={
                "PATH": f"{self.folder / 'scripts'}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT / "src"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HOME": str(self.folder),
                "DOCASSEMBLE_PROFILE": "other",
                "GITHUB_ACTION_PATH": str(ACTIONS / name),
                "GITHUB_OUTPUT": str(outputs),
                "GITHUB_STEP_SUMMARY": str(summary),
                **environment,
            },
            cwd=self.workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        log = process.stdout
        texts = (log, outputs.read_text(), summary.read_text())
        assert not any(self.fake.api_key in text for text in texts)
        assert not (self.workspace / "hacked").exists()
        return Outcome(process.returncode, log, parse_outputs(texts[1]), texts[2])
