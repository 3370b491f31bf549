"""Finds documents on screens, behind links and in variables, and makes their file names unique."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from docassemble_client.errors import APIError, NotFound
from docassemble_client.models import Question
from docassemble_client.workflows.errors import NoDocuments
from docassemble_client.workflows.interviews.document_download import VerifiedDownload
from docassemble_client.workflows.interviews.document_entry import (
    find_attachments,
    find_response,
    get_format,
    get_suffix,
    is_internal,
    make_file_entry,
)
from docassemble_client.workflows.interviews.documents import DocumentDownload, DocumentDownloads
from docassemble_client.workflows.interviews.failure import (
    is_interview_failure,
    make_variables_error,
)
from docassemble_client.workflows.interviews.file_links import FileLink, find_file_links
from docassemble_client.workflows.interviews.variable_files import find_variable_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from docassemble_client._base_client import BaseClient
    from docassemble_client.workflows.errors import InterviewFailed
    from docassemble_client.workflows.interviews.document_entry import DocumentEntry
    from docassemble_client.workflows.interviews.runner import RunnableSession
    from docassemble_client.workflows.interviews.transcript import Transcript
    from docassemble_client.workflows.interviews.variable_files import VariableFile

# [FILE n] shows an image or a player instead of a link (base/filter/html.py:269-296).
_EMBEDDED_FORMATS = frozenset(
    {"png", "jpg", "gif", "svg", "jpe", "jpeg", "mp3", "ogg", "wav", "m4a", "mp4", "ogv", "webm"}
)

_UNREADABLE_HINT = (
    "Show the documents on a screen. The server's message is in the error's __cause__.body"
)


async def find_documents(
    client: BaseClient,
    session: RunnableSession,
    transcript: Transcript,
    *,
    documents: Sequence[str] | None,
    formats: Sequence[str] | None,
    max_size: int | None,
) -> DocumentDownloads:
    """
    Find the documents of an interview, those of the last screen first.

    Args:
        client: Client.
        session: Session, still on the server.
        transcript: Transcript of the interview.
        documents: Variables whose documents to include; None for all that the screens show.
        formats: Formats to include; None for all.
        max_size: Maximum size of each document in bytes; None for no limit.

    Returns:
        The documents, not requested yet.

    Raises:
        NoDocuments: There is no document, a variable holds none, or the screens show none and the
            variables cannot be read.
    """
    formats = (formats,) if isinstance(formats, str) else formats
    documents = (documents,) if isinstance(documents, str) else documents
    finder = _DocumentFinder(client, session, transcript)
    entries = await finder.find(documents)
    selected = [entry for entry in entries if formats is None or entry.format in formats]
    if not selected:
        cause = None if entries else finder.error
        raise _no_documents_error(transcript, entries, formats, cause) from cause
    used_filenames: set[str] = set()
    downloads: list[DocumentDownload] = []
    for entry in selected:
        filename = _unique_filename(entry.filename, used_filenames)
        verified = VerifiedDownload(
            entry.open_stream, format=entry.format, filename=filename, max_size=max_size
        )
        downloads.append(
            DocumentDownload(
                verified.open,
                name=entry.name,
                format=entry.format,
                variable=entry.variable,
                filename=filename,
                source=entry.source,
                question=entry.question,
            )
        )
    return DocumentDownloads(downloads, transcript)


class _DocumentFinder:
    """Finds the documents of one session; reads its variables only if they are needed."""

    def __init__(
        self, client: BaseClient, session: RunnableSession, transcript: Transcript
    ) -> None:
        self._client = client
        self._session = session
        self._transcript = transcript
        self._files: tuple[VariableFile, ...] | None = None
        self.error: InterviewFailed | None = None
        """Why the variables cannot be read."""
        self._attachments = {
            entry.number: entry
            for question in transcript.document_screens
            for entry in find_attachments(client, question)
        }
        urls = filter(None, (client.base_url, client.public_url))
        self._hosts = {"", *(urlsplit(url).netloc.lower() for url in urls)}

    async def find(self, variables: Sequence[str] | None) -> list[DocumentEntry]:
        """Find the documents that the screens show, or those of these variables."""
        if variables is not None or self._has_ambiguous_links():
            # They show which variable contains a linked file.
            await self._read_variables()
        entries = list(find_response(self._transcript))
        for question in reversed(self._transcript.document_screens):
            shown = [entry async for entry in self._find_shown(question)]
            entries += [
                entry for entry in shown if not any(later.replaces(entry) for later in entries)
            ]
        if variables is not None:
            return [entry for name in variables for entry in self._select(name, entries)]
        if not entries:
            # The interview may send its documents by e-mail, or link to them in some other way.
            files = await self._read_variables()
            entries = self._make_entries(file for file in files if file.is_attachment)
        return entries

    def _has_ambiguous_links(self) -> bool:
        """Return whether files of one name may be versions of one document, or different ones."""
        links = [link for q in self._transcript.document_screens for link in find_file_links(q)]
        files = {(entry.filename.lower(), entry.number) for entry in self._attachments.values()}
        files |= {(link.filename.lower(), link.number) for link in links}
        counts = Counter(name for name, _ in files)
        return any(counts[link.filename.lower()] > 1 for link in links if link.filename)

    async def _find_shown(self, question: Question) -> AsyncIterator[DocumentEntry]:
        """Find the documents of one screen: its attachments, then the files that it links to."""
        keys: set[tuple[int | None, str]] = set()
        for attachment in find_attachments(self._client, question):
            keys.add(attachment.key)
            yield attachment
        for link in find_file_links(question):
            entry = await self._resolve_link(question, link)
            if entry is not None and entry.key not in keys:
                keys.add(entry.key)
                yield entry

    async def _resolve_link(self, question: Question, link: FileLink) -> DocumentEntry | None:
        """Find the file that a link leads to; None if it is an image, or on another server."""
        is_local = link.host in self._hosts
        file = _match_link(link, self._files or (), is_local=is_local)
        number, format_ = link.number, get_suffix(link.filename)
        if file is None and (number is None or not is_local or not format_):
            file = _match_link(link, await self._read_variables(), is_local=is_local)
        if file is not None:
            number, format_ = file.number, format_ or file.format
        elif number is None or not is_local:
            return None
        else:
            format_ = format_ or await self._get_format(number)
        if not format_ or (link.is_markup and format_ in _EMBEDDED_FORMATS):
            return None
        known = self._attachments.get(number) or file
        return make_file_entry(
            self._client,
            number,
            format_,
            link.filename or (known.filename if known else ""),
            name=known.name if known else "",
            variable=known.variable if known else "",
            source="link",
            question=question.question_name,
        )

    async def _get_format(self, number: int) -> str:
        """Return the format of a file that no variable describes; empty if it does not exist."""
        try:
            async with self._client.files.download(number) as stream:
                return get_format(stream.content_type)
        except NotFound:
            return ""

    async def _read_variables(self) -> tuple[VariableFile, ...]:
        """Find the files in the variables, once; an error counts only if documents are missing."""
        if self._files is None:
            self._files = ()
            try:
                variables = await self._session.variables()
            except APIError as error:
                if not is_interview_failure(error):
                    raise
                purpose = "the search for documents"
                self.error = make_variables_error(error, self._transcript, purpose)
            else:
                self._files = tuple(find_variable_files(variables))
        return self._files

    def _select(self, variable: str, entries: list[DocumentEntry]) -> list[DocumentEntry]:
        """Select the documents of a variable: those that a screen shows, else all of its files."""
        files = self._files or ()
        selected = [entry for entry in entries if _is_part(entry, variable)]
        selected = selected or self._make_entries(
            file for file in files if _is_part(file, variable)
        )
        if selected:
            return selected
        available = {*(entry.variable for entry in entries), *(file.variable for file in files)}
        names = ", ".join(sorted(name for name in available if name and not is_internal(name)))
        message = f"the variable {variable!r} holds no document at the end of the interview"
        hint = f"Variables with files: {names or 'none'}"
        if self.error is not None:
            message = f"no screen shows a document of {variable!r}, and {self.error.message}"
            hint = _UNREADABLE_HINT
        raise NoDocuments(
            message, hint=hint, transcript=self._transcript, end_type=self._transcript.end_type
        ) from self.error

    def _make_entries(self, files: Iterable[VariableFile]) -> list[DocumentEntry]:
        """Make entries of files in variables, each file once."""
        entries: dict[tuple[int | None, str], DocumentEntry] = {}
        for file in files:
            if not is_internal(file.variable):
                entry = make_file_entry(
                    self._client,
                    file.number,
                    file.format,
                    file.filename,
                    name=file.name,
                    variable=file.variable,
                    source="variable",
                )
                entries.setdefault(entry.key, entry)
        return [*entries.values()]


def _match_link(
    link: FileLink, files: Sequence[VariableFile], *, is_local: bool
) -> VariableFile | None:
    """Find the file of a link; a temporary URL, or that of an unknown host, needs its name too."""
    has_number = link.number is not None
    return next(
        (
            file
            for file in files
            if link.number in {None, file.number}
            and (link.filename == file.filename or (is_local and has_number))
        ),
        None,
    )


def _is_part(document: DocumentEntry | VariableFile, variable: str) -> bool:
    """Return whether a variable is a document's, one of its formats, or an object that has it."""
    names = {document.variable, f"{document.variable}.{document.format}"}
    return variable in names or document.variable.startswith((f"{variable}.", f"{variable}["))


def _unique_filename(filename: str, used: set[str]) -> str:
    """Add a number to a file name that is in use already, ignoring case."""
    path, number = Path(filename), 0
    while filename.lower() in used:
        number += 1
        filename = path.with_stem(f"{path.stem} ({number})").name
    used.add(filename.lower())
    return filename


def _no_documents_error(
    transcript: Transcript,
    entries: list[DocumentEntry],
    formats: Sequence[str] | None,
    cause: InterviewFailed | None,
) -> NoDocuments:
    final = transcript.final
    question = final.question_name if isinstance(final, Question) else ""
    end = f"on question {question!r} ({transcript.end_type})" if question else "with a response"
    message = f"the interview ended {end} without a document"
    hint = "Look at the last screen in the error's transcript"
    if cause is not None:
        message += f", and {cause.message}"
        hint = _UNREADABLE_HINT
    if entries:
        message += f" as {' or '.join(formats or ())}"
        hint = f"Available formats: {', '.join(sorted({entry.format for entry in entries}))}"
    elif transcript.actions:
        names = ", ".join(dict.fromkeys(action.name for action in transcript.actions))
        hint = (
            f"It continues with an action ({names}): call session.action(name, arguments,"
            " persistent=True), then session.run() again"
        )
    return NoDocuments(
        message, hint=hint, transcript=transcript, question=question, end_type=transcript.end_type
    )
