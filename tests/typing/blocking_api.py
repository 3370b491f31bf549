"""
The blocking client as type checkers see it.

mypy and pyright, both strict, check this file; it is never run. Each wrong call has a comment that
ignores its error. A comment that ignores no error fails the check.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, assert_type

import docassemble_client as d
from docassemble_client import Docassemble, Secret, Timeouts, blocking, models

if TYPE_CHECKING:
    import httpx

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


def constructor(transport: httpx.BaseTransport, other: httpx.AsyncBaseTransport) -> None:
    assert_type(Docassemble("https://da.example.com", "key"), Docassemble)
    Docassemble("https://da.example.com", api_key=Secret("key"), timeout=Timeouts(total=60))
    Docassemble("https://da.example.com", "key", transport=transport)
    assert_type(Docassemble.from_env(max_concurrency=5, transport="httpx2"), Docassemble)
    assert_type(Docassemble.from_profile("prod"), Docassemble)

    Docassemble("https://da.example.com", "key", transport="aiohttp")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Docassemble("https://da.example.com", "key", transport=other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Docassemble("https://da.example.com", "key", cleanup_timeout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class Mine(Docassemble):
    """A subclass keeps its type."""


def views() -> None:
    with Mine("https://da.example.com", "key") as da:
        assert_type(da, Mine)
    assert_type(Mine.from_env(), Mine)
    assert_type(da.as_key("key").with_options(timeout=None), Mine)


def calls(da: Docassemble) -> None:
    assert_type(da.users.get(1), models.User)
    assert_type(da.users.list(), blocking.Paginator[models.User])
    assert_type(list(da.users.list()), list[models.User])
    assert_type(da.users.list().first_page(), d.Page[models.User])
    assert_type(next(da.users.list().pages()), d.Page[models.User])
    assert_type(next(da.users.list().items(max_items=3)), models.User)
    assert_type(da.files.download(1).read(), d.BinaryContent)
    assert_type(da.files.download(1).save("a"), Path)
    with da.files.download(1) as stream:
        assert_type(stream, blocking.DownloadStream)
        assert_type(next(iter(stream)), bytes)
    result = da.with_response(da.users.get, 1, headers={"X-A": "b"})
    assert_type(result, d.CallResult[models.User])
    assert_type(da.wait_for_task(da.server.restart()), d.TaskResult | None)

    da.users.get("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    da.with_response(da.users.get, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    da.users.list().items(prefetch=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def workflows(da: Docassemble) -> None:
    interview = da.interview(I)
    assert_type(interview, blocking.Interview)
    with interview.session() as s:
        assert_type(s, blocking.InterviewSession)
        assert_type(s.question(), models.SessionReply)
        assert_type(s.run({}), d.Transcript)
        assert_type(s.keep, bool)
    assert_type(interview.assemble().read(), d.Documents)
    with interview.assemble() as downloads:
        assert_type(downloads["pdf"], blocking.DocumentDownload)
        assert_type(downloads.load(lambda document: document.format), list[str])
    with da.project("demo") as project:
        assert_type(project, blocking.Project)
        assert_type(project.sync("folder"), d.SyncReport)
    assert_type(next(da.export_sessions()), d.ExportedSession)
    assert_type(da.deploy("folder"), d.DeployReport)
