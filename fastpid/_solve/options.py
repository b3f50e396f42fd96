"""The options of a solve, checked."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, cast

from fastpid._base.checks import (
    check_bool,
    check_choice,
    check_max_iter,
    check_threads,
    check_tol,
    check_unit,
)
from fastpid._base.quantities import (
    MASS_TOLERANCE,
    METHODS,
    NATS_PER_UNIT,
    ON_FAILURE,
    Unit,
)
from fastpid._solve.threads import count_threads


class SolveOptions(NamedTuple):
    """The checked options of decompose()."""

    method: int
    tol: float  # nats
    max_iter: int  # 0: the method's own
    unit: str
    threads: int  # 0: the default
    normalize: bool
    on_failure: str

    def for_kernel(self, cells: int) -> tuple[int, float, int, int, bool, float]:
        """Return what the kernel is told about a batch with so many cells in its tables."""
        threads = count_threads(self.threads, cells)
        return (
            *(self.method, self.tol, self.max_iter),
            *(threads, self.normalize, MASS_TOLERANCE),
        )

    @property
    def scale(self) -> float:
        """Units per nat."""
        return 1.0 / NATS_PER_UNIT[self.unit]

    @property
    def result_unit(self) -> Unit:
        """The unit, for type checkers."""
        return cast(Unit, self.unit)


def check_options(
    method: Any = "auto",
    tol: Any = 1e-9,
    max_iter: Any = None,
    unit: Any = "bits",
    threads: Any = None,
    normalize: Any = False,
    on_failure: Any = "warn",
) -> SolveOptions:
    """Check the options of decompose(), in the order of its signature."""
    code = METHODS.index(check_choice("method", method, METHODS))
    checked_tol = check_tol(tol)
    steps = check_max_iter(max_iter) or 0
    checked_unit = check_unit(unit)
    return SolveOptions(
        method=code,
        tol=checked_tol * NATS_PER_UNIT[checked_unit],
        max_iter=steps,
        unit=checked_unit,
        threads=check_threads(threads) or 0,
        normalize=check_bool("normalize", normalize),
        on_failure=check_choice("on_failure", on_failure, ON_FAILURE),
    )


_cached = functools.lru_cache(maxsize=64, typed=True)(check_options)


def recall_options(*options: Any) -> SolveOptions:
    """Check as :func:`check_options` does, from a cache."""
    try:
        return _cached(*options)
    except TypeError:  # an unhashable option: let the checks raise the proper error
        return check_options(*options)
