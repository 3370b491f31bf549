"""Marks a missing answer, because None is a valid one."""

from __future__ import annotations

import enum
from typing import Final


class Missing(enum.Enum):
    """Type of `MISSING`."""

    MISSING = enum.auto()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
"""Marks a missing answer, because None is a valid one."""
