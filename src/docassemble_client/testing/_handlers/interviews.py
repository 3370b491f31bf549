"""Interviews: the list of advertised interviews, and their variable names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

import docassemble_client.models as models
from docassemble_client.testing._handlers.questions import get_metadata, get_title
from docassemble_client.testing._handlers.variable_names import list_vocabulary, make_names
from docassemble_client.testing._yaml.yaml_errors import InterviewSyntaxError

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall

_PLAYGROUND_LISTS = ("modules_available_list", "templates_list", "sources_list", "static_list")


def interviews_list(call: ApiCall) -> object:
    """List the interviews that their scripts or the configuration advertise."""
    tag = call.get_text("tag")
    root = call.state.url if call.get_flag("absolute_urls", default=True) else ""
    configured: Any = call.state.config.get("dispatch") or {}
    scripted = {
        interview.dispatch: interview.filename
        for interview in call.state.interviews.values()
        if interview.dispatch
    }
    listings = [
        _make_listing(call, filename, f"{root}/start/{name}/")
        for name, filename in sorted({**scripted, **configured}.items())
    ]
    return [listing for listing in listings if tag is None or tag in listing.tags]


def _make_listing(call: ApiCall, filename: str, link: str) -> models.InterviewListing:
    try:
        interview = call.state.find_interview(filename)
    except InterviewSyntaxError:
        interview = None
    if interview is None:
        return models.InterviewListing(
            filename=filename,
            link=link,
            title=filename,
            subtitle=None,
            package=None,
            tags=[],
            metadata={},
            status_class="dainterviewhaserror",
            subtitle_class="dainvisible",
        )
    subtitle = interview.metadata.get("subtitle")
    return models.InterviewListing(
        filename=filename,
        link=link,
        title=get_title(interview),
        subtitle=None if subtitle is None else str(subtitle),
        package=interview.package,
        tags=sorted(interview.tags),
        metadata={name: value for name, value in get_metadata(interview).items() if name != "tags"},
        status_class=None,
        subtitle_class=None,
    )


def interviews_clear_cache(call: ApiCall) -> None:
    """Reload all interviews; this has no visible effect."""
    call.require_privilege()


def interviews_get_data(call: ApiCall) -> object:
    """Return the names that an interview uses."""
    call.require_privilege()
    filename = call.get_text("i")
    if filename is None:
        call.refuse("No filename")
    try:
        interview = call.state.find_interview(filename)
    except InterviewSyntaxError as error:
        call.refuse("Error finding interview", error)
    if interview is None:
        missing = call.state.explain_missing_interview(filename)
        call.refuse("Error finding interview", missing.message)
    is_own = filename.startswith(f"docassemble.playground{call.user.id}")
    playground_lists: dict[str, Any] = {name: [] for name in _PLAYGROUND_LISTS} if is_own else {}
    names = evolve(make_names(interview), **playground_lists)
    return models.InterviewData(names=names, vocabulary=list_vocabulary(interview))
