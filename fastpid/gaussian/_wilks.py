"""The test of a conditional mutual information of Gaussian samples, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.extras import import_extra

Floats = NDArray[np.float64]


def wilks_p_values(information: Floats, d: int, q: Any, given: Any, n_samples: int) -> Floats:
    """Return how likely so large an information of independent samples is if there is none.

    The ratio of determinants exp(-2 I(X; Z | Y)) is Wilks' lambda, the likelihood ratio of the
    regressions of Z on Y and on (X, Y). Its F of C. R. Rao (Bulletin of the International
    Statistical Institute 33, 1951) is exact if Z or X has one dimension or two, and otherwise
    close.

    Parameters
    ----------
    information : ndarray (n,)
        The plug-in I(X; Z | Y), nats.
    d : int
        The dimension of Z.
    q, given : int or ndarray of int (n,)
        The dimension that X adds to Y, and that of Y. What adds nothing has a p-value of 1.
    n_samples : int
    """
    adds = np.maximum(q, 1)
    square = d * d + adds * adds - 5.0
    several = square > 0.0  # dimensions on both sides
    ratio = (d * d * adds * adds - 4.0) / np.where(several, square, 1.0)
    root = np.sqrt(np.where(several, ratio, 1.0))
    free = n_samples - 1.0 - given - adds  # of what the regression on both leaves
    above = d * adds
    below = (free + adds - 0.5 * (d + adds + 1.0)) * root - 0.5 * (above - 2.0)
    f = np.expm1(2.0 * np.maximum(information, 0.0) / root) * below / above
    tail = import_extra("scipy.special", "test").fdtrc(above, below, f)
    return np.where(np.asarray(q) > 0, tail, 1.0)
