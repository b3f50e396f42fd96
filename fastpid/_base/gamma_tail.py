"""The upper tail of the gamma distribution, of which the chi-square distribution is one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_EPS = 1e-15
_TINY = 1e-300
_STEPS = 10_000
_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])


def gamma_tail(shape: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of a gamma variable of scale 1 above `x`.

    The regularised incomplete gamma function Q(shape, x): by its power series below shape + 1, and
    by Legendre's continued fraction above, evaluated as W. J. Lentz does (Applied Optics 15, 1976).

    Parameters
    ----------
    shape, x : ndarray, of shapes that broadcast
        Shapes above 0; nothing below 0 in `x`.
    """
    a, x = np.broadcast_arrays(np.asarray(shape, np.float64), np.asarray(x, np.float64))
    a, at = a.ravel(), x.ravel()
    out = np.ones(a.shape)
    low = (at > 0.0) & (at < a + 1.0)
    high = at >= a + 1.0
    kinds, where = np.unique(a, return_inverse=True)
    with np.errstate(divide="ignore", under="ignore"):
        head = np.exp(a * np.log(at) - at - _log_gamma(kinds)[where.ravel()] if a.size else a)
    if low.any():
        out[low] = 1.0 - head[low] * _series(a[low], at[low])
    if high.any():
        out[high] = head[high] * _fraction(a[high], at[high])
    return np.clip(out, 0.0, 1.0).reshape(x.shape)


def chi_square_tail(x: NDArray[np.float64], df: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of a chi-square variable above `x`; 1 without degrees of freedom."""
    df = np.asarray(df, np.float64)
    tail = gamma_tail(0.5 * np.maximum(df, 1.0), 0.5 * np.maximum(x, 0.0))
    return np.where(df > 0.0, tail, 1.0)


def _series(a: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    term = 1.0 / a
    total = term.copy()
    for n in range(1, _STEPS):
        term = term * x / (a + n)
        total += term
        if (term <= _EPS * total).all():
            break
    return total


def _fraction(a: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    b = x + 1.0 - a
    c = np.full(a.shape, 1.0 / _TINY)
    d = 1.0 / b
    value = d.copy()
    for n in range(1, _STEPS):
        step = -n * (n - a)
        b = b + 2.0
        d = step * d + b
        d = 1.0 / np.where(np.abs(d) < _TINY, _TINY, d)
        c = b + step / c
        c = np.where(np.abs(c) < _TINY, _TINY, c)
        value *= c * d
        if (np.abs(c * d - 1.0) <= _EPS).all():
            break
    return value
