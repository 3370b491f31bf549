"""All measurements of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import frozen

from benchmarks.documents import DocumentRates
from benchmarks.jobs import JobResult

Results: TypeAlias = dict[tuple[str, str, int], dict[str, float]]
SingleResults: TypeAlias = dict[str, dict[str, float]]


@frozen(kw_only=True)
class Measurements:
    """
    All measurements of a run.

    Attributes:
        results: Results of the contenders, by work, name and calls in flight.
        pairs: CPU of a call by this client and raw aiohttp, by calls in flight.
        single_results: Results of this client alone.
        jobs: Results of jobs of many calls, by name.
        documents: Documents per minute on a real server; empty without one.
    """

    results: Results
    pairs: Mapping[int, Mapping[str, float]]
    single_results: SingleResults
    jobs: Mapping[str, JobResult]
    documents: DocumentRates
