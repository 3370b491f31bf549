"""
Runs a job of ALDashboard, a package that adds endpoints of its own to a docassemble server.

The server needs the package, and its module in the directive `celery modules`. `da.request` calls
the endpoints with the key, errors and retries of every call. test_aldashboard_jobs.py tests it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docassemble_client import AsyncDocassemble, DocassembleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client import JSONInput

BASE = "/al/api/v1/dashboard"
POLL_SECONDS = 2.0


class JobFailed(DocassembleError):  # noqa: N818 - like TaskFailed
    """The job ended with an error."""


async def run_job(
    da: AsyncDocassemble, path: str, options: Mapping[str, JSONInput], *, timeout: float = 300.0
) -> Any:
    """
    Start a job, wait for it and return its result; delete it on the server in any case.

    Args:
        da: The client.
        path: Path of the endpoint below /al/api/v1/dashboard, such as /yaml/check.
        options: Its options.
        timeout: Maximum number of seconds to wait.

    Returns:
        The data of the result.

    Raises:
        JobFailed: The job ended with an error.
        TimeoutError: It did not end in time.
    """
    async with asyncio.timeout(timeout):
        response = await da.request("POST", f"{BASE}{path}", json={**options, "mode": "async"})
        started: Any = response.json()
        job = f"{BASE}/jobs/{started['job_id']}"
        try:
            while True:
                # Reading has no effects, so that it may be repeated while the server restarts.
                reply: Any = (await da.request("GET", job, safe=True)).json()
                if reply["status"] == "succeeded":
                    return reply["data"]
                if reply["status"] == "failed":
                    # Its message may contain what was sent.
                    raise JobFailed(reply["error"]["type"], operation=f"ALDashboard {path}")
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await da.request("DELETE", job)


async def main(path: str) -> None:
    """Check an interview, and print the errors."""
    text = Path(path).read_text(encoding="utf-8")
    async with AsyncDocassemble.from_env() as da:
        result = await run_job(da, "/yaml/check", {"yaml_text": text, "filename": path})
    for problem in result["errors"]:
        print(problem)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
