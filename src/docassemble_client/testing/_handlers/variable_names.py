"""Names that an interview can use: its own and some of docassemble's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docassemble_client.models as models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docassemble_client.testing.interviews import ScriptedInterview

_DOCS = "https://docassemble.org/docs/"
_CODE = (
    "https://github.com/jhpyle/docassemble/blob/master/docassemble_base/docassemble/base/util.py"
)
_TITLE = "Documentation"
_BUILT_IN = {"allow_cron": "bool", "multi_user": "bool", "role_event": None}
_FUNCTIONS = {
    "all_variables": "simplify=True",
    "command": "*pargs, **kwargs",
    "defined": "var, prior=False",
    "json_response": "data, response_code=None",
    "message": "*pargs, **kwargs",
    "response": "*pargs, **kwargs",
    "value": "var, prompt=False, prior=False",
}
# The real server documents most methods; each combination of keys that it sends occurs here.
_UNDOCUMENTED = ["as_dict", "delattr", "ready"]
_CLASSES: Mapping[str, tuple[list[str], list[str]]] = {
    "Address": ([], ["block", "formatted_unit", "geocode", "on_one_line"]),
    "BackgroundAction": ([], ["ready"]),
    "City": (["Address"], []),
    "DADict": ([], ["delattr", "gather", "there_are_any"]),
    "DAEmpty": (["object"], ["as_dict"]),
    "DAFile": ([], ["path", "set_attributes", "url_for"]),
    "DAFileList": (["DAList"], ["bates_number", "convert_to"]),
    "DAList": ([], ["append", "delattr", "gather", "number"]),
    "DAObject": (["object"], ["delattr", "initializeAttribute", "pronoun"]),
    "Individual": (["Person"], ["age_in_years", "delattr", "first_name_hint"]),
    "Thing": ([], []),
}
_MODULES = ("DA", "json", "re")


def make_names(interview: ScriptedInterview) -> models.InterviewNames:
    """
    Build the model of the names that an interview can use.

    Args:
        interview: The interview.

    Returns:
        Its own names and the most common names of docassemble.
    """
    return models.InterviewNames(
        var_list=[*_iter_built_in(), *_iter_own(interview)],
        undefined_names=sorted(interview.undefined_variables),
        functions_list=[
            models.InterviewFunction(
                var=name,
                to_insert=f"{name}()",
                name=f"{name}({parameters})",
                doc_content=_make_doc_link("functions", name),
                doc_title=_TITLE,
            )
            for name, parameters in _FUNCTIONS.items()
        ],
        classes_list=[_make_class(name, *details) for name, details in _CLASSES.items()],
        modules_list=[
            models.InterviewModule(
                var=name,
                to_insert=name,
                doc_content=_make_doc_link("special", name),
                doc_title=_TITLE,
            )
            for name in _MODULES
        ],
        images_list=[
            models.InterviewImage(var=name, to_insert=name) for name in interview.image_names
        ],
    )


def list_vocabulary(interview: ScriptedInterview) -> list[str]:
    """List all names, for code completion."""
    return sorted({*interview.variable_classes, *_BUILT_IN, *_FUNCTIONS, *_CLASSES, *_MODULES})


def _iter_built_in() -> Iterator[models.InterviewVariable]:
    for name, class_name in _BUILT_IN.items():
        yield models.InterviewVariable(
            var=name,
            to_insert=name,
            var_type="builtin",
            hide=False,
            class_name=class_name,
            iterable=False,
            doc_content=_make_doc_link("special", name),
            doc_title=_TITLE,
        )


def _iter_own(interview: ScriptedInterview) -> Iterator[models.InterviewVariable]:
    for name, class_name in sorted(interview.variable_classes.items()):
        yield models.InterviewVariable(
            var=name,
            to_insert=name,
            var_type="default",
            hide="." in name,
            class_name=class_name or None,
            iterable=False if class_name else None,
        )


def _make_class(name: str, bases: list[str], methods: list[str]) -> models.InterviewClass:
    return models.InterviewClass(
        var=name,
        to_insert=name,
        name=name,
        bases=bases or None,
        methods=[
            models.InterviewMethod(
                name=method,
                to_insert=f".{method}()",
                tag=f".{method}(self)",
                git=_CODE,
                doc_content=None
                if method in _UNDOCUMENTED
                else _make_doc_link("objects", f"{name}.{method}"),
                doc_title=None if method in _UNDOCUMENTED else _TITLE,
            )
            for method in methods
        ]
        or None,
        doc_content=_make_doc_link("objects", name),
        doc_title=_TITLE,
    )


def _make_doc_link(page: str, name: str) -> str:
    return f"<a target='_blank' href='{_DOCS}{page}.html#{name}'>View documentation</a>"
