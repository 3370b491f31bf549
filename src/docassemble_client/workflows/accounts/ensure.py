"""Creates users and API keys that are missing, and updates users that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict, cast

from attrs import evolve, field, frozen

from docassemble_client._checks import (
    FLAG,
    TEXT,
    TEXT_MAPPING,
    TEXTS,
    Kind,
    check_arguments,
    validate,
)
from docassemble_client._client_lifetime import get_cleanup_tasks
from docassemble_client._concurrency import CancelledError
from docassemble_client.config import Secret
from docassemble_client.errors import BadRequest, DocassembleError, NotFound, UsageError
from docassemble_client.models import ApiKey
from docassemble_client.models import User as UserModel
from docassemble_client.workflows.errors import ApiKeyNotCreated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from docassemble_client._base_client import BaseClient
    from docassemble_client.models import ApiKeyMethod, Permission


class Profile(TypedDict, total=False):
    """Fields of a user that `ensure_user` can set, named as in `User`."""

    first_name: str
    last_name: str
    country: str
    subdivisionfirst: str
    subdivisionsecond: str
    subdivisionthird: str
    organization: str
    timezone: str
    language: str


_USER = Kind(
    "a User or the ID of one",
    lambda value: isinstance(value, (int, UserModel)) and not isinstance(value, bool),
)


@frozen(kw_only=True)
class EnsuredUser:
    """
    A user, and the changes that `ensure_user` made.

    Attributes:
        created: Whether the user is new.
        granted: Privileges that were granted.
        revoked: Privileges that were revoked.
        changed: Names of the profile fields that were set.
        dry_run: Whether this was a dry run: the changes were not made.
        password: Password of a new user; None if the user already existed.
    """

    _user: UserModel | None = field(alias="user")
    created: bool
    granted: tuple[str, ...]
    revoked: tuple[str, ...]
    changed: tuple[str, ...]
    dry_run: bool = False
    password: Secret | None = None

    @property
    def user(self) -> UserModel:
        """
        The user. `ensure_user` does not reactivate a deactivated user: see `active`.

        Raises:
            UsageError: This was a dry run, and the user does not exist.
        """
        if self._user is None:
            message = "the user does not exist, because this was a dry run"
            raise UsageError(message, hint="Check `created` first")
        return self._user


@frozen(kw_only=True)
class EnsuredApiKey:
    """
    An API key; its value is available only if the key is new.

    Attributes:
        info: The key as the server lists it, masked.
        key: Value of a new key; None if the key already existed, as the server shows it only once.
        differences: Settings that differ from the requested ones (method, allowed, permissions);
            empty for a new key. To change them, pass the value to `api_keys.update_for_user`.
    """

    info: ApiKey
    key: Secret | None
    differences: tuple[str, ...] = ()

    @property
    def created(self) -> bool:
        """Whether the key is new."""
        return self.key is not None

    def __str__(self) -> str:
        if self.created:
            return f"The key {self.info.name!r} is new. Save it: the server shows it only once."
        text = (
            f"The key {self.info.name!r} (…{self.info.last_four}) already exists; its value is not"
            " available. Use your saved copy, or choose another name for a new key."
        )
        if self.differences:
            text += f" Settings that differ: {', '.join(self.differences)}."
        return text


@frozen(kw_only=True)
class UserOptions:
    """What users must have, as in `ensure_user`; checked when it is created."""

    privileges: Sequence[str] | None = field(validator=validate(TEXTS, optional=True))
    exact_privileges: Sequence[str] | None = field(validator=validate(TEXTS, optional=True))
    dry_run: bool = field(validator=validate(FLAG))

    def __attrs_post_init__(self) -> None:
        if self.privileges is not None and self.exact_privileges is not None:
            message = "pass privileges or exact_privileges, not both"
            raise UsageError(message)


async def ensure_user(
    client: BaseClient,
    email: str,
    options: UserOptions,
    *,
    profile: Profile | None,
    password: str | Secret | None,
) -> EnsuredUser:
    """Create a user, or update what differs."""
    check_arguments(TEXT, email=email)
    fields = _normalize_profile(profile)
    address = email.strip()
    user = await _find_user(client, address)
    return await _ensure_user(client, address, user, options, fields, password)


async def ensure_users(
    client: BaseClient, profiles: Mapping[str, Profile], options: UserOptions
) -> AsyncGenerator[EnsuredUser]:
    """Create users that are missing, and update what differs; list all users once."""
    check_arguments(TEXT_MAPPING, profiles=profiles)
    requested = [(email.strip(), _normalize_profile(profiles[email])) for email in profiles]
    addresses = {address.casefold() for address, _ in requested}
    if len(addresses) < len(requested):
        message = "an e-mail address occurs several times; upper and lower case do not matter"
        raise UsageError(message)
    users: dict[str, UserModel] = {}
    async for user in client.users.list(include_inactive=True):
        if (address := (user.email or "").casefold()) in addresses:
            users[address] = user
    for address, fields in requested:
        existing = users.get(address.casefold())
        yield await _ensure_user(client, address, existing, options, fields, None)


async def _ensure_user(
    client: BaseClient,
    address: str,
    user: UserModel | None,
    options: UserOptions,
    fields: Profile,
    password: str | Secret | None,
) -> EnsuredUser:
    exact_privileges, dry_run = options.exact_privileges, options.dry_run
    names = list(dict.fromkeys(exact_privileges or options.privileges or ()))
    if user is None and dry_run:
        return EnsuredUser(
            user=None,
            created=True,
            granted=tuple(names),
            revoked=(),
            changed=tuple(fields),
            dry_run=True,
        )
    if user is None:
        try:
            new = await client.users.create(
                address, privileges=names or None, password=password, **fields
            )
        except BadRequest:
            # Another program created the user meanwhile, or the lookup cannot find such an address.
            user = await _find_listed_user(client, address)
            if user is None:
                raise
        else:
            return EnsuredUser(
                user=await client.users.get(new.user_id),
                created=True,
                granted=tuple(names),
                revoked=(),
                changed=tuple(fields),
                password=new.password,
            )
    changes = EnsuredUser(
        user=user,
        created=False,
        granted=tuple(name for name in names if name not in user.privileges),
        revoked=tuple(
            name
            for name in user.privileges
            if exact_privileges is not None and name not in exact_privileges
        ),
        changed=tuple(
            name for name, value in fields.items() if value != (getattr(user, name) or "")
        ),
        dry_run=dry_run,
    )
    return changes if dry_run else await _apply_changes(client, changes, fields)


async def _apply_changes(client: BaseClient, changes: EnsuredUser, fields: Profile) -> EnsuredUser:
    """Apply the differences; privileges are revoked last, so that none is missing meanwhile."""
    user = changes.user
    for name in changes.granted:
        await client.privileges.grant(user.id, name)
    if changes.changed:
        values = {name: value for name, value in fields.items() if name in changes.changed}
        await client.users.update(user.id, **cast("Profile", values))
    for name in changes.revoked:
        await client.privileges.revoke(user.id, name)
    if changes.granted or changes.revoked or changes.changed:
        user = await client.users.get(user.id)
    return evolve(changes, user=user)


async def _find_user(client: BaseClient, address: str) -> UserModel | None:
    try:
        user = await client.users.get_by_username(address)
    except NotFound:
        return None
    # The lookup treats an underscore as a wildcard, so it may return another user.
    return user if _has_address(user, address) else await _find_listed_user(client, address)


async def _find_listed_user(client: BaseClient, address: str) -> UserModel | None:
    async for user in client.users.list(include_inactive=True):
        if _has_address(user, address):
            return await client.users.get(user.id)
    return None


def _has_address(user: UserModel, address: str) -> bool:
    return (user.email or "").casefold() == address.casefold()


def _normalize_profile(profile: Mapping[str, object] | None) -> Profile:
    check_arguments(TEXT_MAPPING, optional=True, profile=profile)
    profile = profile or {}
    unknown = sorted(profile.keys() - Profile.__annotations__.keys())
    if unknown:
        message = f"unknown profile fields: {', '.join(unknown)}"
        raise UsageError(message, hint=f"Use {', '.join(Profile.__annotations__)}")
    fields: dict[str, str] = {}
    for name, value in profile.items():
        if not isinstance(value, str):
            message = f"{name} must be a string"
            raise UsageError(message, hint="Pass '' to clear it")
        fields[name] = value.strip()  # as the server does
    return cast("Profile", fields)


async def ensure_api_key(
    client: BaseClient,
    user: UserModel | int,
    name: str,
    *,
    permissions: Sequence[Permission] | None,
    method: ApiKeyMethod | None,
    allowed: Sequence[str] | None,
) -> EnsuredApiKey:
    """Create an API key, unless the user has a key with this name."""
    check_arguments(_USER, user=user)
    check_arguments(TEXT, name=name)
    check_arguments(TEXT, optional=True, method=method)
    check_arguments(TEXTS, optional=True, permissions=permissions, allowed=allowed)
    user_id = user if isinstance(user, int) else user.id
    info = await _find_key(client, user_id, name)
    if info is None:
        try:
            key = await get_cleanup_tasks(client).run(
                partial(
                    client.api_keys.create_for_user,
                    user_id,
                    name,
                    method=method,
                    allowed=allowed,
                    permissions=permissions,
                ),
                _describe_key(user_id),
                undo=partial(client.api_keys.delete_for_user, user_id),
            )
        except BadRequest:
            # Another program may have created the key meanwhile.
            info = await _find_key(client, user_id, name)
            if info is None:
                raise
        else:
            return await _verify_new_key(client, user_id, name, key, permissions)
    requested = {"method": method, "allowed": allowed, "permissions": permissions}
    actual = {"method": info.method, "allowed": info.constraints, "permissions": info.permissions}
    differences = (
        setting
        for setting, value in requested.items()
        if value is not None and _is_different(value, actual[setting])
    )
    return EnsuredApiKey(info=info, key=None, differences=tuple(differences))


async def _verify_new_key(
    client: BaseClient,
    user_id: int,
    name: str,
    key: Secret,
    permissions: Sequence[Permission] | None,
) -> EnsuredApiKey:
    """Check a new key, and set its permissions if the server did not; on failure delete it."""
    try:
        info = await _find_key(client, user_id, name)
        if permissions and (info is None or _is_different(permissions, info.permissions)):
            # Servers before 1.10 ignore the permissions when they create a key.
            await client.api_keys.update_for_user(user_id, key, permissions=permissions)
            info = await _find_key(client, user_id, name)
        if info is None:
            message = f"the new key {name!r} is not listed"
            hint = "Another program may have deleted it; call ensure_api_key again"
            raise ApiKeyNotCreated(
                message, operation="api_keys.create_for_user", hint=hint, name=name
            )
    except (DocassembleError, CancelledError, KeyboardInterrupt) as error:
        # Nobody would get the text of the key.
        await get_cleanup_tasks(client).finish(
            partial(client.api_keys.delete_for_user, user_id, key),
            _describe_key(user_id),
            error,
            note="The key was not deleted",
        )
        raise
    return EnsuredApiKey(info=info, key=key)


def _describe_key(user_id: int) -> str:
    return f"a new API key of user {user_id}"


async def _find_key(client: BaseClient, user_id: int, name: str) -> ApiKey | None:
    keys = await client.api_keys.list_for_user(user_id)
    return next((key for key in keys if key.name == name), None)


def _is_different(requested: object, actual: object) -> bool:
    """Whether two settings differ; the order of a list does not matter."""
    if isinstance(requested, str):
        return requested != actual
    return set(cast("Sequence[str]", requested)) != set(cast("Sequence[str] | None", actual) or ())
