"""A recording contains no spelling of the server's host or of the owner's e-mail address."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from docassemble_client import AsyncDocassemble, Secret
from docassemble_client.testing import FakeServer, Field, Recorder, ScriptedScreen
from docassemble_client.testing._server.masking import Masks

KEY = "exampleApiKey0123456789ABCDEFGHI"
LETTER = "docassemble.mine:data/questions/letter.yml"
EMAIL = "Jane.Doe+x@müller.example"
SPELLINGS_OF_HOST = [
    *("https://da.müller.example", "http://da.müller.example:8080/x", "wss://da.müller.example/ws"),
    *("da.müller.example", "da.müller.example:443", "DA.MÜLLER.example", "da.müller.example."),
    *("https://da.müller.example./x", "da.xn--mller-kva.example", "Da.XN--MLLER-KVA.Example:8443"),
    *(
        "da.mu\u0308ller.example",
        "//da.müller.example/x",
        "x@da.müller.example",
        "cdn.da.müller.example",
    ),
    quote("https://da.müller.example:8080/x", safe=""),
    quote("https://DA.MÜLLER.EXAMPLE/x", safe="").lower(),
    quote(quote("https://da.müller.example/x", safe=""), safe=""),
    *("da%2Em%C3%BCller%2eexample", "da&#46;m&#xfc;ller.example", "da.m&uuml;ller.example"),
    json.dumps(json.dumps("https://da.müller.example/x")),
    *(
        "192.0.2.7",
        "http://192.0.2.7:8080/x",
        "192.0.2.7:443",
        "192%2E0%2E2%2E7",
        "%2F%2F192.0.2.7",
    ),
]
SPELLINGS_OF_EMAIL = [
    *(EMAIL, EMAIL.lower(), EMAIL.upper(), f"<a href='mailto:{quote(EMAIL)}'>"),
    *(quote(EMAIL, safe=""), quote(EMAIL, safe="").lower(), quote(quote(EMAIL, safe=""))),
    "".join(f"&#{ord(character)};" for character in EMAIL),
    "".join(f"&#x{ord(character):X};" for character in EMAIL),
    *(escape(EMAIL).replace("@", "&commat;"), json.dumps(EMAIL)),
]
SECRETS = ("ller", "kva", "192", "2.7", "doe", "&#74;", "&#x4a;")
"""Parts of the host, of the address and of the e-mail address, in lower case."""


def make_masks(url: str, address: str = "") -> Masks:
    """Create the masks of a server."""
    masks = Masks()
    masks.add_text(EMAIL, "{{email}}")
    masks.add_server(url, address, url_mask="{{server}}", host_mask="{{host}}")
    return masks


@pytest.mark.parametrize("text", SPELLINGS_OF_HOST + SPELLINGS_OF_EMAIL)
@pytest.mark.parametrize("host", ["da.müller.example", "DA.xn--mller-kva.example"])
def test_each_spelling_is_masked(text: str, host: str) -> None:
    """In texts, in names, and inside of other text."""
    masks = make_masks(f"https://{host}", "192.0.2.7")

    masked = masks.apply({text: [f"before {text} after", {"x": f"({text})"}, None, 1]})

    assert not [part for part in SECRETS if part in json.dumps(masked).lower()]
    assert "before " in str(masked)
    assert " after" in str(masked)


@pytest.mark.parametrize(
    ("url", "text", "expected"),
    [
        ("https://da.example.com", "https://da.example.com/x", "{{server}}/x"),
        ("https://da.example.com", "HTTP://DA.example.com:80/x", "{{server}}/x"),
        ("https://da.example.com", "wss://da.example.com/x", "wss://{{host}}/x"),
        ("https://da.example.com", "See da.example.com.", "See {{host}}."),
        ("https://da.example.com", "da.example.community", "da.example.community"),
        ("https://xn--999999999.example", "https://xn--999999999.example/x", "{{server}}/x"),
        ("http://docassemble", "docassemble.demo:data", "docassemble.demo:data"),
        ("http://docassemble", "about docassemble", "about docassemble"),
        ("http://docassemble", "http://docassemble/x", "{{server}}/x"),
        ("http://docassemble", "x@docassemble, docassemble:80", "x@{{host}}, {{host}}"),
        ("http://docassemble", "http%3A%2F%2Fdocassemble%2Fx", "http%3A%2F%2F{{host}}%2Fx"),
        ("http://10.0.0.1:5000", "http://10.0.0.1:5000/x", "{{server}}/x"),
        (
            "http://10.0.0.1:5000",
            "10.0.0.1, 110.0.0.1, 10.0.0.12",
            "{{host}}, 110.0.0.1, 10.0.0.12",
        ),
        ("http://[2001:db8::1]", "http://[2001:DB8::1]:80/", "{{server}}/"),
        ("http://[2001:db8::1]", "2001:0db8:0000:0000:0000:0000:0000:0001", "{{host}}"),
        ("http://[2001:db8::1]", "%5B2001%3Adb8%3A%3A1%5D", "%5B{{host}}%5D"),
    ],
)
def test_other_text_is_not_changed(url: str, text: str, expected: str) -> None:
    """A host without a dot is masked only where it is a host."""
    assert make_masks(url).apply(text) == expected


def test_readable_text_in_bytes_is_masked() -> None:
    """Other bytes stay as they are."""
    content = b"\xff\x00https://da.example.com/x\x80"
    assert (
        make_masks("https://da.example.com").apply_to_bytes(content) == b"\xff\x00{{server}}/x\x80"
    )


async def get_question_json() -> dict[str, Any]:
    """Return a question as a server sends it."""
    fake = FakeServer()
    fake.add_interview(LETTER, ScriptedScreen("Who?", [Field("name", "Name")]))
    async with fake.client() as da:
        session = await da.sessions.start(LETTER)
        path = "/api/session/question"
        params = {"i": LETTER, "session": session.session, "secret": reveal(session.secret)}
        response = await da.request("GET", path, params=params)
    question: dict[str, Any] = json.loads(response.content)
    return question


def reveal(secret: Secret | None) -> str:
    """Return the text of a secret."""
    return secret.reveal() if secret else ""


async def test_a_recording_contains_no_spelling_and_is_replayed() -> None:
    """The recorder asks the server for the e-mail address; the fake server inserts its own."""
    recorder = Recorder()
    text = " ".join(SPELLINGS_OF_HOST + SPELLINGS_OF_EMAIL)
    question = await get_question_json()

    def respond(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/api/user":
                return httpx.Response(200, json={"email": EMAIL})
            case "/api/session/new":
                start = {"i": LETTER, "session": "S" * 32, "encrypted": False}
                return httpx.Response(200, json=start, extensions={"network_stream": Stream()})
            case _:
                return httpx.Response(200, json={**question, "questionText": text})

    class Stream:
        def get_extra_info(self, name: str) -> Any:
            return ("192.0.2.7", 443) if name == "server_addr" else None

    async with AsyncDocassemble(
        "https://da.müller.example", KEY, transport=recorder.transport(httpx.MockTransport(respond))
    ) as da:
        session = await da.sessions.start(LETTER)
        await da.sessions.get_question(LETTER, session.session)
        await da.sessions.set_variables(LETTER, session.session, variables={"a": text})

    recording = recorder.recordings[LETTER]
    assert not [part for part in SECRETS if part in recording.to_json().lower()]

    fake = FakeServer()
    fake.add_recording(recording)
    async with fake.client() as da:
        session = await da.sessions.start(LETTER)
        reply: Any = await da.sessions.get_question(LETTER, session.session)
    assert fake.url.partition("://")[2] in reply.question_text
    assert "{{" not in reply.question_text


@pytest.mark.parametrize("failure", [httpx.ConnectError("no"), httpx.Response(403), "no"])
async def test_a_session_is_recorded_although_the_server_hides_the_address(failure: Any) -> None:
    """A key may be limited to other calls."""
    recorder = Recorder()

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/session/new":
            start = {"i": LETTER, "session": "S" * 32, "encrypted": False}
            return httpx.Response(200, json=start)
        if isinstance(failure, Exception):
            raise failure
        return failure if isinstance(failure, httpx.Response) else httpx.Response(200, json=failure)

    async with AsyncDocassemble(
        "https://da.example.com", KEY, transport=recorder.transport(httpx.MockTransport(respond))
    ) as da:
        await da.sessions.start(LETTER)

    assert recorder.recordings.keys() == {LETTER}
