"""Every method at several tolerances on every family of tables, every bracket checked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from comparators import BASELINES, TOL, warm_up
from gaps import FAMILIES, PEER_SHAPES, SHAPES, TOLERANCES, Shape, shape_name
from grid import COMPACT, Table
from measure import measure, median_seconds, note
from results import GapPoint, Results

import fastpid

CASES = [
    (family, shape, method, tol)
    for shape in SHAPES
    for family in FAMILIES
    for method, tolerances in TOLERANCES.items()
    for tol in tolerances
    if method != COMPACT or shape in PEER_SHAPES
]
SMOKE = ("dense", (10, 10, 10))


@functools.lru_cache(maxsize=1)
def table(family: str, shape: Shape) -> Table:
    return FAMILIES[family](shape)


@functools.lru_cache(maxsize=1)
def truth(family: str, shape: Shape) -> fastpid.Decomposition:
    return fastpid.decompose(table(family, shape), tol=TOL, on_failure="raise")


def _solve(p: Table, method: str, tol: float | None) -> fastpid.Decomposition:
    if method == COMPACT:
        return BASELINES[COMPACT].solve(p)
    return fastpid.decompose(p, method=method, tol=tol or TOL, threads=1, on_failure="ignore")


def _id(value: Any) -> str:
    text = shape_name(value) if isinstance(value, tuple) else str(value)
    return text.replace(" ", "-")


@pytest.mark.parametrize(("family", "shape", "method", "tol"), CASES, ids=_id)
def test_gap(
    family: str,
    shape: Shape,
    method: str,
    tol: float | None,
    benchmark: Any,
    results: Results,
    select: Callable[..., None],
) -> None:
    select(smoke=(family, shape) == SMOKE, default=shape == SHAPES[0])
    benchmark.group = f"gap {family} {shape_name(shape)}"
    if method == COMPACT:
        warm_up()
    p, known = table(family, shape), truth(family, shape)
    answers = measure(benchmark, lambda: _solve(p, method, tol), budget=0.2, warm=method != COMPACT)
    for answer in answers:
        assert answer.lower <= known.upper + 1e-12
        assert answer.upper >= known.lower - 1e-12
        if method in ("newton", "auto"):
            assert answer.converged
        if tol is not None and answer.converged:  # mirror descent may reach its iteration limit
            assert answer.gap <= tol
    answer = answers[-1]
    note(benchmark, shape, answer, tol=tol, status=answer.status.value)
    seconds = median_seconds(benchmark)
    if seconds is not None:
        results.gaps.append(
            GapPoint(
                family=family,
                shape=shape_name(shape),
                solver=method,
                tol=tol,
                seconds=seconds,
                gap=float(answer.gap),
                iterations=int(answer.iterations),
                status=answer.status.value,
            )
        )
