"""The network step of PIDC: how much a score stands out among those of both its columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastpid._base.extras import import_extra

CONTEXTS = ("gamma", "empirical")


def confidence_of(scores: NDArray[np.float64], context: str) -> NDArray[np.float64]:
    """Return F_i(u[i, j]) + F_j(u[i, j]) of a symmetric matrix of scores u.

    F_i is the cumulative distribution of the scores of column i with all the others (T. E. Chan, M.
    P. H. Stumpf, A. C. Babtie, Cell Systems 5, 2017): the gamma distribution of their mean and
    variance, or the share of them that are no larger. The diagonal is NaN.
    """
    n = len(scores)
    out = np.full((n, n), np.nan)
    for i in range(n):
        others = np.arange(n) != i
        of = _empirical if context == "empirical" else _gamma
        out[i, others] = of(scores[i, others])
    both: NDArray[np.float64] = out + out.T
    return both


def _empirical(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.searchsorted(np.sort(values), values, side="right") / values.size)


def _gamma(values: NDArray[np.float64]) -> NDArray[np.float64]:
    mean, variance = float(values.mean()), float(values.var())
    # Scores that are all the same but for rounding stand out from nothing.
    if variance <= (1e-12 * mean) ** 2:
        return np.ones(values.size)
    special = import_extra("scipy.special", 'context="gamma"')
    return np.asarray(special.gammainc(mean**2 / variance, values * (mean / variance)))
