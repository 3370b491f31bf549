"""Interview sessions and their steps."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from attrs import Factory, define, field, frozen

from docassemble_client._types import JSON
from docassemble_client.testing._state.secrets import generate_alphanumeric, generate_letters
from docassemble_client.testing.recordings import ReplayPosition
from docassemble_client.testing.screens import ScriptedScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing._state.files import Files
    from docassemble_client.testing.clock import Clock


@frozen
class PendingQuestion:
    """
    A question of an action, which is asked before any other question.

    Attributes:
        action: Name of the action.
        screen: The question.
    """

    action: str
    screen: ScriptedScreen


@define
class Step:
    """
    A saved step.

    Attributes:
        variables: The variables of the session by name.
        pending: Questions of actions, in the order in which they are asked.
        answered: Names of the answered mandatory questions.
        progress: Position of the progress bar, in percent.
        runs: Random device ID and user ID of each run of the interview so far.
        modtime: When the step was saved, in seconds since 1970.
        indexno: Row number, which orders lists of sessions.
        position: Position in a recorded interview.
        number: Number of saved steps when it was begun.
        user: ID of the account that saved it; below 0 for an anonymous visitor.
    """

    variables: dict[str, JSON] = field(repr=False)
    pending: list[PendingQuestion] = Factory(list[PendingQuestion])
    answered: set[str] = Factory(set[str])
    progress: float = 0
    runs: list[tuple[str, int]] = Factory(list[tuple[str, int]])
    modtime: float = 0.0
    indexno: int = 0
    position: ReplayPosition = Factory(ReplayPosition)
    number: int = 0
    user: int = 0

    def make_draft(self) -> Step:
        """Copy the step, to change the copy and optionally save it."""
        return Step(
            copy.deepcopy(self.variables),
            list(self.pending),
            set(self.answered),
            self.progress,
            list(self.runs),
            position=self.position,
            number=self.number,
        )

    def add_run(self, user: int) -> None:
        """Record that a user's call runs the interview; each call counts as a new device."""
        self.runs.append((generate_letters(16), user))


@define
class Session:
    """
    An interview session.

    Attributes:
        filename: File name of the interview.
        key: Session ID.
        secret: Key that encrypts the answers.
        encrypted: Whether the answers are encrypted.
        users: IDs of the accounts that have the session; below 0 for anonymous visitors.
        started: When it was started, in seconds since 1970.
        steps: The saved steps, the current one last.
        documents: File numbers of its documents by name, variable and checksum.
    """

    filename: str
    key: str
    secret: str = field(repr=False)
    encrypted: bool
    users: list[int]
    started: float
    steps: list[Step] = field(factory=list[Step], repr=False)
    documents: dict[str, int] = field(factory=dict[str, int], repr=False)

    @property
    def step(self) -> Step:
        """The current step."""
        return self.steps[-1]

    def is_readable_with(self, secret: object) -> bool:
        """Whether this secret decrypts the answers."""
        return not self.encrypted or str(secret) == self.secret


class Sessions:
    """All sessions."""

    def __init__(self, clock: Clock, files: Files) -> None:
        self._clock = clock
        self._files = files
        self._sessions: dict[tuple[str, str], Session] = {}
        self._last_indexno = 0

    def start(
        self, filename: str, user: int, *, secret: str, encrypted: bool, first_step: Step
    ) -> Session:
        """Start a session."""
        key = generate_alphanumeric(32)
        session = Session(filename, key, secret, encrypted, [user], self._clock.now())
        self._sessions[filename, key] = session
        self.save(session, first_step, user=user)
        return session

    def find(self, filename: object, key: object) -> Session | None:
        """Find a session by interview and session ID."""
        if not isinstance(filename, str) or not isinstance(key, str):
            return None
        return self._sessions.get((filename, key))

    def save(self, session: Session, step: Step, *, user: int, replace: bool = False) -> None:
        """Save a user's step as a new one, or replace the current one."""
        step.user = user
        step.modtime = self._clock.now()
        if replace:
            step.indexno = session.step.indexno
            session.steps[-1] = step
        else:
            self._last_indexno += 1
            step.number += 1
            step.indexno = self._last_indexno
            session.steps.append(step)

    def remove_user(
        self, session: Session, user: int | None, *, discard_steps: bool = False
    ) -> None:
        """
        Remove one user or all users (None) from a session.

        The session is deleted with its last user. `discard_steps` also deletes the steps that
        the user saved, unless there are no other steps.
        """
        if discard_steps:
            kept_steps = [step for step in session.steps if step.user != user]
            session.steps = kept_steps or session.steps
        session.users = [owner for owner in session.users if user not in {None, owner}]
        if not session.users:
            self._sessions.pop((session.filename, session.key), None)
            self._files.delete_session_files(session.key)

    def reencrypt(self, user: int, old_secret: str, new_secret: str) -> None:
        """Change the secret of those sessions of a user that have the old secret."""
        for session in self._sessions.values():
            if user in session.users and session.secret == old_secret:
                session.secret = new_secret

    def iter_rows(self) -> Iterator[tuple[Session, int]]:
        """Return each session with each of its users, ordered by the current step."""
        ordered = sorted(self._sessions.values(), key=lambda session: session.step.indexno)
        return ((session, user) for session in ordered for user in session.users)
