"""A guided tour: `python -m docassemble_client.demo`, with no server or on your own."""

from __future__ import annotations

import asyncio
import os
import sys
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from docassemble_client.client import KEY_VARIABLE, URL_VARIABLE, AsyncDocassemble
from docassemble_client.errors import APIError, DocassembleError
from docassemble_client.events import RetryEvent
from docassemble_client.models import Question, UndefinedVariable
from docassemble_client.tasks import PollPolicy
from docassemble_client.testing import Document, FakeServer, Field, Screen
from docassemble_client.transfer import Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.events import Event
    from docassemble_client.models import SessionReply
    from docassemble_client.tasks import TaskEvent
    from docassemble_client.testing import Answers, Clock

LETTER = "docassemble.demo:data/questions/letter.yml"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
ANSWERS: dict[str, str | int] = {"name": "Ada Lovelace", "amount": 1815, "polite": True}
NUMBERS: dict[str, int] = {"favorite_number": 42, "user_agrees_to_waive_penalties": True}
SESSIONS = 200
_WIDTH = 40


def show(text: str = "") -> None:
    """Write a line."""
    print(text, flush=True)


def make_fake(clock: Clock | None = None) -> FakeServer:
    """
    Make the server of the tour, with a few people and an interview.

    Args:
        clock: Its clock; the machine's by default.

    Returns:
        The server.
    """
    fake = FakeServer(clock=clock, page_size=5, install_seconds=2.0, restart_seconds=2.0)
    for name in ("ada", "alan", "barbara", "edsger", "grace", "john", "katherine"):
        fake.add_user(f"{name}@example.com", "user", first_name=name.capitalize())
    fake.add_interview(
        LETTER,
        Screen("To whom do you write?", [Field("name", "Name")]),
        Screen("How much does ${ name } owe you?", [Field("amount", "Amount", "currency")]),
        Screen("Do you want to be polite?", [Field("polite", "Polite", "boolean")], kind="yesno"),
        final=_letter,
        title="A letter",
    )
    return fake


def _letter(answers: Answers) -> Screen:
    please = "please pay" if answers["polite"] else "pay"
    text = answers.fill_in(f"Dear ${{ name }}, {please} ${{ amount }}.")
    letter = Document("Letter", {"md": text.encode()})
    return Screen("Your letter to ${ name } is ready", documents=[letter])


class Tour:
    """
    The tour.

    Attributes:
        da: The client.
        fake: The fake server; None on a real one.
    """

    def __init__(self, da: AsyncDocassemble, fake: FakeServer | None) -> None:
        self.da = da
        self.fake = fake
        self.number = 0

    async def run(self) -> None:
        """Go through all stations."""
        me = await self.da.users.get_current()
        health = await self.da.server.get_health()
        where = "a docassemble in memory" if self.fake else "your server"
        show(f"Connected to {where}, version {health.version}, as {me.email}.")
        stations: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("Users, over several pages", self.users),
            ("An interview, to its end", self.letter if self.fake else self.questionless),
            ("A file, up and down", self.file),
            (f"{SESSIONS} sessions at once", self.many),
        ]
        if self.fake:
            stations += [
                ("A package is installed, and the server restarts", self.package),
                ("Faults, survived", self.faults),
            ]
        for title, station in stations:
            self.number += 1
            show(f"\n{self.number}. {title}\n{'─' * (len(title) + 3)}")
            try:
                await station()
            except* APIError as refused:
                show(f"   The server refuses that: {refused.exceptions[0]}")
        show("\nThat was it. The README and the guide show the code of all this.")

    async def users(self) -> None:
        """Walk a list page by page."""
        async for page in self.da.users.list().pages(limit=15):
            names = ", ".join(str(user.email) for user in page.items)
            show(f"   {names}{' …' if page.next_id else ''}")

    async def letter(self) -> None:
        """Answer screens until there are documents, and download them."""
        async with self.da.interview(LETTER).session() as s:
            reply: SessionReply | None = await s.question()
            while isinstance(reply, Question) and reply.fields:
                names = [one.variable_name for one in reply.fields if one.variable_name]
                given = {name: ANSWERS[name] for name in names}
                show(f"   {reply.question_text}  →  {', '.join(map(str, given.values()))}")
                reply = await s.answer(given)
            assert isinstance(reply, Question)  # noqa: S101 - this interview ends in a screen
            show(f"   {reply.question_text}:")
            for attachment in reply.attachments or []:
                for kind, number in attachment.number.items():
                    file = await self.da.files.download(number, extension=kind)
                    name = attachment.filename_with_extension[kind]
                    show(f"      {name} ({len(file.content)} bytes): {file.text}")

    async def questionless(self) -> None:
        """Give an interview without screens what it asks for, and take its result."""
        async with self.da.interview(QUESTIONLESS).session() as s:
            reply: SessionReply | None = await s.question()
            given: dict[str, int] = {}
            while isinstance(reply, UndefinedVariable):
                given[reply.variable] = NUMBERS[reply.variable]
                show(f"   {reply.variable}?  →  {given[reply.variable]}")
                reply = await s.answer(given)
            show(f"   {reply}")

    async def file(self) -> None:
        """Put a file into the Playground, and take it back."""
        content = "Grüße aus dem Playground.\n".encode() * 1000
        name = f"docassemble-client-demo-{token_hex(4)}.txt"
        await self.da.playground.upload_files([Upload(content, name)], folder="static")
        try:
            async with self.da.playground.download_file(name, folder="static") as stream:
                size = sum([len(chunk) async for chunk in stream])
        finally:
            await self.da.playground.delete_file(name, folder="static")
        show(f"   {len(content)} bytes went up, {size} bytes came down.")

    async def many(self) -> None:
        """Run many sessions at once; the client keeps to its limit."""
        done = 0

        async def one() -> None:
            nonlocal done
            async with self.da.interview(QUESTIONLESS).session() as s:
                await s.answer(NUMBERS)
            done += 1
            if sys.stdout.isatty() or done == SESSIONS:
                filled = _WIDTH * done // SESSIONS
                bar = "█" * filled + "░" * (_WIDTH - filled)
                print(f"\r   {bar} {done}/{SESSIONS}", end="", flush=True)

        async with asyncio.TaskGroup() as group:
            for _ in range(SESSIONS):
                group.create_task(one())
        show()

    async def package(self) -> None:
        """Install a package, and watch it."""

        def progress(event: TaskEvent) -> None:
            detail = f" ({event.detail})" if event.detail else ""
            show(f"   {event.elapsed:4.1f} s  {event.state}{detail}")

        task = await self.da.packages.install(pip="docassemble.AssemblyLine")
        poll = PollPolicy(interval=0.5, backoff_factor=1.0)
        await self.da.wait_for_task(task, on_progress=progress, poll=poll)
        listed = {one.name: one.version for one in await self.da.packages.list()}
        show(f"   docassemble.AssemblyLine {listed['docassemble.AssemblyLine']} is installed.")

    async def faults(self) -> None:
        """Have the server fail, and get the answer all the same."""
        assert self.fake is not None  # noqa: S101 - this station is for the fake only
        self.fake.fail("users.get", status=503)
        self.fake.reset("users.get")
        user = await self.da.users.get(2)
        show(f"   … and here is the answer: {user.email}.")
        self.fake.fail("users.create", status=503)
        try:
            await self.da.users.create("new@example.com")
        except DocassembleError as error:
            show(f"   What might be done twice is not repeated: {error}")


def tell_retry(event: Event) -> None:
    """Show what the client repeats."""
    if isinstance(event, RetryEvent):
        show(f"   {event.operation} failed ({event.reason}), again …")


async def tour(clock: Clock | None = None, environment: dict[str, Any] | None = None) -> None:
    """
    Go on the tour: on the server of the environment, or else on a fake one.

    Args:
        clock: Clock of the fake server.
        environment: Variables; those of the process by default.
    """
    variables = os.environ if environment is None else environment
    url, key = variables.get(URL_VARIABLE), variables.get(KEY_VARIABLE)
    if url and key:
        async with AsyncDocassemble(url, key, on_event=tell_retry) as da:
            await Tour(da, None).run()
    else:
        fake = make_fake(clock)
        async with fake.client(on_event=tell_retry) as da:
            await Tour(da, fake).run()


def main() -> int:
    """
    Go on the tour.

    Returns:
        0, or 1 if the server cannot be reached.
    """
    status = 0
    try:
        asyncio.run(tour())
    except* DocassembleError as failed:
        show(str(failed.exceptions[0]))
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
