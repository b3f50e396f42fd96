"""pointwise() beside decompose(), and its intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from measure import interleave

import fastpid
from fastpid._base.quantities import ATOMS


@pytest.mark.parametrize(
    ("shape", "smoke"), [((1000, 3, 3, 3), True), ((1, 30, 30, 10), True), ((1, 60, 60, 10), False)]
)
def test_pointwise(
    shape: tuple[int, ...], smoke: bool, benchmark: Any, select: Callable[..., None]
) -> None:
    select(smoke=smoke)
    p = np.random.default_rng(0).random(shape)
    p /= p.sum(axis=(1, 2, 3), keepdims=True)

    def cells() -> fastpid.PointwiseDecomposition:
        return fastpid.pointwise(p, threads=1)

    result = cells()
    for atom in ATOMS:
        off = np.abs(result.average(atom) - getattr(result.decomposition, atom))
        assert (off <= 1e-10 + result.decomposition.gap).all()
    taken, solving = interleave(cells, lambda: fastpid.decompose(p, tol=1e-10, threads=1), 1.0)
    benchmark.group = "pointwise"
    benchmark.extra_info.update(
        shape=shape, size=p.size, seconds=taken, decompose_seconds=solving, slack=result.slack.max()
    )

    def intervals() -> Any:
        return fastpid.PointwiseDecomposition(
            result.p, result.decomposition, result.labels, result.names, result._terms
        ).interval("synergy")

    low, high = benchmark.pedantic(intervals, rounds=1)
    assert (low <= high).all()
