"""A demo that needs no server: `python -m docassemble_client.demo`."""

from __future__ import annotations

import argparse
import os
import sys
from secrets import token_hex
from typing import TYPE_CHECKING

from docassemble_client._concurrency import make_task_group, run
from docassemble_client._environment import KEY_VARIABLE, URL_VARIABLE
from docassemble_client.client import AsyncDocassemble
from docassemble_client.config import PollPolicy
from docassemble_client.errors import APIError, DocassembleError, UsageError
from docassemble_client.events import RetryEvent
from docassemble_client.models import Question, UndefinedVariable
from docassemble_client.testing import FakeDocument, FakeServer, Field, ScriptedScreen
from docassemble_client.transfer import Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from docassemble_client.events import Event
    from docassemble_client.models import SessionReply
    from docassemble_client.tasks import TaskEvent
    from docassemble_client.testing import Clock, SessionVariables

LETTER = "docassemble.demo:data/questions/letter.yml"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
ANSWERS: dict[str, str | int] = {"name": "Ada Lovelace", "amount": 1815, "polite": True}
VARIABLES: dict[str, int] = {"favorite_number": 42, "user_agrees_to_waive_penalties": True}
SESSION_COUNT = 200
_BAR_WIDTH = 40


def show(text: str = "") -> None:
    """Print a line."""
    print(text, flush=True)


def make_fake_server(clock: Clock | None = None) -> FakeServer:
    """
    Create the fake server of the tour, with users and an interview.

    Args:
        clock: Clock of the server; the system clock by default.

    Returns:
        The server.
    """
    fake = FakeServer(
        clock=clock, page_size=5, install_seconds=2.0, restart_seconds=2.0, outage="unavailable"
    )
    for name in ("ada", "alan", "barbara", "edsger", "grace", "john", "katherine"):
        fake.add_user(f"{name}@example.com", "user", first_name=name.capitalize())
    fake.add_interview(
        LETTER,
        ScriptedScreen("To whom do you write?", [Field("name", "Name")]),
        ScriptedScreen("How much does ${ name } owe you?", [Field("amount", "Amount", "currency")]),
        ScriptedScreen(
            "Do you want to be polite?", [Field("polite", "Polite", "boolean")], kind="yesno"
        ),
        final=_make_letter,
        title="A letter",
    )
    return fake


def _make_letter(variables: SessionVariables) -> ScriptedScreen:
    request = "please pay" if variables["polite"] else "pay"
    text = variables.fill_in(f"Dear ${{ name }}, {request} ${{ amount }}.")
    letter = FakeDocument("Letter", {"md": text.encode()})
    return ScriptedScreen("Your letter to ${ name } is ready", documents=[letter])


class Tour:
    """
    The tour.

    Attributes:
        da: The client.
        fake: The fake server; None for a real one.
    """

    def __init__(self, da: AsyncDocassemble, fake: FakeServer | None) -> None:
        self.da = da
        self.fake = fake

    async def run(self) -> None:
        """Run all steps."""
        me = await self.da.users.get_current()
        health = await self.da.server.get_health()
        server = "an in-memory docassemble" if self.fake else "your server"
        show(f"Connected to {server}, version {health.version}, as {me.email}.")
        steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("List users, page by page", self.list_users),
            ("Run an interview", self.run_letter if self.fake else self.run_questionless),
            ("Upload and download a file", self.transfer_file),
            (f"Run {SESSION_COUNT} sessions concurrently", self.run_many_sessions),
        ]
        if self.fake:
            steps += [
                ("Install a package and wait for the restart", self.install_package),
                ("Retry after failures", self.retry_after_failures),
            ]
        for number, (title, run_step) in enumerate(steps, 1):
            show(f"\n{number}. {title}\n{'─' * (len(title) + 3)}")
            try:
                await run_step()
            except* APIError as errors:
                show(f"   The server refuses that: {errors.exceptions[0]}")
        show("\nThat was the tour. The README and the guide contain its code.")

    async def list_users(self) -> None:
        """List users page by page."""
        async for page in self.da.users.list().pages(max_items=15):
            names = ", ".join(str(user.email) for user in page.items)
            show(f"   {names}{' …' if page.next_page_token else ''}")

    async def run_letter(self) -> None:
        """Answer screens and download the documents of the last one."""
        async with self.da.interview(LETTER).session() as s:
            reply: SessionReply | None = await s.question()
            while isinstance(reply, Question) and reply.fields:
                names = [field.variable_name for field in reply.fields if field.variable_name]
                answers = {name: ANSWERS[name] for name in names}
                show(f"   {reply.question_text}  →  {', '.join(map(str, answers.values()))}")
                reply = await s.answer(answers)
            assert isinstance(reply, Question)  # noqa: S101 - this interview ends in a screen
            show(f"   {reply.question_text}:")
            for attachment in reply.attachments or []:
                for extension, number in attachment.number.items():
                    file = await self.da.files.download(number, extension=extension)
                    name = attachment.filename_with_extension[extension]
                    show(f"      {name} ({len(file.content)} bytes): {file.text}")

    async def run_questionless(self) -> None:
        """Set the variables that an interview without screens needs, and show its result."""
        async with self.da.interview(QUESTIONLESS).session() as s:
            reply: SessionReply | None = await s.question()
            answers: dict[str, int] = {}
            while isinstance(reply, UndefinedVariable):
                answers[reply.variable] = VARIABLES[reply.variable]
                show(f"   {reply.variable}?  →  {answers[reply.variable]}")
                reply = await s.answer(answers)
            show(f"   {reply}")

    async def transfer_file(self) -> None:
        """Upload a file to the Playground, download it and delete it."""
        content = "Grüße aus dem Playground.\n".encode() * 1000
        name = f"docassemble-client-demo-{token_hex(4)}.txt"
        try:
            await self.da.playground.upload_files([Upload(content, name)], folder="static")
            async with self.da.playground.download_file(name, folder="static") as stream:
                size = sum([len(chunk) async for chunk in stream])
        finally:
            await self.da.playground.delete_file(name, folder="static")
        show(f"   {len(content)} bytes uploaded, {size} bytes downloaded.")

    async def run_many_sessions(self) -> None:
        """Run many sessions concurrently; the client limits the number of requests."""
        completed = 0

        async def run_session() -> None:
            nonlocal completed
            async with self.da.interview(QUESTIONLESS).session() as s:
                await s.answer(VARIABLES)
            completed += 1
            if sys.stdout.isatty() or completed == SESSION_COUNT:
                filled = _BAR_WIDTH * completed // SESSION_COUNT
                bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
                print(f"\r   {bar} {completed}/{SESSION_COUNT}", end="", flush=True)

        async with make_task_group() as group:
            for _ in range(SESSION_COUNT):
                group.create_task(run_session())
        show()

    async def install_package(self) -> None:
        """Install a package and show the progress."""

        def show_progress(event: TaskEvent) -> None:
            reason = f" ({event.reason})" if event.reason else ""
            show(f"   {event.elapsed:4.1f} s  {event.state}{reason}")

        task = await self.da.packages.install(pip="docassemble.AssemblyLine")
        poll = PollPolicy(interval=0.5, backoff_factor=1.0)
        await self.da.wait_for_task(task, on_progress=show_progress, poll=poll)
        versions = {package.name: package.version for package in await self.da.packages.list()}
        show(f"   docassemble.AssemblyLine {versions['docassemble.AssemblyLine']} is installed.")

    async def retry_after_failures(self) -> None:
        """Show which calls the client retries."""
        assert self.fake is not None  # noqa: S101 - this step runs on the fake server only
        self.fake.fail("users.get", status=503)
        self.fake.drop_connection("users.get")
        # The first two accounts are the administrator's and that of scheduled tasks.
        user = await self.da.users.get(3)
        show(f"   … and the result is {user.email}.")
        self.fake.fail("users.create", status=503)
        try:
            await self.da.users.create("new@example.com")
        except DocassembleError as error:
            show(f"   Calls that are not safe to repeat are not retried: {error}")


def show_retry(event: Event) -> None:
    """Show retries of the client."""
    if isinstance(event, RetryEvent):
        show(f"   {event.operation} failed ({event.reason}), retrying …")


def make_client(server: str) -> AsyncDocassemble:
    """Make a client of a real server; an empty URL stands for that of DOCASSEMBLE_URL."""
    if not server:
        return AsyncDocassemble.from_env(on_event=show_retry)
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        message = f"{KEY_VARIABLE} is not set"
        raise UsageError(message, hint="Set it to an API key of this server")
    return AsyncDocassemble(server, key, on_event=show_retry)


async def run_tour(server: str | None = None, clock: Clock | None = None) -> None:
    """
    Run the tour.

    Args:
        server: URL of a real server, whose API key is in DOCASSEMBLE_API_KEY; empty for that of
            DOCASSEMBLE_URL; None for a fake server.
        clock: Clock of the fake server; the system clock by default.

    Raises:
        UsageError: An environment variable is not set or is invalid.
    """
    if server is None:
        fake = make_fake_server(clock)
        async with fake.client(on_event=show_retry) as da:
            await Tour(da, fake).run()
    else:
        async with make_client(server) as da:
            await Tour(da, None).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the tour.

    Args:
        arguments: Command-line arguments; those of the process by default.

    Returns:
        Exit code: 0, or 1 if the server cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m docassemble_client.demo",
        description="Show the client at work, on an in-memory docassemble.",
    )
    parser.add_argument(
        "--server",
        nargs="?",
        const="",
        metavar="URL",
        help=f"use a real server: this URL, or that of {URL_VARIABLE}; its API key is taken from"
        f" {KEY_VARIABLE}. The demo runs {SESSION_COUNT} sessions, uploads a file to your"
        " Playground, and deletes all of them at the end",
    )
    options = parser.parse_args(arguments)
    status = 0
    try:
        run(run_tour(options.server))
    except* DocassembleError as errors:
        show(str(errors.exceptions[0]))
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
