"""Spreads a batch over a Dask cluster: a client on each worker, made there and never sent."""

# pyright: reportUnknownMemberType=false, reportArgumentType=false
# Dask says the types of some of its arguments only.

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve, field, frozen
from distributed import Client, LocalCluster, WorkerPlugin, get_worker

from docassemble_client import (
    AsyncDocassemble,
    DocassembleError,
    Policy,
    RetryPolicy,
    RowResult,
    Secret,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from distributed.worker import Worker

    from docassemble_client import Answer

    Row: TypeAlias = Mapping[str, Answer]

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"
PLUGIN = "docassemble"


@frozen(kw_only=True)
class Connection:
    """
    What a worker makes its client of: it can be pickled, which a client cannot.

    Attributes:
        url: Address of the server; by default DOCASSEMBLE_URL of the worker.
        api_key: The key, which shows itself nowhere, but is sent to the workers; without one it is
            DOCASSEMBLE_API_KEY of the worker.
        retry: When a failed request is sent again.
        transport: Which HTTP library is used.
    """

    url: str = ""
    api_key: Secret | None = None
    retry: RetryPolicy = field(factory=RetryPolicy)
    transport: Literal["httpx", "httpx2", "aiohttp"] = "httpx"

    def client(self) -> AsyncDocassemble:
        """Make the client."""
        if self.api_key is None:
            return AsyncDocassemble.from_env(retry=self.retry, transport=self.transport)
        return AsyncDocassemble(self.url, self.api_key, retry=self.retry, transport=self.transport)


@frozen(kw_only=True)
class Work:
    """
    What is done with every row; see `Interview.assemble_many`.

    Attributes:
        interview: File name of the interview.
        folder: Folder that all workers reach, for documents and journals.
        concurrency: How many rows are under way on one worker at most.
        policy: What to answer where a row says nothing.
        repeat_unknown: Whether to repeat rows that an earlier run may have done.
    """

    interview: str
    folder: Path
    concurrency: int = 4
    policy: Policy = Policy.refuse
    repeat_unknown: bool = False


class Docassemble(WorkerPlugin):
    """Gives a worker one client, on the event loop on which its coroutines run."""

    name = PLUGIN

    def __init__(self, connection: Connection) -> None:
        """
        Plan it.

        Args:
            connection: What each worker makes its client of.
        """
        self._connection = connection
        self.da: AsyncDocassemble | None = None

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - Dask passes it
        """Make the client; it connects when it is first used."""
        self.da = self._connection.client()
        # Parts of a batch on one worker take turns, so that its concurrency is that of the work.
        self.turn = asyncio.Lock()

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask passes it
        """Close the connections."""
        if self.da is not None:
            await self.da.aclose()


async def assemble_part(work: Work, part: str, rows: list[Row]) -> list[RowResult]:
    """
    Do some rows on a worker; done again, such as after the death of another worker, it goes on.

    Args:
        work: What is done with each.
        part: Name of the part, which its journal and the folder of its documents have.
        rows: The rows.

    Returns:
        How each ended, without the row itself.
    """
    plugin = get_worker().plugins[PLUGIN]
    assert isinstance(plugin, Docassemble)
    assert plugin.da is not None
    work.folder.mkdir(parents=True, exist_ok=True)
    async with plugin.turn:
        many = plugin.da.interview(work.interview).assemble_many(
            rows,
            concurrency=work.concurrency,
            journal=work.folder / f"{part}.jsonl",
            save_to=work.folder / part,
            policy=work.policy,
            repeat_unknown=work.repeat_unknown,
        )
        return [evolve(result, row={}) async for result in many]


async def assemble_on(
    cluster: Client, work: Work, rows: Iterable[Row], *, size: int = 50, at_once: int = 8
) -> AsyncGenerator[RowResult]:
    """
    Spread rows over a cluster whose workers have the plugin.

    Args:
        cluster: Client of the cluster, made with asynchronous=True.
        work: What is done with each.
        rows: The rows; the same ones in the same order if the batch is to go on.
        size: How many rows are given to a worker at a time; the same if the batch is to go on.
        at_once: How many such parts the cluster has at most, so that rows are not all in memory.

    Yields:
        How each row ended, with its position among all rows.
    """
    source, number, running = iter(rows), 0, set[asyncio.Task[list[RowResult]]]()
    try:
        while True:
            while len(running) < at_once and (part := [*islice(source, size)]):
                running.add(asyncio.ensure_future(_spread(cluster, work, number, part, size)))
                number += 1
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                for result in task.result():
                    yield result
    finally:
        for task in running:
            task.cancel()


async def _spread(
    cluster: Client, work: Work, number: int, rows: list[Row], size: int
) -> list[RowResult]:
    """Give a part to the cluster, and bring results and rows together again."""
    future: Any = cluster.submit(assemble_part, work, f"part-{number:06}", rows, pure=False)
    first = number * size
    try:
        results: list[RowResult] = await future
    except asyncio.CancelledError:
        await future.cancel()
        raise
    except Exception as error:  # noqa: BLE001 - whatever happened to the workers
        # Its journal knows what was done, and the next run says so.
        lost = DocassembleError(f"the cluster lost these rows ({type(error).__name__})")
        results = [
            RowResult(index=index, key="", outcome="unknown", row={}, error=lost)
            for index in range(len(rows))
        ]
    return [
        evolve(one, index=first + one.index, key=str(first + one.index), row=rows[one.index])
        for one in results
    ]


async def main(folder: str) -> None:
    """Run a hundred rows on two processes of this machine."""
    rows: list[Row] = [
        {"favorite_number": number, "user_agrees_to_waive_penalties": True} for number in range(100)
    ]
    work = Work(interview=INTERVIEW, folder=Path(folder))
    async with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            asynchronous=True,
        ) as machines,
        Client(machines, asynchronous=True) as cluster,
    ):
        await cluster.register_plugin(Docassemble(Connection()))
        async with aclosing(assemble_on(cluster, work, rows, size=10)) as results:
            async for result in results:
                print(result.key, result.outcome, result.error or result.paths)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "out"))
