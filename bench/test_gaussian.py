"""Covariances per second, and pairs of a screen, one thread, every answer asserted."""

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


@pytest.mark.parametrize("test", ["none", "f"])
def test_screen(test: Any, benchmark: Any, select: Callable[..., None]) -> None:
    """All pairs of 200 channels about a target of two dimensions, from 10,000 samples."""
    select(smoke=test == "f")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 200))  # noqa: N806
    z = X[:, :2] + X[:, 2:4] + rng.normal(size=(10_000, 2))

    def screen() -> fastpid.Screen:
        return fastpid.gaussian.screen(X, z, test=test, tol=TOL, threads=1, on_failure="raise")

    benchmark.group = "screen of 200 Gaussian channels"
    for found in measure(benchmark, screen, budget=2.0):
        assert len(found) == 19_900
        assert found.records["gap"].max() <= TOL
        assert {(r["x"], r["y"]) for r in found.top(2).records} == {(0, 2), (1, 3)}


@pytest.mark.parametrize("tested", ["synergy", "all"])
def test_course(tested: str, benchmark: Any, select: Callable[..., None]) -> None:
    """Two lags and 199 times of 300 trials, 3 + 3 + 2 columns; every covariance solved to TOL."""
    select(smoke=False)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300, 3, 200))
    z = rng.normal(size=(300, 2, 200)) + x[:, :2]
    options: dict[str, Any] = {} if tested == "all" else {"atoms": ["synergy"], "ci": "none"}

    def run() -> fastpid.gaussian.GaussianTimeCourse:
        return fastpid.gaussian.estimate_over(
            *(x, y, z), lags=[0, 1], tol=TOL, threads=1, rng=0, on_failure="raise", **options
        )

    benchmark.group = "Gaussian course of 398 places"
    for course in measure(benchmark, run, budget=2.0):
        assert course.largest_gap <= TOL
        assert course.gap.shape == (2, 199)
        assert (course.unique_x[0] > course.unique_x[1] + 0.3).all()
