"""The generated page docs/versions.md."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codegen.__main__ import read
from codegen.render import render
from tests.codegen.harness import write_spec

if TYPE_CHECKING:
    from pathlib import Path

THINGS = """
operations:
  get:
    call: GET /api/thing
    parameters:
      size: {in: query, type: int, doc: Size., since: "1.10", why: Older servers ignore it.}
    errors:
      - status: 400
        message: No {}.
        hint: Ask.
        since: "1.9"
        why: [Older servers send HTML., With status 501.]
      - {status: 404, message: Gone., hint: Check it.}
  peek: {call: GET /api/thing, variant_of: get}
  update: {call: POST /api/thing, since: "1.10"}
"""


def _build_run(server: str, **operations: int) -> dict[str, object]:
    return {
        "server": server,
        "date": "2026-01-31",
        "operations": {
            f"things.{name}": {"succeeded": count, "errors": {"404 Gone.": 2} if count else {}}
            for name, count in operations.items()
        },
    }


def _render_page(root: Path, *runs: dict[str, object]) -> str:
    folder = write_spec(root, THINGS)
    (folder / "proven").mkdir()
    for run in runs:
        (folder / "proven" / f"{run['server']}.json").write_text(json.dumps(run), encoding="utf-8")
    return render(read(folder))["docs/versions.md"]


def test_page_shows_the_results_of_each_version(tmp_path: Path) -> None:
    """Every operation has a cell for every server, newest first, with the reason for a gap."""
    runs = (_build_run("1.9.13", get=3, update=0), _build_run("1.10.14", get=4, update=1))

    page = _render_page(tmp_path, *runs)

    assert (
        """
- docassemble 1.10.14, on 2026-01-31: 2 of 3 operations.
- docassemble 1.9.13, on 2026-01-31: 1 of 3 operations.

## Operations

| operation | since | 1.10.14 | 1.9.13 |
| --- | --- | --- | --- |
| `things.get` |  | verified (4), 1 of 2 errors | verified (3), 1 of 2 errors |
| `things.peek` |  | not tested | not tested |
| `things.update` | 1.10 | verified (1) | not available |
"""
        in page
    )


def test_page_lists_each_difference(tmp_path: Path) -> None:
    """Every `since` has a section with its path and reason."""
    page = _render_page(tmp_path)

    assert "No run is recorded." in page
    assert page.endswith(
        """
### things: get: size

As described since 1.10. Older servers ignore it.

### things: get: No {}.

As described since 1.9. Older servers send HTML. With status 501.
"""
    )
