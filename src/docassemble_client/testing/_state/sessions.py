"""Interview sessions with their steps."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from attrs import Factory, define, field, frozen

from docassemble_client._types import JSON
from docassemble_client.testing._state.secrets import alphanumeric, letters
from docassemble_client.testing.interviews import Screen
from docassemble_client.testing.recordings import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client.testing._state.files import Files
    from docassemble_client.testing.clock import Clock


@frozen
class Pending:
    """
    A question an action asked, which comes before all others.

    Attributes:
        action: Name of the action.
        screen: The question.
    """

    action: str
    screen: Screen


@define
class Step:
    """
    A saved step.

    Attributes:
        variables: The answers.
        pending: Questions asked by actions, the next one first.
        answered: Names of the mandatory questions that were answered.
        progress: How far the progress bar is.
        runs: Each run of the interview that led here: a random ID of the device, and the user.
        modtime: When it was saved, in seconds since 1970.
        indexno: Number of the row, which orders lists of sessions.
        place: Where it is in a recorded interview.
        user: Account that saved it, or visitor who is not logged in, below 0.
    """

    variables: dict[str, JSON] = field(repr=False)
    pending: list[Pending] = Factory(list[Pending])
    answered: set[str] = Factory(set[str])
    progress: float = 0
    runs: list[tuple[str, int]] = Factory(list[tuple[str, int]])
    modtime: float = 0.0
    indexno: int = 0
    place: Place = Factory(Place)
    user: int = 0

    def draft(self) -> Step:
        """Copy it, to be changed and then saved or not."""
        return Step(
            copy.deepcopy(self.variables),
            list(self.pending),
            set(self.answered),
            self.progress,
            list(self.runs),
            place=self.place,
        )

    def note_run(self, user: int) -> None:
        """Note that a user's call runs the interview; each call counts as a device of its own."""
        self.runs.append((letters(16), user))


@define
class Session:
    """
    A session.

    Attributes:
        filename: The interview.
        key: ID of the session.
        secret: What its answers are encrypted with.
        encrypted: Whether they are.
        users: Accounts that have it, and visitors who are not logged in, below 0.
        started: When it began, in seconds since 1970.
        steps: What was saved, the current step last.
        documents: Numbers of the files made of documents, by name of the document.
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

    def opens(self, secret: object) -> bool:
        """Whether the answers can be read with this secret."""
        return not self.encrypted or str(secret) == self.secret


class Sessions:
    """All sessions."""

    def __init__(self, clock: Clock, files: Files) -> None:
        self._clock = clock
        self._files = files
        self._sessions: dict[tuple[str, str], Session] = {}
        self._rows = 0

    def start(
        self, filename: str, user: int, *, secret: str, encrypted: bool, first: Step
    ) -> Session:
        """Begin a session."""
        key = alphanumeric(32)
        session = Session(filename, key, secret, encrypted, [user], self._clock.now())
        self._sessions[filename, key] = session
        self.save(session, first, user=user)
        return session

    def find(self, filename: object, key: object) -> Session | None:
        """Find a session of an interview."""
        if not isinstance(filename, str) or not isinstance(key, str):
            return None
        return self._sessions.get((filename, key))

    def save(self, session: Session, step: Step, *, user: int, replace: bool = False) -> None:
        """Save a user's step, as a new one or in place of the current one."""
        step.user = user
        step.modtime = self._clock.now()
        if replace:
            step.indexno = session.step.indexno
            session.steps[-1] = step
        else:
            self._rows += 1
            step.indexno = self._rows
            session.steps.append(step)

    def leave(self, session: Session, user: int | None, *, takes_back: bool = False) -> None:
        """
        Take a session from a user, or from all; it is gone when nobody has it any more.

        What the user saved may be taken back, as far as somebody else saved something too.
        """
        if takes_back:
            others = [one for one in session.steps if one.user != user]
            session.steps = others or session.steps
        session.users = [one for one in session.users if user not in {None, one}]
        if not session.users:
            self._sessions.pop((session.filename, session.key), None)
            self._files.forget(session.key)

    def encrypt_anew(self, user: int, old: str, new: str) -> None:
        """Encrypt a user's sessions with another secret, as far as they had the old one."""
        for session in self._sessions.values():
            if user in session.users and session.secret == old:
                session.secret = new

    def rows(self) -> Iterator[tuple[Session, int]]:
        """Sessions and the users who have them, in the order of their last steps."""
        ordered = sorted(self._sessions.values(), key=lambda one: one.step.indexno)
        return ((one, user) for one in ordered for user in one.users)
