"""A FastAPI back end that runs a docassemble interview; test_fastapi_app.py tests it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request

from docassemble_client import APIError, AsyncDocassemble, JSONReply

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Make one client for the whole application, and close it at the end."""
    async with AsyncDocassemble.from_env() as da:
        app.state.docassemble = da
        yield


app = FastAPI(lifespan=lifespan)


def client(request: Request) -> AsyncDocassemble:
    """Bring the client to whatever needs it; tests put another one in its place."""
    da: AsyncDocassemble = request.app.state.docassemble
    return da


@app.get("/inhabitants/{number}")
async def inhabitants(
    number: int, da: Annotated[AsyncDocassemble, Depends(client)]
) -> dict[str, Any]:
    """Run the interview with a number, and return what it brings."""
    try:
        async with da.interview(INTERVIEW).session() as s:
            reply = await s.answer(
                {"favorite_number": number, "user_agrees_to_waive_penalties": True}
            )
    except APIError as error:
        raise HTTPException(502, f"docassemble: {error}") from None
    return {"result": reply.data if isinstance(reply, JSONReply) else None}
