"""Links that lead people to web pages, and who has followed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define, field, frozen

from docassemble_client._types import JSON
from docassemble_client.testing._state.secrets import letters

if TYPE_CHECKING:
    from docassemble_client.testing.clock import Clock

Kind = Literal["login", "resume", "redirect", "invitation"]


@define(kw_only=True)
class Link:
    """
    A link.

    Attributes:
        kind: What it does.
        expires: When it is dead, in seconds since 1970.
        one_time: Whether it can be opened only once.
        user: Account it logs in.
        target: Page it leads to, or address it invites.
        i: Interview it leads to.
        session: Session of it; None for another one each time.
        resume_existing: Whether the latest session of the user is resumed.
        url_args: Arguments the interview is opened with.
    """

    kind: Kind
    expires: float = 0.0
    one_time: bool = True
    user: int = 0
    target: str = ""
    i: str | None = None
    session: str | None = None
    resume_existing: bool = False
    url_args: dict[str, JSON] = field(factory=dict[str, "JSON"])


@frozen
class Visitor:
    """
    Somebody with a browser.

    Attributes:
        user: Account that is logged in; a number below 0, of this browser, if nobody is.
        secret: What opens the sessions that are encrypted with it.
    """

    user: int
    secret: str = field(repr=False)


class Links:
    """All links, and the visitors by what their browsers send as a cookie."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._links: dict[str, Link] = {}
        self._visitors: dict[str, Visitor] = {}
        self._strangers = 0

    def make(self, link: Link, *, seconds: float, length: int) -> str:
        """Let a link live some seconds, and return its code."""
        code = letters(length)
        link.expires = self._clock.now() + seconds
        self._links[code] = link
        return code

    def follow(self, kind: Kind, code: str | None) -> Link | None:
        """Find a link that lives; one that can be opened once is dead then."""
        link = self._links.get(code or "")
        if link is None or link.kind != kind or link.expires <= self._clock.now():
            return None
        if link.one_time:
            del self._links[code or ""]
        return link

    def enter(self, visitor: Visitor) -> str:
        """Remember a visitor, and return the cookie."""
        cookie = letters(32)
        self._visitors[cookie] = visitor
        return cookie

    def visitor(self, cookie: str) -> Visitor:
        """Who has this cookie."""
        known = self._visitors.get(cookie)
        self._strangers += known is None
        return known or Visitor(-self._strangers, letters(16))
