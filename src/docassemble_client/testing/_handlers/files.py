"""Stored files, and what is made of files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import BadZipFile

from docassemble_client import models
from docassemble_client.testing._server.messages import Answer, Crash, text_answer
from docassemble_client.testing._state.files import ANY, extension_of, mimetype_of
from docassemble_client.testing._yaml.documents import (
    READABLE,
    TemplateError,
    draft,
    markdown,
    template_fields,
)

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call
    from docassemble_client.testing._state.files import StoredFile

UNCACHED = "no-store, no-cache, must-revalidate, post-check=0, pre-check=0, max-age=0"
_STORED = "file"  # what every stored file is called, whatever its own name is
_OFFICE = ("doc", "rtf", "odt", "docx")


def files_download(call: Call) -> object:
    """Bring a file."""
    file = call.world.files.find(call.number("file_number"))
    if file is None or not _may_see(call, file):
        call.missing()
    extension, filename = call.text("extension"), call.text("filename")
    if extension is None and filename is not None:
        stem, _, rest = filename.partition(".")
        if stem != _STORED:
            call.missing()
        extension = rest or file.extension
    wanted = extension or file.extension
    content = file.content.get(wanted)
    if content is None:
        call.missing()
    name = f"{_STORED}.{extension}" if extension else _STORED
    kind = file.mimetype if wanted == file.extension else mimetype_of(name)
    return sent(content, kind, f"inline; filename={name}")


def _may_see(call: Call, file: StoredFile) -> bool:
    if not file.private or call.caller.has("admin", "advocate"):
        return True
    rows = call.world.sessions.rows()
    return any(one.key == file.session and user == call.caller.id for one, user in rows)


def sent(content: bytes, kind: str, disposition: str) -> Answer:
    """Send a file."""
    typed = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind or ANY
    headers = {
        "content-type": typed,
        "content-disposition": disposition,
        "cache-control": UNCACHED,
        "accept-ranges": "bytes",
    }
    return Answer(200, content, headers)


def files_extract_fields(call: Call) -> object:
    """Find the fields of a template."""
    call.require()
    output = call.value("output_format", "json")
    if output not in {"json", "yaml"}:
        call.refuse("Invalid output format")
    parts = call.files("template")
    if not parts:
        call.refuse("File not included")
    kind = extension_of(parts[0].filename)
    if kind not in READABLE:
        call.refuse("Invalid input format")
    try:
        fields = template_fields(parts[0].content, kind)
    except (TemplateError, BadZipFile, KeyError):
        fields = []
    if output == "json":
        return models.TemplateFields(fields=fields)
    if not fields:
        call.refuse("No fields could be found")
    return text_answer(draft(parts[0].filename, fields), 200, "text/plain; charset=utf-8")


def files_convert_to_markdown(call: Call) -> object:
    """Make Markdown of a document."""
    if str(call.request.body.data.get("format", "md")) not in "md":
        call.refuse("Invalid output file format")
    parts = call.files()
    if not parts:
        call.missing()
    kind = extension_of(parts[0].filename)
    if kind not in _OFFICE:
        call.refuse("Invalid input file format")
    if kind != "docx":
        message = "No such file or directory: 'libreoffice'"
        raise Crash(message) from FileNotFoundError(message)
    try:
        text = markdown(parts[0].content)
    except (BadZipFile, KeyError, TemplateError):
        call.refuse("Unable to convert file")
    return text_answer(text, 200, "text/plain")
