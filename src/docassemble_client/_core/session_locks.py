"""The locks of sessions: the calls of one client to one session do not overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from docassemble_client._blocking import reset_in_child
from docassemble_client._concurrency import ThreadLock, is_blocking, make_lock

if TYPE_CHECKING:
    from docassemble_client._concurrency import Lock


class SessionLocks:
    """A lock for each session, because its calls must not overlap; threads can share them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[object, Lock] = WeakValueDictionary()
        self._guard = ThreadLock()
        if is_blocking():
            reset_in_child(self)

    def get(self, key: object) -> Lock:
        """Return the lock of a session; it is forgotten when nobody uses it."""
        with self._guard:
            return self._locks.setdefault(key, make_lock())

    def reset_after_fork(self) -> None:
        """Forget the locks of the parent process."""
        self._locks = WeakValueDictionary()
        self._guard = ThreadLock()
