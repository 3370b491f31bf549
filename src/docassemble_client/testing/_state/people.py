"""Accounts, privileges and API keys."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attrs import Factory, define, field

from docassemble_client.testing._state.secrets import alphanumeric

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILT_IN = ("user", "admin", "cron", "developer", "advocate", "trainer", "customer")
UNDELETABLE = ("user", "admin", "developer", "advocate", "cron")
POWERFUL = ("admin", "developer", "advocate")


@define
class Account:
    """
    A user.

    Attributes:
        id: Its number, from 1.
        email: E-mail address.
        password: Password; empty if it has none.
        privileges: Names of its privileges.
        active: Whether it may use the server.
        removed: Whether it was deleted, of which the row remains.
        two_factor: Whether a second factor is needed to log in.
        account_type: How it logs in.
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
        """Key that encrypts its sessions; made of the password, as on the server."""
        # What the server does, not what anybody should do with passwords.
        return hashlib.md5(self.password.encode(), usedforsecurity=False).hexdigest()[:16]


PROFILE = (
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
class Key:
    """
    An API key.

    Attributes:
        key: The key.
        owner: Number of the account it belongs to.
        name: Its name.
        method: How it is restricted: none, ip or referer.
        constraints: Addresses or referers it is restricted to; none means no restriction.
        permissions: What it is limited to; none means everything its owner may do.
        installed: Whether it was made with the server, without a list of permissions.
    """

    key: str = field(repr=False)
    owner: int
    name: str
    method: str = "none"
    constraints: list[str] = Factory(list[str])
    permissions: list[str] = Factory(list[str])
    installed: bool = False


class People:
    """Everybody the server knows, and their keys."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.keys: list[Key] = []
        self.privileges: list[str] = list(BUILT_IN)

    def add(self, email: str, password: str, privileges: list[str], **profile: str) -> Account:
        """Add an account, in the order of the server's privileges."""
        ordered = [one for one in self.privileges if one in privileges]
        account = Account(len(self.accounts) + 1, email, password, ordered)
        for name, value in profile.items():
            setattr(account, name, value)
        self.accounts[account.id] = account
        return account

    def find(self, number: int) -> Account | None:
        """Find an account by its number, unless it was removed."""
        account = self.accounts.get(number)
        return None if account is None or account.removed else account

    def present(self) -> Iterator[Account]:
        """All accounts that were not removed, by number."""
        return (one for one in self.accounts.values() if not one.removed)

    def by_email(self, email: str, *, case_sensitive: bool = False) -> Account | None:
        """Find an account by its e-mail address, in which _ stands for any character."""
        for account in self.present():
            if account.email == email or (not case_sensitive and _like(account.email, email)):
                return account
        return None

    def remove(self, account: Account) -> None:
        """Delete an account with its keys; its number is not given again."""
        account.removed = True
        account.active = False
        self.keys = [one for one in self.keys if one.owner != account.id]

    def drop_privilege(self, name: str) -> None:
        """Delete a privilege, also from those who have it."""
        self.privileges.remove(name)
        for account in self.accounts.values():
            account.privileges = [one for one in account.privileges if one != name]

    def add_key(self, owner: int, name: str, key: str = "") -> Key:
        """Make a key."""
        made = Key(key or alphanumeric(32), owner, name)
        self.keys.append(made)
        return made

    def keys_of(self, owner: int) -> list[Key]:
        """All keys of an account."""
        return [one for one in self.keys if one.owner == owner]

    def find_key(self, key: object, owner: int | None = None) -> Key | None:
        """Find a key, of a certain owner if one is named."""
        for one in self.keys:
            if one.key == key and owner in {None, one.owner}:
                return one
        return None


def _like(text: str, pattern: str) -> bool:
    """Compare as SQL's ILIKE does, without the percent sign, which the server takes out."""
    pattern = pattern.replace("%", "")
    return len(text) == len(pattern) and all(
        there in {"_", here} for here, there in zip(text.lower(), pattern.lower(), strict=True)
    )
