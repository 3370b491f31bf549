"""Runs sequences of random calls on both servers."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client.testing.server import FakeServer
from tests.live.differential.calls import FAKE, REAL, Call, Reference, Response, Server
from tests.live.differential.comparison import Difference, compare
from tests.live.differential.generator import Generator
from tests.live.differential.resources import create_resources, delete_resources, make_call
from tests.testing.server_setups import set_up_server

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS_PER_SEQUENCE = 200
_READING = ("GET", "HEAD", "OPTIONS")


@frozen
class Result:
    """
    A call, both responses, and their differences.

    Attributes:
        sequence: Seed of its sequence.
        call: The call.
        real: Response of the real server.
        fake: Response of the fake server.
        differences: The differences.
    """

    sequence: str
    call: Call
    real: Response
    fake: Response
    differences: list[Difference]

    @property
    def diverges(self) -> bool:
        """Whether only one of the servers has done what the call asks for."""
        return self.real.is_refusal != self.fake.is_refusal


def run(url: str, api_key: str, *, seed: str, count: int) -> Iterator[Result]:
    """
    Run sequences until they have made this many calls.

    Args:
        url: Address of the real server.
        api_key: Key of its administrator.
        seed: Seed of the random numbers.
        count: Number of calls.

    Yields:
        The results.
    """
    made, number = 0, 0
    while made < count:
        for result in run_sequence(url, api_key, f"{seed}.{number}"):
            yield result
            made += 1
            if made >= count:
                break
        number += 1


def run_sequence(url: str, api_key: str, seed: str) -> Iterator[Result]:
    """
    Run one sequence on a fresh fake server, and delete what it has created on the real one.

    It ends early if only one server has accepted a change, since later calls would repeat that.

    Args:
        url: Address of the real server.
        api_key: Key of its administrator.
        seed: Seed of the random numbers.

    Yields:
        The results.
    """
    fake = FakeServer()
    set_up_server(fake)
    with fake.serve() as fake_url:
        servers = Server(REAL, url), Server(FAKE, fake_url)
        root_key = Reference("key", (api_key, fake.api_key))
        try:
            # Both must have the same time zone, page size, permissions, debug mode, and so on.
            config = servers[REAL].send(make_call("GET", "/api/config", root_key)).parse()
            fake.config.clear()
            fake.config.update(config)
            resources = create_resources(
                lambda call: (servers[REAL].send(call), servers[FAKE].send(call)), root_key
            )
            try:
                generator = Generator(Random(seed), resources)  # noqa: S311 - no secret
                for _ in range(CALLS_PER_SEQUENCE):
                    call = generator.generate()
                    real, fake_response = servers[REAL].send(call), servers[FAKE].send(call)
                    resources.learn(call, real, fake_response)
                    differences = compare(call, real, fake_response, resources.pairs)
                    result = Result(seed, call, real, fake_response, differences)
                    yield result
                    if result.diverges and call.method not in _READING:
                        break
            finally:
                delete_resources(resources, servers[REAL].send, root_key)
        finally:
            for server in servers:
                server.close()
