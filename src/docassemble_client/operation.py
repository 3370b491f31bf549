"""The types of the operation table."""

# Annotations are values here: those of a row would be compiled a second time as texts.
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from attrs import field, frozen

from docassemble_client._types import Unset
from docassemble_client.config import RetryPolicy, Timeout

if TYPE_CHECKING:
    from docassemble_client.pagination import Paginator
    from docassemble_client.transfer import Download

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

Place = Literal["path", "query", "body", "file", "local"]
RetryClass = Literal["safe", "if_unsent"]


class Param(NamedTuple):
    """
    One argument of a call and its way over the wire.

    Attributes:
        name: Python name.
        place: Where it goes; local ones only steer the client.
        kind: Type in the specification's words, such as int or list[str].
        alias: Name on the wire, where it is not the Python name; see `wire`.
        required: Whether the call must give it.
        null: Whether null can be sent and means something else than leaving it out.
        sensitive: Whether its value may never be logged.
        json_text: Whether it is sent as JSON inside a string, in a JSON body too.
        spread: Whether each item of the mapping becomes a parameter of its own.
        reserved: Names a spread mapping may not hold.
        variable_name: Whether it holds names the server executes as Python.
        values: The only values the server understands; empty if any may do.
    """

    name: str
    place: Place
    kind: str
    alias: str = ""
    required: bool = False
    null: bool = False
    sensitive: bool = False
    json_text: bool = False
    spread: bool = False
    reserved: tuple[str, ...] = ()
    variable_name: bool = False
    values: tuple[str, ...] = ()

    @property
    def wire(self) -> str:
        """Name on the wire."""
        return self.alias or self.name


class Privileges(NamedTuple):
    """
    Who may call.

    Attributes:
        any: Privileges of which the key's owner needs one.
        permissions: What a key with limited permissions needs, all of it.
        note: What else there is to say.
    """

    any: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    note: str = ""


_ANYBODY = Privileges()


class Requirement(NamedTuple):
    """
    A rule over several arguments.

    Attributes:
        names: The arguments.
        exactly_one: Whether exactly one must be given; otherwise at least one.
        unless: A local switch that lifts the rule.
    """

    names: tuple[str, ...]
    exactly_one: bool = False
    unless: str = ""


class OneOf(NamedTuple):
    """
    An answer that is one of several models.

    Attributes:
        key: The key whose text tells them apart; without it the answer is arbitrary JSON.
        cases: Model by text.
        default: Model for any other text.
    """

    key: str
    cases: Mapping[str, type]
    default: type


# With slots a cached property takes more to define than all the rest of the class.
@frozen(kw_only=True, slots=False)
class Result:
    """
    What a success status brings; with nothing set: nothing.

    Attributes:
        of: What gives the type of a JSON answer; its models are not loaded before that.
        task: Kind of the task whose number the answer holds.
        text: Whether an answer that is no JSON is text.
        binary: Whether an answer that is no JSON is kept as bytes.
    """

    of: Callable[[], Any] | None = field(default=None, repr=False)
    task: str = ""
    text: bool = False
    binary: bool = False

    @cached_property
    def json(self) -> Any:
        """Type of a JSON answer, or None."""
        return self.of() if self.of else None


class KnownError(NamedTuple):
    """
    An error the server is known to send.

    Attributes:
        status: HTTP status.
        message: Its text, with {} for a part that varies.
        hint: What to do next.
        switches: Directives of the server's configuration that make everybody get it, where all of
            them are off.
    """

    status: int
    message: str
    hint: str
    switches: tuple[str, ...] = ()


class Paging(NamedTuple):
    """
    How a list goes on.

    Attributes:
        resume: Argument that takes the token of the page wanted.
        items: Key of the items in a page.
        next: Key of the token of the next page.
        after: Attribute of the last item to make that token of, where the server's is not right.
    """

    resume: str
    items: str
    next: str
    after: str | None = None


class Verify(NamedTuple):
    """
    How the work of a task shows.

    Attributes:
        target: Argument that names the package.
        expects: Whether it must be listed or gone afterwards.
    """

    target: str
    expects: Literal["listed", "gone"]


class TaskKind(NamedTuple):
    """
    How a kind of task is waited for.

    Attributes:
        status: Operation that tells how far it is.
        working: Its word for a task that goes on.
        completed: Its word for a task that is over.
        unknown: Its word for a task the server does not know.
        confirm: Operation that must succeed before a completed task is believed.
        ok: Attribute that says whether it went well, empty if there is none.
        log: Attribute with what the work printed, empty if there is none.
        error: Attribute with what went wrong, empty if there is none.
        started: Attribute of its answer with the server's start, where the task restarts it.
        listed: Operation that lists packages, where the task changes them.
    """

    status: str
    working: str
    completed: str
    unknown: str
    confirm: str
    ok: str = ""
    log: str = ""
    error: str = ""
    started: str = ""
    listed: str = ""


@frozen(kw_only=True, eq=False, repr=False)  # there is one of each, so that it can be a key
class Operation(Generic[T_co]):
    """
    One call of the API; T is what its success brings.

    Attributes:
        tag: Namespace, such as users.
        name: Method of the namespace, such as get.
        method: HTTP method.
        path: Path with {placeholders}.
        summary: One sentence.
        results: What it brings, by status; 2XX stands for any other success.
        docs: Anchor in the public API documentation, empty if undocumented.
        since: First server version that has it, empty if all supported ones do.
        auth: Whether it needs the API key.
        privileges: Who may call.
        retry: Whether it may be sent again although the server may have processed it.
        serialise: Arguments; calls with equal values of them must not overlap.
        params: Its arguments.
        requires: Rules over several arguments.
        paging: How the list goes on, if it is one.
        errors: Errors the server is known to send.
        verify: How the work of the task it begins shows.
    """

    tag: str
    name: str
    method: str
    path: str
    summary: str
    results: Mapping[str, Result]
    docs: str = ""
    since: str = ""
    auth: bool = True
    privileges: Privileges = _ANYBODY
    retry: RetryClass = "if_unsent"
    serialise: tuple[str, ...] = ()
    params: tuple[Param, ...] = ()
    requires: tuple[Requirement, ...] = ()
    paging: Paging | None = None
    errors: tuple[KnownError, ...] = ()
    verify: Verify | None = None

    @property
    def id(self) -> str:
        """Full name, such as users.get."""
        return f"{self.tag}.{self.name}"

    def result(self, status: int) -> Result | None:
        """What this success status brings, or None if it is not a known one."""
        return self.results.get(str(status)) or self.results.get(f"{status // 100}XX")

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


class Operations(Mapping[str, Operation[Any]]):
    """Operations by full name; those of a tag are loaded when the first of them is looked up."""

    def __init__(self, package: str, ids: Mapping[str, str]) -> None:
        """
        List operations.

        Args:
            package: Name of the package that has a module of constants for each tag.
            ids: Full name of the operation of each constant.
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


class Caller(Protocol):
    """What a namespace needs of the client."""

    def call(
        self,
        operation: Operation[T],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> Coroutine[Any, Any, T]:
        """Carry one call."""
        ...

    def paginate(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> "Paginator[Any]":
        """Prepare the calls of a list."""
        ...

    def download(
        self,
        operation: Operation[Any],
        arguments: Mapping[str, object],
        *,
        timeout: Timeout | Unset,
        retry: RetryPolicy | None,
    ) -> "Download":
        """Prepare a call that brings a file."""
        ...
