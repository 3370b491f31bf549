"""`python -m benchmarks.job_server`: a fake server for jobs of many calls."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from docassemble_client.testing import FakeDocument, FakeServer, Field, ScriptedScreen

if TYPE_CHECKING:
    from docassemble_client.testing import SessionVariables

LETTER = "docassemble.demo:data/questions/letter.yml"
LATENCY_SECONDS = 0.01
"""Delay of each response; a real server takes 20 to 100 ms."""


def make_server(latency: float = 0.0) -> FakeServer:
    """Make a server whose interview asks for a name and assembles a letter."""
    fake = FakeServer(latency=latency)

    def finish(_: SessionVariables) -> ScriptedScreen:
        return ScriptedScreen("Done", documents=[FakeDocument("Letter", {"pdf": b"%PDF-1.7"})])

    fake.add_interview(LETTER, ScriptedScreen("Name?", [Field("name")]), final=finish)
    return fake


def main() -> None:
    """Print address and key, and serve until the standard input ends."""
    fake = make_server(LATENCY_SECONDS)
    with fake.serve() as url:
        print(json.dumps({"url": url, "key": fake.api_key}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
