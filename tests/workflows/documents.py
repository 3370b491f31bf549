"""A mock server whose interview has files, behind links or in its variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from docassemble_client import AsyncDocassemble, Documents
from tests.workflows.screens import I, ScriptedServer

if TYPE_CHECKING:
    from tests.mock import MockResponse


def make_attachment(name: str, number: int, variable: str = "", **properties: Any) -> Any:
    """Make the JSON of an attachment in Markdown."""
    return {
        "name": name,
        "filename": name.lower(),
        "variable_name": variable or f"_internal['docvar'][{number}]",
        "valid_formats": ["md"],
        "number": {"md": number},
        "filename_with_extension": {"md": f"{name.lower()}.md"},
        "url": {},
        **properties,
    }


def make_file(number: int, filename: str, **properties: Any) -> dict[str, Any]:
    """Make the JSON of a file in a variable."""
    extension = filename.rpartition(".")[2]
    return {
        "_class": "docassemble.base.util.DAFile",
        "number": number,
        "filename": filename,
        "extension": extension,
        **properties,
    }


def make_collection(name: str, *files: dict[str, Any]) -> dict[str, Any]:
    """Make the JSON of an attachment's variable."""
    formats = [file["extension"] for file in files]
    return {
        "_class": "docassemble.base.util.DAFileCollection",
        "info": {"name": name, "filename": name.lower(), "formats": formats},
        **dict(zip(formats, files, strict=True)),
    }


class DocumentServer(ScriptedServer):
    """
    A server whose files have their number and extension or name as content.

    Attributes:
        missing: Numbers of files that do not exist.
        named_files: Numbers of files that the server finds by name only.
        media_type: Content type of the files.
        variables_status: Status of the call that reads the variables.
    """

    def __init__(self, *screens: Any, values: dict[str, Any] | None = None) -> None:
        super().__init__(*screens, values=values)
        self.missing: set[int] = set()
        self.named_files: set[int] = set()
        self.media_type = "text/markdown; charset=utf-8"
        self.variables_status = 200

    def _reply(self, request: httpx.Request) -> MockResponse:
        path = request.url.path
        if path.startswith("/api/file/"):
            number, query = int(path.rpartition("/")[2]), request.url.params
            if number in self.missing or (number in self.named_files and "filename" not in query):
                return 404, "File not found"
            suffix = query.get("extension") or query.get("filename", "")
            headers = {"content-type": self.media_type}
            return httpx.Response(200, content=f"{number} {suffix}", headers=headers)
        if path == "/api/session" and request.method == "GET" and self.variables_status != 200:
            return self.variables_status, "name 'jobs[0].type' is not defined"
        return super()._reply(request)

    def count_variable_reads(self) -> int:
        """Count the calls that read the variables."""
        reads = [r for r in self.requests if (r.method, r.url.path) == ("GET", "/api/session")]
        return len(reads)


async def assemble(server: ScriptedServer, **options: Any) -> Documents:
    """Assemble the documents of a server in memory."""
    client_options = {"public_url": options.pop("public_url", None)}

    async with AsyncDocassemble(
        server.url, "key", transport=server.transport, **client_options
    ) as da:
        return await da.interview(I).assemble(**options)
