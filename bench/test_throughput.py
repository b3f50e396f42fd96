"""Tables per second against the size of the batch, every answer asserted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparators import BASELINES, TOL
from grid import COMPACT, Table
from measure import Reference, measure, median_seconds, note
from results import Rate, Results

import fastpid

#: Symbols on each axis, and the largest batch: one call on it stays below some five seconds.
LARGEST = {2: 100_000, 3: 100_000, 4: 100_000, 6: 10_000, 10: 1_000}
BATCHES = (1, 10, 100, 1_000, 10_000, 100_000)
SMOKE = {(3, 1), (3, 1_000), (6, 100)}

CASES = [(n, batch, 1) for n, most in LARGEST.items() for batch in BATCHES if batch <= most]
CASES += [(n, most, 2) for n, most in LARGEST.items()]


def shape_name(n: int) -> str:
    return f"{n}x{n}x{n}"


@functools.lru_cache(maxsize=1)
def batch_of(n: int, batch: int) -> Table:
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(n**3), batch).reshape(batch, n, n, n)


@pytest.mark.parametrize(("n", "batch", "threads"), CASES)
def test_throughput(
    n: int,
    batch: int,
    threads: int,
    benchmark: Any,
    results: Results,
    select: Callable[..., None],
) -> None:
    select(smoke=(n, batch) in SMOKE)
    benchmark.group = f"throughput {shape_name(n)}"
    p = batch_of(n, batch)

    def solve(threads: int) -> fastpid.Decomposition:
        return fastpid.decompose(p, tol=TOL, threads=threads, on_failure="ignore")

    one_thread = Reference(lambda: solve(1)) if threads > 1 else None
    if one_thread:
        one_thread.sample(least=1)
    answers = measure(benchmark, lambda: solve(threads), budget=0.5)
    if one_thread:
        one_thread.sample(least=1)
    for answer in answers:
        assert answer.converged.all()
        assert answer.gap.max() <= TOL
    seconds = median_seconds(benchmark)
    note(benchmark, p.shape, answers[-1], threads=threads)
    if seconds is None:
        return
    benchmark.extra_info["tables_per_second"] = batch / seconds
    worst = float(answers[-1].gap.max())
    alone = batch / one_thread.seconds if one_thread else 0.0
    results.throughput.append(
        Rate(shape_name(n), "fastpid", batch, threads, batch / seconds, worst, alone)
    )


@pytest.mark.parametrize("n", LARGEST)
def test_compact_clarabel(
    n: int, benchmark: Any, results: Results, select: Callable[..., None]
) -> None:
    """The best CVXPY model, which takes tables one at a time whatever the batch."""
    select(smoke=n == 3)
    benchmark.group = f"throughput {shape_name(n)}"
    name = COMPACT
    p = batch_of(n, 1)[0]
    answer = measure(benchmark, lambda: BASELINES[name].solve(p), budget=0.5)[-1]
    certified = fastpid.decompose(p, tol=TOL, on_failure="raise")
    wrong = abs(answer.union_information - certified.union_information)
    assert wrong <= BASELINES[name].accuracy
    note(benchmark, p.shape, answer, threads=1)
    seconds = median_seconds(benchmark)
    if seconds is not None:
        results.throughput.append(Rate(shape_name(n), name, 1, 1, 1.0 / seconds, float(answer.gap)))
