"""An API call: its operation, user and arguments, and the ways to refuse it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import Factory, field, frozen

from docassemble_client._types import is_json_object
from docassemble_client.operation import Operation
from docassemble_client.testing._server.messages import (
    ApiRefusal,
    FakeRequest,
    UnhandledError,
    make_json_response,
    make_text_response,
)
from docassemble_client.testing._state.server_state import ServerState
from docassemble_client.testing._state.users import Account, ApiKey
from docassemble_client.testing._yaml.variable_expressions import IllegalNameError, UndefinedName
from docassemble_client.testing._yaml.yaml_errors import InterviewSyntaxError

if TYPE_CHECKING:
    from docassemble_client.operation import KnownError, Param
    from docassemble_client.testing._server.request_body import UploadedFile

# Names of the real server's exceptions, which are part of its messages.
_SERVER_CLASSES: dict[type[BaseException], str] = {
    UndefinedName: "NameError",
    IllegalNameError: "DAException",
    InterviewSyntaxError: "DASourceError",
}
_FALSE_TEXTS = {"0", "false", "f"}


@frozen
class ApiUser:
    """
    The user of an API call.

    Attributes:
        account: Owner of the key.
        key: The API key.
        granted: Permissions that the configuration gives to the account's privileges.
    """

    account: Account
    key: ApiKey
    granted: frozenset[str] = frozenset()

    @property
    def id(self) -> int:
        """ID of the account."""
        return self.account.id

    @property
    def is_limited(self) -> bool:
        """Whether the key is limited to its permissions; only an administrator's key can be."""
        return self.has_privilege("admin") and bool(self.key.permissions)

    def has_privilege(self, *privileges: str) -> bool:
        """Whether the account has one of these privileges."""
        own = self.account.privileges or ["user"]
        return any(privilege in own for privilege in privileges)

    def may_use(self, *privileges: str, permission: str = "") -> bool:
        """Whether the account has one of the privileges, or a limited key the permission."""
        if self.is_limited:
            return permission in self.key.permissions
        return self.has_privilege(*privileges) or permission in self.granted

    def has_permission(self, permission: str) -> bool:
        """Whether the key is unlimited or has the permission."""
        return not self.is_limited or permission in self.key.permissions

    def is_self(self, number: int) -> bool:
        """Whether this is the user's own account; never true for a limited key."""
        return not self.is_limited and self.id == number


@frozen
class ApiCall:
    """
    An API call.

    Attributes:
        state: State of the server.
        operation: The operation.
        request: The request.
        path_values: Numbers in the path by name.
        authenticated_user: User of the key; None if the key is missing or invalid.
    """

    state: ServerState
    operation: Operation[Any]
    request: FakeRequest = field(repr=False)
    path_values: Mapping[str, int] = Factory(dict[str, int])
    authenticated_user: ApiUser | None = None

    @property
    def user(self) -> ApiUser:
        """The authenticated user."""
        assert self.authenticated_user is not None  # noqa: S101 - checked before the handler runs
        return self.authenticated_user

    def refuse(self, text: str, *values: object) -> NoReturn:
        """
        Respond with a known error of the operation.

        Args:
            text: Text that only this error's message contains.
            values: Values of the placeholders {} in the message.

        Raises:
            ApiRefusal: Always.
        """
        error = find_known_error(self.operation, text)
        message = error.message
        for value in values:
            message = message.replace("{}", str(value), 1)
        raise ApiRefusal(make_json_response(message.replace("{}", ""), error.status))

    def refuse_with(self, text: str) -> NoReturn:
        """
        Respond with an error that is not among the operation's known ones.

        Args:
            text: Message of the error.

        Raises:
            ApiRefusal: Always.
        """
        raise ApiRefusal(make_json_response(text, HTTPStatus.BAD_REQUEST))

    def deny(self) -> NoReturn:
        """
        Respond that access is denied.

        Raises:
            ApiRefusal: Always.
        """
        self.refuse("Access denied.")

    def raise_not_found(self) -> NoReturn:
        """
        Respond that the file was not found, as the server also does for disabled features.

        Raises:
            ApiRefusal: Always.
        """
        error = find_known_error(self.operation, "File not found")
        raise ApiRefusal(make_text_response(error.message, error.status))

    def require_privilege(self, *extra_permissions: str) -> None:
        """
        Require one of the operation's privileges or permissions.

        A limited key needs a permission.

        Args:
            extra_permissions: Permissions that are sufficient as well.
        """
        required = self.operation.privileges
        permissions = {*required.permissions, *extra_permissions}
        if self.user.is_limited:
            if not set(self.user.key.permissions) & permissions:
                self.deny()
        elif required.any_of and not (
            self.user.has_privilege(*required.any_of) or self.user.granted & permissions
        ):
            self.deny()

    def is_enabled(self, directive: str) -> bool:
        """Whether a feature is enabled; the configuration can disable it."""
        return self.state.config.get(directive, True) not in (False, None)

    def require_enabled(self, directive: str) -> None:
        """Respond that the file was not found if the configuration disables a feature."""
        if not self.is_enabled(directive):
            self.raise_not_found()

    def get_path_value(self, name: str) -> int:
        """Get a number in the path."""
        return self.path_values[name]

    @property
    def data(self) -> Mapping[str, Any]:
        """
        The body as a mapping.

        Raises:
            UnhandledError: The body is JSON but not an object; the server does not handle this.
        """
        data = self.request.body.data
        if not is_json_object(data):
            message = f"'{type(data).__name__}' object has no attribute 'get'"
            raise UnhandledError(message, "AttributeError")
        return data

    def has_argument(self, name: str) -> bool:
        """
        Whether an argument of the body was sent.

        Raises:
            UnhandledError: The body is a number or a boolean.
        """
        return self._wire_name(name) in get_searchable_body(self.request)

    def get_value(self, name: str, default: Any = None) -> Any:
        """Get an argument as it was sent; the first of several."""
        return self._get_arguments(name).get(self._wire_name(name), default)

    def get_text(self, name: str) -> str | None:
        """Get an argument as text."""
        value = self.get_value(name)
        return None if value is None else str(value)

    def get_flag(self, name: str, *, default: bool = False) -> bool:
        """Get an argument as a boolean, parsed like the server does."""
        return parse_flag(self.get_value(name, default))

    def get_integer(self, name: str, default: int) -> int | None:
        """Get an argument as an integer; None if it is not a valid integer."""
        try:
            return int(self.get_value(name, default))
        except (TypeError, ValueError):
            return None

    def get_extra_parameters(self, name: str) -> dict[str, str]:
        """Get all query parameters that are not parameters of the operation."""
        reserved = self._get_param(name).reserved
        return {key: value for key, value in self.request.query.items() if key not in reserved}

    def get_files(self, name: str = "") -> list[UploadedFile]:
        """Get the files of an argument; all files by default."""
        files = self.request.body.files
        field_name = self._wire_name(name) if name else ""
        return [file for file in files if not name or file.name == field_name]

    def _wire_name(self, name: str) -> str:
        return self._get_param(name).wire

    def _get_arguments(self, name: str) -> Mapping[str, Any]:
        return self.request.query if self._get_param(name).location == "query" else self.data

    def _get_param(self, name: str) -> Param:
        return next(param for param in self.operation.params if param.name == name)


def find_known_error(operation: Operation[Any], text: str) -> KnownError:
    """
    Find the known error whose message equals or contains a text.

    Raises:
        LookupError: No message contains the text, or several do.
    """
    errors = [error for error in operation.errors if error.message == text] or [
        error for error in operation.errors if text in error.message
    ]
    if len({(error.status, error.message) for error in errors}) != 1:
        message = f"{operation.id} has {len(errors)} known errors with the text {text!r}"
        raise LookupError(message)
    return errors[0]


def parse_flag(value: object) -> bool:
    """Parse a boolean like the server: any text is true except 0, false and f."""
    if value is None or value is False or value == 0:
        return False
    return str(value).lower().strip() not in _FALSE_TEXTS


def get_searchable_body(request: FakeRequest) -> Any:
    """
    Return the body if the server's `name in body` works.

    Raises:
        UnhandledError: The body is a number or a boolean.
    """
    data = request.body.data
    if isinstance(data, (bool, int, float)):
        message = f"argument of type '{type(data).__name__}' is not iterable"
        raise UnhandledError(message, "TypeError")
    return data


def describe_error(error: BaseException) -> str:
    """Describe an exception like the server's error page does, by the server's class name."""
    name = _SERVER_CLASSES.get(type(error), type(error).__name__)
    if isinstance(error, UnhandledError):
        name = error.class_name
    return f"{name}: {error}" if name else str(error)
