"""Accounts, privileges and API keys."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attrs import Factory, define, field

from docassemble_client.testing._state.secrets import generate_alphanumeric

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILT_IN_PRIVILEGES = ("user", "admin", "cron", "developer", "advocate", "trainer", "customer")
UNDELETABLE_PRIVILEGES = ("user", "admin", "developer", "advocate", "cron")
ELEVATED_PRIVILEGES = ("admin", "developer", "advocate")


@define
class Account:
    """
    A user account.

    Attributes:
        id: Account number, from 1.
        email: E-mail address.
        password: Password; empty if none is set.
        privileges: Names of the privileges.
        active: Whether the account may use the server.
        removed: Whether the account was deleted; its row remains.
        two_factor: Whether logging in requires a second factor.
        account_type: How the user logs in.
    """

    id: int
    email: str
    password: str = field(repr=False)
    privileges: list[str]
    first_name: str = ""
    last_name: str = ""
    country: str = ""
    subdivisionfirst: str = ""
    subdivisionsecond: str = ""
    subdivisionthird: str = ""
    organization: str = ""
    timezone: str | None = ""
    language: str | None = ""
    active: bool = True
    removed: bool = False
    two_factor: bool = False
    account_type: str = "local"

    @property
    def secret(self) -> str:
        """Key that encrypts the user's sessions."""
        # The server derives the key from the password like this.
        return hashlib.md5(self.password.encode(), usedforsecurity=False).hexdigest()[:16]


PROFILE_FIELDS = (
    "first_name",
    "last_name",
    "country",
    "subdivisionfirst",
    "subdivisionsecond",
    "subdivisionthird",
    "organization",
    "timezone",
    "language",
)


@define
class ApiKey:
    """
    An API key.

    Attributes:
        key: The key itself.
        owner: ID of the account that owns it.
        name: Name of the key.
        method: How its use is restricted: none, ip or referer.
        constraints: Allowed addresses or referers; an empty list allows all.
        permissions: Permissions that limit the key; an empty list does not limit it.
        created_at_setup: Whether it was created with the server, without a list of permissions.
    """

    key: str = field(repr=False)
    owner: int
    name: str
    method: str = "none"
    constraints: list[str] = Factory(list[str])
    permissions: list[str] = Factory(list[str])
    created_at_setup: bool = False


class Users:
    """All accounts, privileges and API keys."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.keys: list[ApiKey] = []
        self.privileges: list[str] = list(BUILT_IN_PRIVILEGES)

    def add(self, email: str, password: str, privileges: list[str], **profile: str) -> Account:
        """Add an account; its privileges are put in the server's order."""
        ordered = [privilege for privilege in self.privileges if privilege in privileges]
        account = Account(len(self.accounts) + 1, email, password, ordered)
        for name, value in profile.items():
            setattr(account, name, value)
        self.accounts[account.id] = account
        return account

    def find(self, number: int) -> Account | None:
        """Find an account by ID, unless it was removed."""
        account = self.accounts.get(number)
        return None if account is None or account.removed else account

    def iter_accounts(self) -> Iterator[Account]:
        """Return all accounts that were not removed, in the order of their IDs."""
        return (account for account in self.accounts.values() if not account.removed)

    def find_by_email(self, email: str, *, case_sensitive: bool = False) -> Account | None:
        """Find an account by its e-mail address; `_` in it matches any character."""
        for account in self.iter_accounts():
            if account.email == email or (
                not case_sensitive and _matches_ilike(account.email, email)
            ):
                return account
        return None

    def remove(self, account: Account) -> None:
        """Delete an account and its keys; its ID is not reused."""
        account.removed = True
        account.active = False
        self.keys = [key for key in self.keys if key.owner != account.id]

    def delete_privilege(self, name: str) -> None:
        """Delete a privilege and revoke it from all accounts."""
        self.privileges.remove(name)
        for account in self.accounts.values():
            if name in account.privileges:
                account.privileges.remove(name)

    def add_key(self, owner: int, name: str, key: str = "") -> ApiKey:
        """Add a key; a random one by default."""
        api_key = ApiKey(key or generate_alphanumeric(32), owner, name)
        self.keys.append(api_key)
        return api_key

    def list_keys(self, owner: int) -> list[ApiKey]:
        """List the keys of an account."""
        return [key for key in self.keys if key.owner == owner]

    def find_key(self, key: object, owner: int | None = None) -> ApiKey | None:
        """Find a key, optionally of one owner only."""
        for api_key in self.keys:
            if api_key.key == key and owner in {None, api_key.owner}:
                return api_key
        return None


def _matches_ilike(text: str, pattern: str) -> bool:
    """Match as SQL's ILIKE does, ignoring `%`, which the server removes."""
    pattern = pattern.replace("%", "")
    return len(text) == len(pattern) and all(
        wildcard in {"_", character}
        for character, wildcard in zip(text.lower(), pattern.lower(), strict=True)
    )
