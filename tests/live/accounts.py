"""Temporary accounts, API keys and privileges."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from attrs import field, frozen

from docassemble_client import AsyncDocassemble, Secret

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from docassemble_client import ApiKeyMethod
    from tests.live.conftest import Connect


@frozen(kw_only=True)
class Account:
    """
    An account with an API key.

    Attributes:
        id: ID of the user.
        email: E-mail address.
        password: Password.
        api_key: API key.
        da: A client with this key.
    """

    id: int
    email: str
    password: Secret
    api_key: Secret
    da: AsyncDocassemble = field(repr=False)


@asynccontextmanager
async def temporary_account(
    admin: AsyncDocassemble, connect: Connect, *privileges: str
) -> AsyncGenerator[Account]:
    """
    Create an account with an API key; delete both afterwards.

    Args:
        admin: Client of the administrator.
        connect: Makes clients.
        privileges: Privileges of the account, such as developer.

    Yields:
        The account.
    """
    email = f"p{secrets.token_hex(8)}@example.com"
    new = await admin.users.create(email, privileges=list(privileges))
    try:
        key = await admin.api_keys.create_for_user(new.user_id, "test")
        async with connect(key) as da:
            yield Account(id=new.user_id, email=email, password=new.password, api_key=key, da=da)
    finally:
        await admin.users.delete(new.user_id, "account_and_shared")


@asynccontextmanager
async def limited_client(
    admin: AsyncDocassemble,
    connect: Connect,
    *permissions: str,
    method: ApiKeyMethod = "none",
    allowed: list[str] | None = None,
) -> AsyncGenerator[AsyncDocassemble]:
    """
    Create a key of the administrator that is limited to permissions; delete it afterwards.

    Args:
        admin: Client of the administrator.
        connect: Makes clients.
        permissions: Permissions such as access_user_info.
        method: Security method of the key.
        allowed: Allowed IP addresses or referers.

    Yields:
        A client with this key.
    """
    key = await admin.api_keys.create(f"k{secrets.token_hex(8)}", method=method, allowed=allowed)
    try:
        # Servers before 1.10 ignore permissions at creation.
        await admin.api_keys.update(api_key=key, permissions=list(permissions))
        async with connect(key) as da:
            yield da
    finally:
        await admin.api_keys.delete(key)


@asynccontextmanager
async def temporary_privilege(admin: AsyncDocassemble, name: str) -> AsyncGenerator[str]:
    """
    Create a privilege; delete it afterwards.

    Args:
        admin: Client of the administrator.
        name: Name of the privilege; `clerk` has permissions in the server's configuration.

    Yields:
        The name.
    """
    await admin.privileges.create(name)
    try:
        yield name
    finally:
        await admin.privileges.delete(name)
