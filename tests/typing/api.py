"""
The public API as type checkers see it.

mypy and pyright, both strict, check this file; it is never run. Each wrong call has a comment that
ignores its error. A comment that ignores no error fails the check.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_type

import docassemble_client as d
from docassemble_client import AsyncDocassemble, Secret, Timeouts, models
from docassemble_client.operations import OPERATIONS, USERS_GET

if TYPE_CHECKING:
    import ssl

    import httpx

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


def names() -> None:
    d.Usr  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018
    models.Usr  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018


def constructor(context: ssl.SSLContext, transport: httpx.AsyncBaseTransport) -> None:
    assert_type(AsyncDocassemble("https://da.example.com", "key"), AsyncDocassemble)
    AsyncDocassemble("https://da.example.com", api_key=Secret("key"), timeout=None)
    AsyncDocassemble("https://da.example.com", "key", timeout=5, retry=d.RetryPolicy(attempts=1))
    AsyncDocassemble("https://da.example.com", "key", timeout=Timeouts(total=60), verify=context)
    AsyncDocassemble("https://da.example.com", "key", transport="httpx", cert=("a.pem", "b.pem"))
    AsyncDocassemble("https://da.example.com", "key", transport=transport, verify="ca.pem")
    AsyncDocassemble("https://da.example.com", "key", headers={"X-A": "b"}, retry_budget=None)
    AsyncDocassemble("https://da.example.com", "key", headers=lambda: {"X-A": "b"}, on_event=print)
    AsyncDocassemble("https://da.example.com", "key", retry_budget=d.RetryBudget(capacity=5))
    assert_type(AsyncDocassemble.from_env(max_concurrency=5), AsyncDocassemble)

    AsyncDocassemble("https://da.example.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AsyncDocassemble("https://da.example.com", "key", 60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AsyncDocassemble("https://da.example.com", b"key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncDocassemble("https://da.example.com", "key", transport="requests")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncDocassemble("https://da.example.com", "key", headers={"X-A": 5})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    d.RetryPolicy(budget=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class Mine(AsyncDocassemble):
    """A subclass keeps its type."""


async def lifetime() -> None:
    async with Mine("https://da.example.com", "key") as da:
        assert_type(da, Mine)
    assert_type(Mine.from_env(), Mine)
    assert_type(await da.aclose(), None)


def views(da: Mine, secret: Secret) -> None:
    assert_type(da.as_key(secret), Mine)
    assert_type(da.as_key("key").with_options(timeout=None, on_event=None), Mine)
    da.with_options(timeout=Timeouts(pool=5), retry=d.RetryPolicy(), headers={"X-A": "b"})
    da.with_options(headers=lambda: {"X-A": "b"}, on_event=print)

    da.as_key(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    da.with_options(5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    da.with_options(api_key="key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def call_results(da: AsyncDocassemble) -> None:
    result = await da.with_response(da.users.get(1, headers={"X-A": "b"}))
    assert_type(result, d.CallResult[models.User])
    assert_type(result.value, models.User)
    assert_type(result.headers, Mapping[str, str])
    assert_type(result.content, bytes)
    assert_type((await da.with_response(da.users.list())).value, d.Page[models.User])
    assert_type((await da.with_response(da.files.download(17))).value, d.BinaryContent)
    assert_type((await da.with_response(da.users.update(1, active=False))).value, None)

    await da.with_response(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def every_namespace(da: AsyncDocassemble, path: Path) -> None:
    assert_type(await da.api_keys.list(), list[models.ApiKey])
    assert_type(await da.api_keys.create("new", permissions=["create_user"]), Secret)
    assert_type(await da.api_keys.delete("abc"), None)
    assert_type(await da.files.extract_fields(path), models.TemplateFields | str)
    assert_type(await da.files.convert_to_markdown(b"abc"), str)
    assert_type(await da.interviews.list(tag="a"), list[models.InterviewListing])
    assert_type(await da.interviews.get_data(I), models.InterviewData)
    assert_type(await da.links.create_login_url("jane@example.com", Secret("p")), Secret)
    assert_type(await da.packages.list(), list[models.Package])
    assert_type(await da.packages.install(pip="docassemble.demo"), d.TaskHandle)
    assert_type(await da.playground.list_files(folder="sources"), list[str])
    assert_type(await da.playground.upload_files([path, b"x"]), d.TaskHandle | None)
    assert_type(await da.privileges.list(), list[str])
    assert_type(await da.server.get_health(), models.ServerHealth)
    assert_type(await da.server.get_config(), d.Confidential)
    assert_type(await da.server.restart(), d.TaskHandle)
    assert_type(await da.sessions.get_variables(I, "s"), dict[str, d.JSON])
    assert_type(await da.sessions.start(I, secret="s"), models.Session)
    assert_type(await da.stash.store({"a": [1, None, {"b": True}]}), models.StashedData)
    assert_type(await da.users.get(1), models.User)
    assert_type(await da.users.update(1, active=False), None)


async def wrong_calls(da: AsyncDocassemble) -> None:
    await da.users.get("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await da.users.get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await da.users.get(1, 2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await da.users.update(1, first_nam="Jane")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await da.users.delete(1, "everything")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await da.users.invite("jane@example.com", send_emails="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await da.users.no_such_call()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType]
    await da.stash.store({"a": object()})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    await da.server.update_config({1: 2})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    await da.sessions.set_variables(I, "s", variables={"a": object()})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    await da.files.convert_to_markdown(17)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await da.users.get(1, timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await da.users.get(1, headers="X-A")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await da.users.get(1, retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    da.no_such_tag  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType]  # noqa: B018
    da.users = da.users  # pyright: ignore[reportAttributeAccessIssue]


async def lists(da: AsyncDocassemble) -> None:
    users = da.users.list(include_inactive=True, page_token="abc")
    assert_type(users, d.Paginator[models.User])
    page = await users
    assert_type(page, d.Page[models.User])
    assert_type(page.items, list[models.User])
    assert_type(page.next_page_token, str | None)
    assert_type((await da.sessions.list()).items[0], models.SessionSummary)
    da.users.list("abc")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]


async def files(da: AsyncDocassemble, path: Path) -> None:
    download = da.files.download(17, extension="pdf")
    assert_type(download, d.Download)
    content = await download
    assert_type(content, d.BinaryContent)
    assert_type(content.content, bytes)
    assert_type(content.text, str)
    assert_type(await download.save(path, on_progress=print), Path)
    async with download as stream:
        assert_type(stream, d.DownloadStream)
        assert_type(stream.size, int | None)
        async for chunk in stream:
            assert_type(chunk, bytes)
    assert_type(da.playground.download_file("a.yml"), d.Download)
    await da.files.download("17")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def deploying(da: AsyncDocassemble, path: Path) -> None:
    assert_type(await da.deploy(path), d.DeployReport)
    assert_type(await da.deploy(pip="docassemble.demo", restart=False), d.DeployReport)
    async with da.project("review42", create=True) as project:
        assert_type(project, d.Project)
        assert_type(project.interview("main.yml"), d.Interview)
        assert_type(await project.install(path), bool)
        assert_type((await project.sync(path)).changes, tuple[d.SyncChange, ...])
        async for event in project.watch(path):
            assert_type(event.report, d.SyncReport | None)

    await da.deploy(b"PK")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    da.project("review42", True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # noqa: FBT003 - the error


def describe_reply(reply: models.SessionReply) -> str:
    match reply:
        case models.Question(question_type="fields", fields=[*fields]):
            return f"{len(fields)} fields"
        case models.Question() as question:
            return question.question_text
        case models.UndefinedVariable() as undefined:
            return undefined.variable
        case d.JSONReply(data=data):
            return str(data)
        case d.BinaryContent(content_type=content_type):
            return content_type


async def replies(da: AsyncDocassemble) -> None:
    reply = await da.sessions.get_question(I, "s", secret=Secret("abc"))
    assert_type(describe_reply(reply), str)
    answer = await da.sessions.set_variables(I, "s", variables={"a.b": 1}, files={"c": [b"x"]})
    describe_reply(answer)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    if answer is not None:
        describe_reply(answer)


def absent_and_null(method: models.InterviewMethod, key: models.ApiKey) -> None:
    assert_type(key.key, str | None)
    if method.git is d.UNSET:
        assert_type(method.git, Literal[d.Unset.UNSET])
    elif method.git is None:
        assert_type(method.git, None)
    else:
        assert_type(method.git, str)
    assert_type(method.extra, dict[str, d.JSON])
    method.name = "new"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def enumerations(key: models.ApiKey, folder: models.PlaygroundFolder) -> str:
    if key.method == "referer":
        return folder
    return key.method


async def hidden(da: AsyncDocassemble, secret: Secret) -> None:
    assert_type(secret.reveal(), str)
    new = await da.users.create("jane@example.com", password=secret)
    assert_type(new.password, Secret)
    config = await da.server.get_config()
    assert_type(config["db"], d.JSON)
    assert_type(list(config), list[str])
    await da.users.get_secret("jane@example.com", new.password)
    await da.users.get_by_username(secret)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    text: str = secret  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    config["db"] = text  # type: ignore[index]  # pyright: ignore[reportIndexIssue]


async def anything_else(da: AsyncDocassemble, path: Path) -> None:
    response = await da.request("GET", "/x", params={"a": [1]}, timeout=5, retry=d.RetryPolicy())
    assert_type(response, d.Response)
    assert_type(response.headers, Mapping[str, str])
    assert_type(response.json(), d.JSON)
    await da.request("POST", "/x", json=None, safe=True, headers={"X-A": "b"})
    await da.request(
        "POST", "/x", data={"a": {"b": 1}}, files={"c": path, "d": [b"x", d.Upload(b"y")]}
    )
    await da.request("POST", "/x", json={"a": {1, 2}})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    await da.request("POST", "/x", b"body")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]


def errors(error: d.DocassembleError) -> str:
    match error:
        case d.RequestTimeout(maybe_processed=True) | d.MaybeSent():
            return error.hint
        case d.RedirectRefused(location=location):
            return location
        case d.APIError(status=status, body=body, retry_after=seconds):
            assert_type(body, d.JSON)
            assert_type(seconds, float | None)
            return f"{assert_type(status, int)}"
        case d.DecodeError(content=content):
            return content.decode()
        case _:
            assert_type((error.maybe_processed, error.is_transient), tuple[bool, bool])
            assert_type((error.request_number, error.headers), tuple[int | None, Mapping[str, str]])
            return assert_type(error.operation, str)


def table() -> None:
    assert_type(OPERATIONS["users.get"], d.Operation[Any])
    assert_type(USERS_GET, d.Operation[models.User])
    assert_type(USERS_GET.params[0].name, str)
