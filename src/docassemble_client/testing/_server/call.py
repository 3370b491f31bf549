"""One call: which operation it is, who makes it, and with which arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import Factory, field, frozen

from docassemble_client._types import is_object
from docassemble_client.operation import Operation
from docassemble_client.testing._server.messages import (
    Crash,
    Incoming,
    Refusal,
    json_answer,
    text_answer,
)
from docassemble_client.testing._state.people import Account, Key
from docassemble_client.testing._state.world import World

if TYPE_CHECKING:
    from docassemble_client.operation import KnownError
    from docassemble_client.testing._server.body import Part

_FALSE = {"0", "false", "f"}


@frozen
class Caller:
    """
    Who calls.

    Attributes:
        account: Owner of the key.
        key: The key.
        granted: Permissions the configuration gives to the account's privileges.
    """

    account: Account
    key: Key
    granted: frozenset[str] = frozenset()

    @property
    def id(self) -> int:
        """Number of the account."""
        return self.account.id

    @property
    def limited(self) -> bool:
        """Whether the key is limited to permissions; only those of administrators can be."""
        return self.has("admin") and bool(self.key.permissions)

    def has(self, *privileges: str) -> bool:
        """Whether the account has one of these privileges."""
        mine = self.account.privileges or ["user"]
        return any(one in mine for one in privileges)

    def may(self, *privileges: str, permission: str = "") -> bool:
        """Whether a privilege of the account suffices, or for a limited key the permission."""
        if self.limited:
            return permission in self.key.permissions
        return self.has(*privileges) or permission in self.granted

    def holds(self, permission: str) -> bool:
        """Whether the key is not limited, or has the permission."""
        return not self.limited or permission in self.key.permissions

    def is_self(self, number: int) -> bool:
        """Whether this is the caller's own account; a limited key never calls for itself."""
        return not self.limited and self.id == number


@frozen
class Call:
    """
    A call.

    Attributes:
        world: What the server remembers.
        operation: The operation.
        request: The request.
        place: Arguments from the path, by name.
        known: Who calls; None where no key is needed.
    """

    world: World
    operation: Operation[Any]
    request: Incoming = field(repr=False)
    place: Mapping[str, int] = Factory(dict[str, int])
    known: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who calls."""
        assert self.known is not None  # noqa: S101 - the router lets nobody else in
        return self.known

    def refuse(self, words: str, *parts: object) -> NoReturn:
        """
        Answer with an error that the operation is known to send.

        Args:
            words: Words that only this one of its messages has.
            parts: What stands for each {} in the message.

        Raises:
            Refusal: Always.
        """
        error = known_error(self.operation, words)
        text = error.message
        for part in parts:
            text = text.replace("{}", str(part), 1)
        raise Refusal(json_answer(text.replace("{}", ""), error.status))

    def deny(self) -> NoReturn:
        """
        Answer that the key is not good enough.

        Raises:
            Refusal: Always.
        """
        self.refuse("Access denied.")

    def missing(self) -> NoReturn:
        """
        Answer that there is no such file, in the way the server does for switched-off parts too.

        Raises:
            Refusal: Always.
        """
        error = known_error(self.operation, "File not found")
        raise Refusal(text_answer(error.message, error.status))

    def require(self, *others: str) -> None:
        """
        Demand one of the operation's privileges, or of a limited key one of its permissions.

        Args:
            others: Further permissions that suffice.
        """
        caller, wanted = self.caller, self.operation.privileges
        if caller.limited:
            if not set(caller.key.permissions) & {*wanted.permissions, *others}:
                self.deny()
        elif wanted.any and not (
            caller.has(*wanted.any) or caller.granted & {*wanted.permissions, *others}
        ):
            self.deny()

    def allows(self, directive: str) -> bool:
        """Whether the configuration does not switch this off."""
        return self.world.config.get(directive, True) not in (False, None)

    def enabled(self, directive: str) -> None:
        """Answer as the server does when its configuration switches this off."""
        if not self.allows(directive):
            self.missing()

    def number(self, name: str) -> int:
        """Argument from the path."""
        return self.place[name]

    @property
    def data(self) -> Mapping[str, Any]:
        """
        The body as an object.

        Raises:
            Crash: It is JSON of another kind, which the server does not expect.
        """
        data = self.request.body.data
        if not is_object(data):
            message = f"'{type(data).__name__}' object has no attribute 'get'"
            raise Crash(message) from AttributeError(message)
        return data

    def given(self, name: str) -> bool:
        """Whether an argument was sent."""
        return self._wire(name) in self._source(name)

    def value(self, name: str, default: Any = None) -> Any:
        """Argument as it was sent; the first, if there are several."""
        return self._source(name).get(self._wire(name), default)

    def text(self, name: str) -> str | None:
        """Argument as text."""
        value = self.value(name)
        return None if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Argument as the server reads truth values: everything but a few words is true."""
        return truth(self.value(name, default))

    def integer(self, name: str, default: int) -> int | None:
        """Argument as a number; None if it is none."""
        try:
            return int(self.value(name, default))
        except (TypeError, ValueError):
            return None

    def spread(self, name: str) -> dict[str, str]:
        """All parameters of the query that have no name of their own."""
        reserved = next(one.reserved for one in self.operation.params if one.name == name)
        return {key: one for key, one in self.request.query.items() if key not in reserved}

    def files(self, name: str = "") -> list[Part]:
        """Files of an argument, or all of them."""
        files = self.request.body.files
        wanted = self._wire(name) if name else ""
        return [one for one in files if not name or one.name == wanted]

    def _wire(self, name: str) -> str:
        return next(one.wire for one in self.operation.params if one.name == name)

    def _source(self, name: str) -> Mapping[str, Any]:
        place = next(one.place for one in self.operation.params if one.name == name)
        return self.request.query if place == "query" else self.data


def known_error(operation: Operation[Any], words: str) -> KnownError:
    """
    Find the one known error with these words.

    Raises:
        LookupError: None has them, or several have.
    """
    found = [one for one in operation.errors if one.message == words] or [
        one for one in operation.errors if words in one.message
    ]
    if len({(one.status, one.message) for one in found}) != 1:
        message = f"{operation.id} has {len(found)} known errors with the words {words!r}"
        raise LookupError(message)
    return found[0]


def truth(value: object) -> bool:
    """Read a truth value as the server does."""
    if value is None or value is False or value == 0:
        return False
    return str(value).lower().strip() not in _FALSE


def crash(error: BaseException) -> str:
    """Say what happened, as the server's page does."""
    cause = error.__cause__ if isinstance(error, Crash) and error.__cause__ else error
    return f"{type(cause).__name__}: {cause}"
