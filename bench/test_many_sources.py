"""Several sources: unions beside CVXPY's, batches with all subsets, thousands of binary sources."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from measure import interleave

import fastpid

#: Shapes of one table; whether CVXPY is timed beside it, and runs in smoke runs.
UNIONS = [
    ((3, 3, 3, 3), True, True),
    ((5, 5, 5, 5), True, False),
    ((3, 3, 3, 3, 3), True, False),
    ((10, 10, 10, 10), False, False),
    ((5, 5, 5, 5, 5, 3), False, False),
]
#: Shapes of single tables of three sources, decomposed with all subsets.
SINGLES = [(n, n, n, n) for n in (2, 3, 4, 5)]
#: Symbols of the columns and of the target of a screen of triples.
SCREENS = [(2, 2, True), (3, 3, False), (5, 3, False)]
#: Shapes of batches of tables of three sources.
BATCHES = [((20_000, 2, 2, 2, 2), True), ((4_000, 3, 3, 3, 3), False)]


def each_source(p: np.ndarray, n_sources: int) -> list[np.ndarray]:
    axes = range(-1 - n_sources, -1)
    return [p.sum(axis=tuple(a for a in axes if a != axis)) for axis in axes]


@pytest.mark.parametrize(("shape", "beside", "smoke"), UNIONS, ids=str)
def test_union(
    shape: tuple[int, ...],
    beside: bool,
    smoke: bool,
    benchmark: Any,
    select: Callable[..., None],
) -> None:
    select(smoke=smoke)
    p = np.random.default_rng(0).dirichlet(np.ones(np.prod(shape))).reshape(shape)
    each = each_source(p, len(shape) - 1)
    u = fastpid.union_information(each, threads=1)
    assert u.converged
    if beside:

        def reference() -> float:
            return fastpid.reference.cvx_union_information(each)

        assert reference() == pytest.approx(u.value, abs=2e-6)
        ours, theirs = interleave(
            lambda: fastpid.union_information(each, threads=1), reference, 0.2
        )
        benchmark.extra_info.update(seconds=ours, cvx_seconds=theirs)
    benchmark.group = "union of several sources"
    benchmark.extra_info.update(shape=shape, gap=u.gap, iterations=u.iterations)
    benchmark.pedantic(fastpid.union_information, (each,), {"threads": 1}, rounds=5)


@pytest.mark.parametrize(("shape", "smoke"), BATCHES, ids=str)
def test_all_subsets(
    shape: tuple[int, ...], smoke: bool, benchmark: Any, select: Callable[..., None]
) -> None:
    select(smoke=smoke)
    cells = int(np.prod(shape[1:]))
    p = np.random.default_rng(0).dirichlet(np.ones(cells), shape[0]).reshape(shape)
    d = fastpid.decompose_many(p, n_sources=3, threads=1)
    assert d.converged.all()
    benchmark.group = "all subsets of three sources"
    benchmark.extra_info.update(shape=shape, gap=float(d.gap.max()))
    benchmark.pedantic(fastpid.decompose_many, (p,), {"n_sources": 3, "threads": 1}, rounds=3)


@pytest.mark.parametrize("shape", SINGLES, ids=str)
def test_one_table(shape: tuple[int, ...], benchmark: Any, select: Callable[..., None]) -> None:
    select(smoke=shape[0] == 2)
    p = np.random.default_rng(0).dirichlet(np.ones(np.prod(shape))).reshape(shape)
    d = fastpid.decompose_many(p, threads=1)
    assert d.converged
    benchmark.group = "one table with all subsets of three sources"
    benchmark.extra_info.update(shape=shape, gap=d.gap)
    benchmark.pedantic(fastpid.decompose_many, (p,), {"threads": 1}, rounds=20, iterations=20)


def test_many_tuples(benchmark: Any, select: Callable[..., None]) -> None:
    select(smoke=False)
    shape = (31, 31, 31, 31)
    p = np.random.default_rng(0).dirichlet(np.ones(np.prod(shape))).reshape(shape)
    each = each_source(p, 3)
    u = fastpid.union_information(each, tol=1e-3, threads=1)
    assert u.converged
    benchmark.group = "union of several sources"
    benchmark.extra_info.update(shape=shape, gap=u.gap, iterations=u.iterations)
    benchmark.pedantic(fastpid.union_information, (each,), {"tol": 1e-3, "threads": 1}, rounds=5)


@pytest.mark.parametrize("test", ["none", "g"])
@pytest.mark.parametrize(("symbols", "nz", "smoke"), SCREENS, ids=str)
def test_screen_of_triples(
    symbols: int, nz: int, smoke: bool, test: Any, benchmark: Any, select: Callable[..., None]
) -> None:
    """Triples are counted, solved with all subsets, corrected and tested: tables per second."""
    select(smoke=smoke)
    rng = np.random.default_rng(0)
    x, z = rng.integers(0, symbols, (2000, 24)), rng.integers(0, nz, 2000)
    options = {"top_k": 10, "threads": 1, "test": test, "on_failure": "raise"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastpid.UndersampledWarning)
        found = fastpid.screening.screen_triples(x, z, **options)
        assert found.n_screened == 2024
        benchmark.group = "screen of triples"
        benchmark.pedantic(fastpid.screening.screen_triples, (x, z), options, rounds=3)
    seconds = benchmark.stats.stats.median if benchmark.stats else float("nan")
    benchmark.extra_info.update(tables_per_second=found.n_screened / seconds)


def test_a_thousand_binary_sources(benchmark: Any, select: Callable[..., None]) -> None:
    select(smoke=True)
    channels = np.random.default_rng(0).dirichlet(np.ones(10), (1000, 2)).transpose(0, 2, 1)
    each = list(channels * np.array([0.4, 0.6]))
    u = fastpid.union_information(each, threads=1)
    assert u.gap <= 1e-11
    benchmark.group = "a thousand sources of a binary target"
    benchmark.extra_info.update(gap=u.gap)
    benchmark.pedantic(fastpid.union_information, (each,), {"threads": 1}, rounds=10)
