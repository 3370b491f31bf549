"""Accounts and keys that exist as long as a test needs them."""

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
class Person:
    """
    An account with a key of its own.

    Attributes:
        id: Number of the account.
        email: Its e-mail address.
        password: Its password.
        api_key: Its key.
        da: A client on this key.
    """

    id: int
    email: str
    password: Secret
    api_key: Secret
    da: AsyncDocassemble = field(repr=False)


@asynccontextmanager
async def person(
    admin: AsyncDocassemble, connect: Connect, *privileges: str
) -> AsyncGenerator[Person]:
    """
    Make an account with these privileges and a key; both are gone afterwards.

    Args:
        admin: Client of the administrator.
        connect: What makes clients.
        privileges: Names such as developer; none for a person without any.

    Yields:
        The account.
    """
    email = f"p{secrets.token_hex(8)}@example.com"
    new = await admin.users.create(email, privileges=list(privileges))
    try:
        key = await admin.api_keys.create_for_user(new.user_id, "test")
        async with connect(key) as da:
            yield Person(id=new.user_id, email=email, password=new.password, api_key=key, da=da)
    finally:
        await admin.users.delete(new.user_id, "account_and_shared")


@asynccontextmanager
async def limited(
    admin: AsyncDocassemble,
    connect: Connect,
    *permissions: str,
    method: ApiKeyMethod = "none",
    allowed: list[str] | None = None,
) -> AsyncGenerator[AsyncDocassemble]:
    """
    Make a key of the administrator that is limited to these permissions; gone afterwards.

    Args:
        admin: Client of the administrator.
        connect: What makes clients.
        permissions: Names such as access_user_info.
        method: How else the key is restricted.
        allowed: Addresses or referers it is restricted to.

    Yields:
        A client on the key.
    """
    key = await admin.api_keys.create(f"k{secrets.token_hex(8)}", method=method, allowed=allowed)
    try:
        # Servers before 1.10 heed permissions only here.
        await admin.api_keys.update(api_key=key, permissions=list(permissions))
        async with connect(key) as da:
            yield da
    finally:
        await admin.api_keys.delete(key)


@asynccontextmanager
async def privilege(admin: AsyncDocassemble, name: str) -> AsyncGenerator[str]:
    """
    Make a privilege; gone afterwards.

    Args:
        admin: Client of the administrator.
        name: Its name; clerk is one that the server's configuration gives permissions.

    Yields:
        The name.
    """
    await admin.privileges.create(name)
    try:
        yield name
    finally:
        await admin.privileges.delete(name)
