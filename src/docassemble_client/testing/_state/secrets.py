"""Random text of the kinds the server makes."""

from __future__ import annotations

import secrets
import string

_LETTERS = string.ascii_letters
_ALPHANUMERIC = string.ascii_letters + string.digits


def letters(number: int) -> str:
    """Make text of letters, as for secrets and codes."""
    return "".join(secrets.choice(_LETTERS) for _ in range(number))


def alphanumeric(number: int) -> str:
    """Make text of letters and digits, as for keys and sessions."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(number))
