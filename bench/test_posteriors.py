"""decompose_posteriors(): every sample a symbol, and clusters of many samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastpid

#: Samples of each source, classes, the tolerance, and how wide the bracket may be.
CASES = [
    (2000, 10, 1e-2, 1e-2, True),
    (2000, 10, 1e-3, 1e-3, False),
    (100_000, 3, 2e-2, 2e-2, True),
    (1_000_000, 5, 2e-2, 0.03, False),
    (1_000_000, 10, 0.15, 0.25, False),
]


def posteriors(samples: int, classes: int, seed: int) -> np.ndarray:
    """Exact posteriors of points around the corners of a simplex."""
    rng = np.random.default_rng(seed)
    corners = 1.5 * np.eye(classes)
    points = corners[rng.integers(0, classes, samples)] + rng.normal(size=(samples, classes))
    logits = points @ corners.T
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("samples", "classes", "tol", "widest", "smoke"), CASES)
def test_posteriors(
    samples: int,
    classes: int,
    tol: float,
    widest: float,
    smoke: bool,
    benchmark: Any,
    select: Callable[..., None],
) -> None:
    select(smoke=smoke, default=samples < 1_000_000)
    x, y = (posteriors(samples, classes, seed) for seed in range(2))

    def run() -> tuple[fastpid.Decomposition[float], float]:
        started = time.perf_counter()
        d = fastpid.decompose_posteriors(x, y, tol=tol, threads=2, on_failure="ignore")
        return d, time.perf_counter() - started

    d, seconds = benchmark.pedantic(run, rounds=1)
    assert d.gap <= widest
    # Both through the same channel, so that neither says anything uniquely but by chance.
    assert d.lower <= max(d.mi_x, d.mi_y) + 0.2
    benchmark.group = "posteriors"
    benchmark.extra_info.update(
        samples=samples, classes=classes, seconds=seconds, gap=d.gap, **d.details
    )
