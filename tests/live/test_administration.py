"""Users, keys, configuration and files on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AccessDenied,
    AsyncDocassemble,
    BadRequest,
    Confidential,
    NotFound,
    Secret,
    TaskHandle,
    Upload,
    UsageError,
)

if TYPE_CHECKING:
    from tests.live.conftest import Run
    from tests.live.server import LiveServer


def test_user_lives_from_creation_to_deletion(run: Run, unique: str) -> None:
    """A user is created, listed, changed, deactivated and deleted."""
    email = f"{unique}@example.com"

    async def job(da: AsyncDocassemble) -> None:
        new = await da.users.create(email, first_name="Ada", privileges=["user"])
        listed = await da.users.list(include_inactive=True)
        await da.users.update(new.user_id, last_name="Lovelace", timezone="Europe/London")
        changed = await da.users.get(new.user_id)
        await da.users.deactivate(new.user_id)
        inactive = await da.users.get_by_username(email)
        await da.users.delete(new.user_id, "account")
        with pytest.raises(NotFound) as error:
            await da.users.get(new.user_id)

        assert new.password.reveal()
        assert new.password.reveal() not in repr(new)
        assert email in [one.email for one in listed.items]
        assert (changed.first_name, changed.last_name) == ("Ada", "Lovelace")
        assert changed.privileges == ["user"]
        assert inactive.active is False
        assert error.value.body == "User not found."

    run(job)


def test_duplicate_user_is_refused_with_a_hint(run: Run) -> None:
    """The known error of a duplicate says which call finds the user."""

    async def job(da: AsyncDocassemble) -> None:
        me = await da.users.get_current()

        with pytest.raises(BadRequest) as error:
            await da.users.create(str(me.email))

        assert "users.get_by_username" in str(error.value)

    run(job)


def test_secret_of_a_user_never_shows_itself(run: Run, server: LiveServer) -> None:
    """The decryption key comes as a Secret; a wrong password is denied without being shown."""

    async def job(da: AsyncDocassemble) -> None:
        secret = await da.users.get_secret(server.admin_email, server.admin_password)
        with pytest.raises(AccessDenied) as error:
            await da.users.get_secret(server.admin_email, "wrong-example-password")

        assert len(secret.reveal()) == 16
        assert secret.reveal() not in f"{secret!r} {secret}"
        assert "wrong-example-password" not in str(error.value)
        assert "Check the password" in str(error.value)

    run(job)


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


def test_key_is_created_used_and_deleted(server: LiveServer, run: Run, unique: str) -> None:
    """A new key works until it is deleted; lists show it masked only."""

    async def job(da: AsyncDocassemble) -> None:
        key = await da.api_keys.create(unique)
        assert isinstance(key, Secret)
        listed = await da.api_keys.list()
        async with AsyncDocassemble(server.url, key) as other:
            me = await other.users.get_current()
            await da.api_keys.delete(key)
            with pytest.raises(AccessDenied):
                await other.users.get_current()

        assert me.id == 1
        assert unique in [one.name for one in listed]
        assert key.reveal() not in repr(listed)

    run(job)


def test_stashed_data_comes_back(run: Run, unique: str) -> None:
    """Data is stashed, read back as it was, and gone once deleted."""

    async def job(da: AsyncDocassemble) -> None:
        stash = await da.stash.store({"note": unique, "list": [1, 2]}, raw=True)
        data = await da.stash.retrieve(stash.stash_key, stash.secret, delete=True)
        with pytest.raises(BadRequest):
            await da.stash.retrieve(stash.stash_key, stash.secret)

        assert data["note"] == unique
        assert unique not in repr(data)

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


def test_server_exception_is_a_server_error(run: Run) -> None:
    """A 501 page of an exception in the server is a ServerError, its page only in the body."""

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(Exception, match="501") as error:
            await da.request("POST", "/api/stash_data", json={"data": [1]})

        assert type(error.value).__name__ == "ServerError"
        assert "Traceback" not in str(error.value)

    run(job)
