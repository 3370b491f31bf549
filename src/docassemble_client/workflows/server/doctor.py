"""What is wrong with a server, an address or a key: looked at without changing anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from attrs import frozen

from docassemble_client import operations as table
from docassemble_client.config import Confidential
from docassemble_client.errors import (
    AccessDenied,
    BadRequest,
    DocassembleError,
    NotFound,
    RedirectRefused,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.models import ServerHealth, User
    from docassemble_client.operation import Operation

Verdict = Literal["allowed", "refused", "off", "unknown"]

# What a probe passes, so that it finds nothing and brings next to nothing.
_ARGUMENTS = {"task_id": "doctor", "session": "doctor"}
_OWNER = "users.get_current"


@frozen(kw_only=True)
class ServerReport:
    """
    What `doctor` found; `str()` of it is for people.

    Attributes:
        url: Address that was looked at.
        tls: Whether the connection is encrypted.
        reachable: Whether anything answers there.
        redirect: Where the server sends the client, which it does not follow; empty if nowhere.
        problem: Why the server cannot be reached or its state not be had; empty if it can.
        version: Version of the server; empty if unknown.
        started: When the server process that answered started.
        key_valid: Whether the key is accepted; None if that could not be found out.
        owner: E-mail address of the key's owner; empty if the key may not tell.
        privileges: Privileges of the owner, as far as the key may tell.
        limited: Whether the key has limited permissions.
        allowed: Operations the key may use.
        refused: Operations it may not use.
        unknown: Operations for which that cannot be found out without changing something.
        off: Operations that are switched off on the server.
        switches: Directives of the server's configuration that are off.
    """

    url: str
    tls: bool
    reachable: bool
    redirect: str = ""
    problem: str = ""
    version: str = ""
    started: datetime | None = None
    key_valid: bool | None = None
    owner: str = ""
    privileges: tuple[str, ...] = ()
    limited: bool = False
    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the server can be used with this key."""
        return self.reachable and not self.problem and self.key_valid is True

    def __str__(self) -> str:
        lines = [f"{self.url}: {'usable' if self.ok else 'not usable'}"]
        if self.version:
            since = f", up since {self.started:%Y-%m-%d %H:%M:%S} UTC" if self.started else ""
            lines.append(f"  server: docassemble {self.version}{since}")
        lines.append(f"  TLS: {'yes' if self.tls else 'no, the key travels in clear'}")
        if self.redirect:
            lines.append(f"  redirect: to {self.redirect}; use that address")
        if self.problem:
            lines.append(f"  problem: {self.problem}")
        lines += [f"  switched off by: {one}" for one in self.switches]
        if self.reachable:
            lines.append(f"  API key: {self._key()}")
        if self.key_valid:
            listed = {
                "it may call": self.allowed,
                "it may not call": self.refused,
                "switched off": self.off,
                "not known": self.unknown,
            }
            lines += [f"  {what}: {_grouped(names)}" for what, names in listed.items() if names]
        return "\n".join(lines)

    def _key(self) -> str:
        if not self.key_valid:
            return "not accepted" if self.key_valid is False else "could not be checked"
        of = f", of {self.owner}" if self.owner else ""
        who = f" ({', '.join(self.privileges)})" if self.privileges else ""
        return f"valid{of}{who}{', with limited permissions' if self.limited else ''}"


async def doctor(da: AsyncDocassemble) -> ServerReport:
    """
    Look at the server and the key.

    Args:
        da: Client.

    Returns:
        What was found.
    """
    tls = urlsplit(da.base_url).scheme == "https"
    problem, version, started = "", "", None
    try:
        health: ServerHealth = await da.server.get_health()
    except RedirectRefused as error:
        return ServerReport(
            url=da.base_url, tls=tls, reachable=True, redirect=error.location, problem=str(error)
        )
    except TransportError as error:
        return ServerReport(url=da.base_url, tls=tls, reachable=False, problem=str(error))
    except DocassembleError as error:
        # Something answers, but not as docassemble does: the key may still tell more.
        problem = str(error)
    else:
        version = health.version
        started = datetime.fromtimestamp(health.server_start_time, UTC)
    examination = _Examination(da)
    await examination.run()
    sorted_out = examination.verdicts()
    owner = examination.owner
    return ServerReport(
        url=da.base_url,
        tls=tls,
        reachable=True,
        problem=problem,
        version=version,
        started=started,
        key_valid=examination.key_valid,
        owner=(owner and owner.email) or "",
        privileges=tuple(owner.privileges) if owner else (),
        limited=examination.limited,
        allowed=sorted_out["allowed"],
        refused=sorted_out["refused"],
        unknown=sorted_out["unknown"],
        off=sorted_out["off"],
        switches=tuple(sorted(examination.switches)),
    )


class _Examination:
    """Calls that change nothing, and what follows from their answers for all the others."""

    def __init__(self, da: AsyncDocassemble) -> None:
        self._da = da
        self._found: dict[str, Verdict] = {}
        self.owner: User | None = None
        self.key_valid: bool | None = None
        self.limited = False
        self.switches: set[str] = set()
        self._granted: set[str] = set()
        self._missing: set[str] = set()

    async def run(self) -> None:
        """Probe, and draw the conclusions."""
        probes = _probes()
        await asyncio.gather(*(self._probe(one) for one in probes))
        found = set(self._found.values())
        if "allowed" in found:
            self.key_valid = True
        elif "unknown" not in found:
            self.key_valid = False
        results = [(one, self._found[one.id]) for one in probes]
        self.limited = bool(self.key_valid) and any(
            verdict == "refused" and self._by_role(one) for one, verdict in results
        )
        for one, verdict in results:
            needed = set(one.privileges.permissions)
            if verdict == "allowed" and (self.limited or not self._by_role(one)):
                self._granted |= needed
            elif verdict == "refused" and len(needed) == 1:
                self._missing |= needed
            elif verdict == "off":
                self.switches |= _switches(one)

    async def _probe(self, operation: Operation[Any]) -> None:
        call: Callable[..., Awaitable[Any]] = getattr(
            getattr(self._da, operation.tag), operation.name
        )
        known = {one.name for one in operation.params}
        verdict: Verdict
        try:
            answer = await call(**{k: v for k, v in _ARGUMENTS.items() if k in known})
        except (AccessDenied, BadRequest):
            verdict = "refused"
        except NotFound:
            verdict = "off" if _switches(operation) else "unknown"
        except DocassembleError:
            verdict = "unknown"
        else:
            verdict = "allowed"
            if operation.id == _OWNER:
                self.owner = answer
        self._found[operation.id] = verdict

    def _by_role(self, operation: Operation[Any]) -> bool:
        """Whether the owner may call it, with a key that is not limited."""
        needed = operation.privileges.any
        return not needed or bool(self.owner and set(needed) & set(self.owner.privileges))

    def verdicts(self) -> dict[Verdict, tuple[str, ...]]:
        """Sort all operations."""
        sorted_out: dict[Verdict, list[str]] = {
            "allowed": [],
            "refused": [],
            "off": [],
            "unknown": [],
        }
        for name, operation in table.OPERATIONS.items():
            sorted_out[self._found.get(name) or self._verdict(operation)].append(name)
        return {verdict: tuple(names) for verdict, names in sorted_out.items()}

    def _verdict(self, operation: Operation[Any]) -> Verdict:
        if not operation.auth:
            return "allowed"
        if (able := _switches(operation)) and able <= self.switches:
            return "off"
        if not self.key_valid:
            return "unknown" if self.key_valid is None else "refused"
        if self._by_role(operation) and not self.limited:
            return "allowed"
        return self._by_permissions(operation)

    def _by_permissions(self, operation: Operation[Any]) -> Verdict:
        """Conclude from the permissions that probes have shown to be there or missing."""
        who = operation.privileges
        needed = set(who.permissions)
        if not needed:
            # Who needs nothing has "none" for a note, perhaps with what an interview requires.
            free = who.note.partition(",")[0] == "none"
            return "refused" if who.any else "allowed" if free else "unknown"
        if needed <= self._granted:
            return "allowed"
        # A note says when it is allowed all the same, such as for one's own account.
        return "refused" if needed & self._missing and not who.note else "unknown"


def _grouped(names: tuple[str, ...]) -> str:
    """Name operations by tag, and a whole tag by its name only."""
    tags: dict[str, list[str]] = {}
    for name in names:
        tag, _, call = name.partition(".")
        tags.setdefault(tag, []).append(call)
    every = Counter(one.tag for one in table.OPERATIONS.values())
    return "; ".join(
        f"{tag} (all)" if len(calls) == every[tag] else f"{tag} ({', '.join(calls)})"
        for tag, calls in tags.items()
    )


def _probes() -> list[Operation[Any]]:
    """Choose one safe call for each combination of what a call needs."""
    chosen = {_needs(table.OPERATIONS[_OWNER]): table.OPERATIONS[_OWNER]}
    for one in table.OPERATIONS.values():
        required = {each.name for each in one.params if each.required}
        secret = any(result.json is Confidential for result in one.results.values())
        reads = one.method == "GET" and one.retry == "safe" and one.auth and not secret
        if reads and required <= _ARGUMENTS.keys():
            chosen.setdefault(_needs(one), one)
    return list(chosen.values())


def _needs(operation: Operation[Any]) -> tuple[object, ...]:
    who = operation.privileges
    return who.any, who.permissions, _switches(operation)


def _switches(operation: Operation[Any]) -> frozenset[str]:
    """Directives of which one must be on for it; empty if it cannot be switched off."""
    return frozenset(name for error in operation.errors for name in error.switches)
