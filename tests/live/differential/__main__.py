"""Command line: `python -m tests.live.differential [--seed TEXT] [--calls NUMBER]`."""

import argparse
import os
import secrets

from tests.live.differential.report import Report
from tests.live.differential.runner import run
from tests.live.server import ensure_running


def main(arguments: list[str] | None = None) -> None:
    """Run the calls, and print the differences."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.live.differential",
        description="Compare the fake server with a real one by random calls: with that of "
        "DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY, or else that of tests.live.server.",
    )
    parser.add_argument("--seed", default=secrets.token_hex(4), help="seed (default: random)")
    parser.add_argument("--calls", type=int, default=1000, help="number (default: %(default)s)")
    options = parser.parse_args(arguments)
    url, api_key = os.environ.get("DOCASSEMBLE_URL"), os.environ.get("DOCASSEMBLE_API_KEY")
    if not (url and api_key):
        server = ensure_running()
        url, api_key = server.url, server.api_key
    report = Report()
    for result in run(url, api_key, seed=options.seed, count=options.calls):
        report.add(result)
    print(f"seed {options.seed}", *report.iter_lines(), sep="\n")


if __name__ == "__main__":
    main()
