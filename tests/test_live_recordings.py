"""Live tests are recorded without their secrets."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from tests.live.documents import make_zip
from tests.live.exchange_log import Exchange, ExchangeLog
from tests.live.recorder import MAX_BODY_BYTES, ExchangeRecorder
from tests.operation_coverage import count_errors, count_successes
from tests.recording import RecordedExchange, Scenario, dump, name_files, read
from tests.sanitise import Sanitiser, make_stand_in
from tests.secret_detection import find_secrets

KEY = "q7Rt2YxV9bLm4NcK8wZd3HsJ6pFg1TaE"
OTHER_KEY = "Zd3HsJ6pFg1TaEq7Rt2YxV9bLm4NcK8w"
PASSWORD = "Tr0ub4dor&3-horse"
SECRET = "qWeRtYuIoPaSdFgH"
FORM = "multipart/form-data; boundary=b0"


def make_exchange(operation: str, target: str, reply: Any = None, **overrides: Any) -> Exchange:
    """Make an exchange; the request (`json`) and the response are JSON by default."""
    body = overrides.pop("json", None)
    defaults: dict[str, Any] = {
        "test": "tests/live/test_x.py::test_y",
        "method": "GET",
        "key": "",
        "headers": {},
        "request_type": "" if body is None else "application/json",
        "request": b"" if body is None else json.dumps(body).encode(),
        "status": 200,
        "response_type": "application/json",
        "response": json.dumps(reply).encode() + b"\n",
    }
    return Exchange(operation=operation, target=target, **defaults | overrides)


def record(*exchanges: Exchange) -> list[RecordedExchange]:
    """Record exchanges with a server whose administrator has KEY."""
    return list(ExchangeRecorder(Sanitiser([KEY])).record(exchanges))


def test_secrets_are_replaced_in_all_exchanges() -> None:
    """Including exchanges before the one in which the secret was found."""
    page = f"<pre>login({PASSWORD!r}, key={OTHER_KEY})</pre>"
    url = f"https://da.example.com/goto?c={SECRET}"

    recorded = record(
        make_exchange(
            "request", "/x", response_type="text/html", response=page.encode(), status=501
        ),
        make_exchange(
            "users.update", "/api/user/3", status=204, method="PATCH", json={"password": PASSWORD}
        ),
        make_exchange(
            "api_keys.create", "/api/user/api", OTHER_KEY, method="POST", json={"name": "n"}
        ),
        make_exchange("links.create_redirect_url", "/api/temp_url?url=x", url),
    )

    text = dump(Scenario(test="t", server="1.10.14", exchanges=tuple(recorded)))
    assert not any(secret in text for secret in (KEY, OTHER_KEY, PASSWORD, SECRET))
    assert list(find_secrets(text)) == []
    password = recorded[1].request["json"]["password"]
    assert f"login('{password}'" in recorded[0].body["text"]
    assert json.loads(recorded[2].body["text"]) in recorded[0].body["text"]
    assert recorded[3].body["text"].startswith('"https://da.example.com/goto?c=EXAMPLE')


def test_the_key_and_the_referer_are_recorded() -> None:
    """A key has the same stand-in in requests and responses."""
    headers = {"referer": f"https://da.example.com/?key={KEY}"}

    first, second = record(
        make_exchange("users.get_current", "/api/user", key=KEY, headers=headers),
        make_exchange("api_keys.create", "/api/user/api", OTHER_KEY, key=OTHER_KEY),
    )

    assert first.key == make_stand_in(32, "A")
    assert first.headers == {"referer": f"https://da.example.com/?key={first.key}"}
    assert second.key == json.loads(second.body["text"]) != first.key


def test_a_generated_name_is_found_after_a_quoted_character() -> None:
    """It gets the same number in the URL and in the response."""
    name = "t2ffc736591c85415"

    (recorded,) = record(
        make_exchange(
            "sessions.start", f"/api/session/new?i=docassemble.playground1%3A{name}.yml", name
        )
    )

    assert recorded.target.endswith("%3At0000000000000001.yml")
    assert recorded.body["text"] == '"t0000000000000001"\n'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("T2FFC736591C85415@EXAMPLE.COM", "T0000000000000001@EXAMPLE.COM"),
        ("t2ffc736591c85415xb@example.com", "t0000000000000001xb@example.com"),
        ("docassemble.playground1t2ffc736591c85415:a.yml", "docassemble.playground1t{}:a.yml"),
        ("t2ffc736591c854151", "t2ffc736591c854151"),
    ],
)
def test_a_generated_name_is_found_in_any_spelling(written: str, expected: str) -> None:
    """In upper case, as part of a word or as a project; a longer name is a different name."""
    sanitiser = Sanitiser()

    assert sanitiser.sanitise_text("t2ffc736591c85415") == "t0000000000000001"
    assert sanitiser.sanitise_text(written) == expected.format(f"{1:016}")


def test_a_password_has_the_same_stand_in_in_a_query_and_a_body() -> None:
    """Even if its characters are quoted in the query."""
    update, query = record(
        make_exchange("users.update", "/api/user/3", method="PATCH", json={"password": "new one"}),
        make_exchange("users.get_secret", "/api/secret?password=new%20one"),
    )

    password = update.request["json"]["password"]
    assert query.target == f"/api/secret?password={password}"
    assert len(password) == len("new one")


def test_only_harmless_directives_of_a_configuration_are_recorded() -> None:
    """In requests and responses."""
    config = {"secretkey": "s", "db": {"password": "p"}, "language": "en"}

    retrieved, replaced = record(
        make_exchange("server.get_config", "/api/config", config),
        make_exchange(
            *("server.replace_config", "/api/config", {"task_id": "T"}),
            method="POST",
            json={"config": config},
        ),
    )

    assert json.loads(retrieved.body["text"]) == {"language": "en"}
    assert replaced.request == {"json": {"config": {"language": "en"}}}
    assert json.loads(replaced.body["text"]) == {"task_id": "T"}


def test_the_parts_of_a_form_are_recorded() -> None:
    """Binary files are encoded as Base64; large files and those with secrets are omitted."""
    files = {"a.txt": KEY.encode(), "b.bin": b"\xff\x00", "c.bin": b"\xff" + KEY.encode()}
    files["d.bin"] = bytes(MAX_BODY_BYTES + 1)
    body = b'--b0\r\nContent-Disposition: form-data; name="i"\r\n\r\nx.yml\r\n'
    for name, content in files.items():
        head = f'Content-Disposition: form-data; name="f"; filename="{name}"'
        body += f"--b0\r\n{head}\r\nContent-Type: a/b\r\n\r\n".encode() + content + b"\r\n"

    (recorded,) = record(
        make_exchange(
            "sessions.set_variables",
            "/api/session",
            request_type=FORM,
            request=body + b"--b0--\r\n",
        )
    )

    text, *parts = recorded.request["parts"]
    assert text == {"name": "i", "text": "x.yml"}
    assert [{**part, "name": None, "type": None} for part in parts] == [
        {"name": None, "type": None, "filename": "a.txt", "text": f"EXAMPLE{'x' * 24}A"},
        {"name": None, "type": None, "filename": "b.bin", "base64": "/wA="},
        {"name": None, "type": None, "filename": "c.bin", "size": 33},
        {"name": None, "type": None, "filename": "d.bin", "size": MAX_BODY_BYTES + 1},
    ]


def test_secrets_and_times_are_removed_from_zip_files() -> None:
    """A package has the same name inside its ZIP file and in other responses."""
    name = "t2ffc736591c85415"
    content = make_zip({f"{name}/setup.py": f"name={name!r}, key={KEY!r}", "a.bin": "\xff"})
    response = {"response": content, "response_type": "application/zip"}

    listed, downloaded = record(
        make_exchange("packages.list", "/api/package", [name]),
        make_exchange("files.download", "/api/file/1", **response),
    )

    recorded_name = json.loads(listed.body["text"])[0]
    with zipfile.ZipFile(io.BytesIO(downloaded.response or b"")) as archive:
        assert archive.read(f"{recorded_name}/setup.py").decode() == (
            f"name={recorded_name!r}, key={make_stand_in(32, 'A')!r}"
        )
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


def test_large_responses_are_shortened() -> None:
    """JSON lists are cut and marked; large files are omitted."""
    names = [f"name number {number}" for number in range(2000)]

    cut, omitted, unread = record(
        make_exchange("privileges.list", "/api/privileges", names),
        make_exchange(
            "files.download", "/api/file/1", response=bytes(MAX_BODY_BYTES + 1), response_type="a/b"
        ),
        make_exchange("files.download", "/api/file/1", response=None, response_type="a/b"),
    )

    assert json.loads(cut.body["text"]) == names[:50]
    assert "shortened" in cut.body["cut"]
    assert omitted.response is None
    assert unread.response is None


def test_a_recording_survives_a_round_trip() -> None:
    """Reading a dumped recording returns an equal one."""
    scenario = Scenario(
        test="t",
        server="1",
        exchanges=tuple(record(make_exchange("users.get", "/api/user/2", "é"))),
    )

    assert read(dump(scenario)) == scenario


def test_files_are_named_after_their_tests() -> None:
    """Each test has its own file, even if two names differ only in punctuation."""
    tests = [f"tests/live/test_users.py::test_email[{value}]" for value in ("a b", "a-b")]

    assert list(name_files(tests).values()) == ["users/email-a-b.json", "users/email-a-b-2.json"]


def test_failed_tests_are_not_evidence() -> None:
    """Exchanges of a failed test do not count as successes."""
    evidence = ExchangeLog()
    evidence.exchanges = [
        make_exchange("users.get", "/api/user/2", test="failed"),
        make_exchange("users.list", "/api/user_list", test="passed"),
        make_exchange("users.get", "/api/user/9", "User not found.", status=404, test="passed"),
    ]
    evidence.failed_tests.add("failed")

    assert count_successes(evidence.get_passed_exchanges()) == {"users.list": 1}
    assert [
        (name, error.status) for name, error in count_errors(evidence.get_passed_exchanges())
    ] == [("users.get", 404)]


@pytest.mark.parametrize("text", ['"User not found."', "not JSON"])
def test_a_json_response_is_recorded_as_text(text: str) -> None:
    """Even if it is not valid JSON."""
    (recorded,) = record(
        make_exchange("users.get", "/api/user/9", response=text.encode(), status=404)
    )

    assert recorded.body == {"text": text}
