"""Identifiers that are banned: words of a private vocabulary, and names that were replaced."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "codegen", "tests", "benchmarks", "examples")
FILES = [
    ROOT / "noxfile.py",
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))),
]
# Name the thing instead: field, error, path, page, package.
WORDS = {"each", "one", "what", "whoever"}
REPLACED = {
    *("AnyTransport", "Asked", "Brought", "CarefulSession", "Crash", "Driven"),
    *("Encoded", "Handover", "HandoverRefused", "Incoming", "Inexact", "Jobs", "Lanes"),
    *("Lead", "Mismatch", "Needed", "NotPacked", "OldSession", "OneOf", "Pace"),
    *("Played", "Received", "Refusal", "Remark", "Reply", "Requirement", "Runtime", "Saving"),
    *("Single", "Stage", "StuckInterview", "Turns", "Verify", "Walk", "Wishes"),
    *("World", "_AT_ONCE", "_Examination", "_Goal", "_KEPT", "_LARGEST", "_LONGEST", "_LOOK"),
    *("_Lost", "_MOST", "_Offer", "_Opening", "_Pieces", "_Said", "_SHORT", "_Visit"),
    *("_Wait", "_Waiting", "_Walk", "_Watched", "_alone", "_appeared", "_arrived"),
    *("_blamed", "_connected", "_endless", "_explained", "_finished", "_goes_on", "_over"),
    *("_passing", "_prepared", "_provable", "_redirected", "_shown"),
    *("_standing", "_straight", "_told", "_undone", "_verified", "as_upload"),
    *("at_risk", "bears", "brings", "claim", "config_patch", "documents_of"),
    *("filename_of", "find_known", "heal", "homes", "in_turns", "judge", "left_out"),
    *("normalised", "not_connected", "not_sent", "patience", "piplog"),
    *("repeat_unknown", "scrub_arguments", "scrub_url", "serialise", "steady"),
    *("timed_out", "to_its_end", "undated", "undecodable", "unreadable", "verdict"),
    *("Begun", "Deliver", "Line", "Outgoing", "PageSource", "TaskCalls", "Tell", "weather"),
}


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Find every name that a file defines or uses, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield name, line
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name, line
            case ast.keyword(arg=str(name)):
                yield name, line
            case ast.alias(name=name, asname=asname):
                yield asname or name, line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_banned_identifier(path: Path) -> None:
    """Every name is one that a reader of httpx or botocore would guess."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [
        f"{path.name}:{line} {name}"
        for name, line in identifiers(tree)
        if name in WORDS or name in REPLACED
    ] == []
