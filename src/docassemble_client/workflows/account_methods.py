"""Methods of the client for accounts, API keys and stored sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta

import docassemble_client.models as models
import docassemble_client.workflows as workflows
from docassemble_client._base_client import BaseClient
from docassemble_client.config import Secret


class AccountMethods(BaseClient):
    """Methods of the client for accounts; each loads its workflow at the first use."""

    async def ensure_user(
        self,
        email: str,
        *,
        privileges: Sequence[str] | None = None,
        exact_privileges: Sequence[str] | None = None,
        profile: workflows.Profile | None = None,
        password: str | Secret | None = None,
        dry_run: bool = False,
    ) -> workflows.EnsuredUser:
        """
        Create a user, or update what differs.

        You can run it again, also after an error. It does not reactivate a deactivated user or
        change the password of an existing one.

        Args:
            email: E-mail address; upper and lower case do not matter.
            privileges: Privileges that the user must have: missing ones are granted, and others
                kept.
            exact_privileges: Instead of `privileges`: all privileges of the user. Missing ones are
                granted, and all others revoked, including `user`.
            profile: Fields to set, such as {"first_name": "Ada"}; other fields are kept.
            password: Password of a new user; by default the server generates one.
            dry_run: Report what would be changed, and change nothing.

        Returns:
            The user, whether it is new, and what was changed.

        Raises:
            UsageError: An argument is invalid, or both `privileges` and `exact_privileges` are set;
                no request was sent.
            BadRequest: The server refused the address, a privilege or the password.
            AccessDenied: The key may not manage users.

        Example:
            ```python
            ana = await da.ensure_user("ana@example.com", privileges=["advocate"])
            print(ana.created, ana.granted)
            ```
        """
        from docassemble_client.workflows.accounts.ensure import UserOptions, ensure_user

        options = UserOptions(
            privileges=privileges, exact_privileges=exact_privileges, dry_run=dry_run
        )
        return await ensure_user(self, email, options, profile=profile, password=password)

    def ensure_users(
        self,
        profiles: Mapping[str, workflows.Profile],
        *,
        privileges: Sequence[str] | None = None,
        exact_privileges: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> AsyncGenerator[workflows.EnsuredUser]:
        """
        Create or update many users, as `ensure_user` does for one.

        It lists all users of the server once, 100 per call, instead of searching each of them. The
        server generates the passwords of new users.

        Args:
            profiles: Fields to set, by e-mail address; an empty mapping for no fields.
            privileges: Privileges that each user must have, as for `ensure_user`.
            exact_privileges: Instead of `privileges`: all privileges of each user.
            dry_run: Report what would be changed, and change nothing.

        Returns:
            The users, in the order of `profiles`, each as soon as it exists. Save the password of
            a new user at once: after an error, the server does not show it again. The
            `account_type` of a user that did not change is None.

        Raises:
            UsageError: An argument is invalid, or both `privileges` and `exact_privileges` are set;
                no request was sent.
            DocassembleError: While iterating: a user could not be created or updated.

        Example:
            ```python
            async for ensured in da.ensure_users({"ana@example.com": {"first_name": "Ana"}}):
                print(ensured.user.email, ensured.created)
            ```
        """
        from docassemble_client.workflows.accounts.ensure import UserOptions, ensure_users

        options = UserOptions(
            privileges=privileges, exact_privileges=exact_privileges, dry_run=dry_run
        )
        return ensure_users(self, profiles, options)

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
            permissions: Permissions that limit the key; by default it has all permissions of its
                owner.
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
        returned without answers, unless `secret` decrypts them. A session that the server cannot
        serialize, or whose answers are too large, has an `error` and no answers.

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

    def export_session_rows(
        self,
        columns: Sequence[str],
        *,
        i: str | None = None,
        tag: str | None = None,
        user_id: int | None = None,
        secret: str | Secret | None = None,
        page_token: str | None = None,
    ) -> AsyncGenerator[workflows.SessionRow]:
        """
        Iterate over the sessions of all users as rows with chosen columns.

        The sessions are those of `export_sessions`. A session that cannot be decrypted or read is a
        row, too: its `status` says so, and its variables are empty.

        Args:
            columns: Variables, such as client.name.first, children[0].age or fruit['apple'], and
                attributes of `SessionSummary` with an @, such as @email, @session or @utc_modtime.
                Without variables, the export is much faster.
            i: Only sessions of this interview.
            tag: Only sessions with this tag; slow.
            user_id: Only sessions of this user.
            secret: Secret that decrypts the sessions of the user (see `users.get_secret`).
            page_token: Token of the page to start with, such as `page_token` of an error.

        Returns:
            The rows, in the server's order; pages are requested as you iterate.

        Raises:
            UsageError: A column is not valid; no request was sent.
            DocassembleError: While iterating: a page could not be fetched; `page_token` is its
                token.

        Example:
            ```python
            async for row in da.export_session_rows(["@email", "rating"]):
                writer.writerow(row.as_text())
            ```
        """
        from docassemble_client.workflows.accounts.session_rows import export_session_rows

        return export_session_rows(
            self,
            columns,
            i=i,
            tag=tag,
            user_id=user_id,
            secret=secret,
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
            UsageError: `older_than` or another limit is not positive, or there is neither a filter
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
