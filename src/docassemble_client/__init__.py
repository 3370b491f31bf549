"""
A typed, async client for the HTTP API of docassemble.

Everything public can be imported from here; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from docassemble_client._version import __version__ as __version__

if TYPE_CHECKING:
    from docassemble_client._answers import BinaryContent as BinaryContent
    from docassemble_client._answers import JSONReply as JSONReply
    from docassemble_client._answers import Response as Response
    from docassemble_client._operation import Operation as Operation
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
    from docassemble_client.jobs.assembly import Assembly as Assembly
    from docassemble_client.jobs.deploy import DeployReport as DeployReport
    from docassemble_client.jobs.doctor import ServerReport as ServerReport
    from docassemble_client.jobs.documents import Document as Document
    from docassemble_client.jobs.documents import DocumentDownload as DocumentDownload
    from docassemble_client.jobs.documents import DocumentDownloads as DocumentDownloads
    from docassemble_client.jobs.documents import Documents as Documents
    from docassemble_client.jobs.driver import Step as Step
    from docassemble_client.jobs.driver import Transcript as Transcript
    from docassemble_client.jobs.errors import *
    from docassemble_client.jobs.handover import PrefilledURL as PrefilledURL
    from docassemble_client.jobs.interview import Interview as Interview
    from docassemble_client.jobs.policy import MISSING as MISSING
    from docassemble_client.jobs.policy import Missing as Missing
    from docassemble_client.jobs.policy import Policy as Policy
    from docassemble_client.jobs.project import Project as Project
    from docassemble_client.jobs.rows import BatchProgress as BatchProgress
    from docassemble_client.jobs.rows import RowOutcome as RowOutcome
    from docassemble_client.jobs.rows import RowResult as RowResult
    from docassemble_client.jobs.screen import FieldType as FieldType
    from docassemble_client.jobs.screen import Screen as Screen
    from docassemble_client.jobs.screen import ScreenChoice as ScreenChoice
    from docassemble_client.jobs.screen import ScreenField as ScreenField
    from docassemble_client.jobs.server import ConfigPatch as ConfigPatch
    from docassemble_client.jobs.session import InterviewSession as InterviewSession
    from docassemble_client.jobs.sessions import CleanupReport as CleanupReport
    from docassemble_client.jobs.sessions import ExportedSession as ExportedSession
    from docassemble_client.jobs.sessions import OldSession as OldSession
    from docassemble_client.jobs.sync import SyncChange as SyncChange
    from docassemble_client.jobs.sync import SyncReport as SyncReport
    from docassemble_client.jobs.users import EnsuredApiKey as EnsuredApiKey
    from docassemble_client.jobs.users import EnsuredUser as EnsuredUser
    from docassemble_client.jobs.users import Profile as Profile
    from docassemble_client.jobs.values import Answer as Answer
    from docassemble_client.jobs.values import DADict as DADict
    from docassemble_client.jobs.values import DAList as DAList
    from docassemble_client.jobs.values import DAObject as DAObject
    from docassemble_client.jobs.watch import WatchEvent as WatchEvent
    from docassemble_client.models import *
    from docassemble_client.pagination import Page as Page
    from docassemble_client.pagination import Paginator as Paginator
    from docassemble_client.tasks import PollPolicy as PollPolicy
    from docassemble_client.tasks import TaskEvent as TaskEvent
    from docassemble_client.tasks import TaskHandle as TaskHandle
    from docassemble_client.tasks import TaskResult as TaskResult
    from docassemble_client.transfer import Download as Download
    from docassemble_client.transfer import DownloadStream as DownloadStream
    from docassemble_client.transfer import FileInput as FileInput
    from docassemble_client.transfer import Upload as Upload

_HOMES = {
    "_answers": ("BinaryContent", "JSONReply", "Response"),
    "_operation": ("Operation",),
    "_types": ("JSON", "UNSET", "JSONInput", "Unset"),
    "client": ("AsyncDocassemble",),
    "config": ("Confidential", "RetryPolicy", "Secret", "Timeouts"),
    "jobs.assembly": ("Assembly",),
    "jobs.deploy": ("DeployReport",),
    "jobs.doctor": ("ServerReport",),
    "jobs.documents": ("Document", "DocumentDownload", "DocumentDownloads", "Documents"),
    "jobs.driver": ("Step", "Transcript"),
    "jobs.handover": ("PrefilledURL",),
    "jobs.interview": ("Interview",),
    "jobs.policy": ("MISSING", "Missing", "Policy"),
    "jobs.project": ("Project",),
    "jobs.rows": ("BatchProgress", "RowOutcome", "RowResult"),
    "jobs.screen": ("FieldType", "Screen", "ScreenChoice", "ScreenField"),
    "jobs.server": ("ConfigPatch",),
    "jobs.session": ("InterviewSession",),
    "jobs.sessions": ("CleanupReport", "ExportedSession", "OldSession"),
    "jobs.sync": ("SyncChange", "SyncReport"),
    "jobs.users": ("EnsuredApiKey", "EnsuredUser", "Profile"),
    "jobs.values": ("Answer", "DADict", "DAList", "DAObject"),
    "jobs.watch": ("WatchEvent",),
    "pagination": ("Page", "Paginator"),
    "tasks": ("PollPolicy", "TaskEvent", "TaskHandle", "TaskResult"),
    "transfer": ("Download", "DownloadStream", "FileInput", "Upload"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
# Modules that say themselves which names they have.
_LISTED = ("errors", "events", "jobs.errors", "models")
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
