"""What a time course of tables is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.course._course import AtomCourse
from fastpid.joint._sampling import LEAST_COVERAGE, LEAST_PER_OCCUPIED_CELL


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TimeCourse(AtomCourse):
    """Estimates at every time of trials, and how far they can be trusted.

    Arrays have the axes `dims`, of which the last is that of times; attributes that are mappings
    hold such an array by the name of a value. Time courses pickle and compare.

    Attributes
    ----------
    dims : tuple of str
        Some of "channel", "lag" and "time", in this order.
    coords : dict of str to ndarray
        What stands along each of them.
    counts : ndarray of int (..., nx, ny, nz)
        The trials, counted.
    labels : tuple
        For every channel (or once) what the symbols of x, y and z are. Channels may have fewer
        symbols than the table.
    names : tuple of three str
        Names of the sources and the target.
    n_trials : int
        How many trials there are.
    n_dropped : int
        How many trials were dropped.
    plug_in : dict of str to ndarray
        The values of the tables as they are.
    gap : ndarray
        The widths of their certified brackets.
    bias : str
        How values were corrected.
    corrected : dict of str to ndarray
        Atoms, mutual information and union information with their bias corrected.
    values : dict of str to ndarray
        The same within what information can be, 0 and H(Z).
    ci, confidence_level : str, float
        The kind of intervals, and what they are meant to cover.
    intervals : dict of str to (ndarray, ndarray)
        Both ends of the interval of every value at each time by itself; empty for ``ci="none"``.
    bands : dict of str to (ndarray, ndarray)
        The same for all times, lags and channels together: the largest studentised error of a
        resample is within them as often as the level says.
    null : str
        The kind of null hypothesis.
    null_of : dict of str to str
        What was done to the trials for the p-values of each atom.
    null_means : dict of str to ndarray
        The average of each atom under its null hypothesis, of several the largest.
    p_values : dict of str to ndarray
        For every atom tested, p-values at each time by itself.
    p_max : dict of str to ndarray
        The same corrected for all times, lags and channels by the maximum: where they are small,
        there is something at this time.
    p_cluster : dict of str to ndarray
        The same by clusters: there is something in the cluster, though maybe not at each of its
        times.
    cluster_level : float
        The share of values that exceeds the threshold of clusters.
    seed : dict
        What all draws came from: ``rng=numpy.random.SeedSequence(**seed)`` repeats them.
    units, n_units : str, int
        What was resampled ("trials", "groups"), and how many there are.
    largest_gap : float
        The widest certified bracket among all tables that were solved.
    unit : str
        "bits" or "nats", of every number.
    """

    counts: NDArray[np.int64]
    labels: tuple[Any, ...]

    @property
    def is_sufficient(self) -> NDArray[np.bool_]:
        """At which times the trials are enough (:class:`fastpid.joint.Sampling` says when)."""
        return sufficient(self.counts)

    def _sizes(self) -> str:
        return " x ".join(map(str, self.counts.shape[-3:])) + " symbols"

    def _selected(self, at: tuple[Any, ...], channel: int | None) -> dict[str, Any]:
        labels = self.labels if channel is None else (self.labels[channel],)
        return {"counts": self.counts[at], "labels": labels}


def sufficient(counts: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which tables (..., nx, ny, nz) of counts hold enough, as Sampling.is_sufficient does."""
    axes = (-3, -2, -1)
    n = counts.sum(axis=axes)
    coverage = 1.0 - np.count_nonzero(counts == 1, axis=axes) / n
    per_cell = n / np.count_nonzero(counts, axis=axes)
    return np.asarray((coverage >= LEAST_COVERAGE) & (per_cell >= LEAST_PER_OCCUPIED_CELL))
