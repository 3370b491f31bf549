"""Exports sessions as rows with chosen columns, for example for a CSV file."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, fields, frozen

from docassemble_client._checks import TEXTS, check_arguments
from docassemble_client._names import describe_name, is_variable_name
from docassemble_client._types import JSON, is_json_array, is_mapping
from docassemble_client.errors import UsageError
from docassemble_client.models import SessionSummary
from docassemble_client.workflows.accounts.stored_sessions import ExportedSession, export_sessions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from docassemble_client._base_client import BaseClient
    from docassemble_client.config import Secret

_SUMMARY_MARK = "@"
# The first step of a path has no dot: client.name, children[0], pets['cat'].
_STEP = re.compile(
    r"""\.?(?P<name>\w+)|\[(?P<key>-?[0-9]+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]"""
)
_COLUMN_HINT = (
    "Pass a variable such as client.name.first or children[0].age, or @email, @session, …"
)
_Read: TypeAlias = Callable[[ExportedSession], "JSON"]


@frozen(kw_only=True)
class SessionRow:
    """
    A session as a row of a table.

    Attributes:
        session: The session, as `export_sessions` returns it.
        status: `readable`; `encrypted` if the answers cannot be decrypted; `unreadable` if the
            server cannot serialize them, or they are too large. Columns of variables are None
            unless it is readable.
        values: Values by column; None for a variable that the session does not have.
    """

    session: ExportedSession
    status: Literal["readable", "encrypted", "unreadable"]
    values: Mapping[str, JSON] = field(repr=lambda values: f"<{', '.join(values)}>")

    def as_text(self) -> dict[str, str]:
        """
        Return the values as text, for a CSV file.

        **A spreadsheet runs text that begins with = + - or @ as a formula**, and users choose their
        answers. Write an apostrophe before such text if somebody will open the file in one.

        Returns:
            Text by column: None is empty; lists, objects and booleans are JSON.
        """
        return {column: _format(value) for column, value in self.values.items()}


def export_session_rows(
    client: BaseClient,
    columns: Sequence[str],
    *,
    i: str | None,
    tag: str | None,
    user_id: int | None,
    secret: str | Secret | None,
    page_token: str | None,
) -> AsyncGenerator[SessionRow]:
    """Iterate over the sessions of all users as rows."""
    check_arguments(TEXTS, columns=columns)
    if not columns or len(set(columns)) < len(columns):
        message = "columns must be a list of names, each of them once"
        raise UsageError(message, hint=_COLUMN_HINT)
    readers = {column: _make_reader(column) for column in columns}
    has_variables = any(not column.startswith(_SUMMARY_MARK) for column in columns)
    sessions = export_sessions(
        client,
        i=i,
        tag=tag,
        user_id=user_id,
        secret=secret,
        variables=has_variables,
        page_token=page_token,
    )
    return _make_rows(sessions, readers, has_variables=has_variables)


async def _make_rows(
    sessions: AsyncGenerator[ExportedSession],
    readers: Mapping[str, _Read],
    *,
    has_variables: bool,
) -> AsyncGenerator[SessionRow]:
    async with aclosing(sessions):
        async for session in sessions:
            status: Literal["readable", "encrypted", "unreadable"] = "readable"
            if has_variables and session.variables is None:
                is_encrypted = session.encrypted and session.error is None
                status = "encrypted" if is_encrypted else "unreadable"
            values = {column: read(session) for column, read in readers.items()}
            yield SessionRow(session=session, status=status, values=values)


def _make_reader(column: str) -> _Read:
    """Return a function that reads a column of a session."""
    if column.startswith(_SUMMARY_MARK):
        name = column.removeprefix(_SUMMARY_MARK)
        names = [attribute.name for attribute in fields(SessionSummary)]
        if name not in names or name in {"variables", "extra"}:
            message = "a column that begins with @ must name an attribute of SessionSummary"
            raise UsageError(message, hint=_COLUMN_HINT)

        def read_attribute(session: ExportedSession) -> JSON:
            value: JSON = getattr(session.summary, name)
            return value

        return read_attribute
    steps = _parse_path(column)

    def read_variable(session: ExportedSession) -> JSON:
        value: JSON = dict(session.variables or {})
        for step in steps:
            value = _take_step(value, step)
        return value

    return read_variable


def _parse_path(column: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 0
    if is_variable_name(column):
        while match := _STEP.match(column, position):
            position = match.end()
            steps.append(match["name"] or ast.literal_eval(match["key"]))
    if not steps or position < len(column):
        message = f"{describe_name(column)} cannot be a column"
        raise UsageError(message, hint=_COLUMN_HINT)
    return steps


def _take_step(value: JSON, step: str | int) -> JSON:
    """Return an attribute or item of a value; None if there is none."""
    # A DAList or DADict has its items in an attribute. JSON has no numbers as keys.
    containers = (value, value.get("elements")) if is_mapping(value) else (value,)
    for container in containers:
        if is_mapping(container):
            if str(step) in container:
                return container[str(step)]
        elif is_json_array(container) and isinstance(step, int):
            return container[step] if -len(container) <= step < len(container) else None
    return None


def _format(value: JSON) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
