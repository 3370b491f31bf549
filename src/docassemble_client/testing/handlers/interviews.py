"""Interviews themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docassemble_client import models
from docassemble_client.testing._source import SourceError
from docassemble_client.testing.handlers._questions import metadata_of, title_of

if TYPE_CHECKING:
    from docassemble_client.testing._call import Call
    from docassemble_client.testing.interviews import Interview

_FUNCTIONS = (
    "all_variables",
    "command",
    "defined",
    "json_response",
    "message",
    "response",
    "value",
)
_PLAYGROUND = ("modules_available_list", "templates_list", "sources_list", "static_list")
_CLASSES = ("Address", "DADict", "DAFile", "DAList", "DAObject", "Individual", "Person")


def interviews_list(call: Call) -> object:
    """List the interviews that are advertised."""
    tag = call.text("tag")
    root = call.world.url if call.flag("absolute_urls", default=True) else ""
    return [
        _listing(one, root)
        for one in call.world.interviews.values()
        if one.dispatch and (tag is None or tag in one.tags)
    ]


def _listing(interview: Interview, root: str) -> models.InterviewListing:
    subtitle = interview.metadata.get("subtitle")
    return models.InterviewListing(
        filename=interview.filename,
        link=f"{root}/start/{interview.dispatch}/",
        title=title_of(interview),
        subtitle=None if subtitle is None else str(subtitle),
        package=interview.package,
        tags=sorted(interview.tags),
        metadata=metadata_of(interview),
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
    found = interview.names
    names = models.InterviewNames(
        var_list=[
            models.InterviewVariable(
                var=one,
                to_insert=one,
                var_type="default",
                hide="." in one,
                class_name=kind or None,
            )
            for one, kind in sorted(found.items())
        ],
        undefined_names=[],
        functions_list=[
            models.InterviewFunction(var=one, to_insert=f"{one}()", name=f"{one}()")
            for one in _FUNCTIONS
        ],
        classes_list=[
            models.InterviewClass(var=one, to_insert=one, name=one, bases=[], methods=[])
            for one in _CLASSES
        ],
        modules_list=[],
        images_list=[
            models.InterviewImage(var=one, to_insert=one, url=f"/packagestatic/{one}.png")
            for one in interview.images
        ],
        **files,
    )
    vocabulary = sorted({*found, *_FUNCTIONS, *_CLASSES})
    return models.InterviewData(names=names, vocabulary=vocabulary)
