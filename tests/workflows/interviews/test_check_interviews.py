"""Checking whether interviews load and reach a screen."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    BadRequest,
    CheckedInterview,
    DocassembleError,
    InterviewCheckReport,
    InterviewFailed,
    TaskTimeout,
    UsageError,
)
from docassemble_client.testing import FakeServer, Field, ScriptedScreen
from tests.testing.conftest import LoopClock

if TYPE_CHECKING:
    from docassemble_client import JSONInput

GOOD = "docassemble.mine:data/questions/good.yml"
BROKEN = "docassemble.mine:data/questions/broken.yml"
UNASKED = "docassemble.mine:data/questions/unasked.yml"
RETURNED = "docassemble.mine:data/questions/json.yml"


def divide(_: Any) -> JSONInput:
    return 1 // 0


def return_json(_: Any) -> JSONInput:
    return {"a": 1}


@pytest.fixture
def fake() -> FakeServer:
    """Make a server with interviews of each kind."""
    server = FakeServer(clock=LoopClock())
    server.add_interview(
        GOOD, ScriptedScreen("Name?", [Field("name")], name="ask name"), dispatch="a"
    )
    server.add_interview(BROKEN, final=divide, dispatch="b")
    server.add_interview(UNASKED, "favorite_number", dispatch="c")
    server.add_interview(RETURNED, final=return_json)
    return server


async def check(fake: FakeServer, *arguments: Any, **options: Any) -> InterviewCheckReport:
    """Check interviews; no session is left."""
    async with fake.client() as da:
        report = await da.check_interviews(*arguments, **options)
    async with fake.client() as da:
        assert [summary async for summary in da.sessions.list()] == []
    return report


async def test_each_interview_has_an_outcome(fake: FakeServer) -> None:
    """They are in the order of the names, whichever ends first; a name is checked once."""
    reported: list[CheckedInterview] = []

    report = await check(fake, [GOOD, BROKEN, UNASKED, GOOD, RETURNED], on_result=reported.append)

    assert [(item.i, item.outcome) for item in report.interviews] == [
        *((GOOD, "passed"), (BROKEN, "failed"), (UNASKED, "failed"), (RETURNED, "passed"))
    ]
    assert [item.question_name for item in report.interviews] == ["ask name", "", "", ""]
    assert sorted(map(str, reported)) == sorted(map(str, report.interviews))
    assert report.failed == report.interviews[1:3]
    assert isinstance(report.interviews[1].error, BadRequest)
    assert "raised ZeroDivisionError" in report.interviews[1].reason
    assert isinstance(report.interviews[2].error, InterviewFailed)
    assert "needs the variable 'favorite_number'" in report.interviews[2].reason


async def test_report_has_one_line_for_each_interview(fake: FakeServer) -> None:
    """And a line with the number of failures."""
    text = str(await check(fake, [GOOD, UNASKED]))

    good, unasked, count = text.splitlines()
    assert good.split() == [GOOD, "ok", "0.0", "s"]
    assert unasked.split()[:3] == [UNASKED, "FAILED", "InterviewFailed:"]
    assert count == "1 of 2 interviews failed"


async def test_advertised_interviews_are_checked_by_default(fake: FakeServer) -> None:
    """Those of the directive dispatch; a tag chooses among them."""
    fake.add_interview("x:tagged.yml", ScriptedScreen("Hi"), dispatch="t", tags=["mine"])

    everything = await check(fake)
    tagged = await check(fake, tag="mine")

    assert {GOOD, BROKEN, UNASKED} <= {item.i for item in everything.interviews}
    assert RETURNED not in {item.i for item in everything.interviews}
    assert [item.i for item in tagged.interviews] == ["x:tagged.yml"]


async def test_missing_interview_has_failed(fake: FakeServer) -> None:
    """The reason is the server's."""
    [item] = (await check(fake, ["docassemble.nosuch:data/questions/x.yml"])).interviews

    assert (item.outcome, item.question_name) == ("failed", "")
    assert "DANotFoundError" in item.reason


@pytest.mark.parametrize(("status", "outcome"), [(501, "failed"), (400, "failed"), (500, "error")])
async def test_question_that_cannot_be_shown_is_a_failure(
    fake: FakeServer, status: int, outcome: str
) -> None:
    """Other errors are those of the server or the network."""
    fake.fail("sessions.get_question", status=status, body="x")

    [item] = (await check(fake, [GOOD])).interviews

    assert item.outcome == outcome


async def test_server_that_does_not_respond_is_an_error(fake: FakeServer) -> None:
    """An error of one interview does not stop the others."""
    fake.drop_connection("sessions.start")

    report = await check(fake, [GOOD, RETURNED], concurrency=1)

    assert [item.outcome for item in report.interviews] == ["error", "passed"]


async def test_interview_that_takes_too_long_is_an_error(fake: FakeServer) -> None:
    """The time limit is for each interview."""
    fake.latency = 10

    [item] = (await check(fake, [GOOD], timeout=15)).interviews

    assert isinstance(item.error, TaskTimeout)
    assert (item.outcome, item.seconds >= 15) == ("error", True)
    assert "reached no screen within 15 s" in item.reason


async def test_error_of_the_callback_is_raised(fake: FakeServer) -> None:
    """It ends the check."""
    with pytest.raises(ZeroDivisionError):
        await check(fake, [GOOD], on_result=divide)


async def test_list_that_cannot_be_fetched_is_raised(fake: FakeServer) -> None:
    """Then nothing is checked."""
    fake.fail("interviews.list", status=403)

    with pytest.raises(AccessDenied):
        await check(fake)


@pytest.mark.parametrize(
    ("interviews", "options"),
    [("x", {}), ([1], {}), ([], {"concurrency": 0}), ([], {"timeout": -1}), (None, {"tag": 1})],
)
async def test_invalid_arguments_are_refused(
    fake: FakeServer, interviews: Any, options: Any
) -> None:
    """No request is sent."""
    async with fake.client() as da:
        with pytest.raises(UsageError):
            await da.check_interviews(interviews, **options)

    assert not fake.received_requests


def make_report() -> InterviewCheckReport:
    """Make a report with each outcome, and hostile texts."""
    error = DocassembleError("<bad> & \x1b[31m\ufffe", operation="sessions.start")
    return InterviewCheckReport(
        interviews=(
            CheckedInterview(
                i="docassemble.a:x.yml", outcome="passed", seconds=1.0, question_name="q"
            ),
            CheckedInterview(i='"<&\x00', outcome="failed", seconds=0.5, error=error),
            CheckedInterview(i="docassemble.b:y.yml", outcome="error", seconds=2, error=error),
        )
    )


def test_report_can_be_written_as_json() -> None:
    """The keys are documented in the guide."""
    data: Any = json.loads(json.dumps(make_report().to_json()))

    assert [data[key] for key in ("total", "passed", "failed", "error")] == [3, 1, 1, 1]
    assert data["interviews"][0] == {
        "i": "docassemble.a:x.yml",
        "outcome": "passed",
        "seconds": 1.0,
        "question_name": "q",
        "reason": "",
    }
    assert data["interviews"][2]["reason"].startswith("DocassembleError: sessions.start: <bad>")


def test_report_can_be_written_as_junit() -> None:
    """CI systems count the suites; the XML is valid whatever a server says."""
    root = ET.fromstring(make_report().to_junit())  # noqa: S314 - our own XML
    suite = root[0]

    assert root.tag == "testsuites"
    assert suite.attrib == {
        "name": "docassemble interviews",
        "tests": "3",
        "failures": "1",
        "errors": "1",
        "time": "3.500",
    }
    assert [case.attrib["classname"] for case in suite] == [
        "docassemble.a",
        '"<&\ufffd',
        "docassemble.b",
    ]
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["error"]]
    assert suite[2][0].attrib["type"] == "DocassembleError"
    assert "<bad> & \ufffd[31m\ufffd" in suite[2][0].attrib["message"]
