"""Creates and deletes a project of a Playground; also if a response is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from docassemble_client._concurrency import time_limit
from docassemble_client._core.retry import retry_until_available
from docassemble_client.errors import BadRequest, DocassembleError, TaskTimeout

if TYPE_CHECKING:
    from docassemble_client._base_client import BaseClient

DEFAULT_PROJECT = "default"
_PROJECT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")  # the server's rule (develop/api.py:320)
_DELETE_TIMEOUT_SECONDS = 300.0  # includes retries during an outage


def is_project_name(name: str) -> bool:
    """Whether the server allows the name for a new project."""
    return _PROJECT_NAME.fullmatch(name) is not None


class RemoteProject:
    """
    A project on the server.

    Attributes:
        description: What remains if it is not deleted.
    """

    def __init__(self, client: BaseClient, name: str, user_id: int | None) -> None:
        """
        Prepare the calls.

        Args:
            client: Client.
            name: Name of the project.
            user_id: ID of the user who owns the Playground; None for the key's owner.
        """
        self.description = f"the project {name}"
        self._client = client
        self._name = name
        self._user_id = user_id

    async def exists(self) -> bool:
        """Whether the server lists the project."""
        projects = await retry_until_available(
            lambda: self._client.playground.list_projects(user_id=self._user_id)
        )
        return self._name in projects

    async def create(self) -> Self:
        """Create the project, and return it."""
        try:
            await self._client.playground.create_project(self._name, user_id=self._user_id)
        except DocassembleError as error:
            # The response was lost, or the project exists by now: the server's error is the same
            # for existing and invalid projects.
            is_refused = isinstance(error, BadRequest)
            if not (is_refused or error.is_transient) or not await self.exists():
                raise
        return self

    async def delete(self) -> None:
        """Delete the project; does nothing if it does not exist."""

        def make_error() -> TaskTimeout:
            seconds = f"{_DELETE_TIMEOUT_SECONDS:g} s"
            message = f"the project {self._name} was not deleted within {seconds}"
            hint = "Delete it with playground.delete_project"
            return TaskTimeout(message, operation="playground.delete_project", hint=hint)

        async with time_limit(_DELETE_TIMEOUT_SECONDS, make_error):
            await retry_until_available(self._delete_once)

    async def _delete_once(self) -> None:
        try:
            await self._client.playground.delete_project(self._name, user_id=self._user_id)
        except BadRequest:
            if await self.exists():
                raise
