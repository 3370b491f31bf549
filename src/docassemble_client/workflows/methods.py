"""Methods of the client that make several calls; each loads its workflow at the first use."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import timedelta

import docassemble_client.models as models
import docassemble_client.workflows as workflows
from docassemble_client._base_client import BaseClient
from docassemble_client._types import JSONInput
from docassemble_client.config import Secret
from docassemble_client.tasks import TaskEvent, TaskHandle


class WorkflowMethods(BaseClient):
    """Methods of the client that replace several calls with one."""

    def interview(self, i: str, *, exact_name: bool = False) -> workflows.Interview:
        """
        Work with one interview; its sessions keep their secret and are deleted at the end.

        Args:
            i: File name, such as docassemble.demo:data/questions/questions.yml.
            exact_name: Whether to start sessions under this name even if it has no folder.

        Returns:
            The interview; no request is sent yet.

        Example:
            ```python
            async with da.interview("docassemble.demo:data/questions/questions.yml").session() as s:
                question = await s.answer({"user.name.first": "Ada"})
            ```
        """
        from docassemble_client.workflows.interviews.interview import Interview

        return Interview(self, i, exact_name=exact_name)

    async def ensure_user(
        self,
        email: str,
        *,
        privileges: Sequence[str] | None = None,
        profile: workflows.Profile | None = None,
        password: str | Secret | None = None,
    ) -> workflows.EnsuredUser:
        """
        Create a user, or update what differs.

        You can run it again, also after an error. It does not reactivate a deactivated user or
        change the password of an existing one.

        Args:
            email: E-mail address; upper and lower case do not matter.
            privileges: All privileges of the user: missing ones are granted, others revoked.
                None keeps them.
            profile: Fields to set, such as {"first_name": "Ada"}; other fields are kept.
            password: Password of a new user; by default the server generates one.

        Returns:
            The user, whether it is new, and what was changed.

        Raises:
            UsageError: A profile field or `privileges` is invalid; no request was sent.
            BadRequest: The server refused the address, a privilege or the password.
            AccessDenied: The key may not manage users.

        Example:
            ```python
            ana = await da.ensure_user("ana@example.com", privileges=["advocate"])
            print(ana.created, ana.granted)
            ```
        """
        from docassemble_client.workflows.accounts.ensure import ensure_user

        return await ensure_user(
            self, email, privileges=privileges, profile=profile, password=password
        )

    async def ensure_api_key(
        self,
        user: models.User | int,
        name: str,
        *,
        permissions: Sequence[models.Permission] | None = None,
        method: models.ApiKeyMethod | None = None,
        allowed: Sequence[str] | None = None,
    ) -> workflows.EnsuredApiKey:
        """
        Create an API key, unless the user has a key with this name.

        The server shows the value of a key only when it creates the key. If the key already exists,
        its value is not available; the result lists differing settings, and nothing is changed.

        Args:
            user: The user or the user's ID.
            name: Name of the key, unique for the user.
            permissions: Permissions that limit the key; by default it may do all its owner may.
            method: How the use of the key is restricted (none, ip or referer).
            allowed: IP addresses, or parts of referers, from which the key may be used.

        Returns:
            The key; its value only if it is new.

        Raises:
            BadRequest: The server refused the name or a restriction.
            AccessDenied: The key of this client may not manage API keys.
            ApiKeyNotCreated: The server does not list the new key; it was deleted again.

        Example:
            ```python
            print(await da.ensure_api_key(ana.user, "ci", permissions=["access_user_info"]))
            ```
        """
        from docassemble_client.workflows.accounts.ensure import ensure_api_key

        return await ensure_api_key(
            self, user, name, permissions=permissions, method=method, allowed=allowed
        )

    def export_sessions(
        self,
        *,
        i: str | None = None,
        tag: str | None = None,
        user_id: int | None = None,
        secret: str | Secret | None = None,
        variables: bool = True,
        page_token: str | None = None,
    ) -> AsyncGenerator[workflows.ExportedSession]:
        """
        Iterate over the sessions of all users.

        A session of several users is returned once for each of them. Encrypted sessions are
        returned without answers, unless `secret` decrypts them.

        Args:
            i: Only sessions of this interview.
            tag: Only sessions with this tag; slow.
            user_id: Only sessions of this user.
            secret: Secret that decrypts the sessions of the user (see `users.get_secret`).
            variables: Whether to include the answers; slow, and pages may be large.
            page_token: Token of the page to start with, such as `page_token` of an error.

        Returns:
            The sessions, in the server's order; pages are requested as you iterate.

        Raises:
            DocassembleError: While iterating: a page could not be fetched; `page_token` is its
                token.

        Example:
            ```python
            async for session in da.export_sessions(tag="survey"):
                print(session.summary.session, session.variables)
            ```
        """
        from docassemble_client.workflows.accounts.stored_sessions import export_sessions

        return export_sessions(
            self,
            i=i,
            tag=tag,
            user_id=user_id,
            secret=secret,
            variables=variables,
            page_token=page_token,
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
    ) -> workflows.CleanupReport:
        """
        Delete sessions that have not changed for a given time.

        The sessions are listed first. Each is checked again before it is deleted: it is kept if it
        changed meanwhile. An error affects one session only and is in the report.

        Args:
            older_than: Minimum time since the last change.
            i: Only sessions of this interview.
            tag: Only sessions whose interview has this tag in its metadata; slow.
            user_id: Only sessions of this user; other users of the same session keep it.
            dry_run: Report what would be deleted, and delete nothing.
            delete_all: Allow deletion without a filter: the stale sessions of every interview.
            concurrency: Number of sessions deleted at a time.

        Returns:
            The stale, deleted and failed sessions; `str()` formats it for people.

        Raises:
            UsageError: `older_than` or `concurrency` is not positive, or there is neither a filter
                nor `delete_all`; no request was sent.
            DocassembleError: The sessions could not be listed; nothing was deleted.

        Example:
            ```python
            print(await da.cleanup_sessions(older_than=timedelta(days=90)))
            ```
        """
        from docassemble_client.workflows.accounts.stored_sessions import cleanup_sessions

        return await cleanup_sessions(
            self,
            older_than=older_than,
            i=i,
            tag=tag,
            user_id=user_id,
            dry_run=dry_run,
            delete_all=delete_all,
            concurrency=concurrency,
        )

    async def doctor(self) -> workflows.ServerReport:
        """
        Check the server, its address and the API key without changing anything.

        The configuration, which contains passwords, is not requested. If an operation cannot be
        tested without a change, its access is inferred from the responses to other operations.

        Returns:
            The report; `str()` formats it for people. Problems are listed in the report, and
            `doctor` does not raise.

        Example:
            ```python
            print(await da.doctor())
            ```
        """
        from docassemble_client.workflows.server.doctor import doctor

        return await doctor(self)

    async def patch_config(
        self, changes: Mapping[str, JSONInput], *, dry_run: bool = False
    ) -> workflows.ConfigPatch:
        """
        Change single values of the server's configuration, and keep all others.

        Mappings are merged at every depth; any other value, lists included, replaces the old one.
        Only top-level directives that differ are sent. The configuration is read first, so
        concurrent changes can overwrite each other.

        Args:
            changes: Directives and their values, such as {"mail": {"server": "smtp.example.com"}}.
            dry_run: Report the differences, and send nothing.

        Returns:
            The names of the differences, never the values, and the restart that applies them:
            `await da.wait_for_task(patch.task)`.

        Raises:
            AccessDenied: The key's owner is not an administrator, or the key has limited
                permissions.
            NotFound: Editing the configuration is switched off.

        Example:
            ```python
            print(await da.patch_config({"debug": False}, dry_run=True))
            ```
        """
        from docassemble_client.workflows.server.patch_config import patch_config

        return await patch_config(self, changes, dry_run=dry_run)

    async def restart(self, *, wait: bool = True, timeout: float | None = 600.0) -> TaskHandle:
        """
        Restart the server, and wait until it is stable.

        The restart is over after several consecutive responses from processes that started after
        it; a single response may come before all processes are ready.

        Args:
            wait: Whether to wait for the restart.
            timeout: Seconds to wait in total; None for no limit.

        Returns:
            The handle of the restart; with `wait`, the restart is over.

        Raises:
            TaskTimeout: The server was not stable in time.
            AccessDenied: The key may not restart the server.
            NotFound: Restarts are switched off.

        Example:
            ```python
            await da.restart(timeout=300)
            ```
        """
        from docassemble_client.workflows.server.restart import restart

        return await restart(self, wait=wait, timeout=timeout)

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
    ) -> workflows.DeployReport:
        """
        Install a package on the server, wait for the restart, and verify the installation.

        A folder is packed without ignored files (.gitignore), files of Git, Python and editors, and
        files that usually contain secrets (.env, *.pem, id_rsa). The archive is checked before it
        is sent; no code of the package is run. If the response is lost, the request is not
        repeated; the server's list of packages shows the result.

        Args:
            source: Folder of the package, or its ZIP file.
            github: Instead of `source`: URL of a repository named docassemble-Name.
            pip: Instead of `source`: name on PyPI, optionally with a version (name==1.0).
            branch: With `github`: branch of the repository; by default GitHub's default branch, or
                main.
            restart: Whether the server restarts. Without a restart, interviews are reloaded, but
                running processes do not load changed Python modules.
            timeout: Seconds for the whole deployment; None for no limit.
            on_progress: Function or coroutine function, called with an event when the request is
                sent and after each poll.

        Returns:
            The package as listed before and now, and the log of pip.

        Raises:
            UsageError: The source is not a docassemble package; no request was sent.
            InstallFailed: The package is not installed, or has another version, even if the server
                reports success; `log` contains the log of pip.
            TaskTimeout: The package was not installed in time.
            AccessDenied: The key may not install packages, or not this one.
            NotFound: Installing packages is switched off.
            OSError: A file cannot be read.

        Example:
            ```python
            print(await da.deploy("./docassemble-MyForm"))
            ```
        """
        from docassemble_client.workflows.packages.deploy import deploy

        return await deploy(
            self,
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
    ) -> workflows.Project:
        """
        Work in a project of a Playground: install, pull, sync and watch.

        Args:
            name: Name, ASCII letters and digits; by default the project that always exists.
            create: Whether to create the project at the start of the block if it does not exist.
            delete: Whether to delete the project with all its files at the end of the block, even
                if it existed before or the block is cancelled.
            user_id: ID of the user who owns the Playground; by default the key's owner.

        Returns:
            The project, for `async with`; no request is sent yet.

        Raises:
            UsageError: The name is invalid, or `delete` is used with the default project.
            ProjectNotFound: At the start of the block: it does not exist, and `create` is not set.

        Example:
            ```python
            async with da.project("review42", create=True, delete=True) as project:
                await project.sync("./docassemble-MyForm")
                async with project.interview("main.yml").session() as s:
                    print(await s.question())
            ```
        """
        from docassemble_client.workflows.playground.project import Project

        return Project(self, name, create=create, delete=delete, user_id=user_id)
