"""The lifetime of a client: `async with`, closing, and the clean-up that closing waits for."""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn, Self

from docassemble_client._cleanup import CleanupTasks
from docassemble_client._client_options import SharedState
from docassemble_client.errors import CleanupFailed


class ClientLifetime:
    """What a client does with the state that it shares with its views."""

    _shared: SharedState
    _is_view: bool

    @property
    def base_url(self) -> str:
        """URL of the server that this client uses."""
        return self._shared.base_url

    @property
    def public_url(self) -> str | None:
        """URL of the server for users, or None."""
        return self._shared.public_url

    async def aclose(self) -> None:
        """
        Finish the clean-up of cancelled workflows, and close all connections.

        It waits at most `cleanup_timeout` seconds, even if it is cancelled. Afterwards neither the
        client nor its views can be used.

        Raises:
            CleanupFailed: Sessions or other things may remain; `leftovers` names them.
        """
        if not self._is_view:
            await self._shared.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.aclose()
        except CleanupFailed as failure:
            if exc is None:
                raise
            exc.add_note(str(failure))

    def __reduce__(self) -> NoReturn:
        message = (
            "a client cannot be pickled or copied. Create one in each process, for example with"
            " AsyncDocassemble.from_env()"
        )
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"


def get_cleanup_tasks(client: ClientLifetime) -> CleanupTasks:
    """
    Return the clean-up that a client owns; workflows add to it.

    Args:
        client: The client.

    Returns:
        The tasks, shared with all views of the client.
    """
    return client._shared.cleanup  # noqa: SLF001 - not for users of the client
