"""AsyncDocassemble: the base client with the methods of the workflows."""

from __future__ import annotations

from docassemble_client.workflows.methods import WorkflowMethods


class AsyncDocassemble(WorkflowMethods):
    """
    A client of one docassemble server, acting as the owner of one API key.

    Creating it sends nothing: it connects on first use, and belongs to the event loop that uses it
    first. Use it with `async with`, or call `aclose` when you are done.

    Example:
        ```python
        async with AsyncDocassemble("https://da.example.com", api_key=KEY) as da:
            me = await da.users.get_current()
        ```
    """
