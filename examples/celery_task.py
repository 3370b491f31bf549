"""
A Celery task that fills in an interview. test_celery_task.py tests it.

The task is repeated only if the server cannot have processed the failed call: otherwise a letter
could be sent twice.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false, reportFunctionMemberAccess=false
# pyright: reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# Celery has no type annotations.

from __future__ import annotations

from functools import cache
from typing import Any

from celery import Celery

from docassemble_client import Docassemble, DocassembleError, JSONReply

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"
RETRY_SECONDS = 30

app = Celery("letters")


@cache
def get_client() -> Docassemble:
    """Return the client of this process; worker processes connect by themselves."""
    return Docassemble.from_env()


@app.task(bind=True, max_retries=5)
def count_inhabitants(self: Any, number: int) -> Any:
    """Run the interview with a number, and return its result."""
    try:
        with get_client().interview(INTERVIEW).session() as session:
            reply = session.answer(
                {"favorite_number": number, "user_agrees_to_waive_penalties": True}
            )
    except DocassembleError as error:
        if not error.is_transient or error.maybe_processed:
            raise
        raise self.retry(exc=error, countdown=error.retry_after or RETRY_SECONDS) from None
    return reply.data if isinstance(reply, JSONReply) else None
