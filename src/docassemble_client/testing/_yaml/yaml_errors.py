"""Why the fake server does not run an interview written in YAML."""

from __future__ import annotations


class InterviewSyntaxError(Exception):
    """The real server refuses the interview as well."""


class UnsupportedInterview(BaseException):
    """
    The fake server cannot run an interview as a real server would.

    It is not an `Exception`, because handlers of operations respond to these like a real server.
    """
