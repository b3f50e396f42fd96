"""decompose_marginals() against decompose(), which reads the table first: answers are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from measure import interleave

import fastpid

#: Shapes of batches of tables, and the tolerance.
CASES = [
    ((10_000, 3, 3, 3), 1e-9, True),
    ((100, 10, 10, 10), 1e-6, True),
    ((1, 200, 200, 100), 1e-2, True),
    ((1, 600, 600, 100), 1e-2, False),
]


@pytest.mark.parametrize(("shape", "tol", "smoke"), CASES, ids=str)
def test_marginals(
    shape: tuple[int, ...],
    tol: float,
    smoke: bool,
    benchmark: Any,
    select: Callable[..., None],
) -> None:
    select(smoke=smoke)
    p = np.random.default_rng(0).random(shape)
    p /= p.sum(axis=(1, 2, 3), keepdims=True)
    a, b = p.sum(axis=2), p.sum(axis=1)

    def of_marginals() -> fastpid.Decomposition[Any]:
        return fastpid.decompose_marginals(a, b, tol=tol, threads=1)

    def of_table() -> fastpid.Decomposition[Any]:
        return fastpid.decompose(p, tol=tol, threads=1)

    d, table = of_marginals(), of_table()
    assert d.converged.all()
    assert (d.lower <= table.upper + 1e-12).all()
    assert (table.lower <= d.upper + 1e-12).all()
    taken, reading = interleave(of_marginals, of_table, 1.0)
    benchmark.group = "marginals"
    benchmark.extra_info.update(
        shape=shape, size=p.size, seconds=taken, table_seconds=reading, gap=float(d.gap.max())
    )
    benchmark.pedantic(of_marginals, rounds=3)
