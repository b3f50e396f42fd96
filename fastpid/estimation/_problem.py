"""What is found of every table: that of two sources, or another problem of the same samples."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Terms
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import solve_tables

Vectors = NDArray[np.float64]


class Solver(Protocol):
    """What finds a vector of a table, in nats."""

    def solve(self, tables: NDArray[np.float64], options: SolveOptions) -> tuple[Vectors, Any]:
        """Return the vectors (n, width) of tables (n, n_1, ..., nz), and their gaps (n,)."""
        ...


class Problem(Solver, Protocol):
    """What a table is solved for: a vector, in nats, of which everything else is a combination.

    Corrections of bias are combinations of vectors, so that what they correct adds up.
    """

    def where_moved(self, roles: str, observed: Vectors) -> Solver:
        """Return what solves tables that differ from one by some variables that were moved alone.

        What these do not enter is as in the vector of that one, (width,).
        """
        ...

    def named(self, vectors: Vectors, scale: float) -> dict[str, Any]:
        """Return what vectors (..., width) stand for by name, in the unit of `scale`."""
        ...

    @property
    def signed(self) -> frozenset[str]:
        """The values that may be below zero."""
        ...


class _Pairs:
    """Two sources: the vector is that of Terms.vector()."""

    signed: frozenset[str] = frozenset()

    def solve(self, tables: NDArray[np.float64], options: SolveOptions) -> tuple[Vectors, Any]:
        terms = solve_tables(tables, options).terms
        return terms.vector(), terms.gap

    def where_moved(self, roles: str, observed: Vectors) -> Solver:
        return self  # of two sources, every null hypothesis moves one at least of all sets

    def named(self, vectors: Vectors, scale: float) -> dict[str, Any]:
        return named(vectors, scale)


PAIRS = _Pairs()


def named(vectors: Vectors, scale: float) -> dict[str, Any]:
    """Return the values of two sources by name, in the unit that `scale` makes of nats."""
    return {name: value * scale for name, value in Terms.of_vector(vectors).named().items()}
