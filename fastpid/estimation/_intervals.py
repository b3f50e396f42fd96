"""Intervals from resamples, null hypotheses, and p-values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import ATOMS

INTERVALS = ("none", "shifted", "basic", "percentile", "posterior")
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
    kind: str, confidence_level: float, observed: float, draws: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the interval of one value; neither end is below zero, as the value is not."""
    tail = 0.5 * (1.0 - confidence_level)
    low, high = np.quantile(draws, [tail, 1.0 - tail]).tolist()
    if kind == "basic":
        low, high = 2.0 * observed - high, 2.0 * observed - low
    elif kind == "shifted":
        bias = float(draws.mean()) - observed
        low, high = low - 2.0 * bias, high - 2.0 * bias
    return max(low, 0.0), max(high, 0.0)


def p_value(observed: float, null: NDArray[np.float64], gap: float) -> float:
    """Return (1 + how many are as large) / (1 + all); values closer than `gap` are ties."""
    larger = int(np.count_nonzero(null >= observed - gap))
    return (1 + larger) / (1 + null.size)
