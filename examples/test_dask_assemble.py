"""Tests the Dask example on two processes, against a fake docassemble on a real address."""

# pyright: reportUnknownMemberType=false, reportArgumentType=false
# Dask says the types of some of its arguments only.

from __future__ import annotations

import asyncio
import copyreg
import os
import pickle
from collections import Counter
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from docassemble_client import RowResult, Secret
from docassemble_client.testing import FakeServer

_before = copyreg.dispatch_table.copy()

from distributed import Client, LocalCluster  # noqa: E402 - after this look

from examples.dask_assemble import (  # noqa: E402 - as above
    INTERVIEW,
    Connection,
    Docassemble,
    Work,
    assemble_on,
)

# Dask makes pickle take causes and frames of errors along, in this whole process: not for others.
copyreg.dispatch_table.clear()
copyreg.dispatch_table.update(_before)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

COUNT = 60


def rows() -> list[dict[str, Any]]:
    """Make rows, of which one lacks an answer."""
    made: list[dict[str, Any]] = [{"favorite_number": number} for number in range(COUNT)]
    made[42]["favorite_number"] = 42
    return made


@asynccontextmanager
async def cluster(connection: Connection) -> AsyncGenerator[Client]:
    """Start two workers with clients of their own."""
    async with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            asynchronous=True,
        ) as machines,
        Client(machines, asynchronous=True) as client,
    ):
        await client.register_plugin(Docassemble(connection))
        yield client


async def sessions(fake: FakeServer) -> list[str]:
    """List the sessions that are on the server."""
    async with fake.client() as da:
        return [one.session async for one in da.sessions.list()]


async def collect(client: Client, work: Work) -> list[RowResult]:
    """Collect what becomes of the rows, in their order."""
    async with aclosing(assemble_on(client, work, rows(), size=7)) as results:
        return sorted([one async for one in results], key=lambda one: one.index)


@pytest.mark.slow
def test_rows_are_spread_over_the_workers(tmp_path: Path) -> None:
    """Each row is done once, by one of both; a second run does only the one that failed."""
    fake = FakeServer()
    work = Work(interview=INTERVIEW, folder=tmp_path / "out")

    async def job(url: str) -> tuple[list[RowResult], list[RowResult], str, set[int]]:
        connection = Connection(url=url, api_key=Secret(fake.api_key))
        assert fake.api_key not in repr(Docassemble(connection)) + repr(connection)
        async with cluster(connection) as client:
            first = await collect(client, work)
            second = await collect(client, work)
            logs = str(cast("object", await client.get_worker_logs()))
            processes = cast("dict[str, int]", await client.run(os.getpid))
        return first, second, logs, {*processes.values()}

    with fake.serve() as url:
        first, second, logs, processes = asyncio.run(job(url))

    assert [one.key for one in first] == [f"{number}" for number in range(COUNT)]
    assert [one.row for one in first] == rows()
    assert Counter(one.outcome for one in first) == {"done": COUNT - 1, "failed": 1}
    assert first[42].outcome == "failed"
    assert len({one.paths[0] for one in first if one.paths}) == COUNT - 1
    assert b'"inhabitants": 2405}' in first[9].paths[0].read_bytes()
    assert [one.index for one in second if not one.earlier] == [42]
    assert len(processes - {os.getpid()}) == 2
    assert fake.api_key not in logs
    starts = [one for one in fake.received if one.operation == "sessions.start"]
    assert len(starts) == COUNT + 1
    assert asyncio.run(sessions(fake)) == []


def test_worker_takes_the_key_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key in the connection none is sent; what is sent becomes a client there."""
    fake = FakeServer()
    monkeypatch.setenv("DOCASSEMBLE_URL", fake.url)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", fake.api_key)
    sent = pickle.dumps(Docassemble(Connection()))
    plugin = pickle.loads(sent)  # noqa: S301 - our own

    async def job() -> None:
        plugin.setup(None)
        await plugin.teardown(None)

    asyncio.run(job())

    assert fake.api_key.encode() not in sent
    assert plugin.da.base_url == fake.url
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(plugin)
