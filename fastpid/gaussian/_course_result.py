"""What a time course of Gaussian estimates is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.course._course import AtomCourse
from fastpid.screening._records import LEAST_PER_COLUMN


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GaussianTimeCourse(AtomCourse):
    """Gaussian estimates at every time of trials, and how far they can be trusted.

    Everything is as in :class:`fastpid.TimeCourse`, whose attributes these are, but for what
    belongs to tables: `counts` and `labels`. Made by :func:`fastpid.gaussian.estimate_over`.

    Attributes
    ----------
    values : dict of str to ndarray
        The corrected values within what information can be, which is 0 or more.
    covariance : ndarray (..., m + n + d, m + n + d)
        The covariances of the trials: of normal scores, if `copula`.
    sizes : (int, int, int)
        The dimensions m, n and d of X, Y and Z.
    columns : three tuples of str
        What the columns of X, Y and Z are called.
    copula : bool
        Whether ranks of each column were taken in place of values, at every time.
    """

    covariance: NDArray[np.float64]
    sizes: tuple[int, int, int]
    columns: tuple[tuple[str, ...], ...]
    copula: bool

    @property
    def is_sufficient(self) -> NDArray[np.bool_]:
        """At which times the trials are enough, twenty for each column: at all, or at none."""
        enough = self.n_trials >= LEAST_PER_COLUMN * sum(self.sizes)
        return np.full(self.gap.shape, enough)

    @property
    def may_be_tied(self) -> NDArray[np.bool_]:
        """Where neither source need have unique information, as far as intervals can tell.

        There redundancy and synergy depend most on the correction
        (:attr:`GaussianEstimate.may_be_tied`). Nowhere, if there are no intervals.
        """
        if not self.intervals:
            return np.zeros(self.gap.shape, dtype=bool)
        low = np.maximum(self.intervals["unique_x"][0], self.intervals["unique_y"][0])
        return np.asarray(low <= 0.0)

    def _sizes(self) -> str:
        return " + ".join(map(str, self.sizes)) + " columns"

    def _selected(self, at: tuple[Any, ...], channel: int | None) -> dict[str, Any]:
        return {"covariance": self.covariance[at]}
