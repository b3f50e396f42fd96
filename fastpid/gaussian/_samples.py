"""Covariances of samples: of all, of some drawn, and of some put into another order."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import ROLES
from fastpid.estimation._arrangement import Arrangement
from fastpid.gaussian._bias import Ranks
from fastpid.gaussian._columns import ranks_of

Floats = NDArray[np.float64]


class GaussianSamples:
    """Samples in columns, in the order of their arrangement, and covariances made of them.

    Columns are taken with mean zero and variance one, which changes no information. There may be
    several fields of the same samples: leading axes of everything.

    Parameters
    ----------
    values : ndarray (..., n_samples, k)
        The columns of X, of Y and of Z one after the other.
    sizes : (int, int, int)
    arrangement : Arrangement
    """

    def __init__(
        self, values: Floats, sizes: tuple[int, int, int], arrangement: Arrangement
    ) -> None:
        self.arrangement = arrangement
        self.sizes = sizes
        mean = values.mean(axis=-2, keepdims=True)
        self._scale = values.std(axis=-2, keepdims=True)
        self._values = ((values - mean) / self._scale)[..., arrangement.sorted, :]
        ends = np.cumsum(self.sizes).tolist()
        self._of_role = {
            role: np.arange(end - size, end)
            for role, size, end in zip(ROLES, self.sizes, ends, strict=True)
        }
        ones = np.ones((*self._values.shape[:-1], 1))
        self._with_one = np.concatenate([ones, self._values], axis=-1)

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return self.arrangement.n_samples

    @property
    def n_fields(self) -> int:
        """The number of fields."""
        return int(np.prod(self._values.shape[:-2]))

    @functools.cached_property
    def ranks(self) -> Ranks:
        """The dimensions of X, Y, (X, Y), which may have columns in common, and Z."""
        m, n, d = self.sizes
        sources = self._values[..., : m + n]
        correlations = np.swapaxes(sources, -1, -2) @ sources / self.n_samples
        return Ranks(m, n, ranks_of(correlations), d)

    @property
    def covariance(self) -> Floats:
        """The covariance of all samples, (..., k, k), in the units of the columns."""
        whole = covariances_of(self.moments(np.ones(self.n_samples)))
        return np.asarray(whole * np.swapaxes(self._scale, -1, -2) * self._scale)

    def moments(self, times: Floats) -> Floats:
        """Return sums over samples that are there several times, of products of columns and one.

        Sums of parts add up to those of the whole, (..., k + 1, k + 1).
        """
        return np.asarray((np.swapaxes(self._with_one, -1, -2) * times) @ self._with_one)

    def null_covariances(
        self, count: int, stream: np.random.SeedSequence, role: str, given: str
    ) -> Floats:
        """Return covariances (count, ..., k, k) with what `given` does not say of a role reordered.

        The role is replaced by its regression on `given` and the residuals of other samples, so
        that it says nothing of the target beyond `given`; of nothing, if `given` is empty. All
        fields take the residuals of the same samples.
        """
        random = np.random.default_rng(stream)
        values, mine = self._values, self._of_role[role]
        k = values.shape[-1]
        others = np.setdiff1d(np.arange(k), mine)
        fit = np.zeros((*values.shape[:-2], len(others), len(mine)))
        if given:
            known = self._of_role[given]
            fit[..., np.searchsorted(others, known), :] = (
                np.linalg.pinv(values[..., known]) @ values[..., mine]
            )
        apart = values[..., others]
        residuals = values[..., mine] - apart @ fit
        turned = np.ascontiguousarray(np.swapaxes(apart, -1, -2))
        # What residuals have to do with the other columns is all that changes.
        among = turned @ apart
        of_fit = among @ fit
        fit_t = np.swapaxes(fit, -1, -2)
        within = fit_t @ of_fit + np.swapaxes(residuals, -1, -2) @ residuals
        found = np.empty((count, *values.shape[:-2], k, k))
        found[..., others[:, None], others] = among
        strata = self.arrangement.strata
        for drawn in found:
            order = self.arrangement.order(random)
            moved = order[np.argsort(strata[order], kind="stable")]
            shared = turned @ residuals[..., moved, :]
            by_fit = fit_t @ shared
            drawn[..., others[:, None], mine] = of_fit + shared
            drawn[..., mine[:, None], others] = np.swapaxes(of_fit + shared, -1, -2)
            drawn[..., mine[:, None], mine] = within + by_fit + np.swapaxes(by_fit, -1, -2)
        return found / self.n_samples


def covariances_of(moments: Floats) -> Floats:
    """Return the covariances (..., k, k) of moments (..., k + 1, k + 1)."""
    number = moments[..., :1, :1]
    mean = moments[..., 0, 1:] / number[..., 0]
    found = moments[..., 1:, 1:] / number - mean[..., :, None] * mean[..., None, :]
    return np.asarray(0.5 * (found + np.swapaxes(found, -1, -2)))
