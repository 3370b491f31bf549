"""Interviews are recorded on one server and replayed by another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    BadRequest,
    BinaryContent,
    JSONReply,
    UndefinedVariable,
    Upload,
)
from docassemble_client.testing import FakeServer, Field, Recorder, Recording, ScriptedScreen
from docassemble_client.testing.recordings import RecordedReply, RecordedScreen, Transition
from tests.live.interviews import get_heading, go_back, temporary_interview, temporary_session
from tests.testing.letter_interview import get_question, get_variables, run_action, set_variables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from docassemble_client.testing import SessionVariables

    Job = Callable[[AsyncDocassemble], Awaitable[Any]]

LETTER = "docassemble.mine:data/questions/letter.yml"
PARTS = "docassemble.mine:data/questions/parts.yml"
TEXT = "mandatory: True\nquestion: Hello\n"


def _make_end(session: SessionVariables) -> object:
    match session["topic"]:
        case "data":
            return {"name": session["name"]}
        case "bytes":
            return BinaryContent(content=b"\xff\xfe", content_type="image/x", status=202)
        case "page":
            return BinaryContent(content="Grüße".encode(), content_type="text/plain")
        case "more":
            return session["details"]
        case _:
            return ScriptedScreen(
                "About ${ topic }", extra={"exit_url": "https://real.example.com/x"}
            )


def _shout(session: SessionVariables, arguments: Mapping[str, Any]) -> object:
    return [session["name"], arguments.get("mark")]


def make_real_server() -> FakeServer:
    """Create a server with the letter interview."""
    fake = FakeServer(url="https://real.example.com")
    fake.add_interview(
        LETTER,
        ScriptedScreen("Who?", [Field("name", "Name")]),
        ScriptedScreen("What?", ["topic"], mandatory=True, name="topics"),
        final=_make_end,
        actions={"shout": _shout, "nothing": lambda *_: None},
        title="A letter",
    )
    return fake


async def record(job: Job) -> dict[str, Recording]:
    """Record the sessions of a job; serialize and parse the recordings."""
    recorder = Recorder("1.10.14")
    real = make_real_server()

    async with real.client(transport=recorder.transport(real.transport())) as da:
        await job(da)

    texts = {name: recording.to_json() for name, recording in recorder.recordings.items()}
    for secret in (real.api_key, real.url, real.admin_email):
        assert secret not in repr(texts)
    recordings = {name: Recording.from_json(text) for name, text in texts.items()}
    assert recordings == recorder.recordings
    return recordings


async def replay(recordings: Mapping[str, Recording], job: Job) -> Any:
    """Run a job on a server that replays recordings."""
    fake = FakeServer()
    for recording in recordings.values():
        fake.add_recording(recording)

    async with fake.client() as da:
        return await job(da)


async def answer_screens(da: AsyncDocassemble, s: Any, topic: str, name: str = "Ada") -> Any:
    """Answer both screens of the letter."""
    reply = await set_variables(da, s, variables={"name": name}, event_list=["name"])
    assert reply.question_text == "What?"
    return await set_variables(da, s, variables={"topic": topic}, question_name="topics")


async def run_all_paths(da: AsyncDocassemble) -> None:
    """Run the letter with all its ends."""
    for topic in ("love", "data", "bytes", "page", "more"):
        async with temporary_session(da, LETTER) as s:
            await get_question(da, s)
            await answer_screens(da, s, topic)


async def test_a_replayed_interview_shows_the_recorded_screens() -> None:
    """Only values that belong to the session or server differ."""

    async def job(da: AsyncDocassemble) -> tuple[Any, Any]:
        async with temporary_session(da, LETTER) as s:
            first, end = await get_question(da, s), await answer_screens(da, s, "love")
            (session,) = [item async for item in da.sessions.list_current()]
            assert (first.question_text, session.title) == ("Who?", "A letter")
            assert s.encrypted
            return first, end

    first, end = await replay(await record(job), job)

    assert end.question_text == "About love"
    assert end.exit_url == "https://docassemble.test/x"
    assert first.menu.top.anchor == "admin@example.com"


async def test_all_kinds_of_ends_are_recorded() -> None:
    """JSON, text, bytes and an undefined variable, which does not save the session."""

    async def job(da: AsyncDocassemble) -> None:
        ends: dict[str, Any] = {}
        for topic in ("data", "bytes", "page", "more"):
            async with temporary_session(da, LETTER) as s:
                ends[topic] = await answer_screens(da, s, topic)
                after = await get_question(da, s)
        assert ends["data"] == JSONReply({"name": "Ada"})
        assert ends["bytes"] == BinaryContent(
            content=b"\xff\xfe", content_type="image/x", status=202
        )
        assert ends["page"].content.decode() == "Grüße"
        assert isinstance(ends["more"], UndefinedVariable)
        assert (ends["more"].variable, after.question_text) == ("details", "What?")

    await replay(await record(job), job)


async def test_other_answers_lead_to_the_next_screen_too() -> None:
    """Recorded values take precedence; variables that were never set do not change the screen."""

    async def job(da: AsyncDocassemble) -> None:
        async with temporary_session(da, LETTER) as s:
            first = await set_variables(da, s, variables={"color": "red"})
            second = await set_variables(da, s, variables={"name": "Grace"})
            unmarked = await set_variables(da, s, variables={"topic": "page"})
            end = await set_variables(da, s, question_name="topics")
            variables = await get_variables(da, s)
        assert (first.question_text, second.question_text) == ("Who?", "What?")
        assert (unmarked.question_text, end.content.decode()) == ("What?", "Grüße")
        assert (variables["name"], variables["color"]) == ("Grace", "red")

    await replay(await record(run_all_paths), job)


async def test_a_single_call_can_answer_all_screens() -> None:
    """The session ends as if it had answered them in order."""

    async def job(da: AsyncDocassemble) -> None:
        async with temporary_session(da, LETTER) as s:
            answers = {"name": "Ada", "topic": "data"}
            end = await set_variables(da, s, variables=answers, question_name="topics")
            previous = await go_back(da, s)
        assert end == JSONReply({"name": "Ada"})
        assert get_heading(previous) == "Who?"

    await replay(await record(run_all_paths), job)


async def test_steps_actions_and_variables_are_recorded() -> None:
    """Going back shows the previous screen; actions and variables belong to their screen."""

    async def job(da: AsyncDocassemble) -> None:
        async with temporary_session(da, LETTER) as s:
            await set_variables(da, s, variables={"name": "Ada"}, question=False)
            read_only = await run_action(da, s, "shout", read_only=True)
            overwriting = await run_action(da, s, "shout", arguments={"mark": "!"}, overwrite=True)
            nothing = await run_action(da, s, "nothing")
            variables = await get_variables(da, s)
            screens = [await get_question(da, s), await go_back(da, s), await go_back(da, s)]
            changed = await set_variables(da, s, variables={"name": "Grace"}, overwrite=True)
            with pytest.raises(BadRequest):
                await go_back(da, s)
        assert (read_only.data, overwriting.data, nothing) == (["Ada", None], ["Ada", "!"], None)
        assert (variables["name"], changed.question_text) == ("Ada", "What?")
        assert [get_heading(screen) for screen in screens] == ["What?", "What?", "Who?"]

    async def run_unknown_action(da: AsyncDocassemble) -> None:
        await job(da)
        async with temporary_session(da, LETTER) as s:
            assert await run_action(da, s, "unknown") is None

    await replay(await record(job), run_unknown_action)


async def test_going_back_too_far_changes_nothing() -> None:
    """Refused calls are not recorded."""

    async def job(da: AsyncDocassemble) -> None:
        async with temporary_session(da, LETTER) as s:
            with pytest.raises(BadRequest):
                await go_back(da, s)
            assert (await get_question(da, s)).question_text == "Who?"

    recordings = await record(job)

    await replay(recordings, job)
    assert len(recordings[LETTER].screens) == 1


async def test_a_screen_that_was_not_requested_is_an_error() -> None:
    """The error says that the recording lacks the screen."""

    async def skip_screen(da: AsyncDocassemble) -> None:
        async with temporary_session(da, LETTER) as s:
            await set_variables(da, s, variables={"name": "Ada"}, question=False)

    async def request_screen(da: AsyncDocassemble) -> None:
        async with temporary_session(da, LETTER) as s:
            with pytest.raises(BadRequest) as error:
                await get_question(da, s)
        assert "this screen was not requested when" in str(error.value.body)

    await replay(await record(skip_screen), request_screen)


async def test_files_and_attributes_of_objects_can_be_set() -> None:
    """Missing objects are created; an attribute with an undefined index is ignored."""
    screens = [
        RecordedScreen(
            reply=RecordedReply(json={"questionType": "fields", "questionName": "A"}),
            variables={"client": {"age": 36}, "sum": 3},
            transitions=[
                Transition(
                    next_screen=1,
                    variables={"client.name['first']": "", "all[i].name": ""},
                    files=["pic"],
                )
            ],
        ),
        RecordedScreen(reply=RecordedReply(json=[1]), variables={"sum": 4}),
    ]
    recording = Recording(filename=PARTS, screens=screens, encrypted=False)

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(PARTS)
        before = await get_variables(da, s)
        answers = {"client.name['first']": "Ada", "all[i].name": "x", "old.age": 3, "old.size": 4}
        end = await set_variables(da, s, variables=answers, files={"pic": Upload(b"x", "x.png")})
        after = await get_variables(da, s)
        names = (await da.interviews.get_data(PARTS)).names.var_list
        assert not s.encrypted
        assert end == JSONReply([1])
        assert (before["sum"], after["sum"], "client" in before) == (3, 4, False)
        assert after["client"]["name"]["elements"]["first"] == "Ada"
        assert after["pic"]["elements"][0]["filename"] == "x.png"
        assert {name.var for name in names} >= {"all", "client", "pic", "sum"}

    await replay({PARTS: Recording.from_json(recording.to_json())}, job)


async def test_uploads_are_recorded_by_their_variables() -> None:
    """File contents are not recorded, nor sessions that started before the recorder."""
    recorder, real = Recorder(), make_real_server()
    pixel = Upload(b"pixel", "p.png")

    async def upload(da: AsyncDocassemble) -> str:
        async with temporary_session(da, LETTER) as s:
            answers = {"name": "Ada", "mark": 1}
            files = {"pic": pixel, "copy": pixel}
            return get_heading(await set_variables(da, s, variables=answers, files=files))

    transport = recorder.transport(real.transport())
    async with real.client() as plain, real.client(transport=transport) as recording:
        async with temporary_session(plain, LETTER) as s:
            await get_question(recording, s)
        assert recorder.recordings == {}
        assert await upload(recording) == "What?"

    (transition,) = recorder.recordings[LETTER].screens[0].transitions
    assert transition.variables == {"name": "Ada", "mark": 1}
    assert transition.files == ["pic", "copy"]
    assert await replay(recorder.recordings, upload) == "What?"


async def test_a_transition_without_arguments_is_taken_once_per_call() -> None:
    """Any call moves the session by one screen."""
    screens = [
        RecordedScreen(
            reply=RecordedReply(json=number), transitions=[Transition(next_screen=number + 1)]
        )
        for number in range(3)
    ]

    async def job(da: AsyncDocassemble) -> list[object]:
        s = await da.sessions.start(PARTS)
        return [(await set_variables(da, s)).data for _ in range(2)]

    assert await replay({PARTS: Recording(filename=PARTS, screens=screens)}, job) == [1, 2]


async def test_a_playground_interview_is_recognised_by_its_text() -> None:
    """It is replayed under any file name; another text runs as YAML."""

    async def job(da: AsyncDocassemble) -> str:
        async with temporary_interview(da, TEXT) as i, temporary_session(da, i) as s:
            return str((await get_question(da, s)).exit_url).removeprefix(i)

    (recording,) = (await record(job)).values()
    assert recording.source == TEXT
    assert recording.screens[0].reply is not None
    question = dict(recording.screens[0].reply.question)
    recording.screens[0].reply = RecordedReply(json=question | {"exit_url": "{{interview}}/there"})

    assert await replay({"": recording}, job) == "/there"
    assert await replay({}, job) == "None"


async def test_a_changed_interview_starts_a_new_recording() -> None:
    """Screens of different texts are not mixed."""

    async def job(da: AsyncDocassemble) -> None:
        for text in (TEXT, TEXT.replace("Hello", "Bye")):
            upload = Upload(text.encode(), "hello.yml")
            await da.playground.upload_files([upload], folder="questions")
            async with temporary_session(da, "docassemble.playground1:hello.yml") as s:
                await get_question(da, s)

    (recording,) = (await record(job)).values()

    assert "Bye" in recording.source
    assert "Bye" in repr(recording.screens)


async def test_recordings_are_saved_to_a_folder_and_loaded(tmp_path: Path) -> None:
    """Each interview has a file; the runner completes the replayed interview."""
    recorder = Recorder()
    real, fake = make_real_server(), FakeServer()
    answers = {"name": "Ada", "topic": "love"}

    async def run_letter(da: AsyncDocassemble) -> str:
        async with da, da.interview(LETTER).session() as s:
            return (await s.run(answers)).end_type

    real_end = await run_letter(real.client(transport=recorder.transport(real.transport())))
    (path,) = recorder.save(tmp_path / "recordings")
    fake.add_recordings(tmp_path / "recordings")
    end = await run_letter(fake.client())

    assert path.name == "docassemble-mine-data-questions-letter.json"
    assert real_end == end == "deadend"


@pytest.mark.parametrize("text", ["[]", '{"version": 1}', '{"version": 1, "screens": [{"x": 1}]}'])
def test_an_invalid_recording_is_refused(text: str) -> None:
    """An unsupported format version is refused, too."""
    with pytest.raises(ValueError, match="not a valid recording of an interview"):
        Recording.from_json(text)
    with pytest.raises(ValueError, match="format version is not 1"):
        Recording.from_json('{"version": 2}')
