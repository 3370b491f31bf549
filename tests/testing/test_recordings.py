"""Interviews that are recorded on one server and played back by another."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    BadRequest,
    BinaryContent,
    JSONReply,
    UndefinedVariable,
    Upload,
)
from docassemble_client.testing import FakeServer, Field, Recorder, Recording, Screen
from docassemble_client.testing.recordings import Lead, RecordedReply, RecordedScreen
from tests.live.interviews import back, heading, own_interview, session_of
from tests.mock import run as run_job
from tests.testing.letter import act, ask, send, variables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from docassemble_client.testing import Answers

    Job = Callable[[AsyncDocassemble], Awaitable[Any]]

LETTER = "docassemble.mine:data/questions/letter.yml"
PARTS = "docassemble.mine:data/questions/parts.yml"
TEXT = "mandatory: True\nquestion: Hello\n"


def _end(answers: Answers) -> object:
    match answers["topic"]:
        case "data":
            return {"name": answers["name"]}
        case "bytes":
            return BinaryContent(content=b"\xff\xfe", content_type="image/x", status=202)
        case "page":
            return BinaryContent(content="Grüße".encode(), content_type="text/plain")
        case "more":
            return answers["details"]
        case _:
            return Screen("About ${ topic }", extra={"exit_url": "https://real.example.com/x"})


def _shout(answers: Answers, arguments: Mapping[str, Any]) -> object:
    return [answers["name"], arguments.get("mark")]


def real_server() -> FakeServer:
    """Make a server that has the letter."""
    fake = FakeServer(url="https://real.example.com")
    fake.add_interview(
        LETTER,
        Screen("Who?", [Field("name", "Name")]),
        Screen("What?", ["topic"], mandatory=True, name="topics"),
        final=_end,
        actions={"shout": _shout, "nothing": lambda *_: None},
        title="A letter",
    )
    return fake


def record(job: Job) -> dict[str, Recording]:
    """Record what a job does, and read it from its text."""
    recorder = Recorder("1.10.14")
    real = real_server()

    async def with_client() -> None:
        async with real.client(transport=recorder.transport(real.transport())) as da:
            await job(da)

    run_job(with_client())
    texts = {name: one.to_json() for name, one in recorder.recordings.items()}
    for secret in (real.api_key, real.url, real.admin_email):
        assert secret not in repr(texts)
    read = {name: Recording.from_json(text) for name, text in texts.items()}
    assert read == recorder.recordings
    return read


def play(recordings: Mapping[str, Recording], job: Job) -> Any:
    """Do a job on a server that plays recordings back."""
    fake = FakeServer()
    for one in recordings.values():
        fake.add_recording(one)

    async def with_client() -> Any:
        async with fake.client() as da:
            return await job(da)

    return run_job(with_client())


async def answer(da: AsyncDocassemble, s: Any, topic: str, name: str = "Ada") -> Any:
    """Answer both screens of the letter, one after the other."""
    what = await send(da, s, variables={"name": name}, event_list=["name"])
    assert what.question_text == "What?"
    return await send(da, s, variables={"topic": topic}, question_name="topics")


async def write(da: AsyncDocassemble) -> None:
    """Go all ways through the letter."""
    for topic in ("love", "data", "bytes", "page", "more"):
        async with session_of(da, LETTER) as s:
            await ask(da, s)
            await answer(da, s, topic)


def test_recorded_interview_answers_as_the_real_one_did() -> None:
    """Each screen is the JSON that was sent, but for what belongs to one session or server."""

    async def look(da: AsyncDocassemble) -> tuple[Any, Any, str]:
        async with session_of(da, LETTER) as s:
            first, end = await ask(da, s), await answer(da, s, "love")
            (listed,) = [one async for one in da.sessions.list_current()]
            assert (first.question_text, listed.title) == ("Who?", "A letter")
            assert s.encrypted
            return first, end, str(s.session)

    first, end, _ = play(record(look), look)

    assert end.question_text == "About love"
    assert end.exit_url == "https://docassemble.test/x"
    assert first.menu.top.anchor == "admin@example.com"


def test_recorded_ends_are_of_any_kind() -> None:
    """JSON, text, bytes and a missing variable come as they came; that one saves nothing."""

    async def look(da: AsyncDocassemble) -> None:
        ends: dict[str, Any] = {}
        for topic in ("data", "bytes", "page", "more"):
            async with session_of(da, LETTER) as s:
                ends[topic] = await answer(da, s, topic)
                after = await ask(da, s)
        assert ends["data"] == JSONReply({"name": "Ada"})
        assert ends["bytes"] == BinaryContent(
            content=b"\xff\xfe", content_type="image/x", status=202
        )
        assert ends["page"].content.decode() == "Grüße"
        assert isinstance(ends["more"], UndefinedVariable)
        assert (ends["more"].variable, after.question_text) == ("details", "What?")

    play(record(look), look)


def test_other_answers_lead_on_too() -> None:
    """The same values lead first, others to where some led; what was never sent leads nowhere."""

    async def look(da: AsyncDocassemble) -> None:
        async with session_of(da, LETTER) as s:
            stays = await send(da, s, variables={"color": "red"})
            other = await send(da, s, variables={"name": "Grace"})
            unmarked = await send(da, s, variables={"topic": "page"})
            end = await send(da, s, question_name="topics")
            known = await variables(da, s)
        assert (stays.question_text, other.question_text) == ("Who?", "What?")
        assert (unmarked.question_text, end.content.decode()) == ("What?", "Grüße")
        assert (known["name"], known["color"]) == ("Grace", "red")

    play(record(write), look)


def test_all_answers_at_once_lead_through_all_screens() -> None:
    """A session that is filled in by one call ends where it would have ended."""

    async def look(da: AsyncDocassemble) -> None:
        async with session_of(da, LETTER) as s:
            given = {"name": "Ada", "topic": "data"}
            end = await send(da, s, variables=given, question_name="topics")
            before = await back(da, s)
        assert end == JSONReply({"name": "Ada"})
        assert heading(before) == "Who?"

    play(record(write), look)


def test_steps_actions_and_variables_are_recorded() -> None:
    """Going back shows what stood there; actions and variables are those of their screen."""

    async def walk(da: AsyncDocassemble) -> None:
        async with session_of(da, LETTER) as s:
            await send(da, s, variables={"name": "Ada"}, question=False)
            calm = await act(da, s, "shout", read_only=True)
            loud = await act(da, s, "shout", arguments={"mark": "!"}, overwrite=True)
            nothing = await act(da, s, "nothing")
            known = await variables(da, s)
            shown = [await ask(da, s), await back(da, s), await back(da, s)]
            changed = await send(da, s, variables={"name": "Grace"}, overwrite=True)
            with pytest.raises(BadRequest):
                await back(da, s)
        assert (calm.data, loud.data, nothing) == (["Ada", None], ["Ada", "!"], None)
        assert (known["name"], changed.question_text) == ("Ada", "What?")
        assert [heading(one) for one in shown] == ["What?", "What?", "Who?"]

    async def look(da: AsyncDocassemble) -> None:
        await walk(da)
        async with session_of(da, LETTER) as s:
            assert await act(da, s, "unheard of") is None

    play(record(walk), look)


def test_going_back_too_far_changes_nothing() -> None:
    """What a server refuses is not recorded."""

    async def walk(da: AsyncDocassemble) -> None:
        async with session_of(da, LETTER) as s:
            with pytest.raises(BadRequest):
                await back(da, s)
            assert (await ask(da, s)).question_text == "Who?"

    recordings = record(walk)

    play(recordings, walk)
    assert len(recordings[LETTER].screens) == 1


def test_screen_nobody_looked_at_is_an_error() -> None:
    """It says why, instead of another screen."""

    async def walk(da: AsyncDocassemble) -> None:
        async with session_of(da, LETTER) as s:
            await send(da, s, variables={"name": "Ada"}, question=False)

    async def look(da: AsyncDocassemble) -> None:
        async with session_of(da, LETTER) as s:
            with pytest.raises(BadRequest) as error:
                await ask(da, s)
        assert "nobody looked at this screen when" in str(error.value.body)

    play(record(walk), look)


def test_files_and_parts_of_objects_are_taken() -> None:
    """Objects that only the real interview had are made; an unknown index is left out."""
    screens = [
        RecordedScreen(
            reply=RecordedReply(json={"questionType": "fields", "questionName": "A"}),
            variables={"client": {"made": True}, "sum": 3},
            leads=[
                Lead(to=1, variables={"client.name['first']": "", "all[i].name": ""}, files=["pic"])
            ],
        ),
        RecordedScreen(reply=RecordedReply(json=[1]), variables={"sum": 4}),
    ]
    recording = Recording(filename=PARTS, screens=screens, encrypted=False)

    async def look(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(PARTS)
        before = await variables(da, s)
        given = {"client.name['first']": "Ada", "all[i].name": "x", "old.age": 3, "old.size": 4}
        end = await send(da, s, variables=given, files={"pic": Upload(b"x", "x.png")})
        after = await variables(da, s)
        told = (await da.interviews.get_data(PARTS)).names.var_list
        assert not s.encrypted
        assert end == JSONReply([1])
        assert (before["sum"], after["sum"], "client" in before) == (3, 4, False)
        assert after["client"]["name"]["elements"]["first"] == "Ada"
        assert after["pic"]["elements"][0]["filename"] == "x.png"
        assert {one.var for one in told} >= {"all", "client", "pic", "sum"}

    play({PARTS: Recording.from_json(recording.to_json())}, look)


def test_sent_files_are_recorded_by_their_variables() -> None:
    """The files themselves are not; a session that began before the recorder is no recording."""
    recorder, real = Recorder(), real_server()
    pixel = Upload(b"pixel", "p.png")

    async def walk(da: AsyncDocassemble) -> str:
        async with session_of(da, LETTER) as s:
            given = {"name": "Ada", "mark": 1}
            reply = await send(da, s, variables=given, files={"pic": pixel, "again": pixel})
            return heading(reply)

    async def job() -> str:
        transport = recorder.transport(real.transport())
        async with real.client() as unseen, real.client(transport=transport) as seen:
            async with session_of(unseen, LETTER) as s:
                await ask(seen, s)
            assert recorder.recordings == {}
            return await walk(seen)

    assert run_job(job()) == "What?"
    (lead,) = recorder.recordings[LETTER].screens[0].leads
    assert (lead.variables, lead.files) == ({"name": "Ada", "mark": 1}, ["pic", "again"])
    assert play(recorder.recordings, walk) == "What?"


def test_a_screen_that_is_left_without_an_answer_leads_on_once() -> None:
    """Where nothing was sent, any call leads on, by one screen."""
    replies = [RecordedReply(json=number) for number in range(3)]
    screens = [
        RecordedScreen(reply=one, leads=[Lead(to=number)]) for number, one in enumerate(replies, 1)
    ]

    async def look(da: AsyncDocassemble) -> list[object]:
        s = await da.sessions.start(PARTS)
        return [(await send(da, s)).data for _ in range(2)]

    assert play({PARTS: Recording(filename=PARTS, screens=screens)}, look) == [1, 2]


def test_interview_in_the_playground_is_known_by_its_text() -> None:
    """Put there again under another name it is played back, and shows that name; else it runs."""

    async def walk(da: AsyncDocassemble) -> str:
        async with own_interview(da, TEXT) as i, session_of(da, i) as s:
            return str((await ask(da, s)).exit_url).removeprefix(i)

    (recording,) = record(walk).values()
    assert recording.source == TEXT
    assert recording.screens[0].reply is not None
    question = dict(recording.screens[0].reply.question)
    recording.screens[0].reply = RecordedReply(json=question | {"exit_url": "{{interview}}/there"})

    assert play({"": recording}, walk) == "/there"
    assert play({}, walk) == "None"


def test_interview_that_has_changed_is_recorded_anew() -> None:
    """Screens of another text are not mixed with those of the last one."""

    async def walk(da: AsyncDocassemble) -> None:
        for text in (TEXT, TEXT.replace("Hello", "Bye")):
            upload = Upload(text.encode(), "hello.yml")
            await da.playground.upload_files([upload], folder="questions")
            async with session_of(da, "docassemble.playground1:hello.yml") as s:
                await ask(da, s)

    (recording,) = record(walk).values()

    assert "Bye" in recording.source
    assert "Bye" in repr(recording.screens)


def test_recordings_are_written_to_a_folder_and_read(tmp_path: Path) -> None:
    """A file for each interview, named after it; the driver runs them."""
    recorder = Recorder()
    real, fake = real_server(), FakeServer()
    given = {"name": "Ada", "topic": "love"}

    async def walk(da: AsyncDocassemble) -> str:
        async with da, da.interview(LETTER).session() as s:
            return (await s.run(given)).ended

    real_end = run_job(walk(real.client(transport=recorder.transport(real.transport()))))
    (path,) = recorder.save(tmp_path / "recordings")
    fake.add_recordings(tmp_path / "recordings")
    end = run_job(walk(fake.client()))

    assert path.name == "docassemble-mine-data-questions-letter.json"
    assert real_end == end == "deadend"


@pytest.mark.parametrize("text", ["[]", '{"version": 1}', '{"version": 1, "screens": [{"x": 1}]}'])
def test_other_text_is_no_recording(text: str) -> None:
    """It is told at once, and so is another version."""
    with pytest.raises(ValueError, match="no recording of an interview"):
        Recording.from_json(text)
    with pytest.raises(ValueError, match="another version"):
        Recording.from_json('{"version": 2}')


def test_recorder_lets_everything_through_as_it_came() -> None:
    """Compressed answers, answers to other calls and errors reach the client unchanged."""
    recorder = Recorder()
    packed = gzip.compress(json.dumps({"i": LETTER, "session": "S", "encrypted": False}).encode())

    def respond(request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        if request.url.path == "/api/session/new":
            return httpx.Response(200, content=packed, headers=headers)
        return httpx.Response(404, json="no")

    async def job() -> tuple[httpx.Response, httpx.Response]:
        transport = recorder.transport(httpx.MockTransport(respond))
        async with httpx.AsyncClient(transport=transport) as http:
            begun = await http.get("https://da.example.com/api/session/new")
            await http.get("https://da.example.com/api/session?session=S")
            return begun, await http.get("https://da.example.com/api/user")

    begun, refused = run_job(job())

    assert begun.json()["session"] == "S"
    assert refused.status_code == 404
    assert recorder.recordings.keys() == {LETTER}
    assert isinstance(Recorder().transport(), httpx.AsyncBaseTransport)
