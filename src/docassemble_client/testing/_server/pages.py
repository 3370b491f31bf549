"""Web pages, as far as links that the API makes lead to them: for a person, not for a program."""

from __future__ import annotations

import html
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from docassemble_client.testing._handlers.questions import brought_answer
from docassemble_client.testing._handlers.session_changes import run_at
from docassemble_client.testing._server.call import crash
from docassemble_client.testing._server.messages import Answer, page, web_page
from docassemble_client.testing._state.links import Visitor
from docassemble_client.testing._state.sessions import Step
from docassemble_client.testing.interviews import Answers, Asked, Brought
from docassemble_client.testing.recordings import Played

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docassemble_client._types import JSON
    from docassemble_client.testing._server.messages import Incoming
    from docassemble_client.testing._state.sessions import Session
    from docassemble_client.testing._state.world import World
    from docassemble_client.testing.interviews import Interview
    from docassemble_client.testing.recordings import Outcome

_COOKIE = "session"
_OWN = ("i", "session", "resume")
_DEAD = "This link is used up or has expired."


def visit(world: World, request: Incoming) -> Answer | None:
    """
    Show a page; what the visitor is known by goes into a cookie.

    Args:
        world: What the server remembers.
        request: The request.

    Returns:
        The page; None if there is none.
    """
    show = _PAGES.get(request.path) if request.method == "GET" else None
    return None if show is None else show(_Visit(world, request))


class _Visit:
    """A request of a browser."""

    def __init__(self, world: World, request: Incoming) -> None:
        self.world = world
        self.query = request.query
        cookies = SimpleCookie(request.headers.get("cookie", ""))
        cookie = cookies[_COOKIE].value if _COOKIE in cookies else ""
        self.visitor = world.links.visitor(cookie)

    def welcome(self, answer: Answer) -> Answer:
        """Let the visitor be known from now on."""
        cookie = f"{_COOKIE}={self.world.links.enter(self.visitor)}; HttpOnly; Path=/; SameSite=Lax"
        return Answer(answer.status, answer.content, {**answer.headers, "set-cookie": cookie})

    def log_in(self) -> Answer:
        """Log a user in, and lead on."""
        link = self.world.links.follow("login", self.query.get("key"))
        account = None if link is None else self.world.people.accounts.get(link.user)
        if link is None or account is None or not account.active:
            return page(403, _DEAD)
        self.visitor = Visitor(account.id, account.secret)
        target = link.target
        if link.i is not None:
            named = {"session": link.session} if link.session else {}
            resume = {"resume": "1"} if link.resume_existing else {}
            target = f"/interview?{urlencode({'i': link.i, **named, **resume, **link.url_args})}"
        elif not target.startswith(("http:", "https:", "/")):
            target = f"/{target}"
        return self.welcome(_lead(target))

    def redirect(self) -> Answer:
        """Lead anywhere."""
        link = self.world.links.follow("redirect", self.query.get("c"))
        return page(501, _DEAD) if link is None else _lead(link.target)

    def launch(self) -> Answer:
        """Open a session to which a link leads."""
        link = self.world.links.follow("resume", self.query.get("c"))
        if link is None:
            return page(501, _DEAD)
        return self._open(link.i or "", link.session, link.url_args)

    def interview(self) -> Answer:
        """Open an interview."""
        i, key = self.query.get("i", ""), self.query.get("session")
        arguments: dict[str, JSON] = {n: v for n, v in self.query.items() if n not in _OWN}
        if key is None and "resume" in self.query:
            key = self._latest(i)
        return self._open(i, key, arguments)

    def register(self) -> Answer:
        """Show the form to register with the address that was invited."""
        link = self.world.links.follow("invitation", self.query.get("token"))
        email = "" if link is None else link.target
        return web_page("Register", f'<input name="email" value="{html.escape(email)}">')

    def profile(self) -> Answer:
        """Show who is logged in."""
        account = self.world.people.accounts.get(self.visitor.user)
        if account is None:
            return _lead("/user/sign-in?next=/user/profile")
        return web_page("Profile", f"<p>{html.escape(account.email)}</p>")

    def _latest(self, i: str) -> str | None:
        mine = [
            one.key
            for one, user in self.world.sessions.rows()
            if user == self.visitor.user and one.filename == i and one.opens(self.visitor.secret)
        ]
        return mine[-1] if mine else None

    def _open(self, i: str, key: str | None, arguments: Mapping[str, JSON]) -> Answer:
        interview = self.world.find_interview(i)
        if interview is None:
            return page(404)
        session = self.world.sessions.find(i, key) or self._start(interview)
        if not session.opens(self.visitor.secret):
            return page(501, "Unable to decrypt the interview dictionary")
        if self.visitor.user not in session.users:
            session.users.append(self.visitor.user)
        step = session.step.draft()
        if arguments:
            step.variables["url_args"] = dict(arguments)
        try:
            shown = self._shown(interview, run_at(self.visitor.user, interview, step), step)
        except Exception as error:
            return page(501, crash(error))
        self.world.sessions.save(session, step, user=session.step.user, replace=True)
        return self.welcome(shown)

    def _start(self, interview: Interview) -> Session:
        user, secret = self.visitor.user, self.visitor.secret
        return self.world.sessions.start(
            interview.filename,
            user,
            secret=secret,
            encrypted=not interview.multi_user,
            first=Step({"url_args": {}}),
        )

    def _shown(self, interview: Interview, outcome: Outcome, step: Step) -> Answer:
        match outcome:
            case Brought():
                return brought_answer(outcome.value)
            case Asked():
                answers = Answers(step.variables)
                texts = (outcome.screen.text, outcome.screen.subtext)
                shown = [answers.fill_in(one) for one in texts]
                shown += [one.label or one.variable for one in outcome.screen.fields]
            case Played():
                question = outcome.reply.question
                shown = [str(question.get(one, "")) for one in ("questionText", "subquestionText")]
            case _:
                message = f"name '{outcome.variable}' is not defined"
                raise NameError(message)
        content = "".join(f"<p>{html.escape(one)}</p>" for one in shown)
        return web_page(interview.title or interview.filename, content)


def _lead(target: str) -> Answer:
    """Lead to a page, or to an address that may hold any character."""
    return Answer(302, b"", {"location": quote(target, safe="%/:?#[]@!$&'()*+,;=")})


_PAGES: Mapping[str, Callable[[_Visit], Answer]] = {
    "/user/autologin": _Visit.log_in,
    "/user/register": _Visit.register,
    "/user/profile": _Visit.profile,
    "/goto": _Visit.redirect,
    "/launch": _Visit.launch,
    "/interview": _Visit.interview,
}
