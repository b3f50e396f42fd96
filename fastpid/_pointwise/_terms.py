"""The informations of single cells, from a table and the potentials of its decomposition.

With h[z] = log M - log p(z), M being the total, the four informations of a table are sums over its
cells p(x, y, z) of

    i(x; z)    = log p(z | x) + h[z],        i(y; z) = log p(z | y) + h[z],
    i(x, y; z) = log p(z | x, y) + h[z],     i_u = lam[x, z] + mu[y, z] + h[z],

the first three by definition, the last since F = sum a lam + sum b mu, whose sums over a and b are
sums over p. Atoms are the same differences of these as of their averages.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Terms

Floats = NDArray[np.float64]


def log_or_zero(values: Floats) -> Floats:
    """Return logarithms, and zero where a probability is."""
    return np.log(values, out=np.zeros_like(values), where=values > 0.0)


def surprise_of_target(p: Floats) -> Floats:
    """Return h (..., nz) of tables p (..., nx, ny, nz)."""
    p_z = p.sum(axis=(-3, -2))
    return log_or_zero(p_z.sum(axis=-1, keepdims=True)) - log_or_zero(p_z)


def pointwise_terms(p: Floats, lam: Floats, mu: Floats) -> Terms:
    """Return the informations of every cell in nats, of p's shape; NaN where p is zero.

    Their bounds stand for the union information, and are equal.
    """
    h = surprise_of_target(p)[..., None, None, :]

    def log_posterior(joint: Floats) -> Floats:
        return log_or_zero(joint) - log_or_zero(joint.sum(axis=-1, keepdims=True))

    def on_cells(values: Any) -> Floats:
        return np.where(p > 0.0, values, np.nan)

    union = on_cells(lam[..., :, None, :] + mu[..., None, :, :] + h)
    return Terms(
        mi_x=on_cells(log_posterior(p.sum(axis=-2))[..., :, None, :] + h),
        mi_y=on_cells(log_posterior(p.sum(axis=-3))[..., None, :, :] + h),
        mi_xy=on_cells(log_posterior(p) + h),
        lower=union,
        upper=union,
    )
