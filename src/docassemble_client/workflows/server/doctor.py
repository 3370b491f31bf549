"""Checks the server, its address and the API key without changing anything."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin, urlsplit, urlunsplit

from attrs import frozen

import docassemble_client.operations as table
from docassemble_client._concurrency import gather
from docassemble_client._types import parse_unix_time
from docassemble_client.config import Confidential
from docassemble_client.errors import (
    AccessDenied,
    APIError,
    BadRequest,
    DocassembleError,
    NotFound,
    RateLimited,
    RedirectRefused,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client._base_client import BaseClient
    from docassemble_client.models import ServerHealth, User
    from docassemble_client.operation import Operation

Access = Literal["allowed", "refused", "disabled", "unknown"]

# These match nothing on the server, so responses stay small.
_PROBE_ARGUMENTS = {"task_id": "doctor", "session": "doctor"}
_OWNER_OPERATION = "users.get_current"
_HEALTH_OPERATION = "server.get_health"


@frozen(kw_only=True)
class ServerReport:
    """
    The report of `doctor`; `str()` formats it for people.

    Attributes:
        url: Base URL of the server.
        tls: Whether the connection is encrypted.
        reachable: Whether anything responds at the URL.
        redirect: Base URL that the server redirects to, and that you should use; empty if there is
            none.
        problem: Why the server or its health status is not available, and what to check; empty if
            it is.
        version: Version of docassemble; empty if unknown.
        start_time: When the server process that responded started; None if unknown.
        key_valid: Whether the server accepts the key; None if unknown.
        owner: E-mail address of the key's owner; empty if the key may not read it.
        privileges: Privileges of the owner, as far as the key may read them.
        limited: Whether the key has limited permissions.
        allowed: Operations that the key may use.
        refused: Operations that the key may not use.
        unknown: Operations that cannot be checked without changing something.
        disabled: Operations that are switched off on the server.
        disabled_directives: Configuration directives that are off.
    """

    url: str
    tls: bool
    reachable: bool
    redirect: str = ""
    problem: str = ""
    version: str = ""
    start_time: datetime | None = None
    key_valid: bool | None = None
    owner: str = ""
    privileges: tuple[str, ...] = ()
    limited: bool = False
    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    disabled_directives: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the server can be used with this key."""
        return self.reachable and not self.problem and self.key_valid is True

    def __str__(self) -> str:
        lines = [f"{self.url}: {'usable' if self.ok else 'not usable'}"]
        if self.version:
            since = f", up since {self.start_time:%Y-%m-%d %H:%M:%S} UTC" if self.start_time else ""
            lines.append(f"  server: docassemble {self.version}{since}")
        lines.append(f"  TLS: {'yes' if self.tls else 'no, the key is sent unencrypted'}")
        if self.problem:
            lines.append(f"  problem: {self.problem}")
        lines += [f"  disabled directive: {directive}" for directive in self.disabled_directives]
        if self.version or self.key_valid is not None:
            lines.append(f"  API key: {self._describe_key()}")
        if self.key_valid:
            operations = {
                "allowed": self.allowed,
                "refused": self.refused,
                "disabled": self.disabled,
                "unknown": self.unknown,
            }
            lines += [
                f"  {access}: {_format_operations(names)}"
                for access, names in operations.items()
                if names
            ]
        return "\n".join(lines)

    def _describe_key(self) -> str:
        if not self.key_valid:
            if self.key_valid is None:
                return "could not be checked"
            return "not accepted; check that it exists, is complete, and may be used from here"
        owner = f", of {self.owner}" if self.owner else ""
        privileges = f" ({', '.join(self.privileges)})" if self.privileges else ""
        return f"valid{owner}{privileges}{', with limited permissions' if self.limited else ''}"


async def doctor(client: BaseClient) -> ServerReport:
    """Check the server and the key."""
    tls = urlsplit(client.base_url).scheme == "https"
    problem, version, start_time = "", "", None
    probe = _Probe(client)
    try:
        health: ServerHealth = await client.server.get_health()
    except RedirectRefused as error:
        return ServerReport(
            url=client.base_url,
            tls=tls,
            reachable=True,
            redirect=_find_redirected_base_url(client.base_url, error.location),
            problem=_describe_redirect(client.base_url, error),
        )
    except TransportError as error:
        return ServerReport(url=client.base_url, tls=tls, reachable=False, problem=str(error))
    except DocassembleError as error:
        # A proxy may block only the health status.
        if not await probe.recognizes_docassemble():
            problem = _describe_other_server(client.base_url, error)
            return ServerReport(url=client.base_url, tls=tls, reachable=True, problem=problem)
        problem = str(error)
    else:
        version = health.version
        start_time = parse_unix_time(health.server_start_time)
    await probe.run()
    operations = probe.group_operations()
    owner = probe.owner
    return ServerReport(
        url=client.base_url,
        tls=tls,
        reachable=True,
        problem=problem,
        version=version,
        start_time=start_time,
        key_valid=probe.key_valid,
        owner=(owner and owner.email) or "",
        privileges=tuple(owner.privileges) if owner else (),
        limited=probe.limited,
        allowed=operations["allowed"],
        refused=operations["refused"],
        unknown=operations["unknown"],
        disabled=operations["disabled"],
        disabled_directives=tuple(sorted(probe.disabled_directives)),
    )


def _find_redirected_base_url(base_url: str, location: str) -> str:
    """
    Return the base URL to use instead, from the redirect of the health status.

    Args:
        base_url: Base URL of the client.
        location: The header of the redirect.

    Returns:
        The base URL; empty if the redirect leads elsewhere, such as to a login page.
    """
    path = table.OPERATIONS[_HEALTH_OPERATION].path
    target = urlsplit(urljoin(base_url + path, location))
    root = urlunsplit((target.scheme, target.netloc, "", "", ""))
    target_path = target.path.rstrip("/")
    # A redirect to the start page of another host has lost the path.
    is_moved = target_path.endswith(path) or (not target_path and not base_url.startswith(root))
    url = root + target_path.removesuffix(path)
    return url if is_moved and url != base_url else ""


def _describe_redirect(base_url: str, error: RedirectRefused) -> str:
    url = _find_redirected_base_url(base_url, error.location)
    if url:
        return f"the server redirects to another address. Use {url} as base URL"
    return (
        f"the server redirects to {error.location or 'no URL'}, which is not docassemble's health"
        f" status; it may be a login page. {_advise(base_url)}"
    )


def _describe_other_server(base_url: str, error: DocassembleError) -> str:
    """Describe why the server at the address cannot be used, and what to check."""
    if isinstance(error, RateLimited):
        return "a proxy limits the request rate. Try again later"
    if isinstance(error, ServerError):
        return (
            f"docassemble does not respond (status {error.status}). It may be restarting: try again"
            " in a minute. If it still fails, see the server's log"
        )
    if isinstance(error, AccessDenied):
        response = f"status {error.status}: a proxy may require a login, or refuse your IP address"
    elif isinstance(error, APIError):
        response = f"status {error.status}"
    else:
        response = "it returns something else than a health status, such as a login page"
    return f"this address is not a docassemble server ({response}). {_advise(base_url)}"


def _advise(base_url: str) -> str:
    parts = urlsplit(base_url)
    advice = "Check the scheme, the host and the port of the base URL"
    if parts.path:
        advice += f". If docassemble is not in the folder {parts.path}, remove it from the base URL"
    return f"{advice}. If a proxy protects the server, let requests to /health_status and /api pass"


def _is_refusal_of_docassemble(error: APIError) -> bool:
    """Whether a refusal is docassemble's: a JSON string. Proxies return pages or objects."""
    return isinstance(error.body, str) and error.headers.get("content-type", "").startswith(
        "application/json"
    )


class _Probe:
    """Calls that change nothing, and what their responses imply for all other operations."""

    def __init__(self, client: BaseClient) -> None:
        self._client = client
        self._access: dict[str, Access] = {}
        self.owner: User | None = None
        self.key_valid: bool | None = None
        self.limited = False
        self.disabled_directives: set[str] = set()
        self._granted: set[str] = set()
        self._missing: set[str] = set()
        self._is_docassemble = False

    async def recognizes_docassemble(self) -> bool:
        """Make one call, and return whether docassemble responds; others must not get the key."""
        await self._call(table.OPERATIONS[_OWNER_OPERATION])
        return self._is_docassemble

    async def run(self) -> None:
        """Make the calls, and evaluate the responses."""
        operations = _choose_operations()
        pending = (operation for operation in operations if operation.id not in self._access)
        await gather(*(self._call(operation) for operation in pending))
        accesses = set(self._access.values())
        if "allowed" in accesses:
            self.key_valid = True
        elif "unknown" not in accesses:
            self.key_valid = False
        results = [(operation, self._access[operation.id]) for operation in operations]
        self.limited = bool(self.key_valid) and any(
            access == "refused" and self._is_allowed_for_owner(operation)
            for operation, access in results
        )
        for operation, access in results:
            permissions = set(operation.privileges.permissions)
            if access == "allowed" and (self.limited or not self._is_allowed_for_owner(operation)):
                self._granted |= permissions
            elif access == "refused" and len(permissions) == 1:
                self._missing |= permissions
            elif access == "disabled":
                self.disabled_directives |= _get_directives(operation)

    async def _call(self, operation: Operation[Any]) -> None:
        call: Callable[..., Awaitable[Any]] = getattr(
            getattr(self._client, operation.tag), operation.name
        )
        names = {param.name for param in operation.params}
        access: Access
        try:
            result = await call(
                **{name: value for name, value in _PROBE_ARGUMENTS.items() if name in names}
            )
        except (AccessDenied, BadRequest) as error:
            access = "refused"
            self._is_docassemble |= _is_refusal_of_docassemble(error)
        except NotFound:
            access = "disabled" if _get_directives(operation) else "unknown"
        except DocassembleError:
            access = "unknown"
        else:
            access = "allowed"
            self._is_docassemble = True
            if operation.id == _OWNER_OPERATION:
                self.owner = result
        self._access[operation.id] = access

    def _is_allowed_for_owner(self, operation: Operation[Any]) -> bool:
        """Whether the owner's privileges allow the operation, with a key without limits."""
        any_of = operation.privileges.any_of
        return not any_of or bool(self.owner and set(any_of) & set(self.owner.privileges))

    def group_operations(self) -> dict[Access, tuple[str, ...]]:
        """Group the names of all operations by access."""
        groups: dict[Access, list[str]] = {
            "allowed": [],
            "refused": [],
            "disabled": [],
            "unknown": [],
        }
        for name, operation in table.OPERATIONS.items():
            groups[self._access.get(name) or self._infer_access(operation)].append(name)
        return {access: tuple(names) for access, names in groups.items()}

    def _infer_access(self, operation: Operation[Any]) -> Access:
        if not operation.auth:
            return "allowed"
        directives = _get_directives(operation)
        if directives and directives <= self.disabled_directives:
            return "disabled"
        if not self.key_valid:
            return "unknown" if self.key_valid is None else "refused"
        if self._is_allowed_for_owner(operation) and not self.limited:
            return "allowed"
        return self._infer_from_permissions(operation)

    def _infer_from_permissions(self, operation: Operation[Any]) -> Access:
        privileges = operation.privileges
        permissions = set(privileges.permissions)
        if not permissions:
            # The note starts with "none" if the operation needs no privilege.
            needs_none = privileges.note.partition(",")[0] == "none"
            return "refused" if privileges.any_of else "allowed" if needs_none else "unknown"
        if permissions <= self._granted:
            return "allowed"
        # A note names exceptions, such as the user's own account.
        is_refused = permissions & self._missing and not privileges.note
        return "refused" if is_refused else "unknown"


def _format_operations(names: tuple[str, ...]) -> str:
    """Format operations by tag, abbreviated if all operations of a tag are present."""
    calls_by_tag: dict[str, list[str]] = {}
    for name in names:
        tag, _, call = name.partition(".")
        calls_by_tag.setdefault(tag, []).append(call)
    totals = Counter(operation.tag for operation in table.OPERATIONS.values())
    return "; ".join(
        f"{tag} (all)" if len(calls) == totals[tag] else f"{tag} ({', '.join(calls)})"
        for tag, calls in calls_by_tag.items()
    )


def _choose_operations() -> list[Operation[Any]]:
    """Choose one safe operation for each combination of requirements."""
    owner_operation = table.OPERATIONS[_OWNER_OPERATION]
    operations = {_get_requirements(owner_operation): owner_operation}
    for operation in table.OPERATIONS.values():
        required = {param.name for param in operation.params if param.required}
        is_secret = any(result.json is Confidential for result in operation.results.values())
        is_safe = operation.method == "GET" and operation.retry == "safe" and operation.auth
        if is_safe and not is_secret and required <= _PROBE_ARGUMENTS.keys():
            operations.setdefault(_get_requirements(operation), operation)
    return list(operations.values())


def _get_requirements(operation: Operation[Any]) -> tuple[object, ...]:
    privileges = operation.privileges
    return privileges.any_of, privileges.permissions, _get_directives(operation)


def _get_directives(operation: Operation[Any]) -> frozenset[str]:
    """Return directives of which one must be on; empty if the operation cannot be disabled."""
    return frozenset(name for error in operation.errors for name in error.switches)
