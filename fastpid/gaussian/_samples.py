"""Covariances of samples: of all, of some drawn, and of some put into another order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import ROLES
from fastpid.estimation._arrangement import Arrangement
from fastpid.gaussian._columns import Columns

Floats = NDArray[np.float64]


class GaussianSamples:
    """Samples in columns, in the order of their arrangement, and covariances made of them.

    Columns are taken with mean zero and variance one, which changes no information.
    """

    def __init__(self, columns: Columns, arrangement: Arrangement) -> None:
        self.arrangement = arrangement
        self.sizes = columns.sizes
        self.ranks = columns.ranks
        self.mean = columns.values.mean(axis=0)
        self.scale = columns.values.std(axis=0)
        self._values = ((columns.values - self.mean) / self.scale)[arrangement.sorted]
        ends = np.cumsum(self.sizes).tolist()
        self._of_role = {
            role: slice(end - size, end)
            for role, size, end in zip(ROLES, self.sizes, ends, strict=True)
        }
        self._with_one = np.concatenate([np.ones((self.n_samples, 1)), self._values], axis=1)

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return self.arrangement.n_samples

    @property
    def covariance(self) -> Floats:
        """The covariance of all samples, in the units of the columns."""
        whole = covariances_of(self.moments(np.ones(self.n_samples)))
        return np.asarray(whole * np.outer(self.scale, self.scale))

    def moments(self, times: Floats) -> Floats:
        """Return sums over samples that are there several times, of products of columns and one.

        Sums of parts add up to those of the whole.
        """
        return np.asarray((self._with_one.T * times) @ self._with_one)

    def null_covariances(
        self, count: int, stream: np.random.SeedSequence, role: str, given: str
    ) -> Floats:
        """Return covariances (count, k, k) with what `given` does not say of a role reordered.

        The role is replaced by its regression on `given` and the residuals of other samples, so
        that it says nothing of the target beyond `given`; of nothing, if `given` is empty.
        """
        random = np.random.default_rng(stream)
        values, mine = self._values, np.r_[self._of_role[role]]
        others = np.setdiff1d(np.arange(values.shape[1]), mine)
        fit = np.zeros((len(others), len(mine)))
        if given:
            known = np.r_[self._of_role[given]]
            fitted = np.linalg.lstsq(values[:, known], values[:, mine], rcond=None)[0]
            fit[np.searchsorted(others, known)] = fitted
        apart = values[:, others]
        residuals = values[:, mine] - apart @ fit
        # What residuals have to do with the other columns is all that changes.
        among = apart.T @ apart
        of_fit = among @ fit
        within = fit.T @ of_fit + residuals.T @ residuals
        found = np.empty((count, values.shape[1], values.shape[1]))
        found[:, others[:, None], others] = among
        strata = self.arrangement.strata
        for drawn in found:
            order = self.arrangement.order(random)
            moved = order[np.argsort(strata[order], kind="stable")]
            shared = apart.T @ residuals[moved]
            by_fit = fit.T @ shared
            drawn[others[:, None], mine] = of_fit + shared
            drawn[mine[:, None], others] = (of_fit + shared).T
            drawn[mine[:, None], mine] = within + by_fit + by_fit.T
        return found / self.n_samples


def covariances_of(moments: Floats) -> Floats:
    """Return the covariances (..., k, k) of moments (..., k + 1, k + 1)."""
    number = moments[..., :1, :1]
    mean = moments[..., 0, 1:] / number[..., 0]
    found = moments[..., 1:, 1:] / number - mean[..., :, None] * mean[..., None, :]
    return np.asarray(0.5 * (found + np.swapaxes(found, -1, -2)))
