"""The command api."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from docassemble_client._types import UNSET
from docassemble_client.cli.common_options import COMMON, INPUT_FILE, Common
from docassemble_client.cli.confirmation import confirm
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import parse_pairs, read_object

_QUERY_METHODS = {"DELETE", "GET", "HEAD"}


async def api(
    method: str,
    path: str,
    /,
    *arguments: str,
    data: Annotated[
        str | None,
        INPUT_FILE,
        Parameter(help="JSON or YAML file with the body (`-`: standard input)."),
    ] = None,
    yes: bool = False,
    common: Common = COMMON,
) -> ExitCode:
    """
    Call an endpoint that no operation covers, such as the API of an installed package.

    The body of the response is written as it is.

    $ dactl api GET /al/api/v1/dashboard/jobs/7
    $ dactl api POST /al/api/v1/dashboard/translate lang=es

    Args:
        method: HTTP method.
        path: Path below the URL of the server.
        arguments: NAME=VALUE; sent in the query of GET and DELETE, else as a JSON body.
        yes: Send a DELETE.
    """
    method = method.upper()
    if method == "DELETE" and not confirm(f"send DELETE {path}", yes=yes):
        return ExitCode.WRONG_USAGE
    values: dict[str, Any] = {**parse_pairs(arguments)}
    has_query = method in _QUERY_METHODS
    body = values if values and not has_query else UNSET
    json = body if data is None else read_object(data) | values
    async with common.connect() as da:
        response = await da.request(
            method,
            path,
            params=values if has_query else None,
            json=json,
            safe=method in {"GET", "HEAD"},
        )
    sys.stdout.buffer.write(response.content)
    return ExitCode.DONE
