"""Writes the exchanges of a live run to files without secrets, and a summary of the results."""

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
from docassemble_client._core.deserialize import deserialize
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client._header_params import parse_media_type
from docassemble_client.errors import DecodeError
from docassemble_client.operations import OPERATIONS
from tests.operation_coverage import count_errors, count_successes
from tests.recording import (
    FOLDER,
    RecordedExchange,
    Scenario,
    decode_content,
    dump,
    name_files,
    parse_parts,
)
from tests.sanitise import Sanitiser, filter_configuration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from docassemble_client._types import JSON
    from tests.live.exchange_log import Exchange, ExchangeLog
    from tests.live.server import LiveServer

ROOT = Path(__file__).parents[2]
PROVEN = ROOT / "spec" / "proven"
MAX_BODY_BYTES = 20_000  # in a recording
_CONFIG_PATH = "/api/config"
_URL = re.compile(r"https?://\S+")
_LIST_LENGTHS = (50, 20, 10, 5, 2, 1)
_MAX_TEXT_LENGTH = 4000  # of a string in a shortened response


def is_complete_run(config: pytest.Config) -> bool:
    """Check whether all live tests run, not a selection."""
    option = config.option
    return not (option.keyword or option.markexpr) and config.args == ["tests/live"]


def write_run(
    log: ExchangeLog, server: LiveServer, *, write_exchanges: bool, is_complete: bool
) -> None:
    """
    Write the exchanges of the passed tests to files.

    Args:
        log: The exchanges.
        server: The server.
        write_exchanges: Whether to write recordings.
        is_complete: Whether all tests ran. If so, recordings of deleted tests are deleted, and the
            summary of the run is written.
    """
    passed = log.get_passed_exchanges()
    if write_exchanges:
        recorded = [exchange for exchange in passed if exchange.test not in log.unrecorded_tests]
        _write_recordings(recorded, server, is_complete=is_complete)
    if is_complete:
        PROVEN.mkdir(exist_ok=True)
        text = json.dumps(_make_proof(passed, server), indent=1) + "\n"
        (PROVEN / f"{server.version}.json").write_text(text, encoding="utf-8")


def _make_proof(exchanges: list[Exchange], server: LiveServer) -> dict[str, Any]:
    succeeded, errors = count_successes(exchanges), count_errors(exchanges)
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


def _write_recordings(exchanges: list[Exchange], server: LiveServer, *, is_complete: bool) -> None:
    secrets, replacements = _list_server_secrets(server), _list_replacements(server)
    by_test = {
        test: list(group)
        for test, group in groupby(sorted(exchanges, key=attrgetter("test")), attrgetter("test"))
    }
    if is_complete:
        for path in FOLDER.rglob("*.json"):
            path.unlink()
    for test, name in name_files(by_test).items():
        recorder = ExchangeRecorder(Sanitiser(secrets, replacements))
        scenario = Scenario(
            test=test, server=server.version, exchanges=tuple(recorder.record(by_test[test]))
        )
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump(scenario), encoding="utf-8")


def _list_server_secrets(server: LiveServer) -> list[str]:
    """List the secrets of the server."""
    from tests.live.server.configuration import Credentials

    run = server.directory / "run"
    config = yaml.safe_load((run / "config.yml").read_text(encoding="utf-8"))
    credentials = Credentials.read(server.directory / "template" / "credentials.json")
    secrets = [server.api_key, server.admin_password]
    secrets += credentials.list_secrets() if credentials else ()
    return [*dict.fromkeys([*secrets, str(config.get("live test secret", ""))])]


def _list_replacements(server: LiveServer) -> dict[str, str]:
    """Map addresses and paths of this machine to neutral ones."""
    state = json.loads((server.directory / "state.json").read_text(encoding="utf-8"))
    return {
        server.url: "https://da.example.com",
        server.url.removeprefix("http://"): "da.example.com",
        state["scratch"]: "/srv/scratch",
        str(server.directory): "/srv/docassemble",
        str(ROOT): "/srv/client",
        str(Path.home()): "/home/user",
        "/tmp/": "/srv/temporary/",  # noqa: S108 - only text, not opened
    }


class ExchangeRecorder:
    """Converts the exchanges of a test to recorded exchanges without secrets."""

    def __init__(self, sanitiser: Sanitiser) -> None:
        self._sanitiser = sanitiser

    def record(self, exchanges: Iterable[Exchange]) -> Iterator[RecordedExchange]:
        """Learn all secrets of the test first: some are sent before a response returns them."""
        exchanges = list(exchanges)
        for exchange in exchanges:
            self._sanitiser.learn(exchange.key)
            for secret in _find_secrets(exchange):
                self._sanitiser.learn(secret)
            for text in (exchange.target, _decode(exchange.request), _decode(exchange.response)):
                self._sanitiser.learn_from(text)
        for exchange in exchanges:
            yield RecordedExchange(
                operation=exchange.operation,
                method=exchange.method,
                target=self._sanitiser.sanitise_text(exchange.target),
                key=self._sanitiser.sanitise_text(exchange.key),
                headers=self._sanitiser.sanitise_value(exchange.headers),
                request=self._sanitise_request(exchange),
                status=exchange.status,
                response_type=exchange.response_type,
                body=self._sanitise_response(exchange),
            )

    def _sanitise_request(self, exchange: Exchange) -> dict[str, Any]:
        if exchange.request is None:
            return {"left_out": "too large"}
        if parse_media_type(exchange.request_type) == "application/json":
            value = json.loads(exchange.request)
            if _is_config_exchange(exchange) and isinstance(value, dict):
                value = {
                    name: filter_configuration(item) if isinstance(item, dict) else item
                    for name, item in value.items()
                }
            return {"json": self._sanitiser.sanitise_value(value)}
        if exchange.request_type.startswith("multipart/"):
            return {
                "parts": [
                    self._sanitise_part(*part)
                    for part in parse_parts(exchange.request_type, exchange.request)
                ]
            }
        return {}

    def _sanitise_part(
        self, name: str, filename: str | None, content_type: str, content: bytes
    ) -> dict[str, str | int]:
        part: dict[str, str | int] = {"name": self._sanitiser.sanitise_text(name)}
        if filename is not None:
            part |= {"filename": self._sanitiser.sanitise_text(filename), "type": content_type}
        body = self._sanitise_body(content)
        return {**part, **({"size": len(content)} if "left_out" in body else body)}

    def _sanitise_response(self, exchange: Exchange) -> dict[str, str]:
        if exchange.response is None:
            return {"left_out": "too large, or not read completely"}
        content = exchange.response
        if parse_media_type(exchange.response_type) != "application/json":
            return self._sanitise_body(content)
        try:
            value = json.loads(content)
        except ValueError:
            return self._sanitise_body(content)
        if _is_config_exchange(exchange) and isinstance(value, dict) and "task_id" not in value:
            return {"text": json.dumps(filter_configuration(value)) + "\n"}
        if len(content) <= MAX_BODY_BYTES:
            return {"text": self._sanitiser.sanitise_text(content.decode())}
        return {
            "text": self._sanitiser.sanitise_text(_shorten(value)),
            "cut": f"long strings and lists were shortened; it had {len(content)} bytes",
        }

    def _sanitise_body(self, content: bytes) -> dict[str, str]:
        """Convert a body that is not JSON: to text if possible, otherwise to Base64."""
        if len(content) > MAX_BODY_BYTES:
            return {"left_out": f"it had {len(content)} bytes"}
        try:
            text = content.decode()
        except UnicodeDecodeError:
            content = self._sanitise_archive(content)
            if self._sanitiser.has_secret(content):
                return {"left_out": "it contains a secret"}
            return {"base64": base64.b64encode(content).decode()}
        return {"text": self._sanitiser.sanitise_text(text)}

    def _sanitise_archive(self, content: bytes) -> bytes:
        """Remove secrets from the files of an archive; set all times to the same value."""
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return content
        archive = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(archive, "w") as new:
            for name in old.namelist():
                original = old.read(name)
                body = {"size": len(original), **self._sanitise_body(original)}
                new.writestr(
                    zipfile.ZipInfo(self._sanitiser.sanitise_text(name)), decode_content(body)
                )
        return archive.getvalue()


def _is_config_exchange(exchange: Exchange) -> bool:
    return exchange.target.partition("?")[0] == _CONFIG_PATH


def _decode(body: bytes | None) -> str:
    return (body or b"").decode(errors="replace")


def _shorten(value: JSON) -> str:
    """Shorten strings, and lists as far as needed to reach MAX_BODY_BYTES."""
    text = ""
    for length in _LIST_LENGTHS:
        text = json.dumps(_truncate(value, length), separators=(",", ":")) + "\n"
        if len(text) <= MAX_BODY_BYTES:
            break
    return text


def _truncate(value: JSON, length: int) -> JSON:
    if isinstance(value, dict):
        return {name: _truncate(item, length) for name, item in value.items()}
    if isinstance(value, str) and len(value) > _MAX_TEXT_LENGTH:
        return f"{value[:_MAX_TEXT_LENGTH]} (cut)"
    if isinstance(value, list):
        return [_truncate(item, length) for item in value[:length]]
    return value


def _find_secrets(exchange: Exchange) -> Iterator[str]:
    """Yield the secrets of a request and its response, according to the specification."""
    operation = OPERATIONS.get(exchange.operation)
    if operation is None:
        return
    if parse_media_type(exchange.request_type) == "application/json" and exchange.request:
        body = json.loads(exchange.request)
        wires = [param.wire for param in operation.params if param.kind == "secret"]
        yield from (body[name] for name in wires if isinstance(body.get(name), str))
    if exchange.status >= 300 or exchange.response is None:
        return
    headers = {"content-type": exchange.response_type}
    response = RawResponse(status=exchange.status, headers=headers, content=exchange.response)
    request = Request(operation=operation.id, method=exchange.method, path=operation.path)
    try:
        yield from _find_secrets_in_value(deserialize(operation, request, response))
    except DecodeError:
        return


def _find_secrets_in_value(value: object) -> Iterator[str]:
    """Yield the secrets in a typed value, and the URLs that its repr hides."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, list):
        for item in value:
            yield from _find_secrets_in_value(item)
    elif attrs.has(model := type(value)):
        for field in attrs.fields(model):
            item = getattr(value, field.name)
            if isinstance(item, str) and field.repr not in {True, False}:
                yield from (item,) if _URL.fullmatch(item) else ()
            else:
                yield from _find_secrets_in_value(item)
