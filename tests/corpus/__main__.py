"""
Runs the interviews of public packages and writes docs/corpus.md.

    python -m tests.corpus [--only TEXT | --stop]

With `--only`, it runs the interviews whose name contains the text, and writes nothing. The server
keeps running, to be reused; `--stop` stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from docassemble_client import AsyncDocassemble
from tests.corpus.report import write_report
from tests.corpus.runs import Outcome, run_interviews
from tests.corpus.server import (
    Corpus,
    install_packages,
    list_interviews,
    read_corpus,
    restart_server,
    start_server,
)
from tests.live.server import stop
from tests.live.server.paths import CACHE_VARIABLE

# Its packages must not change the results of the live tests.
CACHE = Path.home() / ".cache" / "docassemble-client" / "corpus"


async def run_corpus(corpus: Corpus, text: str) -> None:
    """Install the packages, run their interviews and write the report."""
    server, stand_ins = start_server()
    async with AsyncDocassemble(server.url, server.api_key) as da:
        failures = await install_packages(da, corpus.packages)
    server = restart_server(server)
    names = [
        name
        for package in corpus.packages
        if package not in failures
        for name in list_interviews(server, corpus, package)
        if text in name
    ]
    outcomes: list[Outcome] = await run_interviews(server, corpus, names)
    if not text:
        write_report(server, corpus, stand_ins, failures, outcomes)


def main() -> None:
    """Read the options and run the corpus."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="")
    parser.add_argument("--stop", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault(CACHE_VARIABLE, str(CACHE))
    if options.stop:
        stop()
    else:
        asyncio.run(run_corpus(read_corpus(), options.only))


if __name__ == "__main__":
    main()
