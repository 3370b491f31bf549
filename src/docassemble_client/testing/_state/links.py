"""Links to web pages, and the browsers that opened them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define, field, frozen

from docassemble_client._types import JSON
from docassemble_client.testing._state.secrets import generate_letters

if TYPE_CHECKING:
    from docassemble_client.testing.clock import Clock

LinkKind = Literal["login", "resume", "redirect", "invitation"]


@define(kw_only=True)
class Link:
    """
    A link created by the API.

    Attributes:
        kind: What the link does.
        expires: When it expires, in seconds since 1970.
        one_time: Whether it works only once.
        user: ID of the account that it logs in.
        target: Target URL, or the invited e-mail address.
        i: File name of the interview that it opens.
        session: ID of the session that it opens; None starts a new session each time.
        resume_existing: Whether it resumes the latest session of the user.
        url_args: URL arguments of the interview.
    """

    kind: LinkKind
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
    The user of a browser.

    Attributes:
        user: ID of the account that is logged in; below 0 for an anonymous visitor.
        secret: Key that decrypts the visitor's sessions.
    """

    user: int
    secret: str = field(repr=False)


class Links:
    """All links, and the visitors by session cookie."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._links: dict[str, Link] = {}
        self._visitors: dict[str, Visitor] = {}
        self._anonymous_count = 0

    def create(self, link: Link, *, seconds: float, length: int) -> str:
        """Store a link that expires after some seconds, and return its code."""
        code = generate_letters(length)
        link.expires = self._clock.now() + seconds
        self._links[code] = link
        return code

    def redeem(self, kind: LinkKind, code: str | None) -> Link | None:
        """Find a link that has not expired; a one-time link is then deleted."""
        link = self._links.get(code or "")
        if link is None or link.kind != kind or link.expires <= self._clock.now():
            return None
        if link.one_time:
            del self._links[code or ""]
        return link

    def remember_visitor(self, visitor: Visitor) -> str:
        """Store a visitor, and return the session cookie."""
        cookie = generate_letters(32)
        self._visitors[cookie] = visitor
        return cookie

    def get_visitor(self, cookie: str) -> Visitor:
        """Return the visitor with this cookie; a new anonymous one if it is unknown."""
        visitor = self._visitors.get(cookie)
        self._anonymous_count += visitor is None
        return visitor or Visitor(-self._anonymous_count, generate_letters(16))
