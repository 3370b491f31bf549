"""Documents of an interview whose variables the server cannot return at its end."""

from __future__ import annotations

import pytest

from docassemble_client import InterviewFailed, NoDocuments, ServerError
from tests.workflows.documents import DocumentServer, assemble
from tests.workflows.screens import make_screen

END = make_screen(kind="deadend", questionName="End")
END_WITH_LINK = {**END, "subquestionText": "[Get](/uploadedfile/3)"}


async def test_variables_that_cannot_be_read_matter_only_if_needed() -> None:
    """A link is followed without them; without any document the error says why they failed."""
    server = DocumentServer(END_WITH_LINK)
    server.variables_status = 400
    assert [item.filename for item in await assemble(server)] == ["3.md"]

    server = DocumentServer(END)
    server.variables_status = 400
    for documents in (None, ("letter",)):
        with pytest.raises(NoDocuments, match=r"needs: 'jobs\[0\]\.type' is not defined") as caught:
            await assemble(server, documents=documents)
        assert caught.value.end_type == "deadend"
        assert caught.value.transcript is not None
        assert isinstance(caught.value.__cause__, InterviewFailed)
        assert caught.value.__cause__.operation == "sessions.get_variables"


async def test_format_that_is_missing_is_not_explained_by_the_variables() -> None:
    """The screen shows a document, though the variables cannot be read."""
    server = DocumentServer(END_WITH_LINK)
    server.variables_status = 400

    with pytest.raises(NoDocuments, match="Available formats: md") as caught:
        await assemble(server, formats=("pdf",))

    assert caught.value.__cause__ is None


async def test_unavailable_server_is_not_a_failed_interview() -> None:
    """Other errors of the server are raised as they are."""
    server = DocumentServer(END)
    server.variables_status = 500

    with pytest.raises(ServerError):
        await assemble(server)
