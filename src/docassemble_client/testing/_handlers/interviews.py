"""Interviews themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from docassemble_client import models
from docassemble_client.testing._handlers.questions import metadata_of, title_of
from docassemble_client.testing._handlers.variable_names import names_of, vocabulary_of
from docassemble_client.testing._yaml.yaml_blocks import SourceError

if TYPE_CHECKING:
    from docassemble_client.testing._server.call import Call

_PLAYGROUND = ("modules_available_list", "templates_list", "sources_list", "static_list")


def interviews_list(call: Call) -> object:
    """List the interviews that are advertised: by their scripts, or by the configuration."""
    tag = call.text("tag")
    root = call.world.url if call.flag("absolute_urls", default=True) else ""
    configured: Any = call.world.config.get("dispatch") or {}
    scripts = {one.dispatch: one.filename for one in call.world.interviews.values() if one.dispatch}
    listed = [
        _listing(call, filename, f"{root}/start/{name}/")
        for name, filename in sorted({**scripts, **configured}.items())
    ]
    return [one for one in listed if tag is None or tag in one.tags]


def _listing(call: Call, filename: str, link: str) -> models.InterviewListing:
    try:
        interview = call.world.find_interview(filename)
    except SourceError:
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
        title=title_of(interview),
        subtitle=None if subtitle is None else str(subtitle),
        package=interview.package,
        tags=sorted(interview.tags),
        metadata={name: one for name, one in metadata_of(interview).items() if name != "tags"},
        status_class=None,
        subtitle_class=None,
    )


def interviews_clear_cache(call: Call) -> None:
    """Read all interviews anew, of which nothing shows."""
    call.require()


def interviews_get_data(call: Call) -> object:
    """Tell the names an interview uses."""
    call.require()
    filename = call.text("i")
    if filename is None:
        call.refuse("No filename")
    try:
        interview = call.world.find_interview(filename)
    except SourceError as error:
        call.refuse("Error finding interview", error)
    if interview is None:
        call.refuse("Error finding interview", f"Interview {filename} not found")
    own = filename.startswith(f"docassemble.playground{call.caller.id}")
    files: dict[str, Any] = {key: [] for key in _PLAYGROUND} if own else {}
    names = evolve(names_of(interview), **files)
    return models.InterviewData(names=names, vocabulary=vocabulary_of(interview))
