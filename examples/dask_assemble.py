"""Distributes a batch over a Dask cluster. Each worker creates its own client."""

# pyright: reportUnknownMemberType=false, reportArgumentType=false
# Dask has incomplete type annotations.

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import aclosing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve, field, frozen
from distributed import Client, LocalCluster, WorkerPlugin, get_worker

from docassemble_client import (
    AnswerPolicy,
    AsyncDocassemble,
    DocassembleError,
    RetryPolicy,
    RowResult,
    Secret,
)
from docassemble_client.testing import FakeServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable, Mapping

    from distributed.worker import Worker

    from docassemble_client import Answer

    Row: TypeAlias = Mapping[str, Answer]

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"
PLUGIN = "docassemble"


@frozen(kw_only=True)
class Connection:
    """
    Settings of a worker's client. Unlike a client, they can be pickled.

    Attributes:
        url: Address of the server; by default DOCASSEMBLE_URL of the worker.
        api_key: API key, sent to the workers; by default DOCASSEMBLE_API_KEY of the worker.
        retry: Retry policy.
        transport: HTTP library.
    """

    url: str = ""
    api_key: Secret | None = None
    retry: RetryPolicy = field(factory=RetryPolicy)
    transport: Literal["httpx", "httpx2", "aiohttp"] = "httpx"

    def make_client(self) -> AsyncDocassemble:
        """Create the client."""
        if self.api_key is None:
            return AsyncDocassemble.from_env(retry=self.retry, transport=self.transport)
        return AsyncDocassemble(self.url, self.api_key, retry=self.retry, transport=self.transport)


@frozen(kw_only=True)
class Work:
    """
    Settings of the batch; see `Interview.assemble_many`.

    Attributes:
        interview: File name of the interview.
        folder: Folder for documents and journals, shared by all workers.
        concurrency: Maximum number of rows processed at once by a worker.
        policy: Policy for fields without an answer in the row.
        rerun_unknown: Whether to run rows again that an earlier run may have processed.
    """

    interview: str
    folder: Path
    concurrency: int = 4
    policy: AnswerPolicy = AnswerPolicy.strict
    rerun_unknown: bool = False


class Docassemble(WorkerPlugin):
    """Creates the client of a worker on the event loop that runs its coroutines."""

    name = PLUGIN

    def __init__(self, connection: Connection) -> None:
        """
        Store the settings.

        Args:
            connection: Settings of the workers' clients.
        """
        self._connection = connection
        self.da: AsyncDocassemble | None = None

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - Dask passes it
        """Create the client; it connects on first use."""
        self.da = self._connection.make_client()
        # A worker processes one part at a time, so that `concurrency` is the limit per worker.
        self.lock = asyncio.Lock()

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask passes it
        """Close the connections."""
        if self.da is not None:
            await self.da.aclose()


async def assemble_part(work: Work, part: str, rows: list[Row]) -> list[RowResult]:
    """
    Process rows on a worker; if repeated after a crash, continue with the unfinished rows.

    Args:
        work: Settings of the batch.
        part: Name of the part, its journal and the folder of its documents.
        rows: The rows.

    Returns:
        The results, without the rows.
    """
    plugin = get_worker().plugins[PLUGIN]
    assert isinstance(plugin, Docassemble)
    assert plugin.da is not None
    work.folder.mkdir(parents=True, exist_ok=True)
    async with plugin.lock:
        batch = plugin.da.interview(work.interview).assemble_many(
            rows,
            concurrency=work.concurrency,
            journal=work.folder / f"{part}.jsonl",
            save_to=work.folder / part,
            policy=work.policy,
            rerun_unknown=work.rerun_unknown,
        )
        return [evolve(result, row={}) async for result in batch]


async def assemble_on(
    cluster: Client, work: Work, rows: Iterable[Row], *, size: int = 50, max_parts: int = 8
) -> AsyncGenerator[RowResult]:
    """
    Distribute rows over a cluster whose workers have the plugin.

    To continue a batch, use the same rows in the same order and the same size.

    Args:
        cluster: Client of the cluster, created with `asynchronous=True`.
        work: Settings of the batch.
        rows: The rows.
        size: Number of rows per part.
        max_parts: Maximum number of submitted parts, which limits the rows in memory.

    Yields:
        The results, with the row and its index.
    """
    source, number, running = iter(rows), 0, set[asyncio.Task[list[RowResult]]]()
    try:
        while True:
            while len(running) < max_parts and (part := [*islice(source, size)]):
                running.add(asyncio.ensure_future(_submit_part(cluster, work, number, part, size)))
                number += 1
            if not running:
                return
            finished, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                for result in task.result():
                    yield result
    finally:
        for task in running:
            task.cancel()


async def _submit_part(
    cluster: Client, work: Work, number: int, rows: list[Row], size: int
) -> list[RowResult]:
    """Submit a part to the cluster, and add the rows to its results."""
    future: Any = cluster.submit(assemble_part, work, f"part-{number:06}", rows, pure=False)
    first = number * size
    try:
        results: list[RowResult] = await future
    except asyncio.CancelledError:
        await future.cancel()
        raise
    except Exception as error:  # noqa: BLE001 - whatever happened to the workers
        # The journal has the finished rows; the next run returns their results.
        cluster_error = DocassembleError(f"the cluster lost these rows ({type(error).__name__})")
        results = [
            RowResult(index=index, key="", outcome="unknown", row={}, error=cluster_error)
            for index in range(len(rows))
        ]
    return [
        evolve(
            result,
            index=first + result.index,
            key=str(first + result.index),
            row=rows[result.index],
        )
        for result in results
    ]


@contextmanager
def choose_server() -> Generator[Connection]:
    """Return a connection to the server of the environment, or else to a fake server."""
    if os.environ.get("DOCASSEMBLE_URL"):
        yield Connection()
        return
    fake = FakeServer()
    with fake.serve() as url:
        print(f"DOCASSEMBLE_URL is not set, so a fake server is used: {url}")
        yield Connection(url=url, api_key=Secret(fake.api_key))


async def main(folder: str) -> None:
    """Process a hundred rows with two worker processes on this machine."""
    rows: list[Row] = [
        {"favorite_number": number, "user_agrees_to_waive_penalties": True} for number in range(100)
    ]
    work = Work(interview=INTERVIEW, folder=Path(folder))
    with choose_server() as connection:
        await run_on_local_cluster(connection, work, rows)


async def run_on_local_cluster(connection: Connection, work: Work, rows: list[Row]) -> None:
    """Process rows with two worker processes, and print the results."""
    async with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            asynchronous=True,
        ) as local_cluster,
        Client(local_cluster, asynchronous=True) as cluster,
    ):
        await cluster.register_plugin(Docassemble(connection))
        async with aclosing(assemble_on(cluster, work, rows, size=10)) as results:
            async for result in results:
                print(result.key, result.outcome, result.error or result.paths)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "out"))
