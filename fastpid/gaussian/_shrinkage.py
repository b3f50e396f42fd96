"""Covariances shrunk towards those of columns that have nothing to do with one another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_number

Floats = NDArray[np.float64]

SHRINKAGES = ("none", "oas")


def check_shrinkage(shrinkage: Any) -> str | float:
    """Check how much a covariance is shrunk.

    Raises
    ------
    ValueError, TypeError
    """
    if isinstance(shrinkage, str):
        return check_choice("shrinkage", shrinkage, SHRINKAGES)
    return check_number("shrinkage", shrinkage, 0.0, 1.0)


def intensity(covariances: Floats, n_samples: Any, shrinkage: str | float) -> Floats:
    """Return by which share correlations (..., k, k) of so many samples are shrunk.

    "oas" is the approximation to the best share for Gaussian samples by Y. Chen, A. Wiesel, Y. C.
    Eldar and A. O. Hero (IEEE Transactions on Signal Processing 58, 2010, eq. 23), of standardised
    columns.
    """
    if not isinstance(shrinkage, str):
        return np.full(covariances.shape[:-2], shrinkage)
    if shrinkage == "none":
        return np.zeros(covariances.shape[:-2])
    k = covariances.shape[-1]
    variance = np.diagonal(covariances, axis1=-2, axis2=-1)
    squares = (covariances**2 / (variance[..., :, None] * variance[..., None, :])).sum((-2, -1))
    above = (1.0 - 2.0 / k) * squares + k * k
    below = (np.asarray(n_samples) + 1.0 - 2.0 / k) * (squares - k)
    return np.asarray(np.where(below > above, above / np.where(below > 0.0, below, 1.0), 1.0))


def shrunk(covariances: Floats, n_samples: Any, shrinkage: str | float) -> Floats:
    """Return covariances (..., k, k) whose correlations are smaller, their variances the same."""
    if shrinkage == "none":
        return covariances
    share = intensity(covariances, n_samples, shrinkage)[..., None, None]
    on_diagonal = np.eye(covariances.shape[-1], dtype=bool)
    return np.asarray(np.where(on_diagonal, 1.0, 1.0 - share) * covariances)
