"""Networks and screens of all triples of columns: triples per second, every answer asserted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid.screening import Network, network

N_SAMPLES, BINS, TOL = 2000, 5, 1e-3
CASES = [("broja", 30, True), ("i_min", 30, True), ("broja", 200, False), ("i_min", 200, False)]


def columns_of(count: int) -> np.ndarray:
    """Draw columns that share some of twelve factors."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(12, count)) * (rng.random((12, count)) < 0.4)
    return rng.normal(size=(N_SAMPLES, 12)) @ loadings + rng.normal(size=(N_SAMPLES, count))


def note(benchmark: Any, group: str, count: int, seconds: float, gap: float) -> None:
    triples = count * (count - 1) * (count - 2) // 6
    benchmark.group = group
    benchmark.extra_info.update(
        columns=count,
        samples=N_SAMPLES,
        size=BINS**3,
        triples=triples,
        triples_per_second=triples / seconds,
        gap=gap,
    )


@pytest.mark.parametrize(("measure", "count", "smoke"), CASES)
def test_network(
    measure: str, count: int, smoke: bool, benchmark: Any, select: Callable[..., None]
) -> None:
    select(smoke=smoke)
    x = columns_of(count)

    def infer() -> tuple[Network, float]:
        started = time.perf_counter()
        found = network(x, bins=BINS, measure=measure, tol=TOL, threads=2, progress=False)
        return found, time.perf_counter() - started

    found, seconds = benchmark.pedantic(infer, rounds=1)
    assert found.gap <= TOL
    off_diagonal = ~np.eye(count, dtype=bool)
    assert np.isfinite(found.scores[off_diagonal]).all()
    # A few of its columns, against the tables themselves.
    few = network(x[:, :5], bins=BINS, measure=measure, tol=TOL)
    exact = network(x[:, :5], bins=BINS, measure=measure, tol=1e-8)
    off = np.abs(few.scores - exact.scores)[off_diagonal[:5, :5]]
    assert (off <= (few.errors + exact.errors)[off_diagonal[:5, :5]] + 1e-9).all()
    note(benchmark, "networks", count, seconds, found.gap)


@pytest.mark.parametrize(("count", "smoke"), [(20, True), (100, False)])
def test_all_targets(count: int, smoke: bool, benchmark: Any, select: Callable[..., None]) -> None:
    select(smoke=smoke)
    x = columns_of(count)

    def run() -> tuple[fastpid.Screen, float]:
        started = time.perf_counter()
        found = fastpid.screen(
            x, targets="all", bins=BINS, tol=TOL, top_k=10, threads=2, progress=False
        )
        return found, time.perf_counter() - started

    found, seconds = benchmark.pedantic(run, rounds=1)
    assert found.n_screened == count * (count - 1) * (count - 2) // 2
    for record in found.records[:3]:
        columns = (x[:, record[name]] for name in ("x", "y", "target"))
        d = fastpid.decompose(fastpid.joint.from_samples(*columns, bins=BINS))
        assert abs(d.synergy - record["synergy"]) <= 0.5 * TOL + 1e-9
    note(benchmark, "screens of all targets", count, seconds, float(found.values("gap").max()))
