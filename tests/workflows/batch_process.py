"""Runs a batch in a separate process that a test kills."""

from __future__ import annotations

import asyncio
import sys

from docassemble_client import AsyncDocassemble, RetryPolicy
from tests.workflows.flaky_server import I, make_rows


async def main(url: str, key: str, journal: str, count: int) -> None:
    """Run the rows, and print the result of each."""
    retry = RetryPolicy(initial_delay=0.01, max_delay=0.1)
    async with AsyncDocassemble(url, key, retry=retry) as da:
        results = da.interview(I).assemble_many(make_rows(count), concurrency=8, journal=journal)
        async for result in results:
            sys.stdout.write(f"{result.key} {result.outcome} {result.from_journal}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
