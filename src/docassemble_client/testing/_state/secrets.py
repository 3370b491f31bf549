"""Random secrets, codes and keys."""

from __future__ import annotations

import secrets
import string

_LETTERS = string.ascii_letters
_ALPHANUMERIC = string.ascii_letters + string.digits


def generate_letters(length: int) -> str:
    """Generate random letters, for secrets and codes."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def generate_alphanumeric(length: int) -> str:
    """Generate random letters and digits, for API keys and session IDs."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))
