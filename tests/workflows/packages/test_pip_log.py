"""What the log of an installation says."""

from __future__ import annotations

import pytest

from docassemble_client.workflows.packages.pip_log import PipLog

WELL = "pip install command returned success code.  See log for details."
CUT = "\n\nTRUNCATED\n\n"


def test_log_says_what_was_tried_and_what_was_installed() -> None:
    """Names are compared as pip does; removals are no attempts."""
    log = PipLog(
        f"docassemble.One: {WELL}\ndocassemble.two: install failed\n"
        "old: pip uninstall command returned success code.  See log for details.\n"
        "three: pip install command returned failure code\npip log:\n"
        "2026-11-27T10:00:01,689 Successfully installed docassemble-one-1.0 two-parts-2.0\n"
    )

    assert [log.tried(name) for name in ("docassemble_one", "old", "four")] == [True, False, False]
    assert [log.installed(name) for name in ("Docassemble.One", "two.parts", "three")] == [
        *(True, True, False)
    ]
    assert [log.succeeded(name) for name in ("docassemble.one", "three", "four")] == [
        *(True, False, False)
    ]
    assert log.failed == ("docassemble.two", "three")


@pytest.mark.parametrize(
    ("text", "tried"),
    [
        (f"a: {WELL}\npip log:\nx{CUT}y", True),
        (f"a: {WELL}\nb: {WELL}\npip log:\nx{CUT}y", False),
        (f"a: {WELL}\nb: {WELL}\npip log:\nx", True),
        ("", False),
    ],
)
def test_log_without_its_middle_proves_something_of_one_package_only(
    text: str, *, tried: bool
) -> None:
    """The end of the log is that of the last package, whichever it is."""
    assert PipLog(text).tried("a") is tried


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ERROR: No matching distribution found for x", "pip finds no such package"),
        ("fatal: Authentication failed for 'https://x'", "cannot read the repository"),
        ("  ERROR: Getting requirements to build wheel exited with 1", "cannot be built"),
        ("Not upgrading six because it is a system package", "needs this package itself"),
        ("Getting requirements to build wheel: finished with status 'done'", ""),
    ],
)
def test_advice_follows_from_what_pip_says(text: str, what: str) -> None:
    """Nothing is said where the log is of no known kind."""
    assert what in PipLog(text).advice
    assert bool(what) is bool(PipLog(text).advice)
