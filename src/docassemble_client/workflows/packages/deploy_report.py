"""The result of a deployment: the installed package, and other packages that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from docassemble_client.workflows.packages.metadata import is_same_version

if TYPE_CHECKING:
    from collections.abc import Sequence


def describe_failures(names: Sequence[str]) -> str:
    """Describe other packages of the server that could not be installed."""
    return (
        f"Other packages could not be installed: {', '.join(names)}."
        " The server tries them again with each installation; remove them with packages.uninstall"
    )


@frozen(kw_only=True)
class DeployReport:
    """
    An installed package, as the server lists it.

    Attributes:
        name: Name of the package.
        version: Installed version.
        previous_version: Version that was listed before; None if there was none.
        restarted: Whether the server restarted and is available again.
        restart_reason: With `restart="auto"`: why the server restarted; otherwise empty.
        cache_cleared: Without a restart, whether the interview cache was cleared. The key may lack
            the permission for it (`playground_control`).
        failed_packages: Other packages that could not be installed; the server installs all
            pending packages together.
        ignored: Paths of the folder that were not sent: caches, secrets, ignored files.
        log: Pip's log; empty if the response was lost.
    """

    name: str
    version: str
    previous_version: str | None
    restarted: bool
    cache_cleared: bool
    restart_reason: str = ""
    failed_packages: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    log: str = field(default="", repr=lambda value: f"<{len(value)} characters>")

    @property
    def has_changed(self) -> bool:
        """Whether the installed version differs from the previous one."""
        previous = self.previous_version
        return previous is None or not is_same_version(previous, self.version)

    def __str__(self) -> str:
        text = f"{self.name} {self.version} is installed"
        if self.previous_version is None:
            text += ", for the first time."
        elif self.has_changed:
            text += f", previously {self.previous_version}."
        else:
            text += "; the version did not change: increase it for each deployment."
        if self.failed_packages:
            text += f" {describe_failures(self.failed_packages)}."
        return text
