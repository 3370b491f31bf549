"""Names that are probably the same, written differently."""

from __future__ import annotations

import pytest

from docassemble_client.workflows.interviews.similar_names import find_close_names, is_misspelling


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("client.name", "clientName", True),
        ("adress", "address", True),
        ("nmae", "name", True),
        ("favourite_colour", "favorite_color", True),
        ("name", "name", False),
        ("child1", "child2", False),
        ("kids[0].age", "kids[1].age", False),
        ("mother_name", "father_name", False),
        ("client.name.first", "client.name.last", False),
        ("cat", "car", False),
        ("a", "b", False),
        ("rent", "tent", False),
        ("letter_date", "letter_dates", True),
        ("x" * 5000, "x" * 5001, False),
        ("x" * 5000, "X" * 5000, True),
    ],
)
def test_typing_errors_are_recognised(name: str, other: str, *, expected: bool) -> None:
    """Case, separators and few letters may differ; numbers may not."""
    assert is_misspelling(name, other) is expected
    assert is_misspelling(other, name) is expected


def test_close_names_are_suggested() -> None:
    """The best three, misspellings first."""
    names = ["client_name", "client.name.last", "rent", "Client.Name.First", "client.name.frist"]

    assert find_close_names("client.name.first", names)[:2] == (
        "Client.Name.First",
        "client.name.frist",
    )
    assert find_close_names("zip", names) == ()
    assert find_close_names("x" * 5001, ["x" * 5000]) == ()
