"""Finds the files that the texts of a screen link to."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.models import HelpText, Question

# No pattern may scan a text again from each of its characters: texts can be long, and hostile.
# What shows or plays a file inside the page, and comments.
_EMBEDDED = re.compile(
    r"!\[[^\[\]]*+\]\([^()]*+\)|<!--(?:(?!-->|<!--).)*+-->"
    r"|<(?:img|audio|video|source|track|script|link)\b[^<>]*+>",
    re.DOTALL | re.IGNORECASE,
)
_URL = re.compile(r"[^\s\"'<>()\[\]]++")
# The routes of webapp/files/views.py:16-51. A page of a file (uploadedpage) is an image of it.
_UPLOADED_FILE = re.compile(
    r"(?:\A|/)(?:uploadedfile(?:download)?|storedfile(?:download)?/[^/]++)/(?P<number>\d{1,15}+)"
    r"(?:/(?P<filename>[^/]++)|(?P<extension>\.\w++))?\Z",
    re.ASCII,
)
_TEMPORARY_FILE = re.compile(r"(?:\A|/)tempfile(?:download)?/[^/]++/(?P<filename>[^/]++)\Z")
# The markup of DAFile.show (base/util.py:7188): number, width, alternative text.
_FILE_MARKUP = re.compile(r"\[FILE (?P<number>\d{1,15}+)(?:,[^\[\]]*+)?\]", re.ASCII)


@frozen(kw_only=True)
class FileLink:
    """
    A link to a file of the server.

    Attributes:
        number: Number of the file; None if the URL is temporary and does not contain it.
        filename: File name in the link; empty if it has none.
        host: Host and port of an absolute URL; empty if the URL is relative.
        is_markup: Whether it is [FILE n], which shows an image or else a link.
    """

    number: int | None
    filename: str = ""
    host: str = ""
    is_markup: bool = False


def find_file_links(question: Question) -> Iterator[FileLink]:
    """
    Find the files that the texts of a screen link to, in the order of the texts.

    Images, sounds and videos that the page shows are not links.

    Args:
        question: The screen.

    Yields:
        The links.
    """
    for text in iter_texts(question):
        for match in _FILE_MARKUP.finditer(text):
            yield FileLink(number=int(match["number"]), is_markup=True)
        for match in _URL.finditer(text):
            if link := _parse_file_url(match[0].rstrip(".,:;!?")):
                yield link


def iter_texts(question: Question) -> Iterator[str]:
    """
    Yield every text that the page of a screen shows, without what it embeds, such as images.

    Args:
        question: The screen.

    Yields:
        The texts, in Markdown or HTML.
    """
    texts: list[str | None] = [question.question_text, question.subquestion_text]
    for part in question.fields or []:
        texts += [part.label, part.note, part.html, part.raw_html, part.helptext, part.under_text]
        texts += [choice.label for choice in part.choices or []]
    for attachment in question.attachments or []:
        texts += [attachment.name, attachment.description]
    for button in question.additional_buttons or []:
        texts += [button.action, button.label]
    texts += [question.under_text, question.right_text]
    helps: list[HelpText] = [*(question.help_text or []), *(question.interview_help_text or [])]
    for help_text in helps:
        texts += [help_text.content]
    for text in filter(None, texts):
        yield _EMBEDDED.sub("", text)


def _parse_file_url(url: str) -> FileLink | None:
    parts = split_url(url)
    if parts is None:
        return None
    if match := _UPLOADED_FILE.search(parts.path):
        number, extension = int(match["number"]), match["extension"] or ""
        filename = match["filename"] or (extension and f"{number}{extension}")
    elif match := _TEMPORARY_FILE.search(parts.path):
        number, filename = None, match["filename"]
    else:
        return None
    names = parse_qs(parts.query).get("filename") or [unquote(filename)]
    return FileLink(number=number, filename=names[0], host=parts.netloc.lower())


def split_url(url: str) -> SplitResult | None:
    """Split a URL as it stands in HTML; None if it is invalid."""
    try:
        return urlsplit(html.unescape(url))
    except ValueError:
        return None
