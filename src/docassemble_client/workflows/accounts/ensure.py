"""Accounts and keys that are to exist, whatever is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from attrs import frozen

from docassemble_client.config import Secret
from docassemble_client.errors import BadRequest, DocassembleError, NotFound, UsageError
from docassemble_client.models import ApiKey
from docassemble_client.models import User as UserModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.models import ApiKeyMethod, Permission


class Profile(TypedDict, total=False):
    """What `ensure_user` can set of an account; the names are those of `User`."""

    first_name: str
    last_name: str
    country: str
    subdivisionfirst: str
    subdivisionsecond: str
    subdivisionthird: str
    organization: str
    timezone: str
    language: str


@frozen(kw_only=True)
class EnsuredUser:
    """
    An account as it is now, and what had to be done for it.

    Attributes:
        user: The account. One that was deactivated before still is: see `active`.
        created: Whether it is new.
        granted: Privileges it was given.
        revoked: Privileges it lost.
        changed: Fields of its profile that were set.
        password: Its password, where it is new.
    """

    user: UserModel
    created: bool
    granted: tuple[str, ...]
    revoked: tuple[str, ...]
    changed: tuple[str, ...]
    password: Secret | None = None


@frozen(kw_only=True)
class EnsuredApiKey:
    """
    A key that exists now, and whether its text is known.

    Attributes:
        info: The key as the server lists it, masked.
        key: The whole key, where it is new; None where it was there already, as the server shows
            it only once.
        differs: What is not as it was asked for (method, allowed, permissions); empty for a new
            key. It can be changed with the whole key only, by `api_keys.update_for_user`.
    """

    info: ApiKey
    key: Secret | None
    differs: tuple[str, ...] = ()

    @property
    def created(self) -> bool:
        """Whether it is new."""
        return self.key is not None

    def __str__(self) -> str:
        if self.created:
            return f"The key {self.info.name!r} is new; keep it, the server never shows it again."
        text = (
            f"The key {self.info.name!r} (…{self.info.last_four}) was there already; its text"
            " cannot be had again. Use the copy that was kept, or another name for a new key."
        )
        if self.differs:
            text += f" It is not as asked for: {', '.join(self.differs)}."
        return text


async def ensure_user(
    da: AsyncDocassemble,
    email: str,
    *,
    privileges: Sequence[str] | None,
    profile: Profile | None,
    password: str | Secret | None,
) -> EnsuredUser:
    """
    Make an account, or change what differs.

    Args:
        da: Client.
        email: Its e-mail address.
        privileges: All privileges it is to have; None leaves them alone.
        profile: Fields it is to have; others are left alone.
        password: Password of a new account.

    Returns:
        The account and what was done.

    Raises:
        UsageError: A field is not known, or a value is no text.
    """
    address = email.strip()
    fields = _checked(profile or {})
    wanted = None if privileges is None else _names(privileges)
    user = await _found(da, address)
    if user is None:
        try:
            new = await da.users.create(address, privileges=wanted, password=password, **fields)
        except BadRequest:
            # Somebody was faster, or the look-up cannot find such an address.
            user = await _listed(da, address)
            if user is None:
                raise
        else:
            return EnsuredUser(
                user=await da.users.get(new.user_id),
                created=True,
                granted=tuple(wanted or ()),
                revoked=(),
                changed=tuple(fields),
                password=new.password,
            )
    return await _adjusted(da, user, wanted, fields)


async def _adjusted(
    da: AsyncDocassemble, user: UserModel, wanted: list[str] | None, fields: Profile
) -> EnsuredUser:
    """Apply the difference; rights are taken away last, so that none is missing meanwhile."""
    goal = user.privileges if wanted is None else wanted
    granted = tuple(name for name in goal if name not in user.privileges)
    revoked = tuple(name for name in user.privileges if name not in goal)
    changes = {
        name: value for name, value in fields.items() if value != (getattr(user, name) or "")
    }
    for name in granted:
        await da.privileges.grant(user.id, name)
    if changes:
        await da.users.update(user.id, **cast("Profile", changes))
    for name in revoked:
        await da.privileges.revoke(user.id, name)
    if granted or revoked or changes:
        user = await da.users.get(user.id)
    return EnsuredUser(
        user=user, created=False, granted=granted, revoked=revoked, changed=tuple(changes)
    )


async def _found(da: AsyncDocassemble, address: str) -> UserModel | None:
    try:
        user = await da.users.get_by_username(address)
    except NotFound:
        return None
    # An underscore stands for any character in the look-up: this may be somebody else.
    return user if _same(user, address) else await _listed(da, address)


async def _listed(da: AsyncDocassemble, address: str) -> UserModel | None:
    async for user in da.users.list(include_inactive=True):
        if _same(user, address):
            return await da.users.get(user.id)
    return None


def _same(user: UserModel, address: str) -> bool:
    return (user.email or "").casefold() == address.casefold()


def _checked(profile: Mapping[str, object]) -> Profile:
    unknown = sorted(profile.keys() - Profile.__annotations__.keys())
    if unknown:
        message = f"a profile has no {', '.join(unknown)}"
        raise UsageError(message, hint=f"Pass {', '.join(Profile.__annotations__)}")
    fields: dict[str, str] = {}
    for name, value in profile.items():
        if not isinstance(value, str):
            message = f"{name} must be a text"
            raise UsageError(message, hint="Pass '' to empty it")
        fields[name] = value.strip()  # as the server does
    return cast("Profile", fields)


def _names(privileges: Sequence[str]) -> list[str]:
    if isinstance(privileges, str):
        message = "privileges must be a list of names"
        raise UsageError(message, hint=f"Pass [{privileges!r}]")
    return list(dict.fromkeys(privileges))


async def ensure_api_key(
    da: AsyncDocassemble,
    user: UserModel | int,
    name: str,
    *,
    permissions: Sequence[Permission] | None,
    method: ApiKeyMethod | None,
    allowed: Sequence[str] | None,
) -> EnsuredApiKey:
    """
    Make a key, unless the account has one of this name.

    Args:
        da: Client.
        user: The account or its number.
        name: Name of the key.
        permissions: What it is limited to.
        method: How it is restricted.
        allowed: Addresses or referers it is restricted to.

    Returns:
        The key, with its text where it is new.
    """
    user_id = user if isinstance(user, int) else user.id
    info = await _named(da, user_id, name)
    if info is None:
        try:
            key = await da.api_keys.create_for_user(
                user_id, name, method=method, allowed=allowed, permissions=permissions
            )
        except BadRequest:
            info = await _named(da, user_id, name)
            if info is None:
                raise
        else:
            return await _settled(da, user_id, name, key, permissions)
    asked = {"method": method, "allowed": allowed, "permissions": permissions}
    has = {"method": info.method, "allowed": info.constraints, "permissions": info.permissions}
    differs = (one for one in asked if asked[one] is not None and _odd(asked[one], has[one]))
    return EnsuredApiKey(info=info, key=None, differs=tuple(differs))


async def _settled(
    da: AsyncDocassemble,
    user_id: int,
    name: str,
    key: Secret,
    permissions: Sequence[Permission] | None,
) -> EnsuredApiKey:
    """Look at a new key, and limit it where the server did not; a key that failed is deleted."""
    try:
        info = await _named(da, user_id, name)
        if permissions and (info is None or _odd(permissions, info.permissions)):
            # Servers before 1.10 make keys without the limits that were asked for.
            await da.api_keys.update_for_user(user_id, key, permissions=permissions)
            info = await _named(da, user_id, name)
        if info is None:
            message = f"the new key {name!r} is not listed"
            raise DocassembleError(message, hint="Somebody deleted it meanwhile")
    except DocassembleError:
        await da.api_keys.delete_for_user(user_id, key)
        raise
    return EnsuredApiKey(info=info, key=key)


async def _named(da: AsyncDocassemble, user_id: int, name: str) -> ApiKey | None:
    keys = await da.api_keys.list_for_user(user_id)
    return next((one for one in keys if one.name == name), None)


def _odd(asked: object, has: object) -> bool:
    """Whether two values differ; lists in another order do not."""
    if isinstance(asked, str):
        return asked != has
    return set(cast("Sequence[str]", asked)) != set(cast("Sequence[str] | None", has) or ())
