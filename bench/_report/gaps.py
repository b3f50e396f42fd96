"""Gap against time: which method reaches which accuracy how fast, on every family of tables."""

from __future__ import annotations

from collections.abc import Callable

from grid import COMPACT, Table
from results import GapPoint
from text import rows, seconds

from fastpid import gates

Shape = tuple[int, int, int]

SHAPES: tuple[Shape, ...] = ((10, 10, 10), (30, 30, 10), (100, 100, 10))
FAMILIES: dict[str, Callable[[Shape], Table]] = {
    "dense": lambda shape: gates.random_dense(shape, rng=0),
    "spiky": lambda shape: gates.random_spiky(shape, 0.1, rng=0),
    # Half as many samples as cells: most of the table is empty.
    "empirical": lambda shape: gates.random_empirical(
        shape, shape[0] * shape[1] * shape[2] // 2, rng=0
    ),
    "soft": lambda shape: gates.random_soft(shape, 3000, rng=0),
}
#: None where there is no tolerance to set: the proxy is closed-form, CLARABEL runs at its own.
TOLERANCES: dict[str, tuple[float | None, ...]] = {
    "proxy": (None,),
    "gradient": (1e-2, 1e-3, 1e-4, 1e-6),
    "newton": (1e-2, 1e-3, 1e-6, 1e-9),
    "auto": (1e-2, 1e-3, 1e-6, 1e-9),
    COMPACT: (None,),
}
#: Where the CVXPY model takes a few seconds at most.
PEER_SHAPES = SHAPES[:2]


def shape_name(shape: Shape) -> str:
    return "x".join(map(str, shape))


def markdown(points: list[GapPoint]) -> list[str]:
    """Return one row per table and method, one column per tolerance."""
    columns = sorted({p.tol for p in points if p.tol is not None}, reverse=True)
    found = {(p.family, p.shape, p.solver, p.tol): p for p in points}

    def cell(point: GapPoint | None) -> str:
        if point is None:
            return ""
        short = ", iteration limit" if point.status == "max_iterations" else ""
        return f"{seconds(point.seconds)} ({point.gap:.0e}{short})"

    body = []
    for key in dict.fromkeys((p.family, p.shape, p.solver) for p in points):
        family, shape, solver = key
        cells = [cell(found.get((*key, tol))) for tol in (None, *columns)]
        body.append([f"{family} {shape}", solver, *cells])
    return rows(["table", "method", "no tol", *(f"tol {tol:.0e}" for tol in columns)], body)
