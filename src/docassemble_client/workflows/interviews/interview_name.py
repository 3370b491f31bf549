"""Completes the file name of an interview, as the server's web pages do."""

from __future__ import annotations

import re

_SHORT_NAME = re.compile(r"(?P<package>(?!docassemble\.playground)[^:/]+):(?P<file>[^:/]+)")


def complete_interview_name(i: str) -> str:
    """
    Add the folder to a file name that has none.

    The API starts a session under the name that you pass. The web pages look for a session under
    the full name (docassemble/webapp/interview/views.py:608), so that a link to a session that was
    started under a short name opens a new, empty session.

    Args:
        i: File name of an interview.

    Returns:
        docassemble.demo:data/questions/questions.yml for docassemble.demo:questions.yml. Names of
        the Playground and names with a slash are unchanged.
    """
    match = _SHORT_NAME.fullmatch(i)
    return f"{match['package']}:data/questions/{match['file']}" if match else i
