"""Waiting for an installation: the list of packages is the proof, not the server's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client.errors import NotSent, TaskFailed, TaskLost
from docassemble_client.tasks import TaskHandle, TaskResult
from tests.core.hand import in_json
from tests.core.waiting import (
    INSTALL,
    INSTALLED,
    LISTED,
    NEW,
    NOT_LISTED,
    OLD,
    PIP_DONE,
    PIP_FAILED,
    PIP_UNKNOWN,
    PIP_WORKS,
    UNINSTALL,
    UNNAMED,
    Wait,
    listing,
)

if TYPE_CHECKING:
    from tests.core.hand import Answer
    from tests.core.waiting import Script


def test_a_failed_installation_brings_its_log() -> None:
    """ok: false ends the wait at once, with what pip said."""
    error = Wait(INSTALL, [PIP_WORKS, PIP_FAILED]).fail(TaskFailed)

    assert (error.log, error.handle, error.operation) == ("no such", INSTALL, "packages.install")
    assert str(error) == "packages.install: the work failed on the server. See the error's log."
    assert "no such" not in f"{error} {error!r}"


def test_a_failure_without_a_word_is_a_failure_all_the_same() -> None:
    """The log is empty where the server says nothing."""
    answer = in_json({"status": "completed", "ok": False, "error_message": None})

    assert Wait(INSTALL, [(INSTALLED, answer)]).fail(TaskFailed).log == ""


@pytest.mark.parametrize(
    ("handle", "packages", "what"),
    [
        (INSTALL, NOT_LISTED, "not listed with a version"),
        (INSTALL, listing(("docassemble.demo", None)), "not listed with a version"),
        (INSTALL, listing((None, "1.0"), ("docassemble.demox", "1.0")), "not listed"),
        (INSTALL, listing(), "not listed"),
        (UNINSTALL, LISTED, "still listed"),
    ],
)
def test_success_that_does_not_show_is_failure(
    handle: TaskHandle, packages: tuple[str, Answer], what: str
) -> None:
    """The server reports ok: true for a package that does not exist: the list is the proof."""
    error = Wait(handle, [PIP_DONE, NEW, packages]).fail(TaskFailed)

    assert what in error.message
    assert (error.log, error.handle) == ("pip's log", handle)


@pytest.mark.parametrize(
    ("handle", "packages"),
    [
        (INSTALL, LISTED),
        (INSTALL, listing(("Docassemble_Demo", "1.0"))),
        (INSTALL, listing((None, "1.0"), ("docassemble-demo", "2"))),
        (UNINSTALL, NOT_LISTED),
        (UNINSTALL, listing(("docassemble.demo", None))),
        (UNINSTALL, listing()),
    ],
)
def test_success_that_shows_is_believed(handle: TaskHandle, packages: tuple[str, Answer]) -> None:
    """Names are compared as pip compares them; a package without a version is not installed."""
    wait_ = Wait(handle, [PIP_WORKS, PIP_DONE, OLD, packages])

    assert wait_.run() == TaskResult(handle=handle, log="pip's log")


def test_a_package_whose_name_is_not_known_cannot_be_looked_for() -> None:
    """Of a Git address or ZIP file the server's word is all there is."""
    assert Wait(UNNAMED, [PIP_DONE, NEW]).run() == TaskResult(handle=UNNAMED, log="pip's log")


@pytest.mark.parametrize("before", [[], [PIP_WORKS]])
@pytest.mark.parametrize(("handle", "packages"), [(INSTALL, LISTED), (UNINSTALL, NOT_LISTED)])
def test_a_forgotten_installation_is_over_if_it_shows(
    handle: TaskHandle, packages: tuple[str, Answer], before: Script
) -> None:
    """The log is gone with the result, but the list of packages tells how it ended."""
    wait_ = Wait(handle, [*before, PIP_UNKNOWN, NEW, packages])

    assert wait_.run() == TaskResult(handle=handle, log="")


@pytest.mark.parametrize(("handle", "packages"), [(INSTALL, NOT_LISTED), (UNINSTALL, LISTED)])
def test_a_forgotten_installation_is_lost_if_it_does_not_show(
    handle: TaskHandle, packages: tuple[str, Answer]
) -> None:
    """Nobody has said that it failed, and nothing shows that it is over."""
    error = Wait(handle, [PIP_WORKS, PIP_UNKNOWN, NEW, packages]).fail(TaskLost)

    assert error.handle == handle


@pytest.mark.parametrize("before", [[], [PIP_WORKS], [(INSTALLED, NotSent("no"))]])
def test_a_forgotten_installation_of_unknown_name_is_lost(before: Script) -> None:
    """That it is over says nothing of how it ended, and silent success would be a lie."""
    error = Wait(UNNAMED, [*before, PIP_UNKNOWN]).fail(TaskLost)

    assert error.handle == UNNAMED
