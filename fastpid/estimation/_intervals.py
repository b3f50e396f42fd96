"""Intervals from the errors of resamples, null hypotheses, and p-values."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import ATOMS

INTERVALS = ("none", "normal", "pivot")
NULLS = ("target", "conditional")

SHUFFLED_Z = "z shuffled"
SHUFFLED_X = "x shuffled among equal y"
SHUFFLED_Y = "y shuffled among equal x"
#: What is done to the samples by null hypothesis and atom; of several, the largest p-value counts.
NULL_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "target": dict.fromkeys(ATOMS, (SHUFFLED_Z,)),
    "conditional": {
        "redundancy": (SHUFFLED_Z,),
        "unique_x": (SHUFFLED_X,),
        "unique_y": (SHUFFLED_Y,),
        "synergy": (SHUFFLED_X, SHUFFLED_Y),
    },
}


def interval(
    kind: str, confidence_level: float, value: float, errors: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the interval of a value from the errors that its estimator makes of resamples.

    A resample's truth is what the samples say, so that its value less the samples' plug-in value is
    an error of the estimator, bias and all (a pivot: Davison and Hinkley 1997, section 2.4).

    Parameters
    ----------
    kind : {"normal", "pivot"}
        "normal": the value and as many standard deviations of the errors to either side as the
        level asks for. "pivot": the value less the quantiles of the errors, and never without it.
    """
    tail = 0.5 * (1.0 - confidence_level)
    if kind == "normal":
        reach = -NormalDist().inv_cdf(tail) * float(errors.std(ddof=1))
        return value - reach, value + reach
    low, high = np.quantile(errors, [tail, 1.0 - tail]).tolist()
    return min(value - high, value), max(value - low, value)


def p_value(observed: float, null: NDArray[np.float64], gap: float) -> float:
    """Return (1 + how many are as large) / (1 + all); values closer than `gap` are ties."""
    larger = int(np.count_nonzero(null >= observed - gap))
    return (1 + larger) / (1 + null.size)
