"""What a live run exchanged becomes a recording that holds none of its secrets."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from tests.live.documents import zipped
from tests.live.evidence import Evidence, Exchange
from tests.live.recorder import LARGEST, Recorder
from tests.proof import errors_seen, successes
from tests.recording import Recorded, Scenario, dump, name_files, read
from tests.sanitise import Sanitiser, stand_in
from tests.scanner import findings

KEY = "q7Rt2YxV9bLm4NcK8wZd3HsJ6pFg1TaE"
OTHER_KEY = "Zd3HsJ6pFg1TaEq7Rt2YxV9bLm4NcK8w"
PASSWORD = "Tr0ub4dor&3-horse"
SECRET = "qWeRtYuIoPaSdFgH"
FORM = "multipart/form-data; boundary=b0"


def exchange(operation: str, target: str, answer: Any = None, **other: Any) -> Exchange:
    """Make one exchange, with a JSON body and a JSON answer unless said otherwise."""
    body = other.pop("json", None)
    defaults: dict[str, Any] = {
        "test": "tests/live/test_x.py::test_y",
        "method": "GET",
        "key": "",
        "headers": {},
        "request_type": "" if body is None else "application/json",
        "request": b"" if body is None else json.dumps(body).encode(),
        "status": 200,
        "response_type": "application/json",
        "response": json.dumps(answer).encode() + b"\n",
    }
    return Exchange(operation=operation, target=target, **defaults | other)


def record(*exchanges: Exchange) -> list[Recorded]:
    """Record exchanges with a server whose administrator has KEY."""
    return list(Recorder(Sanitiser([KEY])).record(exchanges))


def test_secrets_of_arguments_and_answers_leave_every_exchange() -> None:
    """What the specification calls a secret goes everywhere, also before it was told."""
    page = f"<pre>login({PASSWORD!r}, key={OTHER_KEY})</pre>"
    url = f"https://da.example.com/goto?c={SECRET}"

    recorded = record(
        exchange("request", "/x", response_type="text/html", response=page.encode(), status=501),
        exchange(
            "users.update", "/api/user/3", status=204, method="PATCH", json={"password": PASSWORD}
        ),
        exchange("api_keys.create", "/api/user/api", OTHER_KEY, method="POST", json={"name": "n"}),
        exchange("links.create_redirect_url", "/api/temp_url?url=x", url),
    )

    text = dump(Scenario(test="t", server="1.10.14", exchanges=tuple(recorded)))
    assert not any(one in text for one in (KEY, OTHER_KEY, PASSWORD, SECRET))
    assert list(findings(text)) == []
    changed = recorded[1].request["json"]["password"]
    assert f"login('{changed}'" in recorded[0].body["text"]
    assert json.loads(recorded[2].body["text"]) in recorded[0].body["text"]
    assert recorded[3].body["text"].startswith('"https://da.example.com/goto?c=EXAMPLE')


def test_who_calls_and_from_where_is_recorded() -> None:
    """A key has the stand-in that it has in answers, wherever it comes from."""
    headers = {"referer": f"https://da.example.com/?key={KEY}"}

    first, second = record(
        exchange("users.get_current", "/api/user", key=KEY, headers=headers),
        exchange("api_keys.create", "/api/user/api", OTHER_KEY, key=OTHER_KEY),
    )

    assert first.key == stand_in(32, "A")
    assert first.headers == {"referer": f"https://da.example.com/?key={first.key}"}
    assert second.key == json.loads(second.body["text"]) != first.key


def test_name_behind_a_quoted_sign_is_the_same_name() -> None:
    """A name that only this run has gets its number wherever it stands."""
    name = "t2ffc736591c85415"

    (recorded,) = record(
        exchange("sessions.start", f"/api/session/new?i=docassemble.playground1%3A{name}.yml", name)
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
def test_name_is_the_same_however_it_is_written(written: str, expected: str) -> None:
    """In upper case, as part of a word or as a project; what is longer is another word."""
    sanitiser = Sanitiser()

    assert sanitiser.text("t2ffc736591c85415") == "t0000000000000001"
    assert sanitiser.text(written) == expected.format(f"{1:016}")


def test_password_is_the_same_in_a_query_as_in_a_body() -> None:
    """Signs that a query quotes make no other password of it."""
    sent, asked = record(
        exchange("users.update", "/api/user/3", method="PATCH", json={"password": "new one"}),
        exchange("users.get_secret", "/api/secret?password=new%20one"),
    )

    stand_in_ = sent.request["json"]["password"]
    assert asked.target == f"/api/secret?password={stand_in_}"
    assert len(stand_in_) == len("new one")


def test_configuration_is_reduced_on_its_way_in_and_out() -> None:
    """Of a configuration only harmless directives are recorded."""
    config = {"secretkey": "s", "db": {"password": "p"}, "language": "en"}

    read_, replaced = record(
        exchange("server.get_config", "/api/config", config),
        exchange(
            *("server.replace_config", "/api/config", {"task_id": "T"}),
            method="POST",
            json={"config": config},
        ),
    )

    assert json.loads(read_.body["text"]) == {"language": "en"}
    assert replaced.request == {"json": {"config": {"language": "en"}}}
    assert json.loads(replaced.body["text"]) == {"task_id": "T"}


def test_forms_are_described_part_by_part() -> None:
    """Texts and files of a form are written; a file that is no text as base64, a large one not."""
    files = {"a.txt": KEY.encode(), "b.bin": b"\xff\x00", "c.bin": b"\xff" + KEY.encode()}
    files["d.bin"] = bytes(LARGEST + 1)
    body = b'--b0\r\nContent-Disposition: form-data; name="i"\r\n\r\nx.yml\r\n'
    for name, content in files.items():
        head = f'Content-Disposition: form-data; name="f"; filename="{name}"'
        body += f"--b0\r\n{head}\r\nContent-Type: a/b\r\n\r\n".encode() + content + b"\r\n"

    (recorded,) = record(
        exchange(
            "sessions.set_variables",
            "/api/session",
            request_type=FORM,
            request=body + b"--b0--\r\n",
        )
    )

    text, *parts = recorded.request["parts"]
    assert text == {"name": "i", "text": "x.yml"}
    assert [{**one, "name": None, "type": None} for one in parts] == [
        {"name": None, "type": None, "filename": "a.txt", "text": f"EXAMPLE{'x' * 24}A"},
        {"name": None, "type": None, "filename": "b.bin", "base64": "/wA="},
        {"name": None, "type": None, "filename": "c.bin", "size": 33},
        {"name": None, "type": None, "filename": "d.bin", "size": LARGEST + 1},
    ]


def test_files_of_an_archive_lose_secrets_and_times() -> None:
    """The name of a package is the same inside its archive as in the answers about it."""
    name = "t2ffc736591c85415"
    content = zipped({f"{name}/setup.py": f"name={name!r}, key={KEY!r}", "a.bin": "\xff"})
    answer = {"response": content, "response_type": "application/zip"}

    named, downloaded = record(
        exchange("packages.list", "/api/package", [name]),
        exchange("files.download", "/api/file/1", **answer),
    )

    other = json.loads(named.body["text"])[0]
    with zipfile.ZipFile(io.BytesIO(downloaded.response or b"")) as archive:
        assert archive.read(f"{other}/setup.py").decode() == (
            f"name={other!r}, key={stand_in(32, 'A')!r}"
        )
        assert {one.date_time[0] for one in archive.infolist()} == {1980}


def test_long_lists_are_cut_and_say_so() -> None:
    """A large JSON answer keeps its shape; a large file is left out."""
    names = [f"name number {number}" for number in range(2000)]

    cut, left_out, unread = record(
        exchange("privileges.list", "/api/privileges", names),
        exchange("files.download", "/api/file/1", response=bytes(LARGEST + 1), response_type="a/b"),
        exchange("files.download", "/api/file/1", response=None, response_type="a/b"),
    )

    assert json.loads(cut.body["text"]) == names[:50]
    assert "shortened" in cut.body["cut"]
    assert left_out.response is None
    assert unread.response is None


def test_recording_is_read_back_as_it_was_written() -> None:
    """Reading a file gives what was written to it."""
    scenario = Scenario(
        test="t", server="1", exchanges=tuple(record(exchange("users.get", "/api/user/2", "é")))
    )

    assert read(dump(scenario)) == scenario


def test_files_are_named_after_their_tests() -> None:
    """Each test has a file of its own, also where only signs tell two names apart."""
    tests = [f"tests/live/test_users.py::test_email[{one}]" for one in ("a b", "a-b")]

    assert list(name_files(tests).values()) == ["users/email-a-b.json", "users/email-a-b-2.json"]


def test_failed_tests_prove_nothing() -> None:
    """What a test exchanged before it failed is no evidence of a success."""
    evidence = Evidence()
    evidence.exchanges = [
        exchange("users.get", "/api/user/2", test="failed"),
        exchange("users.list", "/api/user_list", test="passed"),
        exchange("users.get", "/api/user/9", "User not found.", status=404, test="passed"),
    ]
    evidence.failed.add("failed")

    assert successes(evidence.passed()) == {"users.list": 1}
    assert [(name, error.status) for name, error in errors_seen(evidence.passed())] == [
        ("users.get", 404)
    ]


@pytest.mark.parametrize("answer", ['"User not found."', "no JSON"])
def test_answer_that_only_claims_to_be_json_is_text(answer: str) -> None:
    """Any answer is written as it came."""
    (recorded,) = record(exchange("users.get", "/api/user/9", response=answer.encode(), status=404))

    assert recorded.body == {"text": answer}
