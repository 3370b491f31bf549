"""Exporting sessions as rows with chosen columns."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import UsageError
from tests.workflows.accounts.test_stored_sessions import LIST, make_page, make_session_json
from tests.workflows.routes import RouteServer

if TYPE_CHECKING:
    from docassemble_client import SessionRow

VARIABLES: dict[str, Any] = {
    "rating": 4,
    "agrees": True,
    "note": 'a "b"\n',
    "nothing": None,
    "client": {"_class": "Individual", "name": {"first": "Ada"}},
    "children": {"_class": "DAList", "elements": [{"age": 3.5}, {"age": 7}]},
    "fruit": {"_class": "DADict", "elements": {"a'pple": True, "1": "one", "text": "x"}},
    "plain": [["x", "y"]],
    "elements": {"elements": 5},
}


async def export_rows(server: RouteServer, columns: Any, **options: Any) -> list[SessionRow]:
    """Export all sessions of this server."""
    async with server.client() as da:
        return [row async for row in da.export_session_rows(columns, **options)]


async def read_column(column: str, variables: Any = VARIABLES) -> Any:
    """Return the value of a column."""
    session = make_session_json("a", encrypted=False, dict=variables)
    [row] = await export_rows(RouteServer({LIST: [make_page(session)]}), [column])
    assert row.status == "readable"
    return row.values[column]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("rating", 4),
        ("client.name.first", "Ada"),
        ("client.name", {"first": "Ada"}),
        ("children[0].age", 3.5),
        ("children[-1].age", 7),
        ("children[2].age", None),
        ("children[-3].age", None),
        ("fruit['a\\'pple']", True),
        ('fruit["a\'pple"]', True),
        ("fruit[1]", "one"),
        ("fruit['text']", "x"),
        ("plain[0][1]", "y"),
        ("plain['x']", None),
        ("elements", {"elements": 5}),
        ("elements.elements", 5),
        ("note[0]", None),
        ("rating.x", None),
        ("missing.x[0]", None),
        ("nothing", None),
    ],
)
async def test_column_is_the_path_of_a_variable(column: str, expected: Any) -> None:
    """Items of lists and dictionaries of docassemble are in their `elements`."""
    assert await read_column(column) == expected


async def test_rows_have_columns_of_variables_and_of_the_session() -> None:
    """In the order of the columns; as text, they fit into a CSV file."""
    session = make_session_json("a", encrypted=False, dict=VARIABLES) | {"email": "ada@example.com"}
    columns = ["@email", "@session", "@tags", "rating", "agrees", "note", "nothing", "client.name"]

    [row] = await export_rows(RouteServer({LIST: [make_page(session)]}), columns)

    assert list(row.values) == columns
    assert list(row.as_text().values()) == [
        *("ada@example.com", "a", "[]", "4", "true", 'a "b"\n', "", '{"first": "Ada"}')
    ]
    assert row.session.summary.session == "a"
    assert "Ada" not in repr(row)


async def test_sessions_that_cannot_be_read_are_empty_rows() -> None:
    """Their status can be counted; columns of the session itself have values."""
    page = make_page(
        make_session_json("a", encrypted=True, dict={"rating": 0}, valid=False),
        make_session_json("b", encrypted=False, dict={"rating": 0}, valid=False),
        make_session_json("c", encrypted=True, dict={"rating": 5}),
    )

    rows = await export_rows(RouteServer({LIST: [page]}), ["@session", "rating"])

    assert [(*row.values.values(), row.status) for row in rows] == [
        ("a", None, "encrypted"),
        ("b", None, "unreadable"),
        ("c", 5, "readable"),
    ]


async def test_session_that_the_server_cannot_serialize_is_unreadable() -> None:
    """The error is that of the session."""
    server = RouteServer(
        {
            LIST: [(501, "x"), make_page(make_session_json("a"))],
            "GET /api/session": [(501, "x")],
        }
    )

    [row] = await export_rows(server, ["rating"])

    assert (row.status, row.values) == ("unreadable", {"rating": None})
    assert row.session.error is not None


async def test_answers_are_requested_only_for_columns_of_variables() -> None:
    """The list without them is much faster."""
    server = RouteServer({LIST: [make_page(make_session_json("a"))]})

    [row] = await export_rows(server, ["@session"], i="x", tag="t", user_id=7)

    assert (row.status, row.values) == ("readable", {"@session": "a"})
    assert "include_dictionary" not in str(server.requests[0].url)


@pytest.mark.parametrize(
    "columns",
    [
        [],
        "rating",
        ["rating", "rating"],
        [7],
        ["a b"],
        ["a; import os"],
        ["children[i].age"],
        ["x[None]"],
        ["@nosuch"],
        ["@variables"],
        ["@extra"],
        ["@"],
        [""],
    ],
)
async def test_invalid_columns_are_refused(columns: Any) -> None:
    """Before the first request, when the function is called."""
    server = RouteServer({})

    async with server.client() as da:
        with pytest.raises(UsageError):
            da.export_session_rows(columns)

    assert server.requests == []


async def test_iteration_can_be_left() -> None:
    """No further page is requested."""
    session = make_session_json("a", encrypted=False, dict={"x": 1})
    server = RouteServer({LIST: [make_page(session, next_id="MQ")]})

    async with server.client() as da, aclosing(da.export_session_rows(["x"])) as rows:
        async for row in rows:
            assert row.values == {"x": 1}
            break

    assert len(server.requests) == 1
