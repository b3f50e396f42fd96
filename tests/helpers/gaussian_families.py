"""Covariances of many kinds, hostile ones included, and systems with known answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sizes = tuple[int, int, int]
Rng = np.random.Generator


def from_channels(h_x: Floats, h_y: Floats, theta: Floats | None = None) -> Floats:
    """Return the covariance of X = h_x Z + noise, Y = h_y Z + noise, Z white, the noises white.

    Their cross-covariance is theta, zero by default.
    """
    m, n, d = len(h_x), len(h_y), h_x.shape[1]
    noise = np.eye(m + n)
    if theta is not None:
        noise[:m, m:], noise[m:, :m] = theta, theta.T
    h = np.vstack([h_x, h_y])
    return np.block([[h @ h.T + noise, h], [h.T, np.eye(d)]])


def transformed(cov: Floats, sizes: Sizes, rng: Rng, spread: float = 0.0) -> Floats:
    """Apply random invertible maps to X, to Y and to Z, their scales 10^spread apart at most."""
    maps = []
    for size in sizes:
        scales = 10.0 ** rng.uniform(-spread / 2, spread / 2, size)
        maps.append(_rotation(rng, size) * scales @ _rotation(rng, size))
    whole = np.zeros(cov.shape)
    at = 0
    for one in maps:
        whole[at : at + len(one), at : at + len(one)] = one
        at += len(one)
    out: Floats = whole @ cov @ whole.T
    return (out + out.T) / 2


def _rotation(rng: Rng, size: int) -> Floats:
    q: Floats = np.linalg.qr(rng.normal(size=(size, size)))[0]
    return q


def _random(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    return h_x, h_y


def _equal(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    h_y = 0.0 * h_y
    rows = min(len(h_x), len(h_y))
    h_y[:rows] = h_x[:rows]
    return h_x, h_y


def _nearly_equal(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    return h_x, _equal(rng, h_x, h_y)[1] + 10.0 ** rng.uniform(-12, -1) * h_y


def _partly_equal(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    rows = min(len(h_x), len(h_y), h_x.shape[1]) // 2
    h_y = h_y.copy()
    h_y[:rows] = h_x[:rows]
    return h_x, h_y


def _degraded(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    c = rng.normal(size=(len(h_y), len(h_x)))
    return h_x, c * rng.uniform(0.1, 1.0) / np.linalg.norm(c, 2) @ h_x


def _rotated(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    most = max(len(h_x), len(h_y))
    return h_x, _rotation(rng, most)[: len(h_y), : len(h_x)] @ h_x


def _orthogonal(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    d = h_x.shape[1]
    basis = _rotation(rng, d)
    one, other = basis[:, : d // 2], basis[:, d // 2 :]
    return h_x @ one @ one.T, h_y @ other @ other.T


def _spread(rng: Rng, h: Floats) -> Floats:
    u, s, v = np.linalg.svd(h, full_matrices=False)
    out: Floats = u * 10.0 ** rng.uniform(-4, 4, len(s)) @ v
    return out


def _ill(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    return _spread(rng, h_x), _spread(rng, h_y)


def _ill_nearly_equal(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    return _nearly_equal(rng, _spread(rng, h_x), h_y)


def _weak(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    return 10.0 ** rng.uniform(-6, 0) * h_x, 10.0 ** rng.uniform(-6, 0) * h_y


def _low_rank(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    u = rng.normal(size=(h_x.shape[1], 1))
    return h_x @ u @ u.T / float(np.sum(u * u)), h_y


def _silent(rng: Rng, h_x: Floats, h_y: Floats) -> tuple[Floats, Floats]:
    return 0.0 * h_x, h_y


#: Channels made of random ones.
FAMILIES: dict[str, Callable[[Rng, Floats, Floats], tuple[Floats, Floats]]] = {
    "random": _random,
    "equal": _equal,
    "nearly equal": _nearly_equal,
    "partly equal": _partly_equal,
    "degraded": _degraded,
    "rotated": _rotated,
    "orthogonal": _orthogonal,
    "ill": _ill,
    "ill, nearly equal": _ill_nearly_equal,
    "weak": _weak,
    "low rank": _low_rank,
    "silent": _silent,
}


def covariance(family: str, sizes: Sizes, rng: Rng, spread: float = 0.0) -> Floats:
    """Return a covariance of a family, in random coordinates, whose noises are correlated."""
    m, n, d = sizes
    h_x, h_y = FAMILIES[family](rng, rng.normal(size=(m, d)), rng.normal(size=(n, d)))
    theta = rng.normal(size=(m, n))
    theta *= rng.uniform(0.0, 0.95) / np.linalg.norm(theta, 2)
    return transformed(from_channels(h_x, h_y, theta), sizes, rng, spread)


def scalar_channels(h_x: Floats, h_y: Floats) -> tuple[Floats, float]:
    """Return the covariance of two scalar sources of a target (2,), and their union in nats.

    The one unknown is the correlation t of the noises, and the union information is the least of
    1/2 log (b - (t + a)^2) / (1 - t^2), with a = h_x' h_y, not negative without loss, and
    b = (1 + |h_x|^2) (1 + |h_y|^2). Its derivative vanishes where a t^2 - (b - 1 - a^2) t + a = 0.
    Written in u = 1 - t and with apart = b - (1 + a)^2, which lose no digits where t is near 1.
    """
    cov = from_channels(h_x[None], h_y[None])
    a = float(h_x @ h_y)
    if a < 0.0:
        h_y, a = -h_y, -a
    cross = float(h_x[0] * h_y[1] - h_x[1] * h_y[0]) ** 2
    apart = float(np.sum((h_x - h_y) ** 2)) + cross
    root = 0.5 * math.sqrt(apart * (float(np.sum((h_x + h_y) ** 2)) + cross))
    u = (0.5 * apart + root) / (0.5 * apart + a + root)
    ratio = (apart + u * (2.0 - u + 2.0 * a)) / (u * (2.0 - u)) if u > 0.0 else 1.0 + a
    return cov, 0.5 * math.log(ratio)


def gaussian_information(cov: Floats, first: list[int], second: list[int]) -> float:
    """Return the mutual information of two groups of variables, in nats, from determinants."""

    def log_det(rows: list[int]) -> float:
        return float(np.linalg.slogdet(cov[np.ix_(rows, rows)])[1])

    return 0.5 * (log_det(first) + log_det(second) - log_det([*first, *second]))


def least_eigenvalue(cov: Floats) -> float:
    """Return the least eigenvalue of the correlation matrix: eps over it is what rounding moves."""
    scale = np.sqrt(np.diag(cov))
    return float(np.linalg.eigvalsh(cov / np.outer(scale, scale))[0])


def exact_information(cov: Floats, first: list[int], second: list[int]) -> float:
    """Return the same as gaussian_information(), computed in 60 digits."""
    import mpmath

    with mpmath.workdps(60):

        def log_det(rows: list[int]) -> mpmath.mpf:
            return mpmath.log(mpmath.det(mpmath.matrix(cov[np.ix_(rows, rows)].tolist())))

        return float((log_det(first) + log_det(second) - log_det([*first, *second])) / 2)
