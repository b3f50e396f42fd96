"""What an estimate takes, with its resamples solved as well as they ask for and all the way."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from results import EstimateTiming, Results

import fastpid


def samples(count: int, symbols: int) -> tuple[np.ndarray, ...]:
    """Draw a noisy sum modulo the number of symbols."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, symbols, (2, count))
    z = np.where(rng.random(count) < 0.5, (x + y) % symbols, rng.integers(0, symbols, count))
    return x, y, z


@pytest.mark.parametrize(
    ("count", "symbols", "smoke"),
    [(1000, 3, True), (5000, 10, False), (1_000_000, 5, False)],
)
def test_estimate(
    count: int,
    symbols: int,
    smoke: bool,
    benchmark: Any,
    results: Results,
    select: Callable[..., None],
) -> None:
    select(smoke=smoke)
    columns = samples(count, symbols)

    def estimate(tol: float | None = None) -> fastpid.Estimate:
        return fastpid.estimate(*columns, tol=tol, rng=0, threads=2, progress=False)

    timed: dict[float | None, list[float]] = {None: [], 1e-9: []}
    found = {}
    for _ in range(1 if smoke else 3):
        for tol, seconds in timed.items():
            started = time.perf_counter()
            found[tol] = estimate(tol)
            seconds.append(time.perf_counter() - started)
    loose, tight = found[None], found[1e-9]
    assert tight.largest_gap <= 1e-9
    assert loose.p_values["synergy"] == tight.p_values["synergy"]
    differences = []
    for name, (low, high) in loose.intervals.items():
        assert low <= loose.values[name] <= high
        error = max(tight.standard_errors[name], 1e-9)
        differences.append(abs(loose.corrected[name] - tight.corrected[name]) / error)
    assert max(differences) < 0.1
    benchmark.group = "estimates"
    benchmark.extra_info.update(
        gap=loose.largest_gap, samples=count, cells=symbols**3, difference=max(differences)
    )
    benchmark.pedantic(estimate, rounds=1)
    results.estimates.append(
        EstimateTiming(
            name=f"{count:,} samples, {symbols}x{symbols}x{symbols}",
            samples=count,
            threads=2,
            seconds=statistics.median(timed[None]),
            tight_seconds=statistics.median(timed[1e-9]),
            gap=loose.largest_gap,
            difference=max(differences),
        )
    )
