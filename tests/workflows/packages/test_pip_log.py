"""Parsing of pip's log."""

from __future__ import annotations

import pytest

from docassemble_client.workflows.packages.pip_log import PipLog

SUCCESS = "pip install command returned success code.  See log for details."
TRUNCATION = "\n\nTRUNCATED\n\n"


def test_log_shows_attempted_and_installed_packages() -> None:
    """Names are compared as pip does; uninstalls are not attempts."""
    log = PipLog(
        f"docassemble.One: {SUCCESS}\ndocassemble.two: install failed\n"
        "old: pip uninstall command returned success code.  See log for details.\n"
        "three: pip install command returned failure code\npip log:\n"
        "2026-11-27T10:00:01,689 Successfully installed docassemble-one-1.0 two-parts-2.0\n"
    )

    assert [log.was_attempted(name) for name in ("docassemble_one", "old", "four")] == [
        True,
        False,
        False,
    ]
    assert [log.was_installed(name) for name in ("Docassemble.One", "two.parts", "three")] == [
        *(True, True, False)
    ]
    assert [log.was_successful(name) for name in ("docassemble.one", "three", "four")] == [
        *(True, False, False)
    ]
    assert log.failed_packages == ("docassemble.two", "three")


@pytest.mark.parametrize(
    ("text", "attempted"),
    [
        (f"a: {SUCCESS}\npip log:\nx{TRUNCATION}y", True),
        (f"a: {SUCCESS}\nb: {SUCCESS}\npip log:\nx{TRUNCATION}y", False),
        (f"a: {SUCCESS}\nb: {SUCCESS}\npip log:\nx", True),
        ("", False),
    ],
)
def test_truncated_log_is_proof_for_a_single_package_only(text: str, *, attempted: bool) -> None:
    """The end of a truncated log belongs to the last package, which may be any of them."""
    assert PipLog(text).was_attempted("a") is attempted


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ERROR: No matching distribution found for x", "pip finds no such package"),
        ("fatal: Authentication failed for 'https://x'", "Git repository of a dependency"),
        ("fatal: repository 'https://x/' not found", "Git repository of a dependency"),
        ("  ERROR: Getting requirements to build wheel exited with 1", "cannot be built"),
        ("Not upgrading six because it is a system package", "server needs this package itself"),
        ("Getting requirements to build wheel: finished with status 'done'", ""),
    ],
)
def test_hint_depends_on_the_error_in_the_log(text: str, hint: str) -> None:
    """Without a known error in the log there is no hint."""
    log_hint = PipLog(text).find_hint(is_repository=False)

    assert hint in log_hint
    assert bool(hint) is bool(log_hint)


def test_repository_that_cannot_be_read_may_be_that_of_the_package() -> None:
    """The hint names the repository only if the package itself has one."""
    for line in (
        "fatal: could not read Username for 'https://x'",
        "error: pathspec 'nosuch' did not match any file(s) known to git",  # a missing branch
    ):
        hint = PipLog(f"{line}\nFailed to build x").find_hint(is_repository=True)
        assert "cannot read the repository, or" in hint
    assert "cannot be built" in PipLog("Failed to build x").find_hint(is_repository=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a-b: pip uninstall command returned success code.\nSuccessfully uninstalled A.B-1.0\n",
            True,
        ),
        ("a_b: pip uninstall was not run because the package was not installed.", True),
        (
            "a-b: pip uninstall command returned success code.\nSuccessfully uninstalled c-1.0",
            False,
        ),
        ("c: pip uninstall command returned success code.", False),
        (f"a-b: pip uninstall command returned success code.{TRUNCATION}", None),
        ("", None),
    ],
)
def test_log_shows_whether_pip_removed_a_package(text: str, *, expected: bool | None) -> None:
    """The server reports success whatever pip did; a truncated log proves nothing."""
    assert PipLog(text).was_uninstalled("a.b") is expected
