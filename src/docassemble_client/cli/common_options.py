"""The options that every command has: which server, and how to write the result."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from attrs import evolve, frozen
from cyclopts import Group, Parameter

import docassemble_client.cli.output as output
from docassemble_client.cli.interruption import end_on_interrupt
from docassemble_client.cli.progress import Progress
from docassemble_client.cli.server_choice import ServerChoice, choose_server
from docassemble_client.config import Secret

if TYPE_CHECKING:
    from docassemble_client.client import AsyncDocassemble


def _refuse_options(_: object, path: str | None) -> None:
    if path is not None and path.startswith("-") and path != "-":
        message = f"{path} is not a known option"
        raise ValueError(message)


INPUT_FILE = Parameter(allow_leading_hyphen=True, validator=_refuse_options)
"""A parameter for the path of a file that a command reads, or `-`."""

Delimiter = Annotated[
    str | None,
    Parameter(help="Character between the cells of a CSV file, or tab; by default the comma."),
]
"""The option --delimiter."""

_GROUP = Group("Options of every command", sort_key=9)
_NO_SERVER = ServerChoice(url="", fetch_api_key=lambda: Secret(""))


@Parameter(name="*", group=_GROUP)
@frozen(kw_only=True)
class OutputOptions:
    """Options of commands that need no server."""

    json: Annotated[bool, Parameter(help="Write JSON, which is stable and documented.")] = False
    reveal: Annotated[bool, Parameter(help="Show secrets in the output.")] = False
    quiet: Annotated[bool, Parameter(alias="-q", help="Show no progress and no notes.")] = False

    def with_server(self) -> Self:
        """Return these options unchanged: their commands call no server."""
        return self

    def show(self, value: object, text: str | None = None) -> bool:
        """
        Write a result.

        Args:
            value: The result.
            text: Text for people; by default that of `to_text`.

        Returns:
            Whether somebody may still read the output. If not, the command goes on: its exit code
            still says whether its work failed.
        """
        try:
            self._write(value, text)
        except BrokenPipeError:
            return False
        return True

    def _write(self, value: object, text: str | None) -> None:
        if self.json:
            from docassemble_client.cli.json_values import to_json

            output.write_json(output.with_kind(to_json(value, reveal=self.reveal)))
            return
        formatted = output.to_text(value, reveal=self.reveal) if text is None else text
        if formatted:
            output.write_line(formatted)

    async def show_list(
        self, items: AsyncIterable[Any] | Iterable[Any], columns: Sequence[str] = ()
    ) -> None:
        """
        Write a list.

        Args:
            items: The items.
            columns: Attributes to show to people; without them, an item is shown by its text.
        """
        self.show_items(await output.collect(items), columns)

    def show_items(self, values: Sequence[object], columns: Sequence[str] = ()) -> None:
        """Write a list that is there already, as `show_list` does."""
        if self.json:
            from docassemble_client.cli.json_values import to_json

            data = [to_json(value, reveal=self.reveal) for value in values]
            output.write_json({"kind": "list", "items": data})
        elif columns:
            for line in output.align(output.to_rows(values, columns)):
                output.write_line(line)
        else:
            for value in values:
                output.write_line(output.to_text(value, reveal=self.reveal))

    def note(self, text: str) -> None:
        """Write a line to standard error, unless `--quiet`."""
        if not self.quiet:
            output.write_note(text)

    def progress(self) -> Progress:
        """Create the progress display of a command."""
        return Progress(quiet=self.quiet)


@Parameter(name="*", group=_GROUP)
@frozen(kw_only=True)
class Common(OutputOptions):
    """Options of commands that call a server."""

    profile: Annotated[
        str | None, Parameter(help="Profile of the server; see `dactl profile --help`.")
    ] = None
    url: Annotated[
        str | None,
        Parameter(help="URL of the server, instead of a profile; you are asked for the key."),
    ] = None
    api_key_stdin: Annotated[
        bool, Parameter(help="With --url: read the API key from the first line of standard input.")
    ] = False
    verbose: Annotated[
        bool, Parameter(alias="-v", help="Log requests to standard error, without secrets.")
    ] = False
    # Not an option of the command line: `with_server` sets it.
    server: Annotated[ServerChoice, Parameter(parse=False)] = _NO_SERVER

    def with_server(self) -> Self:
        """
        Choose the server; `connect` fetches the key.

        Returns:
            The same options, with the server.

        Raises:
            UsageError: No server is known, or its settings are invalid.
        """
        server = choose_server(self.profile, self.url, api_key_stdin=self.api_key_stdin)
        if server.note:
            self.note(server.note)
        return evolve(self, server=server)

    def connect(self) -> AsyncDocassemble:
        """
        Create the client.

        Returns:
            The client; no request is sent yet.

        Raises:
            UsageError: There is no key, or the settings of the server are invalid.
        """
        from docassemble_client.client import AsyncDocassemble

        if self.verbose:
            import logging

            logging.basicConfig(format="%(name)s: %(message)s")
            logging.getLogger("docassemble_client").setLevel(logging.DEBUG)
        server = self.server
        with end_on_interrupt():
            api_key = server.fetch_api_key()
        return AsyncDocassemble(server.url, api_key, public_url=server.public_url)


OUTPUT = OutputOptions()
COMMON = Common()
