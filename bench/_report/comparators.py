"""Everything that is measured: fastpid by each of its methods, and the CVXPY models."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from grid import ACCURATE, COMPACT, PUBLISHED, Table

import fastpid
from fastpid import gates

TOL = 1e-9


@dataclass(frozen=True)
class Comparator:
    """A solver, and how far from the truth its answer may lie.

    Attributes
    ----------
    solve : callable
        Table -> Decomposition.
    accuracy : float
        In bits: what the solver's own tolerances let one expect. For SCS at its defaults that is
        next to nothing; its error is in the report.
    """

    solve: Callable[[Table], fastpid.Decomposition]
    accuracy: float


def _fastpid(method: str) -> Comparator:
    return Comparator(lambda p: fastpid.decompose(p, method=method, tol=TOL, threads=1), TOL)


def _cvx(solver: str, formulation: str, accuracy: float) -> Comparator:
    return Comparator(
        lambda p: fastpid.reference.cvx_pid(p, solver=solver, formulation=formulation), accuracy
    )


OURS = {"auto": _fastpid("auto"), "newton": _fastpid("newton"), "proxy": _fastpid("proxy")}
BASELINES = {
    COMPACT: _cvx("CLARABEL", "compact", 1e-5),
    PUBLISHED: _cvx("SCS", "published", 5e-2),
    ACCURATE: _cvx("CLARABEL", "published", 1e-5),
}


@functools.cache
def warm_up() -> None:
    """Run CVXPY once: its first call imports, and is slow."""
    fastpid.reference.cvx_pid(gates.and_())
