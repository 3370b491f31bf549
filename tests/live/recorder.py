"""Writes what a live run exchanged: recordings without secrets, and what they prove."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import yaml

from docassemble_client import Secret
from docassemble_client._core.deserialize import decode
from docassemble_client._core.messages import Reply, Request
from docassemble_client._types import media_type
from docassemble_client.errors import DecodeError
from docassemble_client.operations import OPERATIONS
from tests.proof import errors_seen, successes
from tests.recording import (
    FOLDER,
    Recorded,
    Scenario,
    content_of,
    dump,
    name_files,
    parts_of,
)
from tests.sanitise import Sanitiser, harmless_configuration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from docassemble_client._types import JSON
    from tests.live.evidence import Evidence, Exchange
    from tests.live.server import LiveServer

ROOT = Path(__file__).parents[2]
PROVEN = ROOT / "spec" / "proven"
LARGEST = 20_000  # bytes of a body in a recording
_CONFIGURATION = "/api/config"
_URL = re.compile(r"https?://\S+")
_LISTS = (50, 20, 10, 5, 2, 1)
_TEXT = 4000  # characters of a text in an answer that is cut


def is_whole(config: pytest.Config) -> bool:
    """Whether all live tests run, and not a selection of them."""
    option = config.option
    return not (option.keyword or option.markexpr) and config.args == ["tests/live"]


def record(evidence: Evidence, server: LiveServer, *, recordings: bool, whole: bool) -> None:
    """
    Write files of what the passed tests exchanged.

    Args:
        evidence: What was exchanged.
        server: The server.
        recordings: Whether to write the exchanges themselves.
        whole: Whether all tests ran: recordings of tests that are gone go too, and what the run
            proves is written.
    """
    passed = evidence.passed()
    if recordings:
        _write_recordings(
            [one for one in passed if one.test not in evidence.unrecorded], server, whole=whole
        )
    if whole:
        PROVEN.mkdir(exist_ok=True)
        text = json.dumps(_proof(passed, server), indent=1) + "\n"
        (PROVEN / f"{server.version}.json").write_text(text, encoding="utf-8")


def _proof(exchanges: list[Exchange], server: LiveServer) -> dict[str, Any]:
    succeeded, errors = successes(exchanges), errors_seen(exchanges)
    return {
        "server": server.version,
        "date": datetime.now(UTC).date().isoformat(),
        "operations": {
            name: {
                "succeeded": succeeded[name],
                "errors": {
                    f"{error.status} {error.message}": count
                    for error in operation.errors
                    if (count := errors[name, error])
                },
            }
            for name, operation in OPERATIONS.items()
        },
    }


def _write_recordings(exchanges: list[Exchange], server: LiveServer, *, whole: bool) -> None:
    secrets, places = _secrets(server), _places(server)
    by_test = {
        test: list(group)
        for test, group in groupby(sorted(exchanges, key=attrgetter("test")), attrgetter("test"))
    }
    if whole:
        for path in FOLDER.rglob("*.json"):
            path.unlink()
    for test, name in name_files(by_test).items():
        recorder = Recorder(Sanitiser(secrets, places))
        scenario = Scenario(
            test=test, server=server.version, exchanges=tuple(recorder.record(by_test[test]))
        )
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump(scenario), encoding="utf-8")


def _secrets(server: LiveServer) -> list[str]:
    """Everything that only this server's owner may know."""
    from tests.live.server.configuration import Credentials  # noqa: PLC0415 - not for Windows

    run = server.directory / "run"
    config = yaml.safe_load((run / "config.yml").read_text(encoding="utf-8"))
    kept = Credentials.read(server.directory / "template" / "credentials.json")
    found = [server.api_key, server.admin_password, *(kept.hidden() if kept else ())]
    return [*dict.fromkeys([*found, str(config.get("live test secret", ""))])]


def _places(server: LiveServer) -> dict[str, str]:
    """Where things are on this machine, and what to call it."""
    state = json.loads((server.directory / "state.json").read_text(encoding="utf-8"))
    return {
        server.url: "https://da.example.com",
        server.url.removeprefix("http://"): "da.example.com",
        state["scratch"]: "/srv/scratch",
        str(server.directory): "/srv/docassemble",
        str(ROOT): "/srv/client",
        str(Path.home()): "/home/user",
        "/tmp/": "/srv/temporary/",  # noqa: S108 - nothing is written there
    }


class Recorder:
    """Writes the exchanges of one test."""

    def __init__(self, sanitiser: Sanitiser) -> None:
        self._sanitiser = sanitiser

    def record(self, exchanges: Iterable[Exchange]) -> Iterator[Recorded]:
        """Know all secrets of the test first: one may be used before it is told."""
        exchanges = list(exchanges)
        for exchange in exchanges:
            self._sanitiser.learn(exchange.key)
            for secret in _told(exchange):
                self._sanitiser.learn(secret)
            for text in (exchange.target, _text(exchange.request), _text(exchange.response)):
                self._sanitiser.learn_from(text)
        for exchange in exchanges:
            yield Recorded(
                operation=exchange.operation,
                method=exchange.method,
                target=self._sanitiser.text(exchange.target),
                key=self._sanitiser.text(exchange.key),
                headers=self._sanitiser.value(exchange.headers),
                request=self._request(exchange),
                status=exchange.status,
                response_type=exchange.response_type,
                body=self._answer(exchange),
            )

    def _request(self, exchange: Exchange) -> dict[str, Any]:
        if exchange.request is None:
            return {"left_out": "too large"}
        if media_type(exchange.request_type) == "application/json":
            value = json.loads(exchange.request)
            if _is_configuration(exchange) and isinstance(value, dict):
                value = {
                    name: harmless_configuration(one) if isinstance(one, dict) else one
                    for name, one in value.items()
                }
            return {"json": self._sanitiser.value(value)}
        if exchange.request_type.startswith("multipart/"):
            return {
                "parts": [
                    self._part(*part) for part in parts_of(exchange.request_type, exchange.request)
                ]
            }
        return {}

    def _part(
        self, name: str, filename: str | None, kind: str, content: bytes
    ) -> dict[str, str | int]:
        part: dict[str, str | int] = {"name": self._sanitiser.text(name)}
        if filename is not None:
            part |= {"filename": self._sanitiser.text(filename), "type": kind}
        written = self._written(content)
        return {**part, **({"size": len(content)} if "left_out" in written else written)}

    def _answer(self, exchange: Exchange) -> dict[str, str]:
        if exchange.response is None:
            return {"left_out": "too large, or not read to its end"}
        content = exchange.response
        if media_type(exchange.response_type) != "application/json":
            return self._written(content)
        try:
            value = json.loads(content)
        except ValueError:
            return self._written(content)
        if _is_configuration(exchange) and isinstance(value, dict) and "task_id" not in value:
            return {"text": json.dumps(harmless_configuration(value)) + "\n"}
        if len(content) <= LARGEST:
            return {"text": self._sanitiser.text(content.decode())}
        return {
            "text": self._sanitiser.text(_shortened(value)),
            "cut": f"what is long in it was shortened; it had {len(content)} bytes",
        }

    def _written(self, content: bytes) -> dict[str, str]:
        """Write what is no JSON: as text if it is one."""
        if len(content) > LARGEST:
            return {"left_out": f"it had {len(content)} bytes"}
        try:
            text = content.decode()
        except UnicodeDecodeError:
            content = self._archive(content)
            if self._sanitiser.holds_secret(content):
                return {"left_out": "there is a secret in it"}
            return {"base64": base64.b64encode(content).decode()}
        return {"text": self._sanitiser.text(text)}

    def _archive(self, content: bytes) -> bytes:
        """Write the files of an archive without secrets, and all with the same time."""
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return content
        written = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
            for name in old.namelist():
                inside = old.read(name)
                kept = content_of({"size": len(inside), **self._written(inside)})
                new.writestr(zipfile.ZipInfo(self._sanitiser.text(name)), kept)
        return written.getvalue()


def _is_configuration(exchange: Exchange) -> bool:
    return exchange.target.partition("?")[0] == _CONFIGURATION


def _text(body: bytes | None) -> str:
    return (body or b"").decode(errors="replace")


def _shortened(value: JSON) -> str:
    """Write JSON with long texts cut, and lists as far as needed for it to be no longer large."""
    text = ""
    for length in _LISTS:
        text = json.dumps(_cut(value, length), separators=(",", ":")) + "\n"
        if len(text) <= LARGEST:
            break
    return text


def _cut(value: JSON, length: int) -> JSON:
    if isinstance(value, dict):
        return {name: _cut(one, length) for name, one in value.items()}
    if isinstance(value, str) and len(value) > _TEXT:
        return f"{value[:_TEXT]} (cut)"
    return [_cut(one, length) for one in value[:length]] if isinstance(value, list) else value


def _told(exchange: Exchange) -> Iterator[str]:
    """Yield what the specification calls a secret in the arguments and in the answer."""
    operation = OPERATIONS.get(exchange.operation)
    if operation is None:
        return
    if media_type(exchange.request_type) == "application/json" and exchange.request:
        body = json.loads(exchange.request)
        wires = [one.wire for one in operation.params if one.kind == "secret"]
        yield from (body[name] for name in wires if isinstance(body.get(name), str))
    if exchange.status >= 300 or exchange.response is None:
        return
    headers = {"content-type": exchange.response_type}
    reply = Reply(status=exchange.status, headers=headers, content=exchange.response)
    request = Request(operation=operation.id, method=exchange.method, path=operation.path)
    try:
        yield from _secrets_in(decode(operation, request, reply))
    except DecodeError:
        return


def _secrets_in(value: object) -> Iterator[str]:
    """Yield the secrets in a typed answer, and the URLs it does not show."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, list):
        for one in value:
            yield from _secrets_in(one)
    elif attrs.has(kind := type(value)):
        for field in attrs.fields(kind):
            one = getattr(value, field.name)
            if isinstance(one, str) and field.repr not in {True, False}:
                yield from (one,) if _URL.fullmatch(one) else ()
            else:
                yield from _secrets_in(one)
