"""Time against size, one axis growing at a time, and tables that are large by themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from comparators import BASELINES, TOL, warm_up
from grid import COMPACT, Table
from measure import Reference, TooSlowError, measure, median_seconds, note
from results import Results, Timing

import fastpid
from fastpid import gates

#: nx = ny growing at some nz, and nz growing at nx = ny = 10.
SWEEPS: dict[str, list[tuple[int, int, int]]] = {
    "nz = 2": [(n, n, 2) for n in (5, 10, 20, 50, 100, 200, 500)],
    "nz = 5": [(n, n, 5) for n in (5, 10, 20, 50, 100)],
    "nz = 10": [(n, n, 10) for n in (5, 10, 20, 30, 50, 100)],
    "nx = ny = 10": [(10, 10, n) for n in (2, 5, 10, 20, 50, 100, 200)],
}
#: Compact CLARABEL takes some 16 s at 100x100x5; larger ones pass grid.LIMIT_SECONDS.
PEER_CELLS = 50_000
SMOKE_CELLS = 1_000

POINTS = [
    (series, shape, solver)
    for series, shapes in SWEEPS.items()
    for shape in shapes
    for solver in ("fastpid", COMPACT)
    if solver == "fastpid" or np.prod(shape) <= PEER_CELLS
]


@dataclass(frozen=True)
class Large:
    """A table that is large by itself, the tolerances it is solved to, and its yardstick.

    Attributes
    ----------
    tolerances : tuple of float
        Loose ones first: once a call takes too long, the tighter ones are left out.
    reference : str
        What the times are held against; a key of REFERENCES.
    """

    name: str
    table: Callable[[], Table]
    tolerances: tuple[float, ...]
    reference: str = ""
    smoke: bool = False


MARGINALS = "numpy's p.sum(0), p.sum(1)"
COPY = "np.copyto of the table"
PROXY = 'method="proxy"'


def _copy(p: Table) -> Callable[[], Any]:
    target = np.zeros_like(p)  # touched, so that no page faults are timed
    return lambda: np.copyto(target, p)


REFERENCES: dict[str, Callable[[Table], Callable[[], Any]]] = {
    MARGINALS: lambda p: lambda: (p.sum(0), p.sum(1)),
    COPY: _copy,
    PROXY: lambda p: lambda: fastpid.decompose(p, method="proxy", threads=1),
}

LARGE = (
    Large(
        "soft 31x31x31",
        lambda: gates.random_soft((31, 31, 31), 4000, rng=0),
        (1e-3, TOL),
        PROXY,
        True,
    ),
    Large("dense 100x100x10", lambda: gates.random_dense((100, 100, 10), rng=0), (1e-8,)),
    Large("dense 2000x2000x2", lambda: gates.random_dense((2000, 2000, 2), rng=0), (TOL,), COPY),
    Large("dense 1000x1000x10", lambda: gates.random_dense((1000, 1000, 10), rng=0), (1e-2,)),
    Large(
        "soft 309x309x309",
        lambda: gates.random_soft((309, 309, 309), 3000, signal=(9, 8), rng=0),
        (1e-3, 1e-5),
        MARGINALS,
    ),
)
BY_NAME = {large.name: large for large in LARGE}
LARGE_CASES = [
    (large.name, tol, threads) for large in LARGE for tol in large.tolerances for threads in (2, 1)
]
#: Tables of which one call took too long; what is slower still is not tried.
GIVEN_UP: set[str] = set()


@functools.lru_cache(maxsize=1)
def large_table(name: str) -> Table:
    return BY_NAME[name].table()


def _shape_id(value: Any) -> str:
    text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text.replace(" ", "-")


@pytest.mark.parametrize(("series", "shape", "solver"), POINTS, ids=_shape_id)
def test_growing(
    series: str,
    shape: tuple[int, int, int],
    solver: str,
    benchmark: Any,
    results: Results,
    select: Callable[..., None],
) -> None:
    select(smoke=np.prod(shape) <= SMOKE_CELLS, default=False)
    benchmark.group = f"scaling {series}"
    p = gates.random_dense(shape, rng=0)
    if solver == COMPACT:
        warm_up()
        answer = measure(benchmark, lambda: BASELINES[COMPACT].solve(p), warm=False)[-1]
        certified = fastpid.decompose(p, tol=TOL, on_failure="raise")
        wrong = abs(answer.union_information - certified.union_information)
        assert wrong <= BASELINES[COMPACT].accuracy
    else:
        answers = measure(
            benchmark,
            lambda: fastpid.decompose(p, tol=TOL, threads=1, on_failure="ignore"),
            budget=0.5,
        )
        answer = answers[-1]
        assert all(a.converged and a.gap <= TOL for a in answers)
    note(benchmark, shape, answer, threads=1)
    seconds = median_seconds(benchmark)
    if seconds is not None:
        results.scaling.append(
            Timing(
                name="x".join(map(str, shape)),
                series=series,
                size=shape[2] if series.startswith("nx") else shape[0],
                solver=solver,
                threads=1,
                tol=TOL,
                seconds=seconds,
                gap=float(answer.gap),
                iterations=int(answer.iterations),
            )
        )


@pytest.mark.parametrize(("name", "tol", "threads"), LARGE_CASES, ids=_shape_id)
def test_large(
    name: str,
    tol: float,
    threads: int,
    benchmark: Any,
    results: Results,
    select: Callable[..., None],
) -> None:
    large = BY_NAME[name]
    select(smoke=large.smoke, default=False)
    if name in GIVEN_UP:
        pytest.skip("a call on this table took too long")
    benchmark.group = f"large {name}"
    p = large_table(name)
    reference = Reference(REFERENCES[large.reference](p)) if large.reference else None
    if reference:
        reference.sample()
    try:
        answers = measure(
            benchmark,
            lambda: fastpid.decompose(p, tol=tol, threads=threads, on_failure="ignore"),
        )
    except TooSlowError as slow:
        GIVEN_UP.add(name)
        left_out = f"{name} at {tol:g}, {threads} threads: {slow}; it and what is slower left out"
        results.notes.append(left_out)
        pytest.skip(left_out)
    if reference:
        reference.sample()
    for answer in answers:
        assert answer.converged
        assert answer.gap <= tol
    answer = answers[-1]
    note(benchmark, p.shape, answer, threads=threads, tol=tol, method=answer.method)
    seconds = median_seconds(benchmark)
    if seconds is None:
        return
    if reference:
        benchmark.extra_info.update(reference=large.reference, reference_seconds=reference.seconds)
    results.scaling.append(
        Timing(
            name=name,
            series="large",
            size=p.size,
            solver="fastpid",
            threads=threads,
            tol=tol,
            seconds=seconds,
            gap=float(answer.gap),
            iterations=int(answer.iterations),
            reference=large.reference,
            reference_seconds=reference.seconds if reference else 0.0,
        )
    )
