"""Starts and deletes sessions of interviews, also if the caller is cancelled in the meantime."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from docassemble_client._cleanup import CallGroup
from docassemble_client._client_lifetime import get_cleanup_tasks
from docassemble_client._concurrency import make_lock
from docassemble_client.errors import BadRequest
from docassemble_client.workflows.interviews.failure import explain_start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from docassemble_client._base_client import BaseClient
    from docassemble_client.config import Secret
    from docassemble_client.models import Session

T = TypeVar("T")


async def start_session(
    client: BaseClient,
    i: str,
    *,
    secret: str | Secret | None,
    url_args: Mapping[str, str] | None,
) -> Session:
    """
    Start a session; if the caller is cancelled in the meantime, it is deleted in the background.

    Args:
        client: Client.
        i: File name of the interview.
        secret: Encryption key; None if the server creates one.
        url_args: URL arguments of the interview, by name.

    Returns:
        The session.

    Raises:
        DocassembleError: The session was not started, or the response was lost.
    """
    cleanup = get_cleanup_tasks(client)

    def delete(session: Session) -> None:
        call = partial(client.sessions.delete, session.i, session.session)
        cleanup.start(call, _describe(session))

    start = partial(client.sessions.start, i, secret=secret, url_args=url_args)
    try:
        return await cleanup.run(start, f"a new session of {i}", undo=delete)
    except BadRequest as error:
        raise explain_start(error) from None


async def end_session(
    client: BaseClient,
    session: Session,
    delete: Callable[[], Awaitable[None]],
    error: BaseException | None,
) -> None:
    """
    Delete a session at the end of its block, after a cancellation in the background.

    Args:
        client: Client.
        session: The session.
        delete: Deletes it.
        error: The error that ended the block; it gets a note if the deletion fails.

    Raises:
        DocassembleError: The deletion failed, and no error ended the block.
    """
    await get_cleanup_tasks(client).finish(
        delete, _describe(session), error, note="The session was not deleted"
    )


class SessionCalls:
    """Calls to a session, one at a time. A call whose caller is cancelled continues."""

    def __init__(self, client: BaseClient) -> None:
        """
        Prepare the calls.

        Args:
            client: Client.
        """
        self._group = CallGroup(get_cleanup_tasks(client))
        self._lock = make_lock()

    async def run(self, call: Callable[[], Awaitable[T]], session: Session) -> T:
        """
        Wait until other calls have ended, and make a call.

        Args:
            call: Makes the call.
            session: The session.

        Returns:
            The result of the call.

        Raises:
            CancelledError: The caller was cancelled. If the request was sent, the next call waits
                for its end.
        """
        await self._lock.acquire()

        async def call_and_release() -> T:
            try:
                return await call()
            finally:
                self._lock.release()

        return await self._group.run(call_and_release, _describe(session))

    async def wait(self) -> None:
        """Wait until all calls have ended."""
        await self._group.wait()


def _describe(session: Session) -> str:
    return f"the session {session.session} of {session.i}"
