"""The documents an interview brings at its end: what they are called, and that they are such."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from attrs import frozen

from docassemble_client.responses import BinaryContent
from docassemble_client.transfer import Download, DownloadStream

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractAsyncContextManager

    from docassemble_client.workflows.interviews.runner import Transcript

T = TypeVar("T", bound="Document | DocumentDownload")


@frozen(kw_only=True)
class Document(BinaryContent):
    """
    A document in memory, with what the server said about it.

    Attributes:
        name: What the interview calls it.
        format: Such as pdf or docx.
        variable: Variable of the interview that holds it; empty if it has none of its own.
    """

    name: str
    format: str
    variable: str = ""


class DocumentDownload(Download):
    """
    A document that is still on the server, where it stays as long as its session.

    Await it (or call `read`) to get it in memory, call `save` to write it to disk, or enter it
    with `async with` to receive it chunk by chunk. Each use asks the server anew.

    Attributes:
        name: What the interview calls it.
        format: Such as pdf or docx.
        variable: Variable of the interview that holds it; empty if it has none of its own.
        filename: Its file name, made safe, and different from those of the others.
    """

    def __init__(
        self,
        open_stream: Callable[[], AbstractAsyncContextManager[DownloadStream]],
        *,
        name: str,
        format: str,  # noqa: A002 - as the attribute
        variable: str,
        filename: str,
    ) -> None:
        super().__init__(open_stream)
        self.name = name
        self.format = format
        self.variable = variable
        self.filename = filename

    def __await__(self) -> Generator[object, None, Document]:
        return self.read().__await__()

    async def read(self, *, max_size: int | None = None) -> Document:
        """
        Read the document into memory.

        Args:
            max_size: How many bytes to take at most; None for any number.

        Returns:
            The document.

        Raises:
            DownloadTooLarge: There are more bytes.
            InvalidDocument: What came is no document of its format.
            DocassembleError: It could not be had, or broke off.
        """
        content = await super().read(max_size=max_size)
        return Document(
            content=content.content,
            content_type=content.content_type,
            filename=content.filename,
            status=content.status,
            name=self.name,
            format=self.format,
            variable=self.variable,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.filename}>"


class _Named(Sequence[T], Generic[T]):
    """Things that are found by position, name, variable, file name or format."""

    def __init__(self, documents: Sequence[T], transcript: Transcript) -> None:
        self._documents = tuple(documents)
        self.transcript = transcript

    @overload
    def __getitem__(self, key: int | str | tuple[str, ...]) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[T]: ...
    def __getitem__(self, key: int | slice | str | tuple[str, ...]) -> T | Sequence[T]:
        if isinstance(key, (int, slice)):
            return self._documents[key]
        wanted = {key} if isinstance(key, str) else {*key}
        found = [one for one in self if wanted <= {*self._words(one)}]
        if len(found) == 1:
            return found[0]
        which = "several documents are" if found else "no document is"
        listed = ", ".join(f"{one.name!r} as {one.format}" for one in self)
        message = f"{which} {' and '.join(map(repr, sorted(wanted)))}; there are {listed}"
        raise KeyError(message)

    def __iter__(self) -> Iterator[T]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(str(one.filename) for one in self)}>"

    def _words(self, one: T) -> tuple[str | None, ...]:
        return one.name, one.format, one.variable, one.filename


class Documents(_Named[Document]):
    """
    Documents in memory, in the order of the interview.

    `documents["pdf"]` is the only one in this format, `documents["Letter"]` the only one with this
    name, variable or file name, `documents["Letter", "pdf"]` the one that is both.

    Attributes:
        transcript: How the interview went.
    """

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """
        Write all of them to a folder, which is made if it does not exist.

        No file that is there already is replaced: a new one gets a number.

        Args:
            folder: The folder.

        Returns:
            The paths of the files, in the order of the documents.

        Raises:
            OSError: A file cannot be written.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        return tuple(one.save(place) for one in self)


class DocumentDownloads(_Named[DocumentDownload]):
    """
    Documents on the server, in the order of the interview; they are found as in `Documents`.

    Attributes:
        transcript: How the interview went.
    """

    async def read(self) -> Documents:
        """
        Read all of them into memory.

        Returns:
            The documents.

        Raises:
            DocassembleError: One could not be had, is too large, or is none of its format.
        """
        return Documents([await one.read() for one in self], self.transcript)

    async def save(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """
        Write all of them to a folder, which is made if it does not exist, one after the other.

        No file that is there already is replaced: a new one gets a number.

        Args:
            folder: The folder.

        Returns:
            The paths of the files, in the order of the documents.

        Raises:
            DocassembleError: One could not be had, is too large, or is none of its format.
            OSError: A file cannot be written.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        return tuple([await one.save(place) for one in self])
