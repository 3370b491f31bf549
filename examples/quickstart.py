"""Answers an interview until its result. Needs DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY."""

from __future__ import annotations

import asyncio

from docassemble_client import (
    AsyncDocassemble,
    JSONInput,
    JSONReply,
    SessionReply,
    UndefinedVariable,
)

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"
ANSWERS: dict[str, JSONInput] = {"favorite_number": 42, "user_agrees_to_waive_penalties": True}


async def main() -> None:
    """Answer the requested variables until the interview returns its result."""
    async with AsyncDocassemble.from_env() as da:
        me = await da.users.get_current()
        print(f"Connected as {me.email}.")
        async with da.interview(INTERVIEW).session() as session:
            answers: dict[str, JSONInput] = {}
            reply: SessionReply | None = await session.question()
            while isinstance(reply, UndefinedVariable):
                print(f"The interview asks for {reply.variable}.")
                # The server saves nothing while a variable is missing. So send all answers again.
                answers[reply.variable] = ANSWERS.pop(reply.variable)
                reply = await session.answer(answers)
        if isinstance(reply, JSONReply):
            print(f"The result: {reply.data}")


if __name__ == "__main__":
    asyncio.run(main())
