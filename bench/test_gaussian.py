"""Covariances per second, one thread, every answer asserted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparators import TOL
from gaussian_families import covariance
from measure import measure, median_seconds, note

import fastpid
import fastpid.gaussian

#: Dimensions of X, Y and Z, and the size of the batch.
CASES = [
    ((1, 1, 1), 20_000),
    ((2, 2, 2), 5_000),
    ((5, 5, 5), 500),
    ((10, 10, 10), 50),
    ((30, 30, 5), 50),
    ((100, 100, 5), 20),
    ((20, 20, 20), 5),
]


@pytest.mark.parametrize("family", ["random", "nearly equal"])
@pytest.mark.parametrize(("sizes", "batch"), CASES, ids=lambda value: str(value).replace(" ", ""))
def test_covariances(
    sizes: tuple[int, int, int],
    batch: int,
    family: str,
    benchmark: Any,
    select: Callable[..., None],
) -> None:
    select(smoke=sizes == (2, 2, 2))
    rng = np.random.default_rng(0)
    distinct = np.stack([covariance(family, sizes, rng) for _ in range(min(batch, 200))])
    cov = np.resize(distinct, (batch, *distinct.shape[1:]))

    def solve() -> fastpid.Decomposition:
        return fastpid.gaussian.decompose(cov, sizes, tol=TOL, threads=1, on_failure="raise")

    benchmark.group = f"covariances {'+'.join(map(str, sizes))}"
    answers = measure(benchmark, solve, budget=0.5)
    for answer in answers:
        assert answer.gap.max() <= TOL
    note(benchmark, cov.shape, answers[-1])
    seconds = median_seconds(benchmark)
    if seconds is not None:
        benchmark.extra_info["covariances_per_second"] = batch / seconds
