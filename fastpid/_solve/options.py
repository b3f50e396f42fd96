"""The options of decompose(), checked."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from fastpid._base.checks import (
    METHODS,
    NATS_PER_UNIT,
    ON_FAILURE,
    check_bool,
    check_choice,
    check_max_iter,
    check_threads,
    check_tol,
    check_unit,
)

__all__ = ["SolveOptions", "check_options", "recall_options"]


class SolveOptions(NamedTuple):
    """The checked options of decompose()."""

    method: int
    tol: float  # nats
    max_iter: int  # 0: the method's own
    unit: str
    threads: int  # 0: the default
    normalize: bool
    on_failure: str


def check_options(
    method: Any,
    tol: Any,
    max_iter: Any,
    unit: Any,
    threads: Any,
    normalize: Any,
    on_failure: Any,
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


_checked_before = functools.lru_cache(maxsize=64, typed=True)(check_options)


def recall_options(*options: Any) -> SolveOptions:
    """Do the same, faster the second time."""
    try:
        return _checked_before(*options)
    except TypeError:  # perhaps an option is only unhashable: the checks have the better words
        return check_options(*options)
