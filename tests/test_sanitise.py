"""Secrets leave what is recorded, however they are written; and what does not hide is found."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from tests.sanitise import Sanitiser, harmless_configuration, stand_in
from tests.scanner import findings

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "q7Rt2YxV9bLm4NcK8wZd3HsJ6pFg1TaE"
ODD = "pa\"ss 'w&rd/ü+<7>"
SESSION = "kD93mXq0aPz7Lw2RtVb5NcYs8HgJ4fE1"
SECRET = "qWeRtYuIoPaSdFgH"


@pytest.mark.parametrize(
    "write",
    [
        str,
        quote,
        quote_plus,
        lambda one: quote(one, safe=""),
        html.escape,
        repr,
        json.dumps,
        lambda one: json.dumps(one, ensure_ascii=False),
        lambda one: json.dumps(json.dumps({"said": one})),
        lambda one: f"<pre>Traceback: f({one!r})</pre>",
    ],
)
@pytest.mark.parametrize("secret", [KEY, ODD])
def test_known_secret_goes_however_it_is_written(secret: str, write: Callable[[str], str]) -> None:
    """A secret is found in URLs, JSON inside JSON, pages and tracebacks."""
    sanitiser = Sanitiser([secret])
    written = write(secret)

    text = sanitiser.text(f"before {written} after")

    assert written not in text
    assert secret not in text
    assert "EXAMPLE" in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("secret", [KEY, ODD])
def test_known_secret_goes_out_of_base64(
    secret: str, encode: Callable[[bytes], bytes], before: str
) -> None:
    """Wherever the secret begins in the encoded bytes, no more of it stays than its edges."""
    sanitiser = Sanitiser([secret])
    encoded = encode(f"{before}{secret}!".encode()).decode()

    text = sanitiser.text(encoded)

    kept = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_").decode(errors="replace")
    assert not any(secret[at : at + 4] in kept for at in range(len(secret) - 3))


def test_one_secret_has_one_stand_in_of_its_length() -> None:
    """Equal secrets stay equal and different ones different, in the order they are learned."""
    sanitiser = Sanitiser([KEY, SECRET])

    text = sanitiser.text(f"{SECRET} {KEY} {SECRET}")

    assert text == f"EXAMPLExxxxxxxxB EXAMPLE{'x' * 24}A EXAMPLExxxxxxxxB"
    assert sanitiser.text(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"password":"1234"}', '{"password":"xxxA"}'),
        ('{"password": "a\\"bc"}', '{"password": "xxxxA"}'),
        ('"{\\"password\\": \\"12345\\"}"', '"{\\"password\\": \\"xxxxA\\"}"'),
        ("/api/secret?username=a&password=1234", "/api/secret?username=a&password=xxxA"),
        ('{"password":"","old_password":null}', '{"password":"","old_password":null}'),
        (
            '{"secret":"password","password":"password"}',
            '{"secret":"EXAMPLEA","password":"EXAMPLEA"}',
        ),
    ],
)
def test_what_stands_under_the_name_of_a_secret_goes(text: str, clean: str) -> None:
    """Even a password that is too short or too plain to be looked for goes where it stands."""
    sanitiser = Sanitiser()

    sanitiser.learn_from(text)

    assert sanitiser.text(text) == clean


def test_short_and_plain_words_are_not_looked_for_everywhere() -> None:
    """A password that is a word of the language does not blank that word in every text."""
    sanitiser = Sanitiser(["password", "abc"])

    assert sanitiser.text("The password abc was wrong.") == "The password abc was wrong."


def test_secret_is_known_before_and_after_it_is_told() -> None:
    """A secret learned from an answer also goes where no name points to it."""
    sanitiser = Sanitiser()

    sanitiser.learn_from(json.dumps({"secret": ODD}))

    assert sanitiser.text(f"<p>{html.escape(ODD)}</p>") == f"<p>{stand_in(len(ODD), 'A')}</p>"


@pytest.mark.parametrize("secret", [KEY, SESSION, SECRET, SECRET + "LkJhGfDs"])
def test_unknown_secret_is_known_by_its_looks(secret: str) -> None:
    """Keys, sessions, secrets and tasks that nobody named go as well, each by one stand-in."""
    sanitiser = Sanitiser()

    text = sanitiser.text(f'{{"x":"{secret}"}} /start?y={secret}#z "\\n{secret}\\n"')

    assert secret not in text
    assert text.count(stand_in(len(secret), "A")) == 3


def test_masked_keys_show_the_end_of_the_stand_in() -> None:
    """The last four characters of a key are no longer those of the key."""
    sanitiser = Sanitiser([KEY])
    masked = "*" * 28 + KEY[-4:]

    text = sanitiser.text(json.dumps({"key": masked, "last_four": KEY[-4:]}))

    assert json.loads(text) == {"key": "*" * 28 + "xxxA", "last_four": "xxxA"}


@pytest.mark.parametrize(
    "url",
    [
        f"https://da.example.com/goto?c={SECRET}",
        f"https://da.example.com/user/register?token={KEY}.aB1.x_9-Z",
        f"http://da.example.com/launch/{KEY}",
    ],
)
def test_url_that_lets_in_loses_its_token_only(url: str) -> None:
    """The token of a URL is a secret; its address is not."""
    sanitiser = Sanitiser()

    sanitiser.learn(url)
    text = sanitiser.text(url)

    assert text.startswith(url[: url.index("//") + 17])
    assert KEY not in text
    assert SECRET not in text
    assert "EXAMPLE" in text


def test_places_of_the_machine_get_neutral_names() -> None:
    """Addresses and folders go in every spelling, the longer before the shorter."""
    places = {
        "http://127.0.0.1:4321": "https://da.example.com",
        "/root/cache/1.10": "/srv/docassemble",
        "/root": "/home/user",
    }
    sanitiser = Sanitiser(places=places)

    text = sanitiser.text(
        "http://127.0.0.1:4321/x?next=http%3A%2F%2F127.0.0.1%3A4321%2Fy"
        " /root/cache/1.10/lib /root/x \\/root\\/cache\\/1.10 http:\\/\\/127.0.0.1:4321"
    )

    assert text == (
        "https://da.example.com/x?next=https%3A%2F%2Fda.example.com%2Fy"
        " /srv/docassemble/lib /home/user/x \\/srv\\/docassemble https:\\/\\/da.example.com"
    )


def test_unknown_hosts_and_who_signs_in_to_them_go() -> None:
    """What a log says of the package index of this machine tells nothing."""
    sanitiser = Sanitiser()

    text = sanitiser.text("https://bob:hunter2@index.intern:8080/simple https://github.com/x")

    assert text == "https://user@host.example.com/simple https://github.com/x"


def test_what_chance_made_is_numbered() -> None:
    """Random names, temporary files and addresses are the same in every recording."""
    sanitiser = Sanitiser()

    text = sanitiser.text(
        "t0123456789abcdef p0123456789abcdef@example.com t0123456789abcdef"
        " tmpab12cd_9 <x at 0x7f1234567890> 3f2b8c1e-0000-4000-8000-1234567890ab"
    )

    assert text == (
        "t0000000000000001 p0000000000000002@example.com t0000000000000001"
        " tmp00000001 <x at 0x000000000001> 00000000-0000-0000-0000-000000000001"
    )
    assert sanitiser.text(text) == text


def test_bytes_are_searched_for_secrets() -> None:
    """A file that is no text is only written if no secret is in it."""
    sanitiser = Sanitiser([KEY])

    assert sanitiser.holds_secret(b"\xff\x00" + KEY.encode() + b"\x00")
    assert not sanitiser.holds_secret(b"\xff\x00nothing\x00")


def test_configuration_keeps_harmless_directives_only() -> None:
    """What nobody has called harmless is left out, whatever it is called."""
    config = {"secretkey": KEY, "db": {"password": "x"}, "language": "en", "new directive": 1}

    assert harmless_configuration(config) == {"language": "en"}


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (KEY, "a key"),
        (f'{{"text":"\\"{SESSION}\\""}}', "a key"),
        ("3f9a0c7be21d4856a9f0e7b3c5d81e42", "a key"),
        (f'"stash_key\\":\\"{SECRET}\\"', "a secret"),
        (f"task_id={SECRET}LkJhGfDs", "a secret"),
        (f"first\n{SECRET}\n", "a secret"),
        (f"Traceback:\n{KEY}", "a key"),
        ("session=.eJwlzjsOwjAMANC7ZGaI7Xzcy1S", "a cookie"),
        ("Set-Cookie: session=1", "a cookie"),
        ('{"X-API-Key": "abc"}', "a header with a key"),
        ("Authorization: Bearer abcdefgh", "a header with a key"),
        ('{"password": "hunter2"}', "a password"),
        ('"{\\"password\\": \\"hunter2\\"}"', "a password"),
        ("/api/secret?username=x&password=hunter2", "a password"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "a web token"),
        (base64.b64encode(f"key is {KEY}, really".encode()).decode(), "a key"),
        (base64.b64encode(bytes(range(100, 200))).decode(), "much base64"),
        ('File "/root/x.py"', "a path of the machine"),
        ("/tmp/da-live", "a path of the machine"),  # noqa: S108 - no file, a text
        ("/home/alice/x", "a path of the machine"),
        ("http://127.0.0.1:8080/", "a port of the machine"),
        ("localhost:6379", "a port of the machine"),
        ("<object at 0x7f3da60f7f10>", "an address in memory"),
        ("Looking in indexes: https://index.intern/simple", "a host"),
        ("https://bob:hunter2@index.intern/simple", "a host"),
        ("http://10.1.2.3/", "a host"),
        ("Starting new HTTPS connection (1): index.intern:443", "a host"),
        ("d" * 3 + "a1" * 18 + "f", "a digest"),
    ],
)
def test_scanner_finds_what_was_planted(planted: str, found: str) -> None:
    """Each kind of thing that may not be in a recording is found in it."""
    text = json.dumps({"body": {"text": f"before {planted} after"}}, indent=1)

    assert found in {one.partition(":")[0] for one in findings(text)}


@pytest.mark.parametrize(
    "harmless",
    [
        stand_in(32, "A"),
        stand_in(16, "AB"),
        '{"password": "EXAMPLExxA", "old_password": ""}',
        '{"password": "xxxA"}',
        "[https://app.example.com-True] session=exampleSession000000000000000000",
        "session=nosuchsession&secret=" + stand_in(16, "B"),
        "https://da.example.com/start?session=" + stand_in(32, "C"),
        "docassemble.base.functions.interview_email_body DAEmailRecipient DATaskUpdateAction",
        "action=" + base64.b64encode(b'{"action": "review_favorite", "arguments": {}}').decode(),
        "/srv/docassemble/lib/python3.12 0x000000000001 /home/user/x 127.0.0.1",
    ],
)
def test_scanner_lets_harmless_text_pass(harmless: str) -> None:
    """Stand-ins, words and addresses of examples are no secrets."""
    assert list(findings(harmless)) == []


def test_where_packages_come_from_is_left_out() -> None:
    """The indexes of the machine and their addresses say nothing about the server."""
    log = (
        "Looking in indexes: https://one.example.org/simple, file:///srv/simple\n"
        "Getting page https://index.internal/simple/pyjokes/ and file:///srv/simple/pyjokes/\n"
        "Starting new HTTPS connection (1): index.internal:443\n"
    )

    text = Sanitiser().text(log)

    assert text.startswith("Getting page https://host.example.com/simple/pyjokes/")
    assert text.endswith("connection (1): host.example.com:443\n")
    assert "srv" not in text
