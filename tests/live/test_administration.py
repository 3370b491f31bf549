"""Users, keys, configuration and files on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    Confidential,
    NotFound,
    TaskHandle,
    Upload,
    UsageError,
)

if TYPE_CHECKING:
    from tests.live.conftest import Run
    from tests.live.server import LiveServer


def test_configuration_is_read_but_never_shown(run: Run) -> None:
    """The whole configuration is there, and none of its values in its repr."""

    async def job(da: AsyncDocassemble) -> None:
        config = await da.server.get_config()

        assert isinstance(config, Confidential)
        secret = config["live test secret"]
        assert isinstance(secret, str)
        assert config["secretkey"]
        assert secret not in f"{config!r} {config}"
        assert str(config["secretkey"]) not in f"{config!r} {config}"

    run(job)


def test_configuration_is_changed_with_a_restart(run: Run) -> None:
    """Changing a directive starts a restart and says so with a handle."""

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.server.update_config({"client test directive": True})

        assert isinstance(handle, TaskHandle)
        assert handle.kind == "restart"
        status = await da.server.get_restart_status(handle.id, timeout=120)
        assert status.status in {"working", "completed", "unknown"}

    run(job)


def test_health_needs_no_key(server: LiveServer, run: Run) -> None:
    """The health call tells the version without an API key."""

    async def job(da: AsyncDocassemble) -> None:
        health = await da.server.get_health(timeout=120)

        assert health.version == server.version
        assert health.ok is True

    run(job)


def test_playground_file_round_trip(run: Run, unique: str) -> None:
    """A file put into a project of the Playground is listed, read and deleted."""
    content = b"question: Hello\nmandatory: True\n"

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.create_project(unique)
        nothing = await da.playground.upload_files(
            [Upload(content, "hello.yml")], folder="questions", project=unique
        )
        names = await da.playground.list_files(folder="questions", project=unique)
        file = await da.playground.download_file("hello.yml", folder="questions", project=unique)
        await da.playground.delete_file("hello.yml", folder="questions", project=unique)
        await da.playground.delete_project(unique)

        assert nothing is None
        assert names == ["hello.yml"]
        assert file.content == content

    run(job)


def test_template_fields_are_extracted(run: Run) -> None:
    """The fields of a Markdown template come as JSON or as a draft question."""

    async def job(da: AsyncDocassemble) -> None:
        template = Upload(b"Dear {{ client }}, pay {{ amount }}.", "letter.md")

        fields = await da.files.extract_fields(template)
        draft = await da.files.extract_fields(template, output_format="yaml")

        assert not isinstance(fields, str)
        assert set(fields.fields) == {"client", "amount"}
        assert isinstance(draft, str)
        assert "client" in draft

    run(job)


def test_unlisted_path_is_reached_with_the_same_errors(run: Run) -> None:
    """The escape hatch calls any path; an unknown one is NotFound with the page as body."""

    async def job(da: AsyncDocassemble) -> None:
        response = await da.request("GET", "/api/list", params={"absolute_urls": False})
        with pytest.raises(NotFound) as error:
            await da.request("GET", "/al/api/v1/dashboard/jobs/7")
        with pytest.raises(UsageError):
            await da.request("GET", "/api/user", params={"key": "smuggled"})

        assert response.status == 200
        assert "set-cookie" not in response.headers
        assert "<html" in str(error.value.body).lower()

    run(job)
