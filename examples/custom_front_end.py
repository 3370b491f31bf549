"""
A front end of your own for an interview: a FastAPI application between browsers and docassemble.

The browser gets an opaque token and the fields of a screen. The API key, the session's ID and its
secret stay here. Answers are checked against the screen that the session shows, so that a browser
cannot set other variables. test_custom_front_end.py tests it.
"""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from attrs import frozen
from fastapi import Depends, FastAPI, HTTPException, Request, status
from fastapi.responses import JSONResponse

from docassemble_client import (
    APIError,
    AsyncDocassemble,
    InvalidAnswer,
    Question,
    Screen,
    Secret,
    SessionReply,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

INTERVIEW = "docassemble.base:data/questions/examples/text-field.yml"


@frozen
class StoredSession:
    """The data that continues a session."""

    i: str
    id: str
    secret: Secret | None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Create a client for the application, and close it at shutdown."""
    async with AsyncDocassemble.from_env() as da:
        app.state.docassemble = da
        yield


app = FastAPI(lifespan=lifespan)
# Several processes need a store that they share, such as Redis. The secret belongs into it, too.
stored_sessions: dict[str, StoredSession] = {}


def get_client(request: Request) -> AsyncDocassemble:
    """Return the client of the application; tests override this dependency."""
    da: AsyncDocassemble = request.app.state.docassemble
    return da


def get_stored_session(token: str) -> StoredSession:
    """Return the session of a token."""
    if token not in stored_sessions:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such session.")
    return stored_sessions[token]


DocassembleClient: TypeAlias = Annotated[AsyncDocassemble, Depends(get_client)]
OpenSession: TypeAlias = Annotated[StoredSession, Depends(get_stored_session)]


@app.exception_handler(APIError)
@app.exception_handler(TransportError)
async def report_docassemble_error(_request: Request, _error: Exception) -> JSONResponse:
    """Answer 502; the text of the error is for your log, not for a browser."""
    return JSONResponse({"detail": "The interview is not available."}, status.HTTP_502_BAD_GATEWAY)


@app.post("/sessions", status_code=status.HTTP_201_CREATED)
async def start_session(da: DocassembleClient) -> dict[str, Any]:
    """Start a session, and return its token and first screen."""
    async with da.interview(INTERVIEW).session() as session:
        reply = await session.question()
        token = secrets.token_urlsafe(32)
        stored_sessions[token] = StoredSession(session.i, session.id, session.secret)
        session.keep = True
    return {"token": token, **describe(reply)}


@app.get("/sessions/{token}")
async def show_screen(stored: OpenSession, da: DocassembleClient) -> dict[str, Any]:
    """Return the screen that the session shows."""
    async with da.interview(stored.i).resume(stored.id, secret=stored.secret) as session:
        return describe(await session.question())


@app.post("/sessions/{token}/answers")
async def answer_screen(
    values: dict[str, Any], stored: OpenSession, da: DocassembleClient
) -> dict[str, Any]:
    """Check the values of a form, answer the screen, and return the next one."""
    async with da.interview(stored.i).resume(stored.id, secret=stored.secret) as session:
        question = await session.question()
        if not isinstance(question, Question):
            raise HTTPException(status.HTTP_409_CONFLICT, "The session asks for nothing.")
        try:
            answers = Screen(question).answers(values)
        except InvalidAnswer as error:
            problems = {problem.variable: problem.reason for problem in error.problems}
            raise HTTPException(422, problems) from None
        return describe(await session.answer(answers))


# Without `response_model`, FastAPI 0.116 takes None for a model.
@app.delete("/sessions/{token}", status_code=status.HTTP_204_NO_CONTENT, response_model=None)
async def delete_session(token: str, stored: OpenSession, da: DocassembleClient) -> None:
    """Delete the session and its files."""
    await da.sessions.delete(stored.i, stored.id)
    del stored_sessions[token]


def describe(reply: SessionReply | None) -> dict[str, Any]:
    """Describe a screen for the browser."""
    if not isinstance(reply, Question):
        raise HTTPException(status.HTTP_502_BAD_GATEWAY, "The interview shows no screen.")
    screen = Screen(reply)
    return {
        "question": reply.question_text,
        "is_final": screen.is_final,
        "fields": [
            {
                "name": field.name,
                "label": field.label,
                "datatype": field.datatype,
                "required": field.required,
                "choices": [choice.label for choice in field.choices],
            }
            for field in screen.fields
        ],
    }
