"""Stored files, template fields and conversion to Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import docassemble_client.models as models
from docassemble_client.testing._handlers.file_response import make_file_response
from docassemble_client.testing._server.messages import (
    UnhandledError,
    make_text_response,
    to_json,
)
from docassemble_client.testing._state.files import get_extension, guess_mimetype
from docassemble_client.testing._yaml.document_templates import (
    TEMPLATE_EXTENSIONS,
    TemplateError,
    draft_question,
    extract_text,
    find_template_fields,
)

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall
    from docassemble_client.testing._state.files import StoredFile

_STORED_NAME = "file"  # the server stores every file under this name
_OFFICE_EXTENSIONS = ("doc", "rtf", "odt", "docx")


def files_download(call: ApiCall) -> object:
    """Return the content of a file."""
    file = call.state.files.find(call.get_path_value("file_number"))
    if file is None or not _may_see(call, file):
        call.raise_not_found()
    extension, filename = call.get_text("extension"), call.get_text("filename")
    if extension is None and filename is not None:
        stem, _, rest = filename.partition(".")
        if stem != _STORED_NAME:
            call.raise_not_found()
        extension = rest or file.extension
    is_original = not extension or extension == file.extension
    content = file.content.get(extension or file.extension)
    if content is None:
        call.raise_not_found()
    name = f"{_STORED_NAME}.{extension}" if extension else _STORED_NAME
    content_type = file.mimetype if is_original else guess_mimetype(name)
    disposition = f"inline; filename={name}"
    return make_file_response(call, content, content_type, disposition, file.modified)


def _may_see(call: ApiCall, file: StoredFile) -> bool:
    if not file.private or call.user.has_privilege("admin", "advocate"):
        return True
    rows = call.state.sessions.iter_rows()
    return any(session.key == file.session and user == call.user.id for session, user in rows)


def files_extract_fields(call: ApiCall) -> object:
    """Return the fields of a template, as JSON or as a draft interview."""
    call.require_privilege()
    output_format = call.get_value("output_format", "json")
    if output_format not in {"json", "yaml"}:
        call.refuse("Invalid output format")
    uploads = call.get_files("template")
    if not uploads:
        call.refuse("File not included")
    extension = get_extension(uploads[0].filename)
    if extension not in TEMPLATE_EXTENSIONS:
        call.refuse("Invalid input format")
    try:
        fields = find_template_fields(uploads[0].content, extension)
    except (TemplateError, BadZipFile, KeyError):
        fields = list[str]()
        if output_format == "json" and extension == "pdf":
            return models.TemplateFields(fields=fields)  # the server formats this list differently
    if output_format == "json":
        text = json.dumps(to_json(models.TemplateFields(fields=fields)), indent=2)
        return make_text_response(text, 200, "application/json; charset=utf-8")
    if not fields:
        call.refuse("No fields could be found")
    return make_text_response(
        draft_question(uploads[0].filename, fields), 200, "text/plain; charset=utf-8"
    )


def files_convert_to_markdown(call: ApiCall) -> object:
    """Convert a document to Markdown."""
    body = call.request.body
    if not body.is_json and body.data.get("format", "md") not in "md":
        call.refuse("Invalid output file format")
    uploads = call.get_files()
    if not uploads:
        call.raise_not_found()
    extension = get_extension(uploads[0].filename)
    if extension not in _OFFICE_EXTENSIONS:
        call.refuse("Invalid input file format")
    if extension != "docx":
        message = "No such file or directory: 'libreoffice'"
        raise UnhandledError(message, "FileNotFoundError")
    try:
        text = extract_text(uploads[0].content)
    except (BadZipFile, KeyError, TemplateError):
        call.refuse("Unable to convert file")
    return make_text_response(text, 200, "text/plain")
