"""Names an interview can use: its own, and some of docassemble's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docassemble_client.testing.interviews import Interview

_DOCS = "https://docassemble.org/docs/"
_CODE = (
    "https://github.com/jhpyle/docassemble/blob/master/docassemble_base/docassemble/base/util.py"
)
_TITLE = "Documentation"
_BUILT_IN = {"allow_cron": "bool", "multi_user": "bool"}
_FUNCTIONS = {
    "all_variables": "simplify=True",
    "command": "*pargs, **kwargs",
    "defined": "var, prior=False",
    "json_response": "data, response_code=None",
    "message": "*pargs, **kwargs",
    "response": "*pargs, **kwargs",
    "value": "var, prompt=False, prior=False",
}
_UNDOCUMENTED = ["delattr"]
_CLASSES: Mapping[str, tuple[list[str], list[str]]] = {
    "Address": ([], ["block", "formatted_unit", "geocode", "on_one_line", *_UNDOCUMENTED]),
    "DADict": ([], ["gather", "there_are_any"]),
    "DAFile": ([], ["path", "set_attributes", "url_for"]),
    "DAList": ([], ["append", "gather", "number"]),
    "DAObject": ([], ["initializeAttribute", "pronoun"]),
    "Individual": (["Person"], ["age_in_years", "first_name_hint"]),
    "Thing": (["DAObject"], []),
}
_MODULES = ("DA", "json", "re")


def names_of(interview: Interview) -> models.InterviewNames:
    """
    List the names an interview can use.

    Args:
        interview: The interview.

    Returns:
        Its own names and the most usual of docassemble's.
    """
    return models.InterviewNames(
        var_list=[*_built_in(), *_own(interview)],
        undefined_names=sorted(interview.undefined),
        functions_list=[
            models.InterviewFunction(
                var=name,
                to_insert=f"{name}()",
                name=f"{name}({parameters})",
                doc_content=_link("functions", name),
                doc_title=_TITLE,
            )
            for name, parameters in _FUNCTIONS.items()
        ],
        classes_list=[_class(name, *about) for name, about in _CLASSES.items()],
        modules_list=[
            models.InterviewModule(
                var=one, to_insert=one, doc_content=_link("special", one), doc_title=_TITLE
            )
            for one in _MODULES
        ],
        images_list=[models.InterviewImage(var=one, to_insert=one) for one in interview.images],
    )


def vocabulary_of(interview: Interview) -> list[str]:
    """All names, for completion."""
    return sorted({*interview.names, *_BUILT_IN, *_FUNCTIONS, *_CLASSES, *_MODULES})


def _built_in() -> Iterator[models.InterviewVariable]:
    for name, kind in _BUILT_IN.items():
        yield models.InterviewVariable(
            var=name,
            to_insert=name,
            var_type="builtin",
            hide=False,
            class_name=kind,
            iterable=False,
            doc_content=_link("special", name),
            doc_title=_TITLE,
        )


def _own(interview: Interview) -> Iterator[models.InterviewVariable]:
    for name, kind in sorted(interview.names.items()):
        yield models.InterviewVariable(
            var=name,
            to_insert=name,
            var_type="default",
            hide="." in name,
            class_name=kind or None,
            iterable=False if kind else None,
        )


def _class(name: str, bases: list[str], methods: list[str]) -> models.InterviewClass:
    return models.InterviewClass(
        var=name,
        to_insert=name,
        name=name,
        bases=bases or None,
        methods=[
            models.InterviewMethod(
                name=one,
                to_insert=f".{one}()",
                tag=f".{one}(self)",
                git=_CODE,
                doc_content=None if one in _UNDOCUMENTED else _link("objects", f"{name}.{one}"),
                doc_title=None if one in _UNDOCUMENTED else _TITLE,
            )
            for one in methods
        ]
        or None,
        doc_content=_link("objects", name),
        doc_title=_TITLE,
    )


def _link(page: str, name: str) -> str:
    return f"<a target='_blank' href='{_DOCS}{page}.html#{name}'>View documentation</a>"
