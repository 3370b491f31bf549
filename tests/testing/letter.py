"""An interview with everything, and short calls on its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docassemble_client import AsyncDocassemble, BinaryContent, JSONReply, Session
from docassemble_client.testing import Answers, Document, FakeServer, Field, Screen

if TYPE_CHECKING:
    from collections.abc import Mapping

I = "docassemble.demo:data/questions/letter.yml"  # noqa: E741 - as everybody calls it
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
WRONG = "wrongSecretWrong"


def add_letter(fake: FakeServer, **more: Any) -> None:
    """Add an interview with two screens, a bare variable, documents and actions."""

    def final(answers: Answers) -> object:  # noqa: PLR0911 - one for each kind
        if answers["kind"] == "json":
            return {"name": answers["client.name"]}
        if answers["kind"] == "reply":
            return JSONReply([1], 202)
        if answers["kind"] == "bytes":
            return b"\0\1"
        if answers["kind"] == "svg":
            return BinaryContent(content=b"<svg/>", content_type="image/svg+xml", status=202)
        if answers["kind"] == "plain":
            return BinaryContent(content=b"text")
        if answers["kind"] == "broken":
            return 1 / 0
        letter = Document("Your Letter!", {"pdf": b"%PDF-1", "docx": b"PK"}, "letter")
        return Screen("Dear ${ client.name }", documents=[letter])

    def count(answers: Answers, arguments: Mapping[str, Any]) -> object:
        answers.set("counter", answers.get("counter", 0) + arguments.get("by", 1))
        return None

    def fail(_: Answers, __: Mapping[str, Any]) -> object:
        return int("no")

    fake.add_interview(
        I,
        Screen("Name?", ["client.name"], subtext="Of the client", name="ask_name"),
        Screen("Welcome", mandatory=True, kind="fields", extra={"css": "<style>"}),
        "kind",
        final=final,
        on_demand=[
            Screen("Color?", [Field("color", "Color", choices={"Red": "r"}, extra={"hint": "x"})])
        ],
        actions={
            "count": count,
            "fail": fail,
            "tell": lambda answers, arguments: {"args": arguments, "n": len(answers)},
            "nothing": lambda *_: None,
            "ask": lambda *_: Screen("Shade?", ["shade"]),
            "null": lambda *_: JSONReply(None),
        },
        title="Letter",
        **more,
    )


async def begin(da: AsyncDocassemble, i: str = I) -> Session:
    """Start an interview with an object for a client."""
    s = await da.sessions.start(i)
    client = {"_class": "docassemble.base.util.DAObject", "instanceName": "client"}
    await da.sessions.set_variables(
        i, s.session, secret=s.secret, variables={"client": client}, question=False
    )
    return s


async def send(da: AsyncDocassemble, s: Session, **arguments: Any) -> Any:
    """Set variables of a session."""
    return await da.sessions.set_variables(s.i, s.session, secret=s.secret, **arguments)


async def ask(da: AsyncDocassemble, s: Session) -> Any:
    """Ask for the current question."""
    return await da.sessions.get_question(s.i, s.session, secret=s.secret)


async def act(da: AsyncDocassemble, s: Session, name: str, **arguments: Any) -> Any:
    """Run an action."""
    return await da.sessions.run_action(s.i, s.session, name, secret=s.secret, **arguments)


async def variables(da: AsyncDocassemble, s: Session) -> dict[str, Any]:
    """Read the variables."""
    return await da.sessions.get_variables(s.i, s.session, secret=s.secret)
