"""Jobs of many calls make no more of them than the API needs: a server answers few per second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.job_server import LETTER, make_server
from benchmarks.jobs import OurScripts, make_files

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client.testing import FakeServer

MAX_RATIO = 1.05
# Items of each job, and the calls that the API needs at least.
JOBS = {
    "export": (250, 3),  # pages of 100 sessions
    "sync_new": (1000, 5 + 2),  # the list of each folder, and requests of less than 1,000 parts
    "sync_again": (30, 5 + 30),  # equal files are known by their content only
    # The response to a new user has only its number, and the server omits privileges that the
    # owner of the key may not grant.
    "ensure_new": (50, 1 + 2 * 50),
    "ensure_again": (50, 1),
    "assemble": (20, 4 * 20),  # start, set and run, download, delete
}


async def count_calls(fake: FakeServer, scripts: OurScripts, job: str, items: int) -> int:
    """Run a job and count its calls."""
    before = len(fake.received_requests)
    await getattr(scripts, job)(items, "1")
    return len(fake.received_requests) - before


@pytest.mark.parametrize("job", JOBS)
async def test_job_makes_the_least_number_of_calls(job: str, tmp_path: Path) -> None:
    """At most 5 % more, also if the project and the users exist already."""
    fake, (items, least_calls) = make_server(), JOBS[job]
    make_files(tmp_path, items)
    async with fake.client() as da:
        if job == "export":
            for _ in range(items):
                await da.sessions.start(LETTER)
        scripts = OurScripts(da, da, tmp_path)
        await scripts.open_round("1")
        if job.endswith("_again"):
            await getattr(scripts, job.replace("_again", "_new"))(items, "1")
        calls = await count_calls(fake, scripts, job, items)

    assert calls <= MAX_RATIO * least_calls
