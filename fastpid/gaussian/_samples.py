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
        columns = self._of_role[role]
        fitted = np.zeros_like(self._values[:, columns])
        if given:
            known = self._values[:, self._of_role[given]]
            fitted = known @ np.linalg.lstsq(known, self._values[:, columns], rcond=None)[0]
        residuals = self._values[:, columns] - fitted
        strata = self.arrangement.strata
        found = []
        for _ in range(count):
            order = self.arrangement.order(random)
            moved = order[np.argsort(strata[order], kind="stable")]
            surrogate = self._values.copy()
            surrogate[:, columns] = fitted + residuals[moved]
            found.append(surrogate.T @ surrogate / self.n_samples)
        return np.stack(found)


def covariances_of(moments: Floats) -> Floats:
    """Return the covariances (..., k, k) of moments (..., k + 1, k + 1)."""
    number = moments[..., :1, :1]
    mean = moments[..., 0, 1:] / number[..., 0]
    found = moments[..., 1:, 1:] / number - mean[..., :, None] * mean[..., None, :]
    return np.asarray(0.5 * (found + np.swapaxes(found, -1, -2)))
