"""The problem grid: every comparator runs over the same tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastpid import gates

Table = NDArray[np.float64]

#: Comparators that take longer than this for one solve are left out; the report says so.
LIMIT_SECONDS = 25


@dataclass(frozen=True)
class Problem:
    """A table, and which comparators solve it within the limit.

    Attributes
    ----------
    name, family : str
    table : callable
        Builds the table, the same at every call.
    too_slow : tuple of str
        Comparators beyond :data:`LIMIT_SECONDS`.
    smoke : bool
        Part of the short run.
    """

    name: str
    family: str
    table: Callable[[], Table]
    too_slow: tuple[str, ...] = ()
    smoke: bool = False


#: The best CVXPY model one can write by hand, the published estimator's as it runs today, and that
#: model solved accurately.
COMPACT, PUBLISHED, ACCURATE = "compact CLARABEL", "published SCS", "published CLARABEL"
BOTH_PUBLISHED = (PUBLISHED, ACCURATE)


def _dense(*shape: int, too_slow: tuple[str, ...] = (), smoke: bool = False) -> Problem:
    nx, ny, nz = shape
    family = "binary" if nz == 2 and nx > 2 else "dense"
    name = f"dense {nx}x{ny}x{nz}"
    return Problem(name, family, lambda: gates.random_dense((nx, ny, nz), rng=0), too_slow, smoke)


GRID = (
    _dense(2, 2, 2, smoke=True),
    _dense(3, 3, 3, smoke=True),
    _dense(4, 4, 4),
    _dense(8, 8, 4),
    _dense(10, 10, 10, smoke=True),
    _dense(20, 20, 10),
    _dense(30, 30, 10),
    _dense(50, 50, 10, too_slow=BOTH_PUBLISHED),
    _dense(20, 20, 2, smoke=True),
    _dense(100, 100, 2),
    Problem("COPY 10x10x100", "copy", lambda: gates.copy(10, 10), BOTH_PUBLISHED, smoke=True),
    Problem("COPY 20x20x400", "copy", lambda: gates.copy(20, 20), BOTH_PUBLISHED),
    Problem(
        "500 samples in 20x20x10",
        "empirical",
        lambda: gates.random_empirical((20, 20, 10), 500, rng=0),
        (PUBLISHED,),
    ),
    Problem("spiky 0.1, 10x10x10", "spiky", lambda: gates.random_spiky((10, 10, 10), 0.1, rng=0)),
    Problem(
        "soft 15x15x15",
        "soft",
        lambda: gates.random_soft((15, 15, 15), rng=0),
        (ACCURATE,),
    ),
)
