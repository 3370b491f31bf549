"""Waiting for an installation: the list of packages is the proof, not the server's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client.errors import NotSent, TaskFailed, TaskLost
from docassemble_client.tasks import TaskHandle, TaskResult
from tests.core.responses import make_json
from tests.core.waiting import (
    INSTALL,
    INSTALL_STATUS,
    LISTED,
    NEW,
    NOT_LISTED,
    OLD,
    PIP_COMPLETED,
    PIP_FAILED,
    PIP_UNKNOWN,
    PIP_WORKING,
    UNINSTALL,
    UNNAMED,
    Wait,
    make_listing,
)

if TYPE_CHECKING:
    from tests.core.waiting import Outcome, Script


def test_a_failed_installation_has_its_log() -> None:
    """`ok: false` ends the wait immediately, with pip's output."""
    error = Wait(INSTALL, [PIP_WORKING, PIP_FAILED]).fail(TaskFailed)

    assert (error.log, error.handle, error.operation) == ("no such", INSTALL, "packages.install")
    assert (
        str(error)
        == "packages.install: the task failed on the server. Read the reason in the error's log."
    )
    assert "no such" not in f"{error} {error!r}"


def test_a_failure_may_have_no_log() -> None:
    """The log is empty if the server sends none."""
    response = make_json({"status": "completed", "ok": False, "error_message": None})

    assert Wait(INSTALL, [(INSTALL_STATUS, response)]).fail(TaskFailed).log == ""


@pytest.mark.parametrize(
    ("handle", "packages", "problem"),
    [
        (INSTALL, NOT_LISTED, "not listed with a version"),
        (INSTALL, make_listing(("docassemble.demo", None)), "not listed with a version"),
        (INSTALL, make_listing(("docassemble.demox", "1.0")), "not listed"),
        (INSTALL, make_listing(), "not listed"),
        (UNINSTALL, LISTED, "still listed"),
    ],
)
def test_success_without_a_listed_package_is_a_failure(
    handle: TaskHandle, packages: tuple[str, Outcome], problem: str
) -> None:
    """The server also reports `ok: true` for a package that does not exist."""
    error = Wait(handle, [PIP_COMPLETED, NEW, packages]).fail(TaskFailed)

    assert problem in error.message
    assert (error.log, error.handle) == ("pip's log", handle)


@pytest.mark.parametrize(
    ("handle", "packages"),
    [
        (INSTALL, LISTED),
        (INSTALL, make_listing(("Docassemble_Demo", "1.0"))),
        (INSTALL, make_listing(("docassemble-demo", "2"))),
        (UNINSTALL, NOT_LISTED),
        (UNINSTALL, make_listing(("docassemble.demo", None))),
        (UNINSTALL, make_listing()),
    ],
)
def test_success_with_a_listed_package_is_accepted(
    handle: TaskHandle, packages: tuple[str, Outcome]
) -> None:
    """Names are compared as pip does; a package without a version is not installed."""
    wait = Wait(handle, [PIP_WORKING, PIP_COMPLETED, OLD, packages])

    assert wait.run() == TaskResult(handle=handle, log="pip's log")


def test_the_report_is_accepted_if_the_package_name_is_unknown() -> None:
    """For a Git URL or ZIP file there is no other proof."""
    assert Wait(UNNAMED, [PIP_COMPLETED, NEW]).run() == TaskResult(handle=UNNAMED, log="pip's log")


@pytest.mark.parametrize("before", [[], [PIP_WORKING]])
@pytest.mark.parametrize(("handle", "packages"), [(INSTALL, LISTED), (UNINSTALL, NOT_LISTED)])
def test_a_forgotten_installation_has_ended_if_the_package_is_listed(
    handle: TaskHandle, packages: tuple[str, Outcome], before: Script
) -> None:
    """The log is lost, but the list of packages shows the outcome."""
    wait = Wait(handle, [*before, PIP_UNKNOWN, NEW, packages])

    assert wait.run() == TaskResult(handle=handle, log="")


@pytest.mark.parametrize(("handle", "packages"), [(INSTALL, NOT_LISTED), (UNINSTALL, LISTED)])
def test_a_forgotten_installation_is_lost_if_the_package_is_not_listed(
    handle: TaskHandle, packages: tuple[str, Outcome]
) -> None:
    """The server did not report a failure, and nothing shows that it has ended."""
    error = Wait(handle, [PIP_WORKING, PIP_UNKNOWN, NEW, packages]).fail(TaskLost)

    assert error.handle == handle


@pytest.mark.parametrize("before", [[], [PIP_WORKING], [(INSTALL_STATUS, NotSent("no"))]])
def test_a_forgotten_installation_without_a_name_is_lost(before: Script) -> None:
    """Its outcome cannot be proven, so success must not be reported."""
    error = Wait(UNNAMED, [*before, PIP_UNKNOWN]).fail(TaskLost)

    assert error.handle == UNNAMED
