"""What is to be estimated: the options that all doors share, and their checks."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

from fastpid._base.checks import (
    check_choice,
    check_count,
    check_open_interval,
    check_positive_integer,
    check_threads,
    check_tol,
    check_unit,
)
from fastpid._base.quantities import Unit
from fastpid.models._calibration import CALIBRATIONS

BIASES = ("extrapolation", "none")
#: Errors of fewer resamples say little of their size.
_LEAST_BOOTSTRAP = 20


class Wanted(NamedTuple):
    """What is to be estimated, checked."""

    calibration: str
    bias: Literal["extrapolation", "none"]
    n_symbols: int | None
    n_bootstrap: int
    n_permutations: int
    confidence_level: float
    tol: float  # in `unit`
    unit: Unit
    threads: int | None


def check_wanted(
    calibration: Any,
    bias: Any,
    n_symbols: Any,
    n_bootstrap: Any,
    n_permutations: Any,
    confidence_level: Any,
    tol: Any,
    unit: Any,
    threads: Any,
) -> Wanted:
    """Check the options that all doors share."""
    wanted = Wanted(
        check_choice("calibration", calibration, CALIBRATIONS),
        cast(Any, check_choice("bias", bias, BIASES)),
        None if n_symbols is None else check_positive_integer("n_symbols", n_symbols),
        check_count("n_bootstrap", n_bootstrap, 0),
        check_count("n_permutations", n_permutations, 0),
        check_open_interval("confidence_level", confidence_level, 0.0, 1.0),
        check_tol(tol),
        cast(Unit, check_unit(unit)),
        check_threads(threads),
    )
    if 0 < wanted.n_bootstrap < _LEAST_BOOTSTRAP:
        raise ValueError(
            f"n_bootstrap={wanted.n_bootstrap} resamples are too few for errors; take "
            f"{_LEAST_BOOTSTRAP} or more, or 0 for no intervals"
        )
    return wanted
