"""Calls that the real server refuses: no permission, disabled features, invalid requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from docassemble_client import AsyncDocassemble, MethodNotAllowed, NotFound, Upload
from docassemble_client.operations import OPERATIONS
from tests.live.accounts import limited_client, temporary_account
from tests.live.known_errors import get_error
from tests.live.server_config import temporary_config

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.live.conftest import Connect
    from tests.live.known_errors import ApiCall
    from tests.live.server import LiveServer

COMMON = Path(__file__).parents[2] / "spec" / "common.yaml"
FILE = Upload(b"text", "note.txt")
CALLS: dict[str, ApiCall] = {
    "packages.list": lambda da: da.packages.list(),
    "packages.install": lambda da: da.packages.install(zip=FILE),
    "packages.update": lambda da: da.packages.update("nosuchpackage"),
    "packages.uninstall": lambda da: da.packages.uninstall("nosuchpackage"),
    "packages.get_update_status": lambda da: da.packages.get_update_status("nosuchtask"),
    "playground.list_files": lambda da: da.playground.list_files(),
    "playground.download_file": lambda da: da.playground.download_file("note.txt").read(),
    "playground.upload_files": lambda da: da.playground.upload_files([FILE]),
    "playground.delete_file": lambda da: da.playground.delete_file("note.txt"),
    "playground.list_projects": lambda da: da.playground.list_projects(),
    "playground.create_project": lambda da: da.playground.create_project("default"),
    "playground.delete_project": lambda da: da.playground.delete_project("default"),
    "playground.install_packages": lambda da: da.playground.install_packages([FILE]),
    "playground.pull_package": lambda da: da.playground.pull_package(pip="nosuchpackage"),
    "server.get_config": lambda da: da.server.get_config(),
    "server.replace_config": lambda da: da.server.replace_config({}),
    "server.update_config": lambda da: da.server.update_config({}),
    "server.restart": lambda da: da.server.restart(),
    "server.get_restart_status": lambda da: da.server.get_restart_status("nosuchtask"),
}
ALWAYS_ENABLED = {"packages.list"}


def test_every_operation_has_a_call() -> None:
    """CALLS has every operation of its tags, except the operation that needs no key."""
    tags = {name.partition(".")[0] for name in CALLS}

    assert {name for name, operation in OPERATIONS.items() if operation.tag in tags} == {
        *CALLS,
        "server.get_health",
    }


async def test_calls_without_permission_are_denied(da: AsyncDocassemble, connect: Connect) -> None:
    """Keys with other permissions and users without privileges are refused every call."""
    async with (
        limited_client(da, connect, "access_sessions") as other_key,
        temporary_account(da, connect) as account,
    ):
        errors = {
            name: {await get_error(call(other_key)), await get_error(call(account.da))}
            for name, call in CALLS.items()
        }

    assert errors == {name: {"403 Access denied."} for name in CALLS}


@pytest.mark.since("1.10")
async def test_disabled_features_are_not_found(
    da: AsyncDocassemble, connect: Connect, server: LiveServer
) -> None:
    """If Playground, updates and configuration are disabled, only packages.list and health work."""
    disabled = {"enable_playground": False, "allow_updates": False}
    async with temporary_config(server, da, **disabled, allow_configuration_editing=False):
        errors = {
            name: await _get_not_found_error(call(da))
            for name, call in CALLS.items()
            if name not in ALWAYS_ENABLED
        }
        packages = await da.packages.list()
    projects = await da.playground.list_projects()

    assert errors == {
        # The routes of the Playground do not exist if it is disabled.
        name: "a page" if name.startswith("playground.") else "File not found"
        for name in CALLS.keys() - ALWAYS_ENABLED
    }
    assert "docassemble.webapp" in [package.name for package in packages]
    assert isinstance(projects, list)


async def _get_not_found_error(call: Awaitable[object]) -> str:
    with pytest.raises(NotFound) as error:
        await call
    text = str(error.value.body).strip()
    return "a page" if text.startswith("<!DOCTYPE html>") else text


@pytest.mark.parametrize(
    ("operation", "request_options", "expected"),
    [
        (
            "files.convert_to_markdown",
            {
                "path": "/api/convert_file",
                "data": {"format": "pdf"},
                "files": {"file": Upload(b"text", "note.docx")},
            },
            "400 Invalid output file format.",
        ),
        (
            "files.convert_to_markdown",
            {"path": "/api/convert_file", "json": {}},
            "404 File not found",
        ),
        ("files.extract_fields", {"path": "/api/fields", "json": {}}, "400 File not included."),
        ("packages.install", {"path": "/api/package", "json": {}}, "400 No instructions provided."),
        ("packages.update", {"path": "/api/package", "json": {}}, "400 No instructions provided."),
        (
            "packages.install",
            {"path": "/api/package", "json": {"pip": "pyjokes", "update": "pyjokes"}},
            "400 Only one package can be installed or updated at a time.",
        ),
        (
            "packages.uninstall",
            {"method": "DELETE", "path": "/api/package"},
            "400 Missing package name.",
        ),
        (
            "packages.get_update_status",
            {"method": "GET", "path": "/api/package_update_status"},
            "400 Missing task_id",
        ),
        (
            "playground.upload_files",
            {"path": "/api/playground", "json": {}},
            "400 No file found.",
        ),
        (
            "playground.delete_file",
            {"method": "DELETE", "path": "/api/playground"},
            "400 Missing filename.",
        ),
        (
            "playground.create_project",
            {"path": "/api/playground/project", "json": {}},
            "400 Project not provided.",
        ),
        (
            "playground.delete_project",
            {"method": "DELETE", "path": "/api/playground/project"},
            "400 Project not provided.",
        ),
        (
            "playground.install_packages",
            {"path": "/api/playground_install", "json": {}},
            "400 No package found.",
        ),
        (
            "playground.pull_package",
            {"path": "/api/playground_pull", "json": {}},
            "400 Either github_url or pip is required.",
        ),
        (
            "server.replace_config",
            {"path": "/api/config", "json": {}},
            "400 Configuration not supplied.",
        ),
        (
            "server.replace_config",
            {"path": "/api/config", "json": {"config": "{"}},
            "400 Configuration was not valid JSON.",
        ),
        (
            "server.update_config",
            {"method": "PATCH", "path": "/api/config", "json": {}},
            "400 Configuration changes not supplied.",
        ),
        (
            "server.update_config",
            {"method": "PATCH", "path": "/api/config", "json": {"config_changes": "{"}},
            "400 Configuration changes were not valid JSON.",
        ),
        (
            "server.get_restart_status",
            {"method": "GET", "path": "/api/restart_status"},
            "400 Missing task_id",
        ),
    ],
)
async def test_requests_that_the_client_never_sends_are_refused(
    da: AsyncDocassemble, operation: str, request_options: dict[str, Any], expected: str
) -> None:
    """The server returns the documented errors; the client refuses such calls itself."""
    assert (
        await get_error(da.request(**({"method": "POST"} | request_options)), operation) == expected
    )


async def test_listed_endpoints_do_not_exist(da: AsyncDocassemble) -> None:
    """The server has none of the endpoints that docs/llms.txt warns of."""
    common: dict[str, Any] = yaml.safe_load(COMMON.read_text(encoding="utf-8"))
    calls = [entry["call"] for entry in common["sources"]["invented"]["entries"]]

    assert calls
    for call in calls:
        with pytest.raises((NotFound, MethodNotAllowed)):
            await da.request(*call.split(" ", 1))
