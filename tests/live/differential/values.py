"""Random values of parameters: valid, wrong, empty, too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.live.differential.calls import Reference, Text
from tests.live.differential.resources import PASSWORD
from tests.live.documents import make_docx, make_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from tests.live.differential.resources import KnownUser, Resources, StartedSession

BASE = "docassemble.base:data/questions/examples/"
INTERVIEWS = (
    f"{BASE}text-field.yml",
    "docassemble.demo:data/questions/examples/questionless.yml",
    f"{BASE}response-json.yml",
    f"{BASE}response-svg.yml",
)
SHORT_NAMES = ("docassemble.base:examples/text-field.yml", "docassemble.base:text-field.yml")
UNKNOWN_INTERVIEWS = (
    *("no:such.yml", "x.yml", "docassemble.base:data/questions/no-such.yml", "../x.yml"),
    *("docassemble.base:data/questions/../x.yml", "docassemble.nosuch:data/questions/x.yml"),
    *("docassemble.playground999999:x.yml", "docassemble.base:", "docassemble.base:x.txt"),
)
LONG = "x" * 300
ODD: Sequence[Any] = (
    *("", "x", "0", "null", "a b", "é✓", "<b>", "[", "{", "[1]", '{"a": 1}', "%", LONG),
    *(0, 1, -1, 1.5, True, False, None, [], {}, ["a"], {"a": 1}),
)
FLAGS: Sequence[Any] = (True, False, "0", "1", "false", "f", "", "no", 0, 1, None, "True", [])
SECONDS: Sequence[Any] = (60, "60", 3600, 0, -5, "x", "", 1.5, None, "1.5", [])
PERMISSIONS = ("access_user_info", "create_user", "manage_packages", "edit_sessions")
QUERIES = (
    *("DA.Sessions.user_id == {user}", "DA.Sessions.user_id != {user}", "DA.Sessions.user_id > 0"),
    *("DA.Sessions.indexno > 0", "DA.Sessions.modtime > '2020-01-01'", "None", "1", "'abc'"),
    *("DA.Sessions.modtime < '2020-01-01'", "DA.Sessions.last_login == None", "True", "x", "1 =="),
    *("DA.Sessions.filename.Like('%text-field%')", "DA.Sessions.filename.like('%')", " "),
    *(
        "DA.Sessions.user_id.In({user}, 4)",
        "DA.And(DA.Sessions.user_id > 0, DA.Sessions.email != '')",
    ),
    *("~(DA.Sessions.user_id == {user})", "DA.Sessions.session == 'x'", "DA.Sessions.key == 'x'"),
    *("(DA.Sessions.user_id == {user}) | (DA.Sessions.encrypted == True)", "DA.Sessions.nope == 1"),
    *("DA.Sessions.encrypted", "__import__('os')", "DA.Sessions.modtime > 'x'", "[1]", "DA.Or()"),
    *("DA.Sessions.user_id == 'x'", "DA.Sessions.first_name == 'A'", "DA.Sessions", "1 < 2"),
)
VARIABLES: Sequence[tuple[str, Any]] = (
    *(("target_variable", "carrots"), ("other_target_variable", "apples"), ("favorite_number", 7)),
    *(("favorite_number", "x"), ("favorite_fruit", "pear"), ("number_of_pieces", 3)),
    *(
        ("user_agrees_to_waive_penalties", True),
        ("press_to_continue", True),
        ("when", "2020-02-03"),
    ),
    *(("at", "10:20:30"), ("a b", 1), ("1x", 1), ("", 1), ("x.y", 1), ("x[0]", 1), ("f()", 1)),
    *(("target_variable.sub", 1), ("items", [1, "a", None]), ("mapping", {"a": {"b": 1}})),
    *(("nav", "x"), ("url_args", {}), ("multi_user", True), ("none", None), ("half", 1.5)),
    *(("mapping['a']", 2), ("items[0]", 5), ("x[i]", 1), ("import os", 1), ("a=b", 1), ("_x", 1)),
)
NAMES = ("target_variable", "favorite_fruit", "nosuch", "a b", "x.y", "items", "_internal", "")
BLOCKS = ("Question_0", "Question_1", "ID text field", "nosuch", "")
ACTIONS = ("query_fruit", "nosuch", "target_variable", "", "a b", "favorite_fruit")
# Other values of these would restart the server.
_RESTARTING = ("pip", "github_url", "update", "package", "config", "config_changes")
FILES: Mapping[str, Sequence[tuple[str, bytes]]] = {
    "any": (("a.txt", b"hello"), ("b.yml", b"question: hi\n"), ("é ü.txt", b"x"), ("a b.csv", b"")),
    "template": (
        ("t.docx", make_docx("Hello {{ client.name }}.")),
        ("t.md", b"{{ a }} and {{ b.c }}"),
        ("t.pdf", b"no PDF"),
        ("T.MD", b"plain"),
        ("t.txt", b"x"),
        ("t", b"x"),
    ),
    "document": (
        ("t.docx", make_docx("Hello.")),
        ("t.docx", b"broken"),
        ("t.txt", b"x"),
        ("t.pdf", b"%PDF-1.4"),
        ("t", b""),
    ),
    "archive": (
        ("x.zip", b"broken"),
        ("x.zip", make_zip({"a.txt": "x"})),
        (
            "docassemble-fz.zip",
            make_zip(
                {
                    "docassemble-fz/setup.py": "setup(name='docassemble.fz',\n      version='1')\n",
                    "docassemble-fz/docassemble/fz/__init__.py": "",
                    "docassemble-fz/docassemble/fz/data/static/s.txt": "x",
                }
            ),
        ),
    ),
}


class Values:
    """Chooses values; the same ones for the same random numbers and resources."""

    def __init__(self, rng: Random, resources: Resources) -> None:
        self._rng = rng
        self._resources = resources
        self._choosers: Mapping[str, Callable[[], Any]] = {
            "i": self.choose_interview,
            "session": lambda: self._choose_session_part("session"),
            "secret": lambda: self._choose_session_part("secret"),
            "variables": lambda: dict(rng.choices(VARIABLES, k=rng.choice((0, 1, 1, 1, 2)))),
            "delete_variables": lambda: rng.choices(NAMES, k=rng.choice((0, 1, 1, 2))),
            "event_list": lambda: rng.choices(NAMES, k=rng.choice((0, 1, 2))),
            "file_variables": lambda: {"up": rng.choice(NAMES)},
            "question_name": lambda: rng.choice(BLOCKS),
            "action": lambda: rng.choice(ACTIONS),
            "arguments": lambda: rng.choice(({}, {"a": 1})),
            "url_args": lambda: rng.choice(({}, {"a": "b"}, '{"a": 1}')),
            "query": self._choose_query,
            "tag": lambda: rng.choice(("nosuch", "", "docs")),
            "next_id": lambda: rng.choice((*self._find("position"), "MA", "OTk5OTk5", "%%", "")),
            "username": self._choose_email,
            "email_addresses": self._choose_invitations,
            "password": lambda: rng.choice((PASSWORD, PASSWORD, "abc", "x" * 73, "  ab  ")),
            "old_password": lambda: rng.choice((PASSWORD, "wrong")),
            "privileges": lambda: rng.choice(([], ["user"], ["trainer"], "user", ["nosuch"])),
            "privilege": lambda: rng.choice((*self._names("privilege"), "user", "nosuch")),
            "first_name": lambda: rng.choice(("Ada", " Bo ", "é")),
            "timezone": lambda: rng.choice(("Europe/Berlin", "America/New_York", "", LONG[:65])),
            "language": lambda: rng.choice(("en", "de", LONG[:65])),
            "country": lambda: rng.choice(("US", "DE", "Germany", "")),
            "active": lambda: rng.choice(FLAGS),
            "remove": lambda: rng.choice(("account", "account_and_shared", "x", "")),
            "name": lambda: rng.choice((f"k{rng.randrange(9)}", "first", "limited-users", LONG)),
            "api_key": self._choose_key,
            "method": lambda: rng.choice(("none", "ip", "referer", "x")),
            "allowed": lambda: rng.choice(([], ["10.0.0.1"], '["a"]', "[", [1])),
            "permissions": lambda: rng.choice(
                ([], ["access_user_info"], '["create_user"]', ["nosuch"], [1], "[")
            ),
            "folder": lambda: rng.choice(
                ("questions", "static", "templates", "sources", "packages", "modules", "nosuch", "")
            ),
            "project": lambda: rng.choice(
                ("default", *self._names("project"), "Ghost", "1x", "a b", "")
            ),
            "filename": lambda: rng.choice(
                (
                    "a.txt",
                    "b.yml",
                    "file",
                    "file.txt",
                    "e_u.txt",
                    "docassemble.fz",
                    "fz",
                    "../x",
                    "",
                )
            ),
            "extension": lambda: rng.choice(("txt", "pdf", "", "../x")),
            "format": lambda: rng.choice(("json", "yaml", "md", "m", "x", "")),
            "task_id": lambda: rng.choice(("x" * 24, "")),
            "stash_key": lambda: self._choose_stash(0),
            "data": lambda: rng.choice(
                ({}, {"a": 1, "b": [None, "2020-01-02"]}, [], "", "x", 5, None, [1], '{"a": 2}')
            ),
            "url": lambda: rng.choice(("https://example.com/x", "", "x")),
            "next": lambda: rng.choice(
                ("interviews", "/x", "https://example.com", "javascript:x", "nosuch", "playground")
            ),
            "package": lambda: rng.choice(("docassemble.base", "nosuch", "")),
            "update": lambda: rng.choice(("nosuch", "", "x y")),
            "pip": lambda: rng.choice((5, ["x"], {})),
            "github_url": lambda: rng.choice((5, ["x"], {})),
            "config": lambda: rng.choice((5, [1], "{", "x", "", None)),
            "config_changes": lambda: rng.choice((5, [1], "{", "x", "", None)),
            "branch": lambda: "main",
            "user_id": self.choose_user_id,
        }

    def choose(self, name: str, session: StartedSession | None) -> Any:
        """
        Choose the value of a parameter.

        Args:
            name: Name of the parameter.
            session: Session that the call is about, if any.
        """
        rng = self._rng
        if session is not None and name in {"i", "session", "secret"} and rng.random() < 0.93:
            return getattr(session, name)
        if rng.random() < 0.07 and name not in _RESTARTING:
            return rng.choice(ODD)
        if name in {"add_to_allowed", "remove_from_allowed"}:
            return rng.choice(("10.0.0.1", '["a"]', "[", ["a"]))
        if name in {"add_to_permissions", "remove_from_permissions"}:
            return rng.choice((*PERMISSIONS, '["create_user"]', "[", "nosuch", ["create_user"]))
        if name.startswith(("last_name", "subdivision", "organization")):
            name = "first_name"
        if name in self._choosers:
            return self._choosers[name]()
        return rng.choice(SECONDS if name in {"expire", "refresh"} else FLAGS)

    def choose_interview(self) -> str | Text:
        """Choose the name of an interview, which may not exist."""
        rng = self._rng
        playground = Text(("docassemble.playground", self._choose_user().id, ":b.yml"))
        unknown = rng.choice((*UNKNOWN_INTERVIEWS, playground))
        return rng.choices(
            (rng.choice(INTERVIEWS), rng.choice(SHORT_NAMES), unknown), weights=(8, 1, 2)
        )[0]

    def choose_session(self) -> StartedSession | None:
        """Choose a session; None if there is none."""
        return self._rng.choice(self._resources.sessions) if self._resources.sessions else None

    def choose_user_id(self) -> Reference | str:
        """Choose the ID of an account, which may not exist."""
        if self._rng.random() < 0.1:
            return self._rng.choice(("999999", "abc", "0", "-1"))
        return self._choose_user().id

    def choose_files(self, kind: str) -> tuple[str, bytes]:
        """Choose a file of a kind."""
        return self._rng.choice(FILES[kind])

    def _choose_user(self) -> KnownUser:
        """Choose an account, seldom one whose key later calls use."""
        resources, rng = self._resources, self._rng
        owners = list(resources.users.values())
        return rng.choice(owners if rng.random() < 0.25 else resources.guests or owners)

    def _choose_session_part(self, name: str) -> Any:
        session = self.choose_session()
        other = "y" * 32 if name == "session" else self._rng.choice(("y" * 16, "short"))
        return getattr(session, name) if session and self._rng.random() < 0.6 else other

    def _choose_stash(self, part: int) -> Any:
        stashes = self._resources.stashes
        return self._rng.choice(stashes)[part] if stashes else "x" * 16

    def _choose_query(self) -> Text:
        before, placeholder, after = self._rng.choice(QUERIES).partition("{user}")
        user = self._choose_user().id
        return Text((before, user, after.replace("{user}", "0")) if placeholder else (before,))

    def _choose_email(self) -> str:
        rng, resources = self._rng, self._resources
        new = f"{resources.prefix}-new{rng.randrange(99)}@example.com"
        known = self._choose_user().email
        return rng.choice((new, new, known, known.upper(), "nobody@example.com", f" {new}"))

    def _choose_invitations(self) -> Any:
        email = self._choose_email()
        return self._rng.choice((email, [email], f"A B <{email}>", "x", f'["{email}"', []))

    def _find(self, kind: str) -> list[Reference]:
        return [pair for pair in self._resources.pairs if pair.kind == kind]

    def _names(self, kind: str) -> list[str]:
        new = f"{self._resources.prefix}n{self._rng.randrange(5)}"
        return [*self._resources.names.get(kind, []), new]

    def _choose_key(self) -> Reference | str:
        """Choose a key, seldom one that later calls use."""
        keys = [key for key in self._resources.keys.values() if isinstance(key, Reference)]
        odd: list[Reference | str] = [*keys, "", "x" * 32]
        return self._rng.choice(
            odd if self._rng.random() < 0.1 else self._resources.other_keys or keys
        )
