"""Exchanges with the real server as files: one for each live test, made to be read in a diff."""

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
class Recorded:
    """
    One exchange without secrets.

    Attributes:
        operation: Full name of the operation; `request` for a call that none describes.
        method: HTTP method.
        target: Path and query.
        key: What stands for the API key; the administrator's is the first secret of all.
        headers: What the request says of the page it comes from: referer and origin.
        request: The body: `json`, or `parts` of a form, each with its `text`, its `base64` or the
            `size` of what was left out; nothing if there was none.
        status: HTTP status.
        response_type: Content type of the answer.
        body: The answer's body: its exact `text` or `base64`. `cut` says that lists in it were
            shortened, `left_out` why it is missing.
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
        """The answer's body; None if it was left out."""
        return None if "left_out" in self.body else content_of(self.body)


@frozen(kw_only=True)
class Scenario:
    """
    What one live test exchanged, in order.

    Attributes:
        test: Its node ID.
        server: Version of the server.
        exchanges: The exchanges.
    """

    test: str
    server: str
    exchanges: tuple[Recorded, ...]


def read_all(folder: Path = FOLDER) -> dict[str, Scenario]:
    """Read every recording, by the name of its file."""
    return {
        path.relative_to(folder).as_posix(): read(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def read(text: str) -> Scenario:
    """Read one file."""
    data = json.loads(text)
    return Scenario(**data | {"exchanges": tuple(Recorded(**one) for one in data["exchanges"])})


def dump(scenario: Scenario) -> str:
    """Write one file: a line for each part of an exchange."""
    return json.dumps(asdict(scenario), indent=1, ensure_ascii=False) + "\n"


def name_files(tests: Iterable[str]) -> dict[str, str]:
    """Name the file of each test after it; no two have the same."""
    names: dict[str, str] = {}
    for test in tests:
        path, _, name = test.partition("::")
        folder = Path(path).stem.removeprefix("test_")
        words = re.sub(r"[^A-Za-z0-9_]+", "-", name.removeprefix("test_")).strip("-")[:70]
        stem, number = f"{folder}/{words}", 1
        while (file := f"{stem}{f'-{number}' if number > 1 else ''}.json") in names.values():
            number += 1
        names[test] = file
    return names


def content_of(body: dict[str, Any]) -> bytes:
    """Read bytes back; of what was left out only the size is kept."""
    if "base64" in body:
        return base64.b64decode(body["base64"])
    return body["text"].encode() if "text" in body else bytes(body["size"])


def parts_of(content_type: str, body: bytes) -> Iterator[tuple[str, str | None, str, bytes]]:
    """Read a form: name, file name, content type and content of each part."""
    boundary = content_type.partition("boundary=")[2].strip('"')
    _, *parts, _ = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        text = head.decode()
        found = _DISPOSITION.search(text)
        assert found is not None
        name, filename = (one and _unquote(one) for one in found.groups())
        kind = re.search(r"Content-Type: (.+)", text, re.IGNORECASE)
        yield name or "", filename, kind[1].strip() if kind else "", content


def _unquote(text: str) -> str:
    for quoted, plain in _QUOTED.items():
        text = text.replace(quoted, plain)
    return text
