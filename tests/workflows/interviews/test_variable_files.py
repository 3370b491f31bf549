"""Files are found wherever they are in the variables of a session."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client.workflows.interviews.variable_files import find_variable_files
from tests.workflows.documents import make_collection, make_file

OBJECT = {"_class": "docassemble.base.util.DAObject"}


def find(values: Any) -> list[tuple[str, int, str, bool]]:
    """Return variable, number, format and whether an attachment made it, of every file."""
    files = find_variable_files(values)
    return [(file.variable, file.number, file.format, file.is_attachment) for file in files]


def test_files_are_found_at_any_depth() -> None:
    """Attributes, items of lists and dictionaries, and plain lists; in the order of the values."""
    a, b, c, d, e = (make_file(number, f"{number}.md") for number in range(5))
    values = {
        "plain": [a, {"key": b}],
        "people": {**OBJECT, "elements": [{**OBJECT, "form": c}]},
        "by_name": {**OBJECT, "elements": {"it's": d}, "not a name": e},
    }

    assert find(values) == [
        ("plain[0]", 0, "md", False),
        ("plain[1]['key']", 1, "md", False),
        ("people[0].form", 2, "md", False),
        ('by_name["it\'s"]', 3, "md", False),
        ("by_name['not a name']", 4, "md", False),
    ]


def test_formats_of_a_document_are_in_the_order_of_the_interview() -> None:
    """They have the variable of the document; formats without a file are left out."""
    collection = make_collection("Letter", make_file(1, "a.docx"), make_file(2, "a.pdf"))
    collection |= {"zip": make_file(3, "a.zip"), "rtf": {**OBJECT, "ok": False}}

    assert find({"letter": collection}) == [
        ("letter", 1, "docx", True), ("letter", 2, "pdf", True), ("letter", 3, "zip", True)
    ]  # fmt: skip


@pytest.mark.parametrize("info", [None, [], {"formats": 1}, {"formats": [{}, 1]}])
def test_document_of_another_form_still_has_its_files(info: Any) -> None:
    """An interview may change the attributes of its documents."""
    collection = {**make_collection("Letter", make_file(1, "a.md")), "info": info}

    (file,) = find_variable_files({"letter": collection})

    assert (file.name, file.number) == ("", 1)


@pytest.mark.parametrize(
    "value",
    [
        {**make_file(1, "a.md"), "number": True},
        {**make_file(1, "a.md"), "number": None},
        {**make_file(1, "a.md"), "extension": None},
        {"number": 1, "extension": "md"},
        "text",
        None,
    ],
)
def test_other_values_are_not_files(value: Any) -> None:
    """A file has a class, a number and an extension."""
    assert find({"x": value}) == []


def test_file_without_a_name_has_none() -> None:
    """Its name is empty."""
    (file,) = find_variable_files({"x": {**make_file(1, "a.md"), "filename": None}})

    assert file.filename == ""
