"""Ends a wait for the user or for a program at once on Ctrl+C."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def end_on_interrupt() -> Generator[None]:
    """End the block at once on Ctrl+C; asyncio would wait until the block ends."""
    import signal

    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):  # Ctrl+C is ignored
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
