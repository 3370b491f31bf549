"""Sessions at large: all of them out of the server, and the old ones off it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import field, frozen

from docassemble_client._types import JSON
from docassemble_client.errors import DocassembleError, UsageError
from docassemble_client.models import SessionSummary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.config import Secret


@frozen(kw_only=True)
class ExportedSession:
    """
    A session of one user.

    Attributes:
        summary: Whose it is, its title and times.
        encrypted: Whether its answers are encrypted on the server; None where answers were not
            asked for.
        variables: Its answers by variable; None where they were not asked for or cannot be read.
    """

    summary: SessionSummary
    encrypted: bool | None
    variables: Mapping[str, JSON] | None = field(repr=False)


@frozen(kw_only=True)
class OldSession:
    """
    A session that has not changed for long.

    Attributes:
        i: Interview.
        session: ID of the session.
        modified: When it last changed.
    """

    i: str
    session: str
    modified: datetime


@frozen(kw_only=True)
class CleanupReport:
    """
    What `cleanup_sessions` found and did.

    Attributes:
        dry_run: Whether nothing was to be deleted.
        listed: How many sessions matched the filter.
        undated: How many of them tell no time, and so were left alone.
        old: Those that are older than asked for.
        deleted: Those of them that were deleted.
        revived: Those that changed or went after they were listed, and were left alone.
        failed: Those that could not be deleted, with the error.
    """

    dry_run: bool
    listed: int
    undated: int
    old: tuple[OldSession, ...]
    deleted: tuple[OldSession, ...] = ()
    revived: tuple[OldSession, ...] = ()
    failed: tuple[tuple[OldSession, DocassembleError], ...] = ()

    def __str__(self) -> str:
        found = f"{len(self.old)} of {self.listed} sessions are old enough"
        if self.undated:
            found += f" ({self.undated} without a time)"
        if self.dry_run:
            return f"{found}; nothing was deleted (dry run)"
        done = f"{found}: {len(self.deleted)} deleted"
        parts = (("in use again", self.revived), ("failed", self.failed))
        return ", ".join([done, *(f"{len(which)} {what}" for what, which in parts if which)])


async def export_sessions(
    da: AsyncDocassemble,
    *,
    i: str | None,
    tag: str | None,
    user_id: int | None,
    secret: str | Secret | None,
    variables: bool,
    resume_from: str | None,
) -> AsyncGenerator[ExportedSession]:
    """
    Walk through the sessions of all users.

    Args:
        da: Client.
        i: Only this interview.
        tag: Only this tag.
        user_id: Only this user.
        secret: What decrypts sessions of the user.
        variables: Whether to bring the answers.
        resume_from: Start with this page.

    Yields:
        Each session of each user, once.
    """
    # One that is answered during the walk moves to its end, and comes again.
    seen: set[tuple[str, str, int | None, int | None]] = set()
    listing = da.sessions.list_across_users(
        i=i,
        tag=tag,
        user_id=user_id,
        secret=secret,
        include_dictionary=variables or None,
        resume_from=resume_from,
    )
    async with aclosing(listing.items()) as sessions:
        async for one in sessions:
            identity = (one.filename, one.session, one.user_id, one.temp_user_id)
            if identity in seen:
                continue
            seen.add(identity)
            # What the server lists of answers it cannot read is an empty interview.
            answers = one.variables if one.valid else None
            yield ExportedSession(summary=one, encrypted=one.encrypted, variables=answers)


async def cleanup_sessions(
    da: AsyncDocassemble,
    *,
    older_than: timedelta,
    i: str | None,
    tag: str | None,
    user_id: int | None,
    dry_run: bool,
    delete_all: bool,
    concurrency: int,
) -> CleanupReport:
    """
    Delete what matches a filter and has not changed for long.

    Args:
        da: Client.
        older_than: How long it has not changed.
        i: Only this interview.
        tag: Only this tag.
        user_id: Only this user.
        dry_run: Whether to delete nothing.
        delete_all: Whether there need not be a filter.
        concurrency: How many are deleted at a time.

    Returns:
        What was found and done.

    Raises:
        UsageError: There is no filter nor delete_all, or no age.
    """
    if older_than <= timedelta():
        message = "older_than must be a timedelta above zero"
        raise UsageError(message, hint="Pass timedelta(days=90), for example")
    if not (dry_run or delete_all or i or tag or user_id is not None):
        message = "without i, tag or user_id every session of the server would be meant"
        raise UsageError(message, hint="Say which, or pass delete_all=True")
    if type(concurrency) is not int or concurrency < 1:
        message = "concurrency must be a whole number from 1"
        raise UsageError(message)
    limit = datetime.now(UTC) - older_than
    listed: dict[tuple[str, str], datetime | None] = {}
    async for one in da.sessions.list_across_users(i=i, tag=tag, user_id=user_id):
        listed[one.filename, one.session] = _modified(one)
    old = tuple(
        OldSession(i=name, session=session, modified=modified)
        for (name, session), modified in listed.items()
        if modified is not None and modified < limit
    )
    undated = sum(modified is None for modified in listed.values())
    cleaning = _Cleaning(da, user_id)
    if not dry_run:
        await cleaning.run(old, concurrency)
    return CleanupReport(
        dry_run=dry_run,
        listed=len(listed),
        undated=undated,
        old=old,
        deleted=tuple(cleaning.deleted),
        revived=tuple(cleaning.revived),
        failed=tuple(cleaning.failed),
    )


class _Cleaning:
    """Deletes sessions one by one, some at a time."""

    def __init__(self, da: AsyncDocassemble, user_id: int | None) -> None:
        self.da = da
        self.user_id = user_id
        self.deleted: list[OldSession] = []
        self.revived: list[OldSession] = []
        self.failed: list[tuple[OldSession, DocassembleError]] = []

    async def run(self, old: Sequence[OldSession], concurrency: int) -> None:
        waiting = iter(old)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(old))):
                group.create_task(self._work(waiting))

    async def _work(self, waiting: Iterator[OldSession]) -> None:
        for one in waiting:
            try:
                await self._delete(one)
            except DocassembleError as error:
                self.failed.append((one, error))

    async def _delete(self, one: OldSession) -> None:
        sessions = self.da.sessions
        # Somebody may have come back since the list was made.
        now = sessions.list_across_users(i=one.i, session=one.session, user_id=self.user_id)
        if {_modified(each) async for each in now} != {one.modified}:
            self.revived.append(one)
            return
        if self.user_id is None:
            # The only call that also deletes the sessions of people who are not logged in.
            await sessions.delete_many(i=one.i, session=one.session)
        else:
            await sessions.delete_many_across_users(
                i=one.i, session=one.session, user_id=self.user_id
            )
        self.deleted.append(one)


def _modified(session: SessionSummary) -> datetime | None:
    """When it changed; modtime is in the zone of the key's owner, utc_modtime in none."""
    if session.utc_modtime is None:
        return None
    moment = datetime.fromisoformat(session.utc_modtime)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
