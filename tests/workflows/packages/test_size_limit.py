"""The size of an archive is compared with the server's limit before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.packages import size_limit
from tests.workflows.package_files import count_calls, deploy, write_package

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import JSONInput
    from docassemble_client.testing import FakeServer


@pytest.fixture
def large_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a package that is larger than the default limit of servers, here 0.1 KiB."""
    monkeypatch.setattr(size_limit, "DEFAULT_MAX_BYTES", 100)
    return write_package(tmp_path)


@pytest.mark.parametrize("limit", [{}, {"maximum content length": "30 MB"}])
async def test_archive_above_the_server_s_limit_is_not_sent(
    fake: FakeServer, large_package: Path, limit: dict[str, JSONInput]
) -> None:
    """The limit is that of the configuration, or else the default."""
    fake.config.update(limit)

    with pytest.raises(UsageError, match=r"the archive has .* MiB; the server accepts") as caught:
        await deploy(fake, large_package)

    assert caught.value.hint is not None
    assert "maximum content length" in caught.value.hint
    assert count_calls(fake, "packages.install") == 0


@pytest.mark.parametrize("limit", [None, 0, 32 * 1024 * 1024])
async def test_archive_within_the_server_s_limit_is_sent(
    fake: FakeServer, large_package: Path, limit: int | None
) -> None:
    """A server may accept larger requests; null or 0 means that there is no limit."""
    fake.config["maximum content length"] = limit

    assert (await deploy(fake, large_package)).version == "0.1.0"


async def test_large_archive_is_sent_if_the_limit_cannot_be_read(
    fake: FakeServer, large_package: Path
) -> None:
    """Only administrators can read the configuration; for other keys the server decides."""
    fake.fail("server.get_config", status=403, body="Access denied.")

    assert (await deploy(fake, large_package)).version == "0.1.0"
