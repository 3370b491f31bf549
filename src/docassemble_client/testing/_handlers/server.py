"""Configuration, restarts and health of the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import docassemble_client.models as models
from docassemble_client._types import is_json_object

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall

_CONFIG_DIRECTIVE = "allow configuration editing"
_RESTART_DIRECTIVES = (_CONFIG_DIRECTIVE, "allow updates", "enable playground")


def make_restart_response(task_id: str) -> object:
    """Build the response with the task ID of a restart."""
    return {"success": True, "task_id": task_id}


def _check_may_configure(call: ApiCall) -> None:
    call.require_enabled(_CONFIG_DIRECTIVE)
    call.require_privilege("manage_config")


def server_get_config(call: ApiCall) -> object:
    """Return the configuration."""
    _check_may_configure(call)
    return call.state.config


def server_replace_config(call: ApiCall) -> object:
    """Replace the configuration and restart."""
    _check_may_configure(call)
    call.state.config = _read_object(call, "config")
    return make_restart_response(call.state.tasks.restart())


def server_update_config(call: ApiCall) -> object:
    """Update the configuration and restart."""
    _check_may_configure(call)
    call.state.config = {**call.state.config, **_read_object(call, "config_changes")}
    return make_restart_response(call.state.tasks.restart())


def _read_object(call: ApiCall, name: str) -> dict[str, Any]:
    if not call.has_argument(name):
        call.refuse("not supplied")
    value: Any = call.get_value(name)
    if not is_json_object(value):
        try:
            value = json.loads(value)
        except (TypeError, ValueError):
            call.refuse("not valid JSON")
    return dict(value)


def _check_restart_enabled(call: ApiCall) -> None:
    """Refuse the call if the configuration disables everything that needs a restart."""
    if not any(call.is_enabled(directive) for directive in _RESTART_DIRECTIVES):
        call.raise_not_found()


def server_restart(call: ApiCall) -> object:
    """Restart the server."""
    _check_restart_enabled(call)
    call.require_privilege()
    return make_restart_response(call.state.tasks.restart())


def server_get_restart_status(call: ApiCall) -> object:
    """Return the status of a restart."""
    _check_restart_enabled(call)
    call.require_privilege()
    task_id = call.get_text("task_id")
    if task_id is None:
        call.refuse("Missing task_id")
    tasks = call.state.tasks
    task = tasks.find("restart", task_id)
    if task is None:
        return models.RestartStatus(status="unknown")
    return models.RestartStatus(status="completed" if tasks.check_completion(task) else "working")


def server_get_health(call: ApiCall) -> object:
    """Return the health, start time and version of the server."""
    return models.ServerHealth(
        ok=True,
        server_start_time=call.state.tasks.server_start_time,
        version=call.state.version,
    )
