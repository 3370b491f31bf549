"""The server itself: configuration, restarts, health."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docassemble_client import models

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call

_EDITING = "allow configuration editing"
_RESTARTING = (_EDITING, "allow updates", "enable playground")


def begun(task: str) -> object:
    """Answer with the number of a restart."""
    return {"success": True, "task_id": task}


def _demand_admin(call: Call) -> None:
    call.enabled(_EDITING)
    call.require("manage_config")


def server_get_config(call: Call) -> object:
    """Show the configuration."""
    _demand_admin(call)
    return call.world.config


def server_replace_config(call: Call) -> object:
    """Replace the configuration, and restart."""
    _demand_admin(call)
    call.world.config = _object(call, "config", "not supplied", "not valid JSON")
    return begun(call.world.tasks.restart())


def server_update_config(call: Call) -> object:
    """Change the configuration, and restart."""
    _demand_admin(call)
    changes = _object(call, "config_changes", "not supplied", "not valid JSON")
    call.world.config = {**call.world.config, **changes}
    return begun(call.world.tasks.restart())


def _object(call: Call, name: str, absent: str, damaged: str) -> dict[str, Any]:
    value: Any = call.value(name)
    if value is None:
        call.refuse(absent)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            call.refuse(damaged)
    return dict(value)


def _demand_restarting(call: Call) -> None:
    """Answer as the server does when everything that needs restarts is switched off."""
    if not any(call.allows(one) for one in _RESTARTING):
        call.missing()


def server_restart(call: Call) -> object:
    """Restart."""
    _demand_restarting(call)
    call.require()
    return begun(call.world.tasks.restart())


def server_get_restart_status(call: Call) -> object:
    """Tell how far a restart is."""
    _demand_restarting(call)
    call.require()
    number = call.text("task_id")
    if number is None:
        call.refuse("Missing task_id")
    tasks = call.world.tasks
    task = tasks.look("restart", number)
    if task is None:
        return models.RestartStatus(status="unknown")
    return models.RestartStatus(status="completed" if tasks.over(task) else "working")


def server_get_health(call: Call) -> object:
    """Tell that it is well, and since when."""
    world = call.world
    return models.ServerHealth(
        ok=True, server_start_time=world.tasks.started, version=world.version
    )
