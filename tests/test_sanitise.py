"""Secrets are removed from recordings in every encoding, and leftover secrets are found."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from tests.sanitise import Sanitiser, filter_configuration, make_stand_in
from tests.secret_detection import find_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "q7Rt2YxV9bLm4NcK8wZd3HsJ6pFg1TaE"
ODD = "pa\"ss 'w&rd/ü+<7>"
SESSION = "kD93mXq0aPz7Lw2RtVb5NcYs8HgJ4fE1"
SECRET = "qWeRtYuIoPaSdFgH"


@pytest.mark.parametrize(
    "encode",
    [
        str,
        quote,
        quote_plus,
        lambda text: quote(text, safe=""),
        html.escape,
        repr,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: json.dumps(json.dumps({"text": text})),
        lambda text: f"<pre>Traceback: f({text!r})</pre>",
    ],
)
@pytest.mark.parametrize("secret", [KEY, ODD])
def test_known_secret_is_removed_in_every_encoding(
    secret: str, encode: Callable[[str], str]
) -> None:
    """A secret is found in URLs, JSON inside JSON, pages and tracebacks."""
    sanitiser = Sanitiser([secret])
    encoded = encode(secret)

    text = sanitiser.sanitise_text(f"before {encoded} after")

    assert encoded not in text
    assert secret not in text
    assert "EXAMPLE" in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("secret", [KEY, ODD])
def test_known_secret_is_removed_from_base64(
    secret: str, encode: Callable[[bytes], bytes], before: str
) -> None:
    """At any offset in the encoded bytes, only the edges of the secret may remain."""
    sanitiser = Sanitiser([secret])
    encoded = encode(f"{before}{secret}!".encode()).decode()

    text = sanitiser.sanitise_text(encoded)

    decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")
    rest = decoded.decode(errors="replace")
    assert not any(secret[start : start + 4] in rest for start in range(len(secret) - 3))


def test_each_secret_has_one_stand_in_of_its_length() -> None:
    """Equal secrets have equal stand-ins, different ones different stand-ins."""
    sanitiser = Sanitiser([KEY, SECRET])

    text = sanitiser.sanitise_text(f"{SECRET} {KEY} {SECRET}")

    assert text == f"EXAMPLExxxxxxxxB EXAMPLE{'x' * 24}A EXAMPLExxxxxxxxB"
    assert sanitiser.sanitise_text(text) == text


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
def test_values_under_secret_names_are_removed(text: str, clean: str) -> None:
    """Even a password that is too short or common to search for is removed next to its name."""
    sanitiser = Sanitiser()

    sanitiser.learn_from(text)

    assert sanitiser.sanitise_text(text) == clean


def test_short_and_common_words_are_kept() -> None:
    """A password that is a common word is not removed from other texts."""
    sanitiser = Sanitiser(["password", "abc"])

    assert sanitiser.sanitise_text("The password abc was wrong.") == "The password abc was wrong."


def test_learned_secret_is_removed_everywhere() -> None:
    """A secret that was learned from a response is also removed where it has no name."""
    sanitiser = Sanitiser()

    sanitiser.learn_from(json.dumps({"secret": ODD}))

    text = sanitiser.sanitise_text(f"<p>{html.escape(ODD)}</p>")
    assert text == f"<p>{make_stand_in(len(ODD), 'A')}</p>"


@pytest.mark.parametrize("secret", [KEY, SESSION, SECRET, SECRET + "LkJhGfDs"])
def test_random_words_are_removed(secret: str) -> None:
    """Keys, sessions, secrets and task IDs without a name have one stand-in each."""
    sanitiser = Sanitiser()

    text = sanitiser.sanitise_text(f'{{"x":"{secret}"}} /start?y={secret}#z "\\n{secret}\\n"')

    assert secret not in text
    assert text.count(make_stand_in(len(secret), "A")) == 3


def test_masked_keys_end_with_the_stand_in() -> None:
    """The last four characters of a masked key are those of the stand-in."""
    sanitiser = Sanitiser([KEY])
    masked = "*" * 28 + KEY[-4:]

    text = sanitiser.sanitise_text(json.dumps({"key": masked, "last_four": KEY[-4:]}))

    assert json.loads(text) == {"key": "*" * 28 + "xxxA", "last_four": "xxxA"}


@pytest.mark.parametrize(
    "url",
    [
        f"https://da.example.com/goto?c={SECRET}",
        f"https://da.example.com/user/register?token={KEY}.aB1.x_9-Z",
        f"http://da.example.com/launch/{KEY}",
    ],
)
def test_only_the_token_of_a_url_is_removed(url: str) -> None:
    """The token of a URL is a secret; its address is not."""
    sanitiser = Sanitiser()

    sanitiser.learn(url)
    text = sanitiser.sanitise_text(url)

    assert text.startswith(url[: url.index("//") + 17])
    assert KEY not in text
    assert SECRET not in text
    assert "EXAMPLE" in text


def test_locations_of_the_machine_are_replaced() -> None:
    """Addresses and folders are replaced in every encoding, longer ones first."""
    locations = {
        "http://127.0.0.1:4321": "https://da.example.com",
        "/root/cache/1.10": "/srv/docassemble",
        "/root": "/home/user",
    }
    sanitiser = Sanitiser(locations=locations)

    text = sanitiser.sanitise_text(
        "http://127.0.0.1:4321/x?next=http%3A%2F%2F127.0.0.1%3A4321%2Fy"
        " /root/cache/1.10/lib /root/x \\/root\\/cache\\/1.10 http:\\/\\/127.0.0.1:4321"
    )

    assert text == (
        "https://da.example.com/x?next=https%3A%2F%2Fda.example.com%2Fy"
        " /srv/docassemble/lib /home/user/x \\/srv\\/docassemble https:\\/\\/da.example.com"
    )


def test_private_hosts_and_credentials_are_removed() -> None:
    """A log must not reveal the package index of the machine."""
    sanitiser = Sanitiser()

    text = sanitiser.sanitise_text(
        "https://bob:hunter2@index.intern:8080/simple https://github.com/x"
    )

    assert text == "https://user@host.example.com/simple https://github.com/x"


def test_random_values_are_numbered() -> None:
    """Random names, temporary files and addresses are equal in every recording."""
    sanitiser = Sanitiser()

    text = sanitiser.sanitise_text(
        "t0123456789abcdef p0123456789abcdef@example.com t0123456789abcdef"
        " tmpab12cd_9 <x at 0x7f1234567890> 3f2b8c1e-0000-4000-8000-1234567890ab"
    )

    assert text == (
        "t0000000000000001 p0000000000000002@example.com t0000000000000001"
        " tmp00000001 <x at 0x000000000001> 00000000-0000-0000-0000-000000000001"
    )
    assert sanitiser.sanitise_text(text) == text


def test_binary_content_is_searched_for_secrets() -> None:
    """Binary content is only recorded if it contains no secret."""
    sanitiser = Sanitiser([KEY])

    assert sanitiser.has_secret(b"\xff\x00" + KEY.encode() + b"\x00")
    assert not sanitiser.has_secret(b"\xff\x00nothing\x00")


def test_configuration_keeps_only_harmless_directives() -> None:
    """Directives that are not listed as harmless are left out."""
    config = {"secretkey": KEY, "db": {"password": "x"}, "language": "en", "new directive": 1}

    assert filter_configuration(config) == {"language": "en"}


@pytest.mark.parametrize(
    ("secret", "kind"),
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
        ("/tmp/da-live", "a path of the machine"),  # noqa: S108 - a text, not a file
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
def test_forbidden_content_is_found(secret: str, kind: str) -> None:
    """Each kind is reported by its name."""
    text = json.dumps({"body": {"text": f"before {secret} after"}}, indent=1)

    assert kind in {finding.partition(":")[0] for finding in find_secrets(text)}


@pytest.mark.parametrize(
    "harmless",
    [
        make_stand_in(32, "A"),
        make_stand_in(16, "AB"),
        '{"password": "EXAMPLExxA", "old_password": ""}',
        '{"password": "xxxA"}',
        "[https://app.example.com-True] session=exampleSession000000000000000000",
        "session=nosuchsession&secret=" + make_stand_in(16, "B"),
        "https://da.example.com/start?session=" + make_stand_in(32, "C"),
        "docassemble.base.functions.interview_email_body DAEmailRecipient DATaskUpdateAction",
        "action=" + base64.b64encode(b'{"action": "review_favorite", "arguments": {}}').decode(),
        "/srv/docassemble/lib/python3.12 0x000000000001 /home/user/x 127.0.0.1",
    ],
)
def test_harmless_text_is_accepted(harmless: str) -> None:
    """Stand-ins, words and example addresses are not secrets."""
    assert list(find_secrets(harmless)) == []


def test_package_sources_are_left_out() -> None:
    """The package indexes and addresses of the machine are removed from logs."""
    log = (
        "Looking in indexes: https://one.example.org/simple, file:///srv/simple\n"
        "Getting page https://index.internal/simple/pyjokes/ and file:///srv/simple/pyjokes/\n"
        "Starting new HTTPS connection (1): index.internal:443\n"
    )

    text = Sanitiser().sanitise_text(log)

    assert text.startswith("Getting page https://host.example.com/simple/pyjokes/")
    assert text.endswith("connection (1): host.example.com:443\n")
    assert "srv" not in text
