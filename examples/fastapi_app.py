"""A FastAPI back end that runs a docassemble interview. test_fastapi_app.py tests it."""

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
    """Create a client for the application, and close it at shutdown."""
    async with AsyncDocassemble.from_env() as da:
        app.state.docassemble = da
        yield


app = FastAPI(lifespan=lifespan)


def get_client(request: Request) -> AsyncDocassemble:
    """Return the client of the application; tests override this dependency."""
    da: AsyncDocassemble = request.app.state.docassemble
    return da


@app.get("/inhabitants/{number}")
async def count_inhabitants(
    number: int, da: Annotated[AsyncDocassemble, Depends(get_client)]
) -> dict[str, Any]:
    """Run the interview with a number, and return its result."""
    try:
        async with da.interview(INTERVIEW).session() as s:
            reply = await s.answer(
                {"favorite_number": number, "user_agrees_to_waive_penalties": True}
            )
    except APIError as error:
        raise HTTPException(502, f"docassemble: {error}") from None
    return {"result": reply.data if isinstance(reply, JSONReply) else None}
