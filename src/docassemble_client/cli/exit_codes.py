"""Exit codes: what a script needs to know about the end of a command."""

from __future__ import annotations

from enum import IntEnum

from docassemble_client.errors import (
    AccessDenied,
    CleanupFailed,
    DecodeError,
    DocassembleError,
    NotFound,
    PaginationError,
    ServerError,
    TaskLost,
    TaskTimeout,
    TransportError,
    UsageError,
)

_OUTAGES = (DecodeError, PaginationError, ServerError, TaskLost, TaskTimeout, TransportError)
_WRONG_PATHS = (
    *(FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError),
    PermissionError,
)


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    WORK_FAILED = 1
    WRONG_USAGE = 2
    NOT_ALLOWED = 3
    SERVER_OR_NETWORK = 4
    NOT_THERE = 5
    UNKNOWN = 6
    INTERRUPTED = 130


def get_exit_code(error: Exception) -> ExitCode:
    """
    Return the exit code for an error.

    Args:
        error: The error.

    Returns:
        UNKNOWN only if the server may have carried out a request that must not simply be repeated.
        WRONG_USAGE also for a path that does not exist or may not be used; WORK_FAILED for another
        failure of this computer, such as a full disk.
    """
    if isinstance(error, UsageError):
        return ExitCode.WRONG_USAGE
    if isinstance(error, DocassembleError):
        return _choose_code(error)
    is_failure = isinstance(error, OSError) and not isinstance(error, _WRONG_PATHS)
    return ExitCode.WORK_FAILED if is_failure else ExitCode.WRONG_USAGE


def _choose_code(error: DocassembleError) -> ExitCode:
    from docassemble_client.workflows.errors import (
        JournalError,
        PackageNotFound,
        ProjectNotFound,
    )

    if isinstance(error, JournalError):
        return ExitCode.WRONG_USAGE
    if isinstance(error, AccessDenied):
        return ExitCode.NOT_ALLOWED
    if isinstance(error, (NotFound, PackageNotFound, ProjectNotFound)):
        return ExitCode.NOT_THERE
    if isinstance(error, CleanupFailed) or (error.maybe_processed and not _is_safe(error)):
        return ExitCode.UNKNOWN
    if isinstance(error, _OUTAGES) or error.is_transient:
        return ExitCode.SERVER_OR_NETWORK
    return ExitCode.WORK_FAILED


def _is_safe(error: DocassembleError) -> bool:
    """Whether the failed request can be repeated without harm."""
    from docassemble_client.operations import OPERATIONS

    if error.operation in OPERATIONS:
        return OPERATIONS[error.operation].retry == "safe"
    return error.method in {"GET", "HEAD"}
