"""The types of the operations table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Any, Generic, Literal, TypeVar

from docassemble_client._types import JSON

T_co = TypeVar("T_co", covariant=True)

ParamLocation = Literal["path", "query", "body", "file", "local"]
RetryClass = Literal["safe", "if_unsent"]
Decoder = Callable[[JSON], Any]


class Param:
    """
    A parameter of an operation and how it is sent.

    Attributes:
        name: Python name.
        location: Part of the request that carries it; local parameters are not sent.
        kind: Type as in the specification, such as int or list[str].
        wire: Name on the wire: the argument `alias`, or else the Python name.
        required: Whether the caller must pass it.
        null: Whether null is sent and differs from leaving the parameter out.
        sensitive: Whether its value must not be logged.
        json_text: Whether it is sent as JSON inside a string, even in a JSON body.
        spread: Whether each item of the mapping is sent as a parameter.
        reserved: Names that a spread mapping must not contain.
        variable_name: Whether it contains names that the server executes as Python.
        renamed_by: The parameter that maps its names to variables, if they are not valid ones.
        values: The values that the server accepts; empty if it accepts any.
    """

    def __init__(
        self,
        name: str,
        location: ParamLocation,
        kind: str,
        alias: str = "",
        *,
        required: bool = False,
        null: bool = False,
        sensitive: bool = False,
        json_text: bool = False,
        spread: bool = False,
        reserved: tuple[str, ...] = (),
        variable_name: bool = False,
        renamed_by: str = "",
        values: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.location = location
        self.kind = kind
        self.wire = alias or name
        self.required = required
        self.null = null
        self.sensitive = sensitive
        self.json_text = json_text
        self.spread = spread
        self.reserved = reserved
        self.variable_name = variable_name
        self.renamed_by = renamed_by
        self.values = values


class Privileges:
    """
    The privileges that an operation needs.

    Attributes:
        any_of: Privileges; the owner of the key needs one of them.
        permissions: Permissions; a key with limited permissions needs all of them.
        note: Further conditions, in words.
    """

    def __init__(
        self,
        any_of: tuple[str, ...] = (),
        permissions: tuple[str, ...] = (),
        note: str = "",
    ) -> None:
        self.any_of = any_of
        self.permissions = permissions
        self.note = note


_NO_PRIVILEGES = Privileges()


class ArgumentRule:
    """
    A rule over several arguments.

    Attributes:
        names: The arguments.
        exactly_one: Whether exactly one must be passed; otherwise at least one.
        unless: Local parameter that disables the rule if it is true.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        *,
        exactly_one: bool = False,
        unless: str = "",
    ) -> None:
        self.names = names
        self.exactly_one = exactly_one
        self.unless = unless


class DiscriminatedUnion:
    """
    A response that is one of several models.

    Attributes:
        key: Key whose string value selects the model; without it the response is arbitrary JSON.
        cases: Models by value of the key.
        default: Model for any other value.
        second_key: Key that every model has, too: JSON with both keys is never arbitrary.
    """

    def __init__(
        self,
        key: str,
        cases: Mapping[str, type],
        default: type,
        second_key: str = "",
    ) -> None:
        self.key = key
        self.cases = cases
        self.default = default
        self.second_key = second_key


class Result:
    """
    The content of a response with one success status; empty if no attribute is set.

    Attributes:
        type: Returns the type of a JSON response; imports the models on the first call.
        decoder: Returns the decoder of exact JSON; imports the decoders on the first call.
        task: Kind of the task whose ID the response contains.
        text: Whether a response that is not JSON is returned as text.
        binary: Whether a response that is not JSON is returned as bytes.
    """

    def __init__(
        self,
        *,
        type: Callable[[], Any] | None = None,  # noqa: A002 - as the attribute
        decoder: Callable[[], Decoder] | None = None,
        task: str = "",
        text: bool = False,
        binary: bool = False,
    ) -> None:
        self.type = type
        self.decoder = decoder
        self.task = task
        self.text = text
        self.binary = binary

    @property
    def is_empty(self) -> bool:
        """Whether the response has no content."""
        return not (self.type or self.task or self.text or self.binary)

    @cached_property
    def json(self) -> Any:
        """Type of a JSON response, or None."""
        return self.type() if self.type else None

    @cached_property
    def decode(self) -> Decoder | None:
        """Function that decodes exact JSON of the type, or None."""
        return self.decoder() if self.decoder else None


class KnownError:
    """
    An error that the server is known to send.

    Attributes:
        status: HTTP status.
        message: Text of the error; {} stands for a variable part.
        hint: How to proceed.
        switches: Directives of the configuration; if all are off, every call gets this error.
    """

    def __init__(
        self,
        status: int,
        message: str,
        hint: str,
        switches: tuple[str, ...] = (),
    ) -> None:
        self.status = status
        self.message = message
        self.hint = hint
        self.switches = switches


class Paging:
    """
    The paging of a list.

    Attributes:
        page_param: Parameter that takes the token of a page.
        items: Key of the items in the response.
        next: Key of the token of the next page in the response.
        after: Attribute of the last item that makes the token, if the server's own skips items.
    """

    def __init__(
        self,
        page_param: str,
        items: str,
        next: str,  # noqa: A002 - as the attribute
        after: str | None = None,
    ) -> None:
        self.page_param = page_param
        self.items = items
        self.next = next
        self.after = after


class PackageCheck:
    """
    How the list of packages shows that a task succeeded.

    Attributes:
        package: Argument that names the package.
        expected_state: Whether the package must be listed or gone after the task.
    """

    def __init__(
        self,
        package: str,
        expected_state: Literal["listed", "gone"],
    ) -> None:
        self.package = package
        self.expected_state: Literal["listed", "gone"] = expected_state


class TaskKind:
    """
    How to wait for a kind of task.

    Attributes:
        status_operation: Operation that returns the state of the task.
        working_state: State of a task that is running.
        completed_state: State of a task that has ended.
        unknown_state: State of a task that the server does not know.
        confirm_operation: Operation that must succeed before a completed task counts as finished.
        ok_attribute: Attribute that says whether the task succeeded; may be empty.
        log_attribute: Attribute with the output; may be empty.
        error_attribute: Attribute with the error; may be empty.
        start_time_attribute: Attribute of the confirming response with the start time of the
            server; set if the task restarts the server.
        list_operation: Operation that lists packages; set if the task changes them.
    """

    def __init__(
        self,
        *,
        status_operation: str,
        working_state: str,
        completed_state: str,
        unknown_state: str,
        confirm_operation: str,
        ok_attribute: str = "",
        log_attribute: str = "",
        error_attribute: str = "",
        start_time_attribute: str = "",
        list_operation: str = "",
    ) -> None:
        self.status_operation = status_operation
        self.working_state = working_state
        self.completed_state = completed_state
        self.unknown_state = unknown_state
        self.confirm_operation = confirm_operation
        self.ok_attribute = ok_attribute
        self.log_attribute = log_attribute
        self.error_attribute = error_attribute
        self.start_time_attribute = start_time_attribute
        self.list_operation = list_operation


class Operation(Generic[T_co]):
    """
    One call of the API; T is the type of its result.

    Attributes:
        tag: Namespace, such as users.
        name: Method of the namespace, such as get.
        method: HTTP method.
        path: Path with {placeholders}.
        summary: Summary, one sentence.
        results: Results by status; 2XX stands for any other success.
        docs: Anchor in the public API documentation; empty if undocumented.
        since: First server version that has it; empty if all supported versions do.
        auth: Whether it needs the API key.
        privileges: Privileges that the call needs.
        retry: Whether it may be repeated even if the server may have processed it.
        exclusive_by: Arguments; calls with equal values of them run one at a time.
        params: Parameters.
        requires: Rules over several arguments.
        paging: Paging of the list, or None.
        errors: Errors that the server is known to send.
        package_check: How to verify the task that the call starts, or None.
    """

    def __init__(
        self,
        *,
        tag: str,
        name: str,
        method: str,
        path: str,
        summary: str,
        results: Mapping[str, Result],
        docs: str = "",
        since: str = "",
        auth: bool = True,
        privileges: Privileges = _NO_PRIVILEGES,
        retry: RetryClass = "if_unsent",
        exclusive_by: tuple[str, ...] = (),
        params: tuple[Param, ...] = (),
        requires: tuple[ArgumentRule, ...] = (),
        paging: Paging | None = None,
        errors: tuple[KnownError, ...] = (),
        package_check: PackageCheck | None = None,
    ) -> None:
        self.tag = tag
        self.name = name
        self.method = method
        self.path = path
        self.summary = summary
        self.results = results
        self.docs = docs
        self.since = since
        self.auth = auth
        self.privileges = privileges
        self.retry = retry
        self.exclusive_by = exclusive_by
        self.params = params
        self.requires = requires
        self.paging = paging
        self.errors = errors
        self.package_check = package_check

    @property
    def id(self) -> str:
        """Full name, such as users.get."""
        return f"{self.tag}.{self.name}"

    def find_result(self, status: int) -> Result | None:
        """Find the result of a success status; None if the status is not described."""
        return self.results.get(str(status)) or self.results.get(f"{status // 100}XX")

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


class Operations(Mapping[str, Operation[Any]]):
    """Operations by full name; the module of a tag is imported on the first lookup."""

    def __init__(self, package: str, ids: Mapping[str, str]) -> None:
        """
        Create the table.

        Args:
            package: Name of the package that has a module of constants for each tag.
            ids: Full names of the operations, by constant.
        """
        self._package = package
        self._constants = {name: constant for constant, name in ids.items()}

    def __getitem__(self, name: str) -> Operation[Any]:
        constant = self._constants[name]
        module = import_module(f"{self._package}.{name.partition('.')[0]}")
        operation: Operation[Any] = getattr(module, constant)
        return operation

    def __contains__(self, name: object) -> bool:
        return name in self._constants

    def __iter__(self) -> Iterator[str]:
        return iter(self._constants)

    def __len__(self) -> int:
        return len(self._constants)
