"""What the classes of the blocking client are made of, and the methods that cannot be generated."""

# Annotations are evaluated here: strings, typing would compile each of them.
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import (
    Any,
    Generic,
    Literal,
    NoReturn,
    ParamSpec,
    Protocol,
    Self,
    TypedDict,
    TypeVar,
    cast,
    overload,
)

import docassemble_client.blocking as blocking
import docassemble_client.workflows.interviews.documents as documents
from docassemble_client._blocking import run_blocking
from docassemble_client._client_options import Headers
from docassemble_client._core.retry import RetryBudget
from docassemble_client.client import AsyncDocassemble
from docassemble_client.config import PollPolicy, RetryPolicy, Timeout
from docassemble_client.events import Event
from docassemble_client.responses import CallResult

Inner = TypeVar("Inner")
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class BlockingTransport(Protocol):
    """
    Any blocking transport of httpx or httpx2, whichever is installed.

    Its requests and responses are types of its own library.
    """

    def handle_request(self, request: Any, /) -> object:
        """Send a request of its library and return the response."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class BlockingOptions(TypedDict, total=False):
    """The optional settings of a client; see `Docassemble`."""

    timeout: Timeout
    retry: RetryPolicy | None
    retry_budget: RetryBudget | None
    max_concurrency: int
    max_response_size: int | None
    transport: Literal["httpx", "httpx2"] | BlockingTransport
    verify: bool | str | ssl.SSLContext
    cert: str | tuple[str, str] | None
    proxy: str | None
    public_url: str | None
    headers: Headers | None
    poll: PollPolicy | None
    on_event: Callable[[Event], object] | None


class BlockingObject(Generic[Inner]):
    """An object of the asynchronous client, whose coroutines it runs in the caller's thread."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner

    @classmethod
    def _wrap(cls, inner: Any) -> Self:
        wrapper = cls.__new__(cls)
        wrapper._inner = inner  # noqa: SLF001 - its own class
        return wrapper

    def __repr__(self) -> str:
        if type(self._inner).__repr__ is object.__repr__:
            return super().__repr__()
        return repr(self._inner).removeprefix("Async")

    def __reduce__(self) -> NoReturn:
        message = f"{type(self).__name__} cannot be pickled or copied. Create it in each process"
        raise TypeError(message)


class ClosableIterator(Iterator[T]):
    """Iterates over values that are requested as you iterate."""

    def __init__(self, inner: AsyncIterator[T]) -> None:
        self._inner = inner

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        async def advance() -> T:
            return await anext(self._inner)

        try:
            return run_blocking(advance())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Stop; nothing is requested any more."""
        run_blocking(cast("Any", self._inner).aclose())


class _Delegate:
    """An attribute of the asynchronous object."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else getattr(instance._inner, self._name)  # noqa: SLF001

    def __set__(self, instance: Any, value: object) -> None:
        setattr(instance._inner, self._name, value)  # noqa: SLF001


def delegate() -> Any:
    """Return a descriptor for an attribute of the asynchronous object."""
    return _Delegate()


class DocassembleBase(BlockingObject[AsyncDocassemble]):
    """Methods of the client whose parameters differ from those of `AsyncDocassemble`."""

    def with_response(
        self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> CallResult[T]:
        """
        Make a call, and return its value together with its response.

        Args:
            call: Any method of this client that makes a call, such as `da.users.get`.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Returns:
            The value with its (last) response. The content of a file is only in the value.

        Raises:
            DocassembleError: The call failed.

        Example:
            ```python
            result = da.with_response(da.users.get_current)
            print(result.status, result.headers["date"], result.value.email)
            ```
        """

        async def make_call() -> T:
            return call(*args, **kwargs)

        return run_blocking(self._inner.with_response(make_call()))

    def _derive(self, inner: AsyncDocassemble) -> Self:
        """Return a view of this client."""
        view = self._wrap(inner)
        # A subclass may have attributes; the namespaces belong to this client.
        own = {k: v for k, v in vars(self).items() if not isinstance(v, BlockingObject)}
        vars(view).update({**own, "_inner": inner})
        return view


class DocumentDownloadsBase(
    BlockingObject[documents.DocumentDownloads], Sequence["blocking.DocumentDownload"]
):
    """The documents as a sequence."""

    @overload
    def __getitem__(self, key: int | str | tuple[str, ...]) -> "blocking.DocumentDownload": ...
    @overload
    def __getitem__(self, key: slice) -> Sequence["blocking.DocumentDownload"]: ...
    def __getitem__(
        self, key: int | slice | str | tuple[str, ...]
    ) -> "blocking.DocumentDownload | Sequence[blocking.DocumentDownload]":
        if isinstance(key, slice):
            return [blocking.DocumentDownload(document) for document in self._inner[key]]
        return blocking.DocumentDownload(self._inner[key])

    def __len__(self) -> int:
        return len(self._inner)

    def load(self, load: Callable[["blocking.DocumentDownload"], R]) -> list[R]:
        """
        Load all documents with a function, one after the other.

        Dead links are left out, as nobody could download these files in a browser either. They are
        listed in `dead_links`.

        Args:
            load: Loads one document.

        Returns:
            The results of the function, in the order of the documents.

        Raises:
            NotFound: An attachment does not exist any more, or all links are dead.
            DocassembleError: A download failed, or a document is too large or invalid.
        """

        async def load_document(document: documents.DocumentDownload) -> R:
            return load(blocking.DocumentDownload(document))

        return run_blocking(self._inner.load(load_document))
