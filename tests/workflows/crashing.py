"""A batch in a process of its own, which a test kills."""

from __future__ import annotations

import asyncio
import sys

from docassemble_client import AsyncDocassemble, RetryPolicy
from tests.workflows.outages import I, rows


async def main(url: str, key: str, journal: str, count: int) -> None:
    """Run the rows, and print each that ended."""
    retry = RetryPolicy(initial_delay=0.01, max_delay=0.1)
    async with AsyncDocassemble(url, key, retry=retry) as da:
        many = da.interview(I).assemble_many(rows(count), concurrency=8, journal=journal)
        async for one in many:
            sys.stdout.write(f"{one.key} {one.outcome} {one.earlier}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
