"""The jobs as methods of the client; each is loaded when it is first used."""

# ruff: noqa: PLC0415 - none of the jobs may be on the import path of the client
from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from datetime import timedelta

    from docassemble_client._types import JSONInput
    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.config import Secret
    from docassemble_client.models import ApiKeyMethod, Permission, User
    from docassemble_client.tasks import TaskEvent, TaskHandle
    from docassemble_client.workflows.accounts.ensure import EnsuredApiKey, EnsuredUser, Profile
    from docassemble_client.workflows.accounts.stored_sessions import CleanupReport, ExportedSession
    from docassemble_client.workflows.interviews.interview import Interview
    from docassemble_client.workflows.packages.deploy import DeployReport
    from docassemble_client.workflows.playground.project import Project
    from docassemble_client.workflows.server.doctor import ServerReport
    from docassemble_client.workflows.server.restart import ConfigPatch


class Jobs:
    """Gives a client the jobs people really do, one call each."""

    @property
    def _da(self) -> AsyncDocassemble:
        return cast("AsyncDocassemble", self)

    def interview(self, i: str) -> Interview:
        """
        Work with one interview: its sessions carry their secret and leave nothing behind.

        Args:
            i: Interview (file name such as docassemble.demo:data/questions/questions.yml).

        Returns:
            The interview; nothing is sent yet.

        Example:
            ```python
            async with da.interview("docassemble.demo:data/questions/questions.yml").session() as s:
                question = await s.question()
                question = await s.answer({"user.name.first": "Ada"})
            ```
        """
        from docassemble_client.workflows.interviews.interview import Interview

        return Interview(self._da, i)

    async def ensure_user(
        self,
        email: str,
        *,
        privileges: Sequence[str] | None = None,
        profile: Profile | None = None,
        password: str | Secret | None = None,
    ) -> EnsuredUser:
        """
        Make sure that an account exists as described; only what differs is changed.

        Doing it again does no harm, also after an error in the middle. A deactivated account is
        not activated, and an existing one keeps its password.

        Args:
            email: Its e-mail address.
            privileges: All privileges it is to have: missing ones are granted, others revoked.
                None leaves them alone.
            profile: Fields it is to have, such as {"first_name": "Ada"}; others are left alone.
            password: Password of an account that has to be made; by default the server makes one.

        Returns:
            The account, whether it is new, and what was changed.

        Raises:
            UsageError: The profile has a field that is not known, or no text; nothing was sent.
            BadRequest: The server refused the address, a privilege or the password.
            AccessDenied: The key may not manage accounts.

        Example:
            ```python
            ana = await da.ensure_user("ana@example.com", privileges=["advocate"])
            if ana.created:
                print(ana.password.reveal())
            ```
        """
        from docassemble_client.workflows.accounts.ensure import ensure_user

        return await ensure_user(
            self._da, email, privileges=privileges, profile=profile, password=password
        )

    async def ensure_api_key(
        self,
        user: User | int,
        name: str,
        *,
        permissions: Sequence[Permission] | None = None,
        method: ApiKeyMethod | None = None,
        allowed: Sequence[str] | None = None,
    ) -> EnsuredApiKey:
        """
        Make sure that an account has an API key of this name.

        The server shows a key once, when it is made. Of one that was there already, the result has
        no text: it says so, and what differs from what was asked for; nothing is changed.

        Args:
            user: The account, or its number.
            name: Name of the key, unique for the account.
            permissions: What the key is limited to; by default it may do all its owner may.
            method: How the key is restricted (none, ip or referer).
            allowed: IP addresses, or parts of referers, that it is restricted to.

        Returns:
            The key; its text only where it is new.

        Raises:
            BadRequest: The server refused the name or a restriction.
            AccessDenied: The key of this client may not manage keys.
        """
        from docassemble_client.workflows.accounts.ensure import ensure_api_key

        return await ensure_api_key(
            self._da, user, name, permissions=permissions, method=method, allowed=allowed
        )

    def export_sessions(
        self,
        *,
        i: str | None = None,
        tag: str | None = None,
        user_id: int | None = None,
        secret: str | Secret | None = None,
        variables: bool = True,
        resume_from: str | None = None,
    ) -> AsyncGenerator[ExportedSession]:
        """
        Iterate over the sessions of all users, page after page, each session of a user once.

        Sessions that are encrypted come without their answers, unless the secret opens them.

        Args:
            i: Only sessions of this interview.
            tag: Only sessions with this tag; slow.
            user_id: Only sessions of this user.
            secret: What decrypts the sessions of the user (see `users.get_secret`).
            variables: Whether to bring the answers; slow, and a page may be large.
            resume_from: Where to go on after an error (its `resume_from`).

        Returns:
            The sessions, in the server's order.

        Raises:
            DocassembleError: While iterating: a page could not be had; `resume_from` says which.

        Example:
            ```python
            async for one in da.export_sessions(i="docassemble.demo:data/questions/questions.yml"):
                if one.variables is not None:
                    print(one.summary.session, one.variables.get("user_choice"))
            ```
        """
        from docassemble_client.workflows.accounts.stored_sessions import export_sessions

        return export_sessions(
            self._da,
            i=i,
            tag=tag,
            user_id=user_id,
            secret=secret,
            variables=variables,
            resume_from=resume_from,
        )

    async def cleanup_sessions(
        self,
        *,
        older_than: timedelta,
        i: str | None = None,
        tag: str | None = None,
        user_id: int | None = None,
        dry_run: bool = True,
        delete_all: bool = False,
        concurrency: int = 4,
    ) -> CleanupReport:
        """
        Delete the sessions of all users that have not changed for long.

        They are listed first and then deleted one by one, after another look at each: one that
        somebody came back to stays. What cannot be deleted is reported, and stops nothing.

        Args:
            older_than: How long a session has not changed.
            i: Only sessions of this interview.
            tag: Only sessions whose interview has this tag in its metadata; slow.
            user_id: Only sessions of this user; another user of the same session keeps it.
            dry_run: Whether only to report what would be deleted.
            delete_all: Allow to delete without a filter: the old sessions of every interview.
            concurrency: How many sessions are deleted at a time.

        Returns:
            What was found and done; `str()` of it is a line for people.

        Raises:
            UsageError: There is neither a filter nor delete_all, or no age; nothing was sent.
            DocassembleError: The sessions could not be listed; nothing was deleted.
        """
        from docassemble_client.workflows.accounts.stored_sessions import cleanup_sessions

        return await cleanup_sessions(
            self._da,
            older_than=older_than,
            i=i,
            tag=tag,
            user_id=user_id,
            dry_run=dry_run,
            delete_all=delete_all,
            concurrency=concurrency,
        )

    async def doctor(self) -> ServerReport:
        """
        Find out what is wrong with the server, its address or the key; nothing is changed.

        The configuration, which holds all passwords, is not asked for. What cannot be found out
        by calls that only read follows from their answers and the table of operations.

        Returns:
            What was found; `str()` of it is a report for people. What is wrong stands in it, and is
            not raised.

        Example:
            ```python
            report = await da.doctor()
            print(report)
            ```
        """
        from docassemble_client.workflows.server.doctor import doctor

        return await doctor(self._da)

    async def config_patch(
        self, changes: Mapping[str, JSONInput], *, dry_run: bool = False
    ) -> ConfigPatch:
        """
        Change single values deep inside the server's configuration, and leave the rest.

        Mappings are merged at every depth; any other value replaces what is there, lists as a
        whole. Only top-level directives that differ are sent; where nothing differs, nothing is.
        The configuration is read first, so two changes at the same time can lose one.

        Args:
            changes: Directives and their values, such as {"mail": {"server": "smtp.example.com"}}.
            dry_run: Whether only to compare.

        Returns:
            The names of what differs, never the values, and the restart that makes it effective:
            `await da.wait_for_task(patch.task)`.

        Raises:
            AccessDenied: The key is not an administrator's, or has limited permissions.
            NotFound: Editing the configuration is switched off.
        """
        from docassemble_client.workflows.server.restart import config_patch

        return await config_patch(self._da, changes, dry_run=dry_run)

    async def restart(self, *, wait: bool = True, timeout: float | None = 600.0) -> TaskHandle:
        """
        Restart the server, and wait until it answers steadily.

        The restart counts as over when several answers in a row come from processes that started
        after it; a single one can come before the server is really back.

        Args:
            wait: Whether to wait.
            timeout: Seconds for the whole wait; None for no limit.

        Returns:
            The restart; over, if it was waited for.

        Raises:
            TaskTimeout: The server was not steady in time.
            AccessDenied: The key may not restart the server.
            NotFound: Restarts are switched off.
        """
        from docassemble_client.workflows.server.restart import restart

        return await restart(self._da, wait=wait, timeout=timeout)

    async def deploy(
        self,
        source: str | os.PathLike[str] | None = None,
        *,
        github: str | None = None,
        pip: str | None = None,
        branch: str | None = None,
        restart: bool = True,
        timeout: float | None = 600.0,
        on_progress: Callable[[TaskEvent], object] | None = None,
    ) -> DeployReport:
        """
        Install a package on the server, wait through the restart, and see that it is there.

        Of a folder an archive is made, without what Git, Python and editors keep for themselves,
        what usually holds secrets (.env, *.pem, id_rsa), and what .gitignore says. It must be a
        docassemble package: this is checked before anything is sent, and nothing of it is run.
        A request whose answer was lost is not repeated; the list of packages shows what became
        of it.

        Args:
            source: Folder of the package, or its ZIP file.
            github: Instead, URL of its repository, called docassemble-Name as the package is.
            pip: Instead, its name on PyPI, also with a version (docassemble.demo==1.10.14).
            branch: With github, branch of the repository; by default that of GitHub, or main.
            restart: Whether the server restarts. Without that, processes that run do not see new
                modules, but all interviews are read anew.
            timeout: Seconds for the whole of it; None for no limit.
            on_progress: Called with an event when it is sent (sending), and after each look.

        Returns:
            What the server lists now and listed before, and pip's log.

        Raises:
            UsageError: There is no docassemble package; nothing was sent.
            InstallFailed: It is not installed, or not in the version that was sent, whatever the
                server says; `log` holds the log of pip.
            TaskTimeout: It was not there in time.
            AccessDenied: The key may not install packages, or not this one.
            NotFound: Installing packages is switched off.
            OSError: A file cannot be read.

        Example:
            ```python
            report = await da.deploy("./docassemble-MyForm")
            print(report)
            ```
        """
        from docassemble_client.workflows.packages.deploy import deploy

        return await deploy(
            self._da,
            source,
            github=github,
            pip=pip,
            branch=branch,
            restart=restart,
            timeout=timeout,
            on_progress=on_progress,
        )

    def project(
        self,
        name: str = "default",
        *,
        create: bool = False,
        delete: bool = False,
        user_id: int | None = None,
    ) -> Project:
        """
        Work in a project of a Playground: install, pull, sync and watch.

        Args:
            name: Its name, ASCII letters and digits; by default the one that always exists.
            create: Whether it is made if it is not there, when its block begins.
            delete: Whether it is deleted with all that is in it when its block ends, also if it was
                there before, and also when the block is cancelled.
            user_id: Number of the user whose Playground it is in; by default the key's owner.

        Returns:
            The project, for `async with`; nothing is sent yet.

        Raises:
            UsageError: The server would not take the name, or default is to be deleted.

        Example:
            ```python
            async with da.project("review42", create=True, delete=True) as project:
                await project.sync("./docassemble-MyForm")
                async with project.interview("main.yml").session() as s:
                    print(await s.question())
            ```
        """
        from docassemble_client.workflows.playground.project import Project

        return Project(self._da, name, create=create, delete=delete, user_id=user_id)
