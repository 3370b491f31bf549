"""Methods of the client that make several calls; each loads its workflow at the first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import docassemble_client
import docassemble_client.workflows as workflows
from docassemble_client._types import JSONInput
from docassemble_client.workflows.account_methods import AccountMethods


class WorkflowMethods(AccountMethods):
    """Methods of the client that replace several calls with one."""

    def interview(self, i: str, *, exact_name: bool = False) -> workflows.Interview:
        """
        Return an interview, to run it, start sessions or create links.

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

    async def check_interviews(
        self,
        interviews: Sequence[str] | None = None,
        *,
        tag: str | None = None,
        concurrency: int = 4,
        timeout: float | None = 60.0,
        on_result: Callable[[workflows.CheckedInterview], object] | None = None,
    ) -> workflows.InterviewCheckReport:
        """
        Start each interview once, and report which of them load and reach a screen.

        The sessions are deleted. An interview that fails does not stop the others.

        Args:
            interviews: File names; by default those of all interviews that the server advertises
                (configuration directive dispatch).
            tag: Without `interviews`: only interviews with this tag.
            concurrency: Number of interviews checked at a time.
            timeout: Seconds for each interview; None for no limit.
            on_result: Function or coroutine function, called with each interview.

        Returns:
            The report: `str()` formats it for people, `to_json()` and `to_junit()` for programs.

        Raises:
            UsageError: An argument is invalid; no request was sent.
            DocassembleError: The interviews could not be listed.

        Example:
            ```python
            report = await da.check_interviews()
            Path("interviews.xml").write_text(report.to_junit(), encoding="utf-8")
            ```
        """
        from docassemble_client.workflows.interviews.check_interviews import check_interviews

        return await check_interviews(
            self,
            interviews,
            tag=tag,
            concurrency=concurrency,
            timeout=timeout,
            on_result=on_result,
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

    async def restart(
        self, *, wait: bool = True, timeout: float | None = 600.0
    ) -> docassemble_client.TaskHandle:
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
        restart: bool | Literal["auto"] = True,
        timeout: float | None = 600.0,
        on_progress: Callable[[docassemble_client.TaskEvent], object] | None = None,
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
                running processes do not load changed Python modules. With "auto" the server
                restarts if the package has modules, if pip installed other packages too, or if
                this cannot be known (`github`, `pip`, an incomplete log).
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

    async def uninstall(
        self,
        package: str,
        *,
        restart: bool = True,
        timeout: float | None = 600.0,
        on_progress: Callable[[docassemble_client.TaskEvent], object] | None = None,
    ) -> workflows.UninstallReport:
        """
        Uninstall a package, wait for the restart, and verify that it is gone.

        If the response is lost, the request is not repeated; the server's list of packages shows
        the result. Packages that need this one stay installed, and fail.

        Args:
            package: Name of the package, such as docassemble.MyForm, in any spelling that pip
                accepts.
            restart: Whether the server restarts. Without a restart, running processes keep modules
                that they have loaded.
            timeout: Seconds for the whole removal; None for no limit.
            on_progress: Function or coroutine function, called with an event when the request is
                sent and after each poll.

        Returns:
            The package as it was listed, and the log of pip.

        Raises:
            PackageNotFound: The server does not list the package.
            UninstallFailed: The package is still installed, even if the server reports success;
                `log` contains the log of pip.
            BadRequest: The key may not uninstall this package, or the server needs it.
            TaskTimeout: The package was not uninstalled in time.
            AccessDenied: The key may not uninstall packages.
            NotFound: Installing packages is switched off.

        Example:
            ```python
            print(await da.uninstall("docassemble.MyForm"))
            ```
        """
        from docassemble_client.workflows.packages.uninstall import uninstall

        return await uninstall(
            self, package, restart=restart, timeout=timeout, on_progress=on_progress
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

    async def backup_playgrounds(
        self,
        folder: str | os.PathLike[str],
        *,
        user_ids: Sequence[int] | None = None,
        overwrite: bool = False,
        timeout: float | None = None,
        on_project: Callable[[workflows.ProjectBackup], object] | None = None,
    ) -> workflows.BackupReport:
        """
        Download the Playgrounds of all users, also of inactive ones.

        The files of a project are written to FOLDER/USER_ID/PROJECT, from which `project.sync`
        restores them. If a project cannot be downloaded, the error is in the report, and the others
        are downloaded.

        Args:
            folder: Path of an empty folder, or of one that does not exist.
            user_ids: IDs of the users; by default those of all users.
            overwrite: Whether the folder may have files, such as those of an earlier backup. Files
                of the same name are replaced, and others kept.
            timeout: Seconds for the whole backup; None for no limit.
            on_project: Function or coroutine function, called with the backup of each project.

        Returns:
            The projects; `str()` formats it for people.

        Raises:
            UsageError: The folder is not empty, and `overwrite` is not set; no request was sent.
            TaskTimeout: The backup did not finish in time.
            AccessDenied: The key may not list users, or not read their Playgrounds.
            OSError: A file cannot be written.

        Example:
            ```python
            print(await da.backup_playgrounds("./backup"))
            ```
        """
        from docassemble_client.workflows.playground.backup import backup_playgrounds

        return await backup_playgrounds(
            self,
            folder,
            user_ids=user_ids,
            overwrite=overwrite,
            timeout=timeout,
            on_project=on_project,
        )
