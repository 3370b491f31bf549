"""Decides whether a deployment with restart="auto" restarts the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from docassemble_client.workflows.packages.pip_log import PipLog

AUTO: Literal["auto"] = "auto"
_MAX_SHOWN_PACKAGES = 5


def find_reason_before(*, has_modules: bool | None, may_clear_cache: bool) -> str:
    """
    Find the reason to restart that is known before the installation.

    Python does not reload modules, so processes that have loaded one would keep the old code.
    Interviews, templates and static files are read again after the cache was cleared.

    Args:
        has_modules: Whether the package has modules; None if the server fetches it.
        may_clear_cache: Whether the key may clear the cache, and so restart the server later.

    Returns:
        The reason; empty without one.
    """
    if has_modules is None:
        return "only the server has seen the package"
    if has_modules:
        return "the package has modules"
    return "" if may_clear_cache else "the key may not clear the cache of interviews"


def find_reason_after(log: PipLog, name: str) -> str:
    """
    Find the reason to restart that pip's log shows.

    Args:
        log: The log.
        name: Name of the package.

    Returns:
        The reason; empty without one.
    """
    packages = log.find_other_packages(name)
    if packages is None:
        return "pip's log is incomplete, so dependencies may have changed"
    if not packages:
        return ""
    more = f" and {len(packages) - _MAX_SHOWN_PACKAGES} more" * (
        len(packages) > _MAX_SHOWN_PACKAGES
    )
    return f"pip installed {', '.join(packages[:_MAX_SHOWN_PACKAGES])}{more}"
