"""Time courses: places per second, corrected over all of them, every answer asserted."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastpid

N_TRIALS, BINS, PERMUTATIONS = 200, 4, 200
CASES = [(100, "synergy", True), (1000, "synergy", False), (1000, "all", False)]


def trials(n_times: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw trials in which the signs of x and y tell z together, in a window of one tenth."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, N_TRIALS, n_times))
    z, sign = rng.integers(0, 4, N_TRIALS), rng.choice([-1.0, 1.0], N_TRIALS)
    window = slice(n_times * 4 // 10, n_times // 2)
    x[:, window] += 1.5 * sign[:, None]
    y[:, window] += 1.5 * (sign * (2 * (z % 2) - 1))[:, None]
    return x, y, z


@pytest.mark.parametrize(("n_times", "tested", "smoke"), CASES)
def test_course(
    n_times: int, tested: str, smoke: bool, benchmark: Any, select: Callable[..., None]
) -> None:
    select(smoke=smoke)
    x, y, z = trials(n_times)
    options: dict[str, Any] = {} if tested == "all" else {"atoms": ["synergy"], "ci": "none"}

    def run() -> tuple[fastpid.TimeCourse, float]:
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fastpid.UndersampledWarning)
            found = fastpid.estimate_over(
                *(x, y, z),
                bins=BINS,
                n_permutations=PERMUTATIONS,
                rng=0,
                threads=2,
                progress=False,
                **options,
            )
        return found, time.perf_counter() - started

    found, seconds = benchmark.pedantic(run, rounds=1)
    window = np.zeros(n_times, dtype=bool)
    window[n_times * 4 // 10 : n_times // 2] = True
    significant = found.adjusted("synergy", "cluster") <= 0.05
    assert significant[window].mean() > 0.8
    assert significant[~window].mean() < 0.05
    total = sum(found.corrected[atom] for atom in ("redundancy", "unique_x", "unique_y", "synergy"))
    np.testing.assert_allclose(total, found.corrected["mi_xy"], atol=1e-9)
    benchmark.group = "time courses"
    benchmark.extra_info.update(
        times=n_times,
        trials=N_TRIALS,
        permutations=PERMUTATIONS,
        size=BINS**3,
        times_per_second=n_times / seconds,
        gap=found.largest_gap,
    )
