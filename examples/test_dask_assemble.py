"""Tests the Dask example with two worker processes and a fake server over HTTP."""

# pyright: reportUnknownMemberType=false, reportArgumentType=false
# Dask has incomplete type annotations.

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

_dispatch_table = copyreg.dispatch_table.copy()

from distributed import Client, LocalCluster  # noqa: E402 - after this look

from examples.dask_assemble import (  # noqa: E402 - as above
    INTERVIEW,
    Connection,
    Docassemble,
    Work,
    assemble_on,
    choose_server,
)

# Dask registers picklers of exceptions and frames for the whole process: remove them.
copyreg.dispatch_table.clear()
copyreg.dispatch_table.update(_dispatch_table)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

COUNT = 60


def make_rows() -> list[dict[str, Any]]:
    """Make rows; row 42 has no answer for a variable."""
    rows: list[dict[str, Any]] = [{"favorite_number": number} for number in range(COUNT)]
    rows[42]["favorite_number"] = 42
    return rows


@asynccontextmanager
async def start_cluster(connection: Connection) -> AsyncGenerator[Client]:
    """Start a cluster with two workers."""
    async with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            asynchronous=True,
        ) as local_cluster,
        Client(local_cluster, asynchronous=True) as client,
    ):
        await client.register_plugin(Docassemble(connection))
        yield client


async def list_sessions(fake: FakeServer) -> list[str]:
    """List the sessions on the server."""
    async with fake.client() as da:
        return [summary.session async for summary in da.sessions.list()]


async def collect(client: Client, work: Work) -> list[RowResult]:
    """Collect the results in the order of the rows."""
    async with aclosing(assemble_on(client, work, make_rows(), size=7)) as results:
        return sorted([result async for result in results], key=lambda result: result.index)


@pytest.mark.slow
def test_rows_are_distributed_over_the_workers(tmp_path: Path) -> None:
    """Each row is processed once by a worker; a second run repeats only the failed row."""
    fake = FakeServer()
    work = Work(interview=INTERVIEW, folder=tmp_path / "out")

    async def job(url: str) -> tuple[list[RowResult], list[RowResult], str, set[int]]:
        connection = Connection(url=url, api_key=Secret(fake.api_key))
        assert fake.api_key not in repr(Docassemble(connection)) + repr(connection)
        async with start_cluster(connection) as client:
            first = await collect(client, work)
            second = await collect(client, work)
            logs = str(cast("object", await client.get_worker_logs()))
            processes = cast("dict[str, int]", await client.run(os.getpid))
        return first, second, logs, {*processes.values()}

    with fake.serve() as url:
        first, second, logs, processes = asyncio.run(job(url))

    assert [result.key for result in first] == [f"{number}" for number in range(COUNT)]
    assert [result.row for result in first] == make_rows()
    assert Counter(result.outcome for result in first) == {"done": COUNT - 1, "failed": 1}
    assert first[42].outcome == "failed"
    assert len({result.paths[0] for result in first if result.paths}) == COUNT - 1
    assert b'"inhabitants": 2405}' in first[9].paths[0].read_bytes()
    assert [result.index for result in second if not result.from_journal] == [42]
    assert len(processes - {os.getpid()}) == 2
    assert fake.api_key not in logs
    starts = [
        request for request in fake.received_requests if request.operation == "sessions.start"
    ]
    assert len(starts) == COUNT + 1
    assert asyncio.run(list_sessions(fake)) == []


def test_worker_uses_the_key_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key in the connection, no key is sent; the worker creates its client."""
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


@pytest.mark.sockets
async def test_fake_server_is_used_without_an_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without DOCASSEMBLE_URL the example starts a fake server, and says so."""
    monkeypatch.delenv("DOCASSEMBLE_URL", raising=False)
    with choose_server() as connection:
        async with connection.make_client() as da:
            assert (await da.users.get_current()).email == "admin@example.com"
    assert connection.url in capsys.readouterr().out

    monkeypatch.setenv("DOCASSEMBLE_URL", "https://da.example.com")
    with choose_server() as connection:
        assert connection == Connection(retry=connection.retry)
