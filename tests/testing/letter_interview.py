"""A scripted interview with all features, and short calls for its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docassemble_client import AsyncDocassemble, BinaryContent, JSONReply, Session
from docassemble_client.testing import (
    FakeDocument,
    FakeServer,
    Field,
    ScriptedScreen,
    SessionVariables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

I = "docassemble.demo:data/questions/letter.yml"  # noqa: E741 - the name of the API argument
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
WRONG_SECRET = "wrongSecretWrong"


def add_letter_interview(fake: FakeServer, **options: Any) -> None:
    """Add an interview with two screens, a required variable, documents and actions."""

    def final(session: SessionVariables) -> object:  # noqa: PLR0911 - a return for each kind
        if session["kind"] == "json":
            return {"name": session["client.name"]}
        if session["kind"] == "reply":
            return JSONReply([1], 202)
        if session["kind"] == "bytes":
            return b"\0\1"
        if session["kind"] == "svg":
            return BinaryContent(content=b"<svg/>", content_type="image/svg+xml", status=202)
        if session["kind"] == "plain":
            return BinaryContent(content=b"text")
        if session["kind"] == "broken":
            return 1 / 0
        letter = FakeDocument("Your Letter!", {"pdf": b"%PDF-1", "docx": b"PK"}, "letter")
        return ScriptedScreen("Dear ${ client.name }", documents=[letter])

    def count(session: SessionVariables, arguments: Mapping[str, Any]) -> object:
        session.set("counter", session.get("counter", 0) + arguments.get("by", 1))
        return None

    def fail(_: SessionVariables, __: Mapping[str, Any]) -> object:
        return int("no")

    fake.add_interview(
        I,
        ScriptedScreen("Name?", ["client.name"], subtext="Of the client", name="ask_name"),
        ScriptedScreen("Welcome", mandatory=True, kind="fields", extra={"css": "<style>"}),
        "kind",
        final=final,
        on_demand=[
            ScriptedScreen(
                "Color?", [Field("color", "Color", choices={"Red": "r"}, extra={"hint": "x"})]
            )
        ],
        actions={
            "count": count,
            "fail": fail,
            "tell": lambda session, arguments: {"args": arguments, "n": len(session)},
            "nothing": lambda *_: None,
            "ask": lambda *_: ScriptedScreen("Shade?", ["shade"]),
            "null": lambda *_: JSONReply(None),
        },
        title="Letter",
        **options,
    )


async def start_session(da: AsyncDocassemble, i: str = I) -> Session:
    """Start a session and set `client` to an object."""
    s = await da.sessions.start(i)
    client = {"_class": "docassemble.base.util.DAObject", "instanceName": "client"}
    await da.sessions.set_variables(
        i, s.session, secret=s.secret, variables={"client": client}, question=False
    )
    return s


async def set_variables(da: AsyncDocassemble, s: Session, **arguments: Any) -> Any:
    """Set variables of a session."""
    return await da.sessions.set_variables(s.i, s.session, secret=s.secret, **arguments)


async def get_question(da: AsyncDocassemble, s: Session) -> Any:
    """Get the current question."""
    return await da.sessions.get_question(s.i, s.session, secret=s.secret)


async def run_action(da: AsyncDocassemble, s: Session, name: str, **arguments: Any) -> Any:
    """Run an action."""
    return await da.sessions.run_action(s.i, s.session, name, secret=s.secret, **arguments)


async def get_variables(da: AsyncDocassemble, s: Session) -> dict[str, Any]:
    """Get the variables of a session."""
    return await da.sessions.get_variables(s.i, s.session, secret=s.secret)
