"""What keys without permission and callers of switched-off features are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, NotFound, Upload
from docassemble_client.operations import OPERATIONS
from tests.live.people import limited, person
from tests.live.refusals import refusal
from tests.live.switches import configured

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.live.conftest import Connect, Run
    from tests.live.refusals import Call
    from tests.live.server import LiveServer

FILE = Upload(b"text", "note.txt")
DOORS: dict[str, Call] = {
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
ALWAYS_OPEN = {"packages.list"}  # to those who may manage packages, whatever is switched off


def test_every_door_is_tried() -> None:
    """The table above has each operation of its tags, except the one that needs no key."""
    tags = {name.partition(".")[0] for name in DOORS}

    assert {name for name, one in OPERATIONS.items() if one.tag in tags} == {
        *DOORS,
        "server.get_health",
    }


def test_without_permission_access_is_denied(run: Run, connect: Connect) -> None:
    """Each call is closed to a key limited to something else, and to persons without privileges."""

    async def job(da: AsyncDocassemble) -> None:
        async with limited(da, connect, "access_sessions") as other, person(da, connect) as nobody:
            told = {
                name: {await refusal(call(other)), await refusal(call(nobody.da))}
                for name, call in DOORS.items()
            }

        assert told == {name: {"403 Access denied."} for name in DOORS}

    run(job)


@pytest.mark.since("1.10")
def test_switched_off_everything_is_not_found(
    run: Run, connect: Connect, server: LiveServer
) -> None:
    """Without Playground, updates and configuration editing, only packages.list and health work."""

    async def job(da: AsyncDocassemble) -> None:
        off = {"enable_playground": False, "allow_updates": False}
        async with configured(server, da, **off, allow_configuration_editing=False):
            told = {
                name: await _not_found(call(da))
                for name, call in DOORS.items()
                if name not in ALWAYS_OPEN
            }
            listed = await da.packages.list()
        back = await da.playground.list_projects()

        assert told == {
            # The routes of the Playground do not exist then, so nothing says what is switched off.
            name: "a page" if name.startswith("playground.") else "File not found"
            for name in DOORS.keys() - ALWAYS_OPEN
        }
        assert "docassemble.webapp" in [one.name for one in listed]
        assert isinstance(back, list)

    run(job)


async def _not_found(call: Awaitable[object]) -> str:
    with pytest.raises(NotFound) as error:
        await call
    text = str(error.value.body).strip()
    return "a page" if text.startswith("<!DOCTYPE html>") else text


@pytest.mark.parametrize(
    ("operation", "request_", "expected"),
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
def test_what_a_call_forestalls_is_refused_by_the_server(
    run: Run, operation: str, request_: dict[str, Any], expected: str
) -> None:
    """The call would be refused before it is sent; sent without it, the documented error comes."""

    async def job(da: AsyncDocassemble) -> None:
        assert await refusal(da.request(**({"method": "POST"} | request_)), operation) == expected

    run(job)
