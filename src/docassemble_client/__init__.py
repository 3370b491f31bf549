"""
A typed, async client for the HTTP API of docassemble.

Everything public can be imported from here; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from docassemble_client._version import __version__ as __version__

if TYPE_CHECKING:
    from docassemble_client._types import JSON as JSON
    from docassemble_client._types import UNSET as UNSET
    from docassemble_client._types import JSONInput as JSONInput
    from docassemble_client._types import Unset as Unset
    from docassemble_client.client import AsyncDocassemble as AsyncDocassemble
    from docassemble_client.config import Confidential as Confidential
    from docassemble_client.config import RetryPolicy as RetryPolicy
    from docassemble_client.config import Secret as Secret
    from docassemble_client.config import Timeouts as Timeouts
    from docassemble_client.errors import *
    from docassemble_client.events import *
    from docassemble_client.models import *
    from docassemble_client.operation import Operation as Operation
    from docassemble_client.pagination import Page as Page
    from docassemble_client.pagination import Paginator as Paginator
    from docassemble_client.responses import BinaryContent as BinaryContent
    from docassemble_client.responses import JSONReply as JSONReply
    from docassemble_client.responses import Response as Response
    from docassemble_client.tasks import PollPolicy as PollPolicy
    from docassemble_client.tasks import TaskEvent as TaskEvent
    from docassemble_client.tasks import TaskHandle as TaskHandle
    from docassemble_client.tasks import TaskResult as TaskResult
    from docassemble_client.transfer import Download as Download
    from docassemble_client.transfer import DownloadStream as DownloadStream
    from docassemble_client.transfer import FileInput as FileInput
    from docassemble_client.transfer import Upload as Upload
    from docassemble_client.workflows.accounts.ensure import EnsuredApiKey as EnsuredApiKey
    from docassemble_client.workflows.accounts.ensure import EnsuredUser as EnsuredUser
    from docassemble_client.workflows.accounts.ensure import Profile as Profile
    from docassemble_client.workflows.accounts.stored_sessions import CleanupReport as CleanupReport
    from docassemble_client.workflows.accounts.stored_sessions import (
        ExportedSession as ExportedSession,
    )
    from docassemble_client.workflows.accounts.stored_sessions import OldSession as OldSession
    from docassemble_client.workflows.batch.results import BatchProgress as BatchProgress
    from docassemble_client.workflows.batch.results import RowOutcome as RowOutcome
    from docassemble_client.workflows.batch.results import RowResult as RowResult
    from docassemble_client.workflows.errors import *
    from docassemble_client.workflows.interviews.answer_source import MISSING as MISSING
    from docassemble_client.workflows.interviews.answer_source import Missing as Missing
    from docassemble_client.workflows.interviews.answer_source import Policy as Policy
    from docassemble_client.workflows.interviews.answers import Answer as Answer
    from docassemble_client.workflows.interviews.answers import DADict as DADict
    from docassemble_client.workflows.interviews.answers import DAList as DAList
    from docassemble_client.workflows.interviews.answers import DAObject as DAObject
    from docassemble_client.workflows.interviews.assembly import Assembly as Assembly
    from docassemble_client.workflows.interviews.documents import Document as Document
    from docassemble_client.workflows.interviews.documents import (
        DocumentDownload as DocumentDownload,
    )
    from docassemble_client.workflows.interviews.documents import (
        DocumentDownloads as DocumentDownloads,
    )
    from docassemble_client.workflows.interviews.documents import Documents as Documents
    from docassemble_client.workflows.interviews.interview import Interview as Interview
    from docassemble_client.workflows.interviews.prefilled_url import PrefilledURL as PrefilledURL
    from docassemble_client.workflows.interviews.runner import Step as Step
    from docassemble_client.workflows.interviews.runner import Transcript as Transcript
    from docassemble_client.workflows.interviews.screen import FieldType as FieldType
    from docassemble_client.workflows.interviews.screen import Screen as Screen
    from docassemble_client.workflows.interviews.screen import ScreenChoice as ScreenChoice
    from docassemble_client.workflows.interviews.screen import ScreenField as ScreenField
    from docassemble_client.workflows.interviews.session import InterviewSession as InterviewSession
    from docassemble_client.workflows.packages.deploy import DeployReport as DeployReport
    from docassemble_client.workflows.playground.project import Project as Project
    from docassemble_client.workflows.playground.sync import SyncChange as SyncChange
    from docassemble_client.workflows.playground.sync import SyncReport as SyncReport
    from docassemble_client.workflows.playground.watch import WatchEvent as WatchEvent
    from docassemble_client.workflows.server.doctor import ServerReport as ServerReport
    from docassemble_client.workflows.server.restart import ConfigPatch as ConfigPatch

_HOMES = {
    "responses": ("BinaryContent", "JSONReply", "Response"),
    "operation": ("Operation",),
    "_types": ("JSON", "UNSET", "JSONInput", "Unset"),
    "client": ("AsyncDocassemble",),
    "config": ("Confidential", "RetryPolicy", "Secret", "Timeouts"),
    "workflows.interviews.assembly": ("Assembly",),
    "workflows.packages.deploy": ("DeployReport",),
    "workflows.server.doctor": ("ServerReport",),
    "workflows.interviews.documents": (
        "Document",
        "DocumentDownload",
        "DocumentDownloads",
        "Documents",
    ),
    "workflows.interviews.runner": ("Step", "Transcript"),
    "workflows.interviews.prefilled_url": ("PrefilledURL",),
    "workflows.interviews.interview": ("Interview",),
    "workflows.interviews.answer_source": ("MISSING", "Missing", "Policy"),
    "workflows.playground.project": ("Project",),
    "workflows.batch.results": ("BatchProgress", "RowOutcome", "RowResult"),
    "workflows.interviews.screen": ("FieldType", "Screen", "ScreenChoice", "ScreenField"),
    "workflows.server.restart": ("ConfigPatch",),
    "workflows.interviews.session": ("InterviewSession",),
    "workflows.accounts.stored_sessions": ("CleanupReport", "ExportedSession", "OldSession"),
    "workflows.playground.sync": ("SyncChange", "SyncReport"),
    "workflows.accounts.ensure": ("EnsuredApiKey", "EnsuredUser", "Profile"),
    "workflows.interviews.answers": ("Answer", "DADict", "DAList", "DAObject"),
    "workflows.playground.watch": ("WatchEvent",),
    "pagination": ("Page", "Paginator"),
    "tasks": ("PollPolicy", "TaskEvent", "TaskHandle", "TaskResult"),
    "transfer": ("Download", "DownloadStream", "FileInput", "Upload"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
# Modules that say themselves which names they have.
_LISTED = ("errors", "events", "workflows.errors", "models")
_MODULES = ("errors", "events", "models", "operations")


if not TYPE_CHECKING:  # pragma: no branch - for checkers there are no names but those above

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        homes = (_HOME[name],) if name in _HOME else () if name.startswith("_") else _LISTED
        for home in homes:
            module = import_module(f"{__name__}.{home}")
            if home not in _LISTED or name in module.__all__:
                value: object = getattr(module, name)
                globals()[name] = value
                return value
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)


def __dir__() -> list[str]:
    listed = [import_module(f"{__name__}.{home}").__all__ for home in _LISTED]
    return sorted({"__version__", *_HOME, *(name for names in listed for name in names)})
