"""The `query` of session lists: what Python evaluates, and what the database compares."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from docassemble_client.testing._state.query import InvalidQuery, matches, parse_query
from docassemble_client.testing._state.query_types import QueryError

ROW: dict[str, Any] = {
    "user_id": 3,
    "encrypted": True,
    "email": "ada@example.com",
    "first_name": None,
    "filename": "docassemble.base:a.yml",
    "session": "abc",
    "modtime": datetime(2026, 5, 28, 20, 26),  # noqa: DTZ001 - the database's times have no zone
    "last_login": None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("None", True),
        ("True", True),
        ("False", False),
        ("1 < 2", True),
        ("2 < 1 < 3", False),
        ("DA.Sessions.user_id == 3", True),
        ("3 == DA.Sessions.user_id", True),
        ("2 < DA.Sessions.user_id", True),
        ("4 <= DA.Sessions.user_id", False),
        ("2 > DA.Sessions.user_id", False),
        ("3 >= DA.Sessions.user_id", True),
        ("DA.Sessions.user_id == '3'", True),
        ("DA.Sessions.user_id != 3.5", True),
        ("DA.Sessions.user_id == 1 == 2", False),
        ("DA.Sessions.user_id.In(1, '3')", True),
        ("DA.Sessions.user_id.In()", False),
        ("DA.Sessions.encrypted", True),
        ("~DA.Sessions.encrypted", False),
        ("not DA.Sessions.encrypted", False),
        ("DA.Sessions.encrypted == True", True),
        ("DA.Sessions.encrypted == 'no'", False),
        ("DA.Sessions.modtime > '2026-05-28'", True),
        ("DA.Sessions.modtime < '2020-01-01 10:00'", False),
        ("DA.Sessions.last_login == None", True),
        ("DA.Sessions.last_login != None", False),
        ("DA.Sessions.last_login > '2020-01-01'", False),
        ("DA.Sessions.email > None", False),
        ("DA.Sessions.first_name != 'Ada'", False),
        ("~(DA.Sessions.first_name != 'Ada')", False),
        ("DA.Sessions.filename.Like('%base:_.yml')", True),
        ("DA.Sessions.first_name.Like('%')", False),
        ("DA.And(True, DA.Sessions.user_id > 0)", True),
        ("DA.And(DA.Sessions.first_name == 'x', True)", False),
        ("DA.Or()", False),
        ("DA.Or(DA.Sessions.first_name == 'x', DA.Sessions.user_id == 3)", True),
        ("DA.Or(DA.Sessions.first_name == 'x', DA.Sessions.user_id == 4)", False),
        ("DA.Sessions.encrypted ^ False", True),
        ("DA.Sessions.encrypted ^ (DA.Sessions.first_name == 'x')", False),
        ("(DA.Sessions.user_id == 4) | (DA.Sessions.session == 'abc')", True),
        ("DA.Sessions.user_id == 4 or DA.Sessions.session == 'abc'", False),
        ("DA.Sessions.user_id == 4 and DA.Sessions.session == 'abc'", True),
        ("0 or DA.Sessions.encrypted", True),
        ("True & False", False),
    ],
)
def test_a_query_selects_rows(text: str, expected: bool) -> None:
    """Python decides about constants and `and`, the database about conditions and NULL."""
    assert matches(parse_query(text), ROW) is expected


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "1 ==",
        "a\n",
        "True\nFalse",
        "__import__('os')",
        "DA.Sessions.indexno > 0",
        "DA.Sessions.key == 'x'",
        "DA.Nope()",
        "X.And()",
        "DA.Sessions.email.like('x')",
        "DA.Sessions.email.Like('x', 'y')",
        "DA.Sessions.Like('x')",
        "'a' in DA.Sessions.email",
        "DA.Sessions.user_id + 1",
        "{}",
        "f'{1}'",
        "-'a'",
    ],
)
def test_an_invalid_query_is_not_evaluated(text: str) -> None:
    """Unknown columns, functions and operators are refused like wrong syntax."""
    with pytest.raises(InvalidQuery):
        parse_query(text if text != "a\n" else "a\nb")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1", "SQL expression for WHERE/HAVING role expected, got 1."),
        ("-1", "SQL expression for WHERE/HAVING role expected, got -1."),
        ("+1", "SQL expression for WHERE/HAVING role expected, got 1."),
        ("~1", "SQL expression for WHERE/HAVING role expected, got -2."),
        ("[1]", "SQL expression for WHERE/HAVING role expected, got [1]."),
        ("(1, 2)", "SQL expression for WHERE/HAVING role expected, got (1, 2)."),
        ("DA.Sessions", "got <class 'docassemble.base.DA.Sessions'>."),
        ("DA.And(1, 2)", "SQL expression for WHERE/HAVING role expected, got 1."),
        ("'abc'", "Textual SQL expression 'abc' should be explicitly declared as text('abc')"),
        ("DA.Sessions.email", "must be type boolean, not type character varying"),
        ("DA.Sessions.user_id == 'x'", 'invalid input syntax for type integer: "x"'),
        ("DA.Sessions.encrypted == 'x'", 'invalid input syntax for type boolean: "x"'),
        ("DA.Sessions.modtime > 'x'", "InvalidDatetimeFormat) invalid input syntax for type"),
        ("DA.Sessions.email == 5", "does not exist: character varying = integer"),
        ("DA.Sessions.email != 1.5", "does not exist: character varying != numeric"),
        ("DA.Sessions.user_id == True", "does not exist: integer = boolean"),
        ("DA.Sessions.user_id == [1]", "does not exist: integer = text[]"),
        ("DA.Sessions.email.Like(5)", "does not exist: character varying ~~ integer"),
        ("DA.Sessions.user_id.Like('x')", "does not exist: integer ~~ unknown"),
    ],
)
def test_the_database_refuses_other_types(text: str, error: str) -> None:
    """The query is checked before any row is read."""
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert error in str(caught.value)
