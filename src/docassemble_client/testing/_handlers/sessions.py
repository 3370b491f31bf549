"""Interview sessions."""

from docassemble_client.testing._handlers.session_calls import (
    sessions_delete,
    sessions_get_question,
    sessions_get_variables,
    sessions_go_back,
    sessions_run_action,
    sessions_set_variables,
    sessions_start,
)
from docassemble_client.testing._handlers.session_lists import (
    sessions_delete_many,
    sessions_delete_many_across_users,
    sessions_delete_many_current,
    sessions_delete_many_for_user,
    sessions_list,
    sessions_list_across_users,
    sessions_list_current,
    sessions_list_for_user,
)

__all__ = [
    "sessions_delete",
    "sessions_delete_many",
    "sessions_delete_many_across_users",
    "sessions_delete_many_current",
    "sessions_delete_many_for_user",
    "sessions_get_question",
    "sessions_get_variables",
    "sessions_go_back",
    "sessions_list",
    "sessions_list_across_users",
    "sessions_list_current",
    "sessions_list_for_user",
    "sessions_run_action",
    "sessions_set_variables",
    "sessions_start",
]
