"""The GitHub Actions: their steps run in bash on a fake server, also with hostile inputs."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from packaging.specifiers import SpecifierSet

from actions.run import MAX_PROJECT_LENGTH, escape, make_project_name
from docassemble_client.testing import FakeServer, Field, ScriptedScreen
from docassemble_client.workflows.playground.remote_project import is_project_name
from tests.actions.runner import ACTIONS, BRANCH, REPLIES, ROOT, Runner, read_action
from tests.workflows.package_files import write_files, write_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("check", "deploy", "preview")
PROJECT = make_project_name(BRANCH)
HOSTILE = (
    "$(touch hacked)",
    "`touch hacked`",
    "x; touch hacked #",
    '\' "; touch hacked; "',
    "-rf",
    "--help",
    "a\nversion=evil\n::error::evil\n",
    "<b>|evil|`",
    "x" * 3000,
)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """Serve a fake server."""
    fake = FakeServer()
    with fake.serve():
        yield Runner(tmp_path, fake)


def test_package_is_deployed(runner: Runner) -> None:
    """The outputs and the summary say what happened."""
    write_package(runner.workspace)

    first = runner.run("deploy")
    write_package(runner.workspace / "folder", "0.2.0", modules=True)
    second = runner.run("deploy", source="folder")

    assert first.code == second.code == 0, first.log + second.log
    assert first.outputs == {
        "name": "docassemble.mine",
        "version": "0.1.0",
        "before": "",
        "changed": "true",
        "restarted": "false",
    }
    assert second.outputs["before"] == "0.1.0"
    assert second.outputs["restarted"] == "true"
    assert "### docassemble.mine 0.2.0 is installed" in second.summary
    assert "| docassemble.mine | 0.2.0 | 0.1.0 | the package has modules |" in second.summary


@pytest.mark.slow
def test_inputs_of_alactions_are_accepted(runner: Runner) -> None:
    """A workflow has to change only the line with `uses`."""
    names = {"url": "", "api__key": "", "SERVER_URL": runner.fake.url}
    names["DOCASSEMBLE_DEVELOPER_API_KEY"] = runner.fake.api_key
    runner.fake.add_package("docassemble.helloworld", "0.0.1")
    url = "https://github.com/jhpyle/docassemble-helloworld"

    git = runner.run("deploy", **names, GITHUB_URL=url, GITHUB_BRANCH="dev", RESTART="0")
    older = runner.run("deploy", **names, GITHUB_URL=url, BRANCH="dev")
    pip = runner.run("deploy", **names, PIP_PACKAGE="pyjokes", RESTART="1")
    write_files(runner.workspace, {"questions/main.yml": "mandatory: True\nquestion: Hi\n"})
    preview = runner.run("preview", **names, PROJECT_NAME="mine", USER_ID="1", RESTART="0")

    assert [outcome.code for outcome in (git, older, pip, preview)] == [0, 0, 0, 0], git.log
    assert [outcome.outputs["restarted"] for outcome in (git, older, pip)] == [
        *("false", "true", "true")
    ]
    assert preview.outputs["project"] == "mine"


@pytest.mark.slow
def test_failed_deployment_fails_the_step(runner: Runner) -> None:
    """The exit code is that of dactl."""
    missing = runner.run("deploy", source="nosuch")
    denied = runner.run("deploy", pip="pyjokes", api__key="wrongkey")
    without_key = runner.run("deploy", api__key="")
    wrong_restart = runner.run("deploy", restart="perhaps")

    assert [outcome.code for outcome in (missing, denied, without_key, wrong_restart)] == [
        2,
        3,
        2,
        2,
    ]
    assert "exit code 3; see the log" in denied.summary
    assert denied.outputs == {}
    assert "set the inputs url and api-key" in without_key.log
    assert "restart must be auto, yes or no" in wrong_restart.log


def test_preview_is_created_and_deleted(runner: Runner) -> None:
    """The project belongs to the branch; its link starts the interview."""
    write_files(runner.workspace, {"questions/start.yml": "mandatory: True\nquestion: Hi\n"})

    opened = runner.run("preview", event="synchronize", public__url="https://forms.example.com/")
    projects = runner.fake._state.playground.list_projects(1)
    closed = runner.run("preview", event="closed")
    again = runner.run("preview", event="closed")

    assert [outcome.code for outcome in (opened, closed, again)] == [0, 0, 0], opened.log
    assert (opened.outputs["project"], projects) == (PROJECT, [PROJECT])
    url = urlsplit(opened.outputs["interview-url"])
    assert (url.netloc, url.path) == ("forms.example.com", "/interview")
    assert parse_qs(url.query) == {
        "i": [f"docassemble.playground1{PROJECT}:start.yml"],
        "new_session": ["1"],
    }
    assert f"Preview in the project {PROJECT}: [open the interview](<https://" in opened.summary
    assert "| 1 | no |" in opened.summary
    assert closed.outputs == {"project": PROJECT, "interview-url": ""}
    assert runner.fake._state.playground.list_projects(1) == []


@pytest.mark.slow
def test_preview_links_to_main_yml_or_needs_the_input(runner: Runner) -> None:
    """With several interviews nobody can know which one to open."""
    text = "mandatory: True\nquestion: Hi\n"
    write_files(runner.workspace, {"questions/a.yml": text, "questions/b.yml": text})

    unknown = runner.run("preview")
    named = runner.run("preview", interview="b.yml")
    write_files(runner.workspace, {"questions/main.yml": text})
    main = runner.run("preview")

    assert (unknown.code, named.code, main.code) == (2, 0, 0)
    assert "set the input interview" in unknown.summary
    assert named.outputs["interview-url"].endswith("b.yml&new_session=1")
    assert main.outputs["interview-url"].endswith("main.yml&new_session=1")


@pytest.mark.slow
def test_interviews_are_checked(runner: Runner) -> None:
    """The step fails if one fails; the report is JUnit XML."""
    good, bad = "docassemble.a:data/questions/good.yml", "docassemble.a:data/questions/bad.yml"
    runner.fake.add_interview(good, ScriptedScreen("Name?", [Field("name")]), dispatch="good")

    passed = runner.run("check", interviews=f"  {good}\n\n")
    failed = runner.run("check", interviews=f"{good}\n{bad}", junit="report.xml")
    listed = runner.run("check", tag="nosuch")

    assert (passed.code, passed.outputs) == (0, {"total": "1", "failed": "0"}), passed.log
    assert (failed.code, failed.outputs) == (1, {"total": "2", "failed": "1"})
    assert (listed.code, listed.outputs) == (0, {"total": "0", "failed": "0"})
    assert failed.summary.count("###") == failed.summary.count("### 1 of 2 interviews failed") == 1
    assert f"| {escape(bad)} | failed | BadRequest" in failed.summary
    assert "<testcase" in (runner.workspace / "report.xml").read_text(encoding="utf-8")
    assert (runner.workspace / "interviews.xml").exists()


def test_server_that_cannot_be_reached_fails_the_check(runner: Runner) -> None:
    """No outputs are written."""
    outcome = runner.run("check", api__key="wrongkey")

    assert (outcome.code, outcome.outputs) == (3, {})
    assert "see the log" in outcome.summary


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_each_input_is_a_single_argument(runner: Runner, text: str) -> None:
    """No shell reads it, no option is made of it, and no output is forged."""
    calls: list[tuple[str, str, str]] = [
        ("deploy", "source", f"./{text}"),
        ("deploy", "github", f"--github={text}"),
        ("deploy", "branch", f"--branch={text}"),
        ("deploy", "pip", f"--pip={text}"),
        ("deploy", "timeout", f"--timeout={text}"),
        ("preview", "source", f"./{text}"),
        ("preview", "project", f"--project={make_project_name(text.strip())}"),
        ("preview", "user__id", f"--user={text}"),
        ("check", "junit", f"--junit={text}"),
        ("check", "tag", f"--tag={text}"),
    ]
    record = runner.replace_dactl(REPLIES)
    for name, key, argument in calls:
        outcome = runner.run(name, **{key: text})

        arguments = json.loads(record.read_text(encoding="utf-8").splitlines()[0])
        record.unlink()
        assert argument.strip() in arguments, (name, key)
        assert [item for item in arguments if text.strip() in item] in ([argument.strip()], [])
        assert outcome.code == 0
        assert set(outcome.outputs) <= set(read_action(name)["outputs"])
        assert outcome.outputs.get("version") in {None, REPLIES["version"]}
    assert runner.run("deploy", restart=text).code == 2
    assert runner.run("check", interviews=text).code == 0
    arguments = json.loads(record.read_text(encoding="utf-8"))
    position = arguments.index("--")
    assert arguments[position + 1 :] == [line.strip() for line in text.strip().splitlines()]


def test_words_of_the_server_run_no_command_of_the_workflow(runner: Runner) -> None:
    """They are between two lines that switch such commands off, and escaped in the summary."""
    outcome = runner.run_with_replies("deploy")

    lines = outcome.log.splitlines()
    start, end = lines.index("::error::evil") - 1, lines.index("::error::evil") + 1
    token = lines[start].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert f"::{token}::" in lines[end:]
    assert outcome.outputs["version"] == REPLIES["version"]
    assert "<b>" not in outcome.summary
    assert "\n| evil" not in outcome.summary


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE[:5], ids=lambda text: repr(text[:12]))
def test_hostile_inputs_are_refused(runner: Runner, text: str) -> None:
    """By dactl or the server; nothing is run."""
    write_files(runner.workspace, {"questions/main.yml": "mandatory: True\nquestion: Hi\n"})

    outcomes = [
        runner.run("deploy", pip=text, timeout="5s"),
        runner.run("deploy", source=text),
        runner.run("preview", project=text, interview=text),
        runner.run("check", interviews=text),
    ]

    assert all(outcome.code for outcome in (outcomes[1], outcomes[3]))
    assert outcomes[2].code == 0
    assert runner.fake._state.playground.list_projects(1) == [make_project_name(text)]


@pytest.mark.parametrize(
    "branch",
    [
        *("feature/x-1", "123", "x" * 33, "Ünï", "default", "-", "a_b", "\udcff"),
        *("feature/" + "long" * 60, "1" * 40),
    ],
)
def test_changed_name_of_a_branch_gets_a_hash(branch: str) -> None:
    """Two branches never share a project, and none is the default project."""
    name = make_project_name(branch)

    assert is_project_name(name)
    assert len(name) <= MAX_PROJECT_LENGTH
    assert name not in {"default", make_project_name(f"{branch}x"), branch}
    assert re.search(r"[0-9a-f]{8}$", name)


@pytest.mark.parametrize("branch", ["main", "x" * 32, "Review42"])
def test_valid_name_of_a_branch_is_kept(branch: str) -> None:
    """Its project can be recognized."""
    assert make_project_name(branch) == branch


@pytest.mark.parametrize("name", NAMES)
def test_action_takes_inputs_by_its_environment_only(name: str) -> None:
    """An expression in a script would be code; every other action is pinned by its commit."""
    action = read_action(name)
    used = set[str]()
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert "run" not in step or step["shell"] == "bash"
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step.get("uses", f"x@{'0' * 40}"))
        for value in step.get("env", {}).values():
            used |= set(re.findall(r"inputs\.([\w-]+)", value))

    assert used == set(action["inputs"])
    assert len({key.lower() for key in used}) == len(used)
    assert all(value["description"] for value in action["inputs"].values())
    assert all(value["description"] for value in action["outputs"].values())


def test_dependencies_of_the_actions_are_pinned() -> None:
    """Each has a version and hashes, and fits what the package needs."""
    text = (ACTIONS / "requirements.txt").read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\w)", text) if entry.strip()]
    versions: dict[str, str] = {}
    for entry in entries:
        pin, *hashes = entry.split("--hash=")
        match = re.match(r"([\w.-]+)==([\w.]+)", pin)
        assert match is not None
        assert hashes
        assert all(digest.startswith("sha256:") for digest in hashes)
        versions[match[1].lower()] = match[2]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = project["project"]["dependencies"] + project["build-system"]["requires"]
    needed += project["project"]["optional-dependencies"]["cli"]

    for need in needed:
        name = re.split(r"[<>=]", need)[0]
        assert versions[name.lower()] in SpecifierSet(need.removeprefix(name))
