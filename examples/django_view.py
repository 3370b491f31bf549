"""
A Django view that fills in an interview. test_django_view.py tests it.

One client serves all threads of a process. It connects at its first call, so that the processes
that a web server forks have connections of their own.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false, reportFunctionMemberAccess=false
# pyright: reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# Django has no type annotations.

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.urls import path

from docassemble_client import APIError, Docassemble, JSONReply, Timeouts, TransportError

if TYPE_CHECKING:
    from django.http import HttpRequest

INTERVIEW = "docassemble.demo:data/questions/examples/questionless.yml"


@cache
def get_client() -> Docassemble:
    """Return the client of this process; each call ends after 20 seconds."""
    return Docassemble.from_env(timeout=Timeouts(total=20))


def count_inhabitants(_request: HttpRequest, number: int) -> JsonResponse:
    """Run the interview with a number, and return its result."""
    try:
        with get_client().interview(INTERVIEW).session() as session:
            reply = session.answer(
                {"favorite_number": number, "user_agrees_to_waive_penalties": True}
            )
    except (APIError, TransportError):
        return JsonResponse({"error": "docassemble is not available"}, status=502)
    return JsonResponse({"result": reply.data if isinstance(reply, JSONReply) else None})


urlpatterns = [path("inhabitants/<int:number>", count_inhabitants)]
