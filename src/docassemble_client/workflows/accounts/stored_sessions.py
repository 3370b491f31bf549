"""Exports all sessions, and deletes stale ones."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from attrs import evolve, field, frozen

from docassemble_client._checks import COUNT, DURATION, FLAG, TEXT, check_arguments
from docassemble_client._concurrency import make_task_group
from docassemble_client._types import JSON
from docassemble_client.errors import (
    TRANSIENT_STATUSES,
    APIError,
    DecodeError,
    DocassembleError,
    ServerError,
    UsageError,
)
from docassemble_client.models import SessionSummary
from docassemble_client.pagination import Page, Paginator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from docassemble_client._base_client import BaseClient
    from docassemble_client.config import Secret

_DIGEST_BYTES = 16  # so that no two of a billion sessions have the same


@frozen(kw_only=True)
class ExportedSession:
    """
    A session of one user.

    Attributes:
        summary: User, title and times of the session.
        encrypted: Whether the server stores the answers encrypted; None if the answers were not
            requested.
        variables: Answers by variable; None if they were not requested or cannot be decrypted.
        error: Why the answers cannot be read: the server cannot serialize them, or they are too
            large; None for all other sessions.
    """

    summary: SessionSummary
    encrypted: bool | None
    variables: Mapping[str, JSON] | None = field(repr=False)
    error: DocassembleError | None = None


@frozen(kw_only=True)
class StaleSession:
    """
    A session that has not changed for a given time.

    Attributes:
        i: File name of the interview.
        session: ID of the session.
        modified: Time of its last change, in UTC.
    """

    i: str
    session: str
    modified: datetime


@frozen(kw_only=True)
class CleanupReport:
    """
    The result of `cleanup_sessions`.

    Attributes:
        dry_run: Whether this was a dry run, which deletes nothing.
        listed: Number of sessions that match the filter.
        without_time: Number of these sessions without a time; they are not deleted.
        stale: Sessions that are older than `older_than`.
        deleted: Stale sessions that were deleted.
        changed_since: Stale sessions that changed or disappeared after they were listed; they were
            not deleted.
        failed: Stale sessions that could not be deleted, with the error.
    """

    dry_run: bool
    listed: int
    without_time: int
    stale: tuple[StaleSession, ...]
    deleted: tuple[StaleSession, ...] = ()
    changed_since: tuple[StaleSession, ...] = ()
    failed: tuple[tuple[StaleSession, DocassembleError], ...] = ()

    def __str__(self) -> str:
        summary = f"{len(self.stale)} of {self.listed} sessions are stale"
        if self.without_time:
            summary += f" ({self.without_time} without a time)"
        if self.dry_run:
            return f"{summary}; nothing was deleted (dry run)"
        counts = [f"{summary}: {len(self.deleted)} deleted"]
        if self.changed_since:
            counts.append(f"{len(self.changed_since)} changed since")
        if self.failed:
            counts.append(f"{len(self.failed)} failed")
        return ", ".join(counts)


async def export_sessions(
    client: BaseClient,
    *,
    i: str | None,
    tag: str | None,
    user_id: int | None,
    secret: str | Secret | None,
    variables: bool,
    page_token: str | None,
) -> AsyncGenerator[ExportedSession]:
    """Iterate over the sessions of all users."""
    check_arguments(FLAG, variables=variables)
    check_arguments(TEXT, optional=True, page_token=page_token)
    reader = _ExportReader(client, i=i, tag=tag, user_id=user_id, secret=secret)
    pages = Paginator(
        reader.fetch_with_answers if variables else reader.fetch,
        "sessions.list_across_users",
        page_token,
    )
    # The list is in the order of the last change (userdict.indexno): a session that is answered
    # meanwhile moves to the end and is listed again, on any later page.
    exported: set[bytes] = set()
    async with aclosing(pages.items()) as items:
        async for item in items:
            summary = item.summary
            digest = _compute_digest(
                summary.filename, summary.session, summary.user_id, summary.temp_user_id
            )
            if digest not in exported:
                exported.add(digest)
                yield await reader.read_session(item)


class _ListedSession(NamedTuple):
    """A session of a page; without its answers if the page is unreadable with them."""

    summary: SessionSummary
    page_token: str | None
    has_answers: bool = True


class _Filter(TypedDict):
    """Which sessions are listed, and the secret that decrypts them."""

    i: str | None
    tag: str | None
    user_id: int | None
    secret: str | Secret | None


class _ExportReader:
    """
    Reads pages of sessions.

    One session can make its whole page unreadable: the server cannot serialize it (501), or it is
    too large. Then the sessions of the page are read one by one.
    """

    def __init__(
        self,
        client: BaseClient,
        *,
        i: str | None,
        tag: str | None,
        user_id: int | None,
        secret: str | Secret | None,
    ) -> None:
        self._sessions = client.sessions
        self._filter: _Filter = {"i": i, "tag": tag, "user_id": user_id, "secret": secret}

    async def fetch(self, page_token: str | None, _: int) -> Page[_ListedSession]:
        """Fetch a page without answers."""
        return await self._list(page_token, with_answers=False)

    async def fetch_with_answers(self, page_token: str | None, _: int) -> Page[_ListedSession]:
        """Fetch a page with answers; without them if they make it unreadable."""
        try:
            return await self._list(page_token, with_answers=True)
        except (ServerError, DecodeError) as error:
            if error.status in TRANSIENT_STATUSES:
                raise
        page = await self._list(page_token, with_answers=False)
        items = [item._replace(has_answers=False) for item in page]
        return Page(items=items, next_page_token=page.next_page_token)

    async def _list(self, page_token: str | None, *, with_answers: bool) -> Page[_ListedSession]:
        page = await self._sessions.list_across_users(
            **self._filter, include_dictionary=with_answers or None, page_token=page_token
        )
        items = [_ListedSession(summary, page_token) for summary in page]
        return Page(items=items, next_page_token=page.next_page_token)

    async def read_session(self, item: _ListedSession) -> ExportedSession:
        """Return the session; read its answers if its page came without them."""
        summary = item.summary
        if item.has_answers:
            # For answers that it cannot decrypt, the server returns those of an empty interview.
            answers = summary.variables if summary.valid else None
            return ExportedSession(summary=summary, encrypted=summary.encrypted, variables=answers)
        session = ExportedSession(summary=summary, encrypted=summary.encrypted, variables=None)
        try:
            answers = await self._sessions.get_variables(
                summary.filename, summary.session, secret=self._filter["secret"]
            )
        except DocassembleError as error:
            if (
                isinstance(error, (APIError, DecodeError))
                and error.status not in TRANSIENT_STATUSES
            ):
                return evolve(session, error=error)
            error.page_token = item.page_token
            raise
        return evolve(session, variables=answers)


def _compute_digest(*identity: str | int | None) -> bytes:
    """Compute a digest that takes a fraction of the memory of the names and IDs."""
    return blake2b(repr(identity).encode(), digest_size=_DIGEST_BYTES).digest()


async def cleanup_sessions(
    client: BaseClient,
    *,
    older_than: timedelta,
    i: str | None,
    tag: str | None,
    user_id: int | None,
    dry_run: bool,
    delete_all: bool,
    concurrency: int,
) -> CleanupReport:
    """Delete sessions that match a filter and are stale."""
    check_arguments(DURATION, older_than=older_than)
    check_arguments(FLAG, dry_run=dry_run, delete_all=delete_all)
    check_arguments(COUNT, concurrency=concurrency)
    if not (dry_run or delete_all or i or tag or user_id is not None):
        message = (
            "without i, tag or user_id, this would delete the stale sessions of every interview"
        )
        raise UsageError(message, hint="Pass a filter, or delete_all=True")
    now = datetime.now(UTC)
    limit = now - min(older_than, now - datetime.min.replace(tzinfo=UTC))
    listed: set[bytes] = set()
    without_time: set[bytes] = set()
    stale_by_digest: dict[bytes, StaleSession] = {}
    async for summary in client.sessions.list_across_users(i=i, tag=tag, user_id=user_id):
        digest = _compute_digest(summary.filename, summary.session)
        listed.add(digest)
        # If a session is listed again, for another user or after a change, the last time counts.
        without_time.discard(digest)
        stale_by_digest.pop(digest, None)
        modified = summary.modified_at
        if modified is None:
            without_time.add(digest)
        elif modified < limit:
            stale_by_digest[digest] = StaleSession(
                i=summary.filename, session=summary.session, modified=modified
            )
    stale = tuple(stale_by_digest.values())
    deleter = _SessionDeleter(client, user_id)
    if not dry_run:
        await deleter.run(stale, concurrency)
    return CleanupReport(
        dry_run=dry_run,
        listed=len(listed),
        without_time=len(without_time),
        stale=stale,
        deleted=tuple(deleter.deleted),
        changed_since=tuple(deleter.changed_since),
        failed=tuple(deleter.failed),
    )


class _SessionDeleter:
    """Deletes sessions one by one, several at a time."""

    def __init__(self, client: BaseClient, user_id: int | None) -> None:
        self.client = client
        self.user_id = user_id
        self.deleted: list[StaleSession] = []
        self.changed_since: list[StaleSession] = []
        self.failed: list[tuple[StaleSession, DocassembleError]] = []

    async def run(self, sessions: Sequence[StaleSession], concurrency: int) -> None:
        remaining = iter(sessions)
        async with make_task_group() as group:
            for _ in range(min(concurrency, len(sessions))):
                group.create_task(self._delete_remaining(remaining))

    async def _delete_remaining(self, remaining: Iterator[StaleSession]) -> None:
        for session in remaining:
            try:
                await self._delete_if_unchanged(session)
            except DocassembleError as error:
                self.failed.append((session, error))

    async def _delete_if_unchanged(self, stale: StaleSession) -> None:
        sessions = self.client.sessions
        # Somebody may have continued the session since it was listed.
        summaries = sessions.list_across_users(
            i=stale.i, session=stale.session, user_id=self.user_id
        )
        if {summary.modified_at async for summary in summaries} != {stale.modified}:
            self.changed_since.append(stale)
            return
        if self.user_id is None:
            # The only call that also deletes the sessions of people who are not logged in.
            await sessions.delete_many(i=stale.i, session=stale.session)
        else:
            await sessions.delete_many_across_users(
                i=stale.i, session=stale.session, user_id=self.user_id
            )
        self.deleted.append(stale)
