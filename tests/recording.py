"""Files of recorded exchanges with a real server: one per live test, with readable diffs."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = Path(__file__).parent / "api" / "recordings"
_DISPOSITION = re.compile(
    r'Content-Disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?', re.IGNORECASE
)
_QUOTED = {"%22": '"', "%0D": "\r", "%0A": "\n"}


@frozen(kw_only=True)
class RecordedExchange:
    """
    An exchange without secrets.

    Attributes:
        operation: Full name of the operation; `request` for a call without an operation.
        method: HTTP method.
        target: Path and query.
        key: Stand-in for the API key; the administrator's is the first secret.
        headers: The request headers referer and origin.
        request: Request body: `json`, or `parts` of a form, each with its `text`, its `base64` or
            the `size` of content that was left out; empty if there was no body.
        status: HTTP status.
        response_type: Content type of the response.
        body: Response body: its exact `text` or `base64`. `cut` means that lists in it were
            shortened; `left_out` gives the reason why it is missing.
    """

    operation: str
    method: str
    target: str
    key: str
    headers: dict[str, str]
    request: dict[str, Any]
    status: int
    response_type: str
    body: dict[str, str]

    @property
    def response(self) -> bytes | None:
        """Body of the response; None if it was left out."""
        return None if "left_out" in self.body else decode_content(self.body)


@frozen(kw_only=True)
class Scenario:
    """
    The exchanges of one live test, in order.

    Attributes:
        test: Its node ID.
        server: Version of the server.
        exchanges: The exchanges.
    """

    test: str
    server: str
    exchanges: tuple[RecordedExchange, ...]


def read_all(folder: Path = FOLDER) -> dict[str, Scenario]:
    """Read every recording, by file name."""
    return {
        path.relative_to(folder).as_posix(): read(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def read(text: str) -> Scenario:
    """Parse the text of a recording."""
    data = json.loads(text)
    exchanges = tuple(RecordedExchange(**exchange) for exchange in data["exchanges"])
    return Scenario(**data | {"exchanges": exchanges})


def dump(scenario: Scenario) -> str:
    """Format a recording, with one line for each part of an exchange."""
    return json.dumps(asdict(scenario), indent=1, ensure_ascii=False) + "\n"


def name_files(tests: Iterable[str]) -> dict[str, str]:
    """Derive a unique file name for each test."""
    names: dict[str, str] = {}
    for test in tests:
        path, _, name = test.partition("::")
        folder = Path(path).stem.removeprefix("test_")
        slug = re.sub(r"[^A-Za-z0-9_]+", "-", name.removeprefix("test_")).strip("-")[:70]
        stem, number = f"{folder}/{slug}", 1
        while (file := f"{stem}{f'-{number}' if number > 1 else ''}.json") in names.values():
            number += 1
        names[test] = file
    return names


def decode_content(body: dict[str, Any]) -> bytes:
    """Decode the content; content that was left out becomes zero bytes of the same size."""
    if "base64" in body:
        return base64.b64decode(body["base64"])
    return body["text"].encode() if "text" in body else bytes(body["size"])


def parse_parts(content_type: str, body: bytes) -> Iterator[tuple[str, str | None, str, bytes]]:
    """Parse a form into name, file name, content type and content of each part."""
    boundary = content_type.partition("boundary=")[2].strip('"')
    _, *parts, _ = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        text = head.decode()
        disposition = _DISPOSITION.search(text)
        assert disposition is not None
        name, filename = (value and _unquote(value) for value in disposition.groups())
        type_ = re.search(r"Content-Type: (.+)", text, re.IGNORECASE)
        yield name or "", filename, type_[1].strip() if type_ else "", content


def _unquote(text: str) -> str:
    for quoted, character in _QUOTED.items():
        text = text.replace(quoted, character)
    return text
