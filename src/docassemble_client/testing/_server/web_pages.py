"""Web pages behind the links that the API creates."""

from __future__ import annotations

import html
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from docassemble_client.testing._handlers.questions import make_final_response
from docassemble_client.testing._handlers.session_changes import run_interview
from docassemble_client.testing._server.api_call import describe_error
from docassemble_client.testing._server.messages import FakeResponse, make_error_page, make_web_page
from docassemble_client.testing._state.links import Visitor
from docassemble_client.testing._state.sessions import Step
from docassemble_client.testing.interviews import FinalValue, SessionVariables, ShowScreen
from docassemble_client.testing.recordings import ReplayedReply
from docassemble_client.workflows.interviews.interview_name import complete_interview_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docassemble_client._types import JSON
    from docassemble_client.testing._server.messages import FakeRequest
    from docassemble_client.testing._state.server_state import ServerState
    from docassemble_client.testing._state.sessions import Session
    from docassemble_client.testing.interviews import ScriptedInterview
    from docassemble_client.testing.recordings import Outcome

_COOKIE = "session"
_OWN_PARAMETERS = ("i", "session", "resume")
_EXPIRED = "This link is used up or has expired."


def render_page(state: ServerState, request: FakeRequest) -> FakeResponse | None:
    """
    Render the web page of a request; a cookie identifies the visitor.

    Args:
        state: State of the server.
        request: The request.

    Returns:
        The page; None if the path has no page.
    """
    render = _PAGES.get(request.path) if request.method == "GET" else None
    return None if render is None else render(_PageView(state, request))


class _PageView:
    """A browser's request for a web page."""

    def __init__(self, state: ServerState, request: FakeRequest) -> None:
        self.state = state
        self.query = request.query
        cookies = SimpleCookie(request.headers.get("cookie", ""))
        cookie = cookies[_COOKIE].value if _COOKIE in cookies else ""
        self.visitor = state.links.get_visitor(cookie)

    def set_cookie(self, response: FakeResponse) -> FakeResponse:
        """Add the cookie that identifies the visitor."""
        value = self.state.links.remember_visitor(self.visitor)
        cookie = f"{_COOKIE}={value}; HttpOnly; Path=/; SameSite=Lax"
        headers = {**response.headers, "set-cookie": cookie}
        return FakeResponse(response.status, response.content, headers)

    def log_in(self) -> FakeResponse:
        """Log a user in and redirect to the link's target."""
        link = self.state.links.redeem("login", self.query.get("key"))
        account = None if link is None else self.state.users.accounts.get(link.user)
        if link is None or account is None or not account.active:
            return make_error_page(403, _EXPIRED)
        self.visitor = Visitor(account.id, account.secret)
        target = link.target
        if link.i is not None:
            session = {"session": link.session} if link.session else {}
            resume = {"resume": "1"} if link.resume_existing else {}
            target = f"/interview?{urlencode({'i': link.i, **session, **resume, **link.url_args})}"
        elif not target.startswith(("http:", "https:", "/")):
            target = f"/{target}"
        return self.set_cookie(_redirect(target))

    def redirect(self) -> FakeResponse:
        """Redirect to the target of a temporary link."""
        link = self.state.links.redeem("redirect", self.query.get("c"))
        return make_error_page(501, _EXPIRED) if link is None else _redirect(link.target)

    def launch(self) -> FakeResponse:
        """Open the session of a resume link."""
        link = self.state.links.redeem("resume", self.query.get("c"))
        if link is None:
            return make_error_page(501, _EXPIRED)
        return self._open(link.i or "", link.session, link.url_args)

    def open_interview(self) -> FakeResponse:
        """Open an interview."""
        i, key = self.query.get("i", ""), self.query.get("session")
        arguments: dict[str, JSON] = {
            name: value for name, value in self.query.items() if name not in _OWN_PARAMETERS
        }
        if key is None and "resume" in self.query:
            key = self._find_latest_session(i)
        return self._open(i, key, arguments)

    def register(self) -> FakeResponse:
        """Render the registration form with the invited e-mail address."""
        link = self.state.links.redeem("invitation", self.query.get("token"))
        email = "" if link is None else link.target
        return make_web_page("Register", f'<input name="email" value="{html.escape(email)}">')

    def show_profile(self) -> FakeResponse:
        """Render the profile page of the logged-in user."""
        account = self.state.users.accounts.get(self.visitor.user)
        if account is None:
            return _redirect("/user/sign-in?next=/user/profile")
        return make_web_page("Profile", f"<p>{html.escape(account.email)}</p>")

    def _find_latest_session(self, i: str) -> str | None:
        keys = [
            session.key
            for session, user in self.state.sessions.iter_rows()
            if user == self.visitor.user
            and session.filename == i
            and session.is_readable_with(self.visitor.secret)
        ]
        return keys[-1] if keys else None

    def _open(self, i: str, key: str | None, arguments: Mapping[str, JSON]) -> FakeResponse:
        # The web pages know sessions by the full name only.
        i = complete_interview_name(i)
        interview = self.state.find_interview(i)
        if interview is None:
            return make_error_page(404)
        session = self.state.sessions.find(i, key) or self._start_session(i, interview)
        if not session.is_readable_with(self.visitor.secret):
            return make_error_page(501, "Unable to decrypt the interview dictionary")
        if self.visitor.user not in session.users:
            session.users.append(self.visitor.user)
        step = session.step.make_draft()
        if arguments:
            step.variables["url_args"] = dict(arguments)
        try:
            outcome = run_interview(self.visitor.user, interview, step)
            page = _render_outcome(interview, outcome, step)
        except Exception as error:
            return make_error_page(501, describe_error(error))
        self.state.sessions.save(session, step, user=session.step.user, replace=True)
        return self.set_cookie(page)

    def _start_session(self, i: str, interview: ScriptedInterview) -> Session:
        user, secret = self.visitor.user, self.visitor.secret
        return self.state.sessions.start(
            i,
            user,
            secret=secret,
            encrypted=not interview.multi_user,
            first_step=Step({"url_args": {}}),
        )


def _render_outcome(interview: ScriptedInterview, outcome: Outcome, step: Step) -> FakeResponse:
    match outcome:
        case FinalValue():
            return make_final_response(outcome.value)
        case ShowScreen(screen=screen):
            variables = SessionVariables(step.variables)
            fill_in = str if outcome.is_filled_in else variables.fill_in
            texts = [fill_in(screen.text), fill_in(screen.subtext)]
            texts += [field.label or field.variable for field in screen.fields]
        case ReplayedReply():
            question = outcome.reply.question
            texts = [str(question.get(key, "")) for key in ("questionText", "subquestionText")]
        case _:
            message = f"name '{outcome.variable}' is not defined"
            raise NameError(message)
    content = "".join(f"<p>{html.escape(text)}</p>" for text in texts)
    return make_web_page(interview.title or interview.filename, content)


def _redirect(target: str) -> FakeResponse:
    """Redirect to a path or URL, which may contain any character."""
    return FakeResponse(302, b"", {"location": quote(target, safe="%/:?#[]@!$&'()*+,;=")})


_PAGES: Mapping[str, Callable[[_PageView], FakeResponse]] = {
    "/user/autologin": _PageView.log_in,
    "/user/register": _PageView.register,
    "/user/profile": _PageView.show_profile,
    "/goto": _PageView.redirect,
    "/launch": _PageView.launch,
    "/interview": _PageView.open_interview,
}
