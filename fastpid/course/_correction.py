"""P-values of many tests together, from draws of all of them together.

Draws of a null hypothesis that were made for all times and channels at once - the same trials
changed places everywhere - depend on one another as the observed values do. The largest value of a
draw therefore says what chance makes of the largest, and its largest cluster what chance makes of
clusters, however neighbouring times resemble one another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


#: Draws of all places are in memory together, and half of it does for comparisons.
Halved = NDArray[np.float32]


class Standardized(NamedTuple):
    """Observed values and draws of them, in standard deviations at each place.

    Attributes
    ----------
    observed : ndarray of float32 (...)
    drawn : ndarray of float32 (n_draws, ...)
    """

    observed: Halved
    drawn: Halved

    @classmethod
    def of(cls, observed: Array, drawn: Array) -> Standardized:
        """Round both alike, so that what was equal stays so."""
        return cls(observed.astype(np.float32), drawn.astype(np.float32))

    def p_values(self) -> Array:
        """Return (1 + how many draws are as large) / (1 + all), at each place by itself."""
        larger = np.count_nonzero(self.drawn >= self.observed, axis=0)
        return np.asarray((1 + larger) / (1 + len(self.drawn)))


class Test(NamedTuple):
    """A null hypothesis of all places.

    Attributes
    ----------
    each : Standardized
        Draws of it.
    in_step : Standardized
        Draws that have the same values at each place, and go together over time as the data do.
    """

    each: Standardized
    in_step: Standardized


def in_step(z: Standardized, smooth: Array) -> Standardized:
    """Put the draws at each place into the order of others.

    Where strata are cut anew at every time, a trial takes from other trials at one time than at the
    next, and a surrogate is less smooth than the data: its clusters are too small. Surrogates
    without strata, in which whole trials change places, are as smooth, though they may have other
    values. Ranked as these are, the draws keep their values at every place, and go together as
    smoothly.
    """
    rank = smooth.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return Standardized(z.observed, np.take_along_axis(np.sort(z.drawn, axis=0), rank, axis=0))


def standardize(observed: Array, drawn: Array, gap: float) -> Standardized:
    """Scale permutations to mean 0 and variance 1 at each place, the observed value being one.

    As one of the permutations it takes part in mean and variance, so that it still is as likely as
    any to be the largest. Values closer than `gap` are ties: the observed value is the smaller one.
    """
    n = len(drawn) + 1
    mean = (drawn.sum(axis=0) + observed) / n
    variance = (((drawn - mean) ** 2).sum(axis=0) + (observed - mean) ** 2) / n
    deviation = np.sqrt(variance)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0.0)
    return Standardized.of((observed - gap - mean) * scale, (drawn - mean) * scale)


def scale_of_errors(drawn: Array) -> Array:
    """Return what errors are divided by at each place: their deviation, or the average of all.

    Where an atom is zero, most errors may be zero and a few large, in units of a small deviation
    far out: the largest of all places would be theirs. Any scale is right for a maximum, and a
    floor keeps them out (as in V. G. Tusher, R. Tibshirani and G. Chu, PNAS 98, 2001).
    """
    variance = drawn.var(axis=0, ddof=1)
    return np.asarray(np.sqrt(np.maximum(variance, variance.mean())))


def standardize_errors(observed: Array, drawn: Array) -> Standardized:
    """Scale errors, which surround zero by themselves.

    A value without any error is infinitely far above zero, or not above it.
    """
    scale = scale_of_errors(drawn)
    if not scale.any():
        certain = np.where(observed > 0.0, np.inf, 0.0)
        return Standardized.of(certain, np.zeros_like(drawn))
    return Standardized.of(observed / scale, (drawn - drawn.mean(axis=0)) / scale)


def max_p_values(z: Standardized) -> Array:
    """Correct by the maximum over all places (P. H. Westfall and S. S. Young 1993).

    The probability of any false discovery is the level at most.
    """
    largest = np.sort(z.drawn.reshape(len(z.drawn), -1).max(axis=1))
    below = np.searchsorted(largest, z.observed, side="left")
    return np.asarray((1 + len(largest) - below) / (1 + len(largest)))


def cluster_p_values(z: Standardized, level: float) -> Array:
    """Correct by clusters (E. Maris and R. Oostenveld, J. Neuroscience Methods 164, 2007).

    A cluster is a run of times, the last axis, at which values are above the (1 - level) quantile
    of all of them; its mass is their sum. Every time of a cluster has the p-value of the cluster:
    how often the largest mass of a draw is as large. Other times have 1.
    """
    both = np.concatenate([z.drawn, z.observed[None]])
    finite = both[np.isfinite(both)]
    threshold = max(float(np.quantile(finite, 1.0 - level)) if finite.size else 0.0, 0.0)
    cluster, mass, row = _clusters(both.reshape(-1, both.shape[-1]), threshold)
    rows_of_a_draw = max(1, z.observed.size // z.observed.shape[-1])
    largest = np.zeros(len(both), dtype=mass.dtype)
    np.maximum.at(largest, row // rows_of_a_draw, mass)
    null = np.sort(largest[:-1])
    p = (1 + len(null) - np.searchsorted(null, mass, side="left")) / (1 + len(null))
    observed = cluster.reshape(both.shape)[-1]
    out = np.ones(observed.shape)
    out[observed >= 0] = p[observed[observed >= 0]]
    return out


def _clusters(values: Array, threshold: float) -> tuple[NDArray[np.intp], Array, NDArray[np.intp]]:
    """Find runs above a threshold in every row: their number at every place or -1, mass, row."""
    above = values > threshold
    before = np.zeros_like(above)
    before[:, 1:] = above[:, :-1]
    starts = above & ~before
    number = np.cumsum(starts.ravel()).reshape(above.shape) - 1
    mass = np.bincount(number[above], values[above], minlength=int(starts.sum()))
    row = np.asarray(np.nonzero(starts)[0], dtype=np.intp)
    return np.where(above, number, -1), np.asarray(mass, dtype=np.float64), row


def reach_of_all(drawn: Array, confidence_level: float) -> Array:
    """Return how far errors reach at each place, at all of them together with this probability."""
    scale = scale_of_errors(drawn)
    if not scale.any():
        return scale
    away = np.abs((drawn - drawn.mean(axis=0)) / scale).reshape(len(drawn), -1).max(axis=1)
    return np.asarray(np.quantile(away, confidence_level) * scale)
