"""The rules of .gitignore files exclude what git excludes."""

from __future__ import annotations

import random
import subprocess
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from docassemble_client.workflows.packages.ignore_rules import RuleSet
from docassemble_client.workflows.packages.source_tree import scan_sources

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    *("a", "b", "ab", "abc", "a.txt", "b.py", "foo", "bar", "foobar", "x-y", "x y", "[a]", "a]"),
    *("-", "é", "A", "a*b", "a?b", "a\\b", "0", "a1", "_", "z ", "#a", "!a", ".a", "*"),
)
PARTS = (
    *("*", "**", "***", "?", "/", "/", "/**/", "**/", "/**", "\\", "\\*", "\\?", "\\[", "\\/"),
    *("[ab]", "[!a]", "[^a]", "[a-c]", "[]a]", "[!]a]", "[a-]", "[-a]", "[\\]]", "[a\\-z]"),
    *(
        "[[:alpha:]]",
        "[[:digit:]_]",
        "[[:space:]]",
        "[[:nope:]]",
        "[[:alpha]",
        "[[:alpha",
        "[[.a.]]",
        "[",
    ),
    *("[z-a]", "[a-\\c]", "[[a]", "[/]", "[!/]", "[*/", "a", "b", "foo", "ab", ".", "é", "!"),
    *("#", " ", "\\ ", "-", "]", "^", "x", ".py", ".txt", "1", "\r", "\0"),
)
ENDS = ("", "", "", "", "/", "/", " ", "  ", "\t", "\r", "\u2028", "\\")


def make_ignore_file(rng: random.Random) -> str:
    lines = (
        rng.choice(("", "", "", "!", "/"))
        + "".join(rng.choices(PARTS, k=rng.randint(1, 4)))
        + rng.choice(ENDS)
        for _ in range(rng.randint(1, 4))
    )
    return "\n".join(lines)


def write_tree(folder: Path, rng: random.Random) -> None:
    for _ in range(rng.randint(3, 12)):
        file = folder.joinpath(*rng.choices(NAMES, k=rng.randint(1, 4)))
        # A name may already be that of a file or of a folder.
        if not file.exists() and not any(parent.is_file() for parent in file.parents):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    (folder / ".gitignore").write_bytes(make_ignore_file(rng).encode())


@pytest.mark.parametrize("seed", range(4))
def test_random_rules_exclude_what_git_excludes(seed: int, tmp_path: Path) -> None:
    """Git lists the same files of 250 trees with random names and patterns."""
    rng = random.Random(seed)  # noqa: S311 - not for cryptography
    for number in range(250):
        write_tree(tmp_path / f"tree{number}", rng)
    git = ("git", "-c", "core.excludesFile=/dev/null", "-C", str(tmp_path))
    subprocess.run([*git, "init", "--quiet"], check=True)  # noqa: S603
    command = (*git, "ls-files", "-z", "--others", "--exclude-standard")
    listed = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603

    files = scan_sources(tmp_path).files

    assert set(files) == {path.decode() for path in listed.split(b"\0") if path}
    assert len(files) > 500


@pytest.mark.parametrize(
    "pattern", ["*a" * 9 + "b", "**/a/" * 9 + "b", "**/" * 30 + "*a*a*a*a*b", "[!b]*" * 9 + "c"]
)
def test_patterns_with_many_stars_take_little_time(pattern: str) -> None:
    """The time is in proportion to the lengths of the pattern and the path."""
    rules = RuleSet("", pattern)
    start = perf_counter()

    assert not rules.is_ignored("a/" * 60 + "a" * 100, is_folder=False)
    assert perf_counter() - start < 5


def test_rules_can_ignore_the_case_of_letters() -> None:
    """Rules for secrets do."""
    assert RuleSet("", "*.pem", ignores_case=True).is_ignored("Server.PEM", is_folder=False)
    assert RuleSet("", "*.pem").is_ignored("Server.PEM", is_folder=False) is None
