"""Destructive commands report what they would do, and do it only with `--yes`."""

from __future__ import annotations

from docassemble_client.cli.output import write_note


def confirm(action: str, *, yes: bool) -> bool:
    """
    Report a destructive action, unless it is confirmed.

    Args:
        action: The action, such as "delete the project review42".
        yes: Whether the user has confirmed it.

    Returns:
        Whether to carry it out.
    """
    if not yes:
        write_note(f"dactl: this would {action}; nothing was changed")
        write_note("hint: Add --yes to do it")
    return yes
