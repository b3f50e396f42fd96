"""What a finite sample adds to the informations of its covariance, and how that is taken off.

The log determinant of the covariance of n independent Gaussian samples has a known expectation (a
sum of digammas: T. W. Anderson, "An introduction to multivariate statistical analysis", 2003,
section 7.5), so that mutual informations are corrected without any error of their average. The
union information is no combination of log determinants. What is too much of it is found by
simulation: how far it is off in samples from the Gaussian of the samples' own covariance. Keeping
its relative place between the mutual informations is off by several times as much for orthogonal
channels, and extrapolation varies more, and wants more samples. At equal channels, where the union
information is at a kink, this takes off about half; where the channels may be equal, the law of a
kink takes the place of that of smooth functions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid.estimation._bias import union_in_place
from fastpid.gaussian._columns import DETERMINED

BIASES = ("exact", "qe", "none")

#: How many samples are simulated: their average varies by a tenth of what the samples do.
SIMULATIONS = 100

#: Unique informations of so many standard deviations may be none.
_TIED = 2.0

#: From here on five terms of the asymptotic series are exact.
_FAR = 12.0


def information_excess(m: int, d: int, n_samples: int) -> float:
    """Return by how much the information between m and d variables comes out too large, in nats.

    On average over independent Gaussian samples, whatever their covariance.
    """
    freedom = np.array(n_samples - 1 - np.arange(m + d), dtype=np.float64)
    of_variable = _digamma(0.5 * freedom)
    return 0.5 * float(of_variable[:d].sum() - of_variable[m:].sum())


class Ranks(NamedTuple):
    """The dimensions of what carries information: of repeated columns one counts."""

    x: int
    y: int
    xy: NDArray[np.intp]  # (...)
    z: int


def exact(vector: NDArray[np.float64], ranks: Ranks, n_samples: int) -> NDArray[np.float64]:
    """Correct (..., 4) of (mi_x, mi_y, mi_xy, union).

    The union information keeps its relative place between the others.
    """
    corrected = vector[..., :3].copy()
    for place, of_source in enumerate((np.array(ranks.x), np.array(ranks.y), ranks.xy)):
        different, which = np.unique(of_source, return_inverse=True)
        excess = [information_excess(m, ranks.z, n_samples) for m in different.tolist()]
        corrected[..., place] -= np.array(excess)[which.reshape(of_source.shape)]
    return union_in_place(vector, corrected)


def union_by_simulation(
    plug_in: NDArray[np.float64], corrected: NDArray[np.float64], simulated: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Correct the union information (...): where it is smooth, and where it may be at a kink.

    What samples of the samples' covariance add to it is what the samples have added, where it is
    smooth: it falls like 1 / N. At equal channels it falls like 1 / sqrt(N), beyond what it has in
    common with the mutual informations, and the samples of the samples, of twice the variance, have
    sqrt(2) times as much. So is taken off, if by that correction neither source has unique
    information, as far as the simulated deviations tell; of weak channels the part of the bias that
    is smooth is as large as the part of the informations that is.

    Parameters
    ----------
    plug_in, corrected : ndarray (..., 4)
        Vectors of Terms; `corrected` with the mutual informations corrected.
    simulated : ndarray (n, ..., 4)
        Of samples of the samples' covariance.

    Returns
    -------
    smooth, union : ndarray (...)
        What a smooth union information would be, and what it is taken for.
    """
    smooth = 2.0 * plug_in[..., 3] - simulated[..., 3].mean(axis=0)

    def beyond(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(vectors[..., 3] - 0.5 * (vectors[..., 0] + vectors[..., 1]))

    before, after = (0.5 * (v[..., 0] + v[..., 1]) for v in (plug_in, corrected))
    share = np.divide(after, before, out=np.zeros_like(after), where=before > 0.0).clip(0.0, 1.0)
    more = 2.0 ** (1.0 - 0.5 * share)
    at_kink = after + (more * beyond(plug_in) - beyond(simulated).mean(axis=0)) / (more - 1.0)
    unique = at_kink[..., None] - corrected[..., 1::-1]
    deviation = (simulated[..., 3:] - simulated[..., 1::-1]).std(axis=0)
    tied = (unique <= _TIED * deviation).all(axis=-1)
    return smooth, np.where(tied, at_kink, smooth)


def simulated_covariances(
    covariance: NDArray[np.float64], n_samples: int, count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the covariances (count, ..., k, k) of so many Gaussian samples of covariances.

    Without the samples: a triangle of normal and chi variables does (M. S. Bartlett 1933), the same
    one for all covariances (..., k, k).
    """
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    values, vectors = np.linalg.eigh(covariance / (scale[..., :, None] * scale[..., None, :]))
    # Of columns that repeat others nothing is left but rounding, which has to stay as small.
    root = vectors * np.sqrt(np.where(values > DETERMINED, values, 0.0))[..., None, :]
    k = covariance.shape[-1]
    triangles = np.tril(random.standard_normal((count, k, k)), -1)
    triangles[:, range(k), range(k)] = np.sqrt(
        random.chisquare(n_samples - 1 - np.arange(k), (count, k))
    )
    roots = root @ triangles.reshape(count, *(1,) * (covariance.ndim - 2), k, k)
    return np.asarray(roots @ np.swapaxes(roots, -1, -2) / n_samples)


def _digamma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the derivative of log gamma at positive numbers."""
    x = x.copy()
    value = np.zeros_like(x)
    while (near := x < _FAR).any():
        value[near] -= 1.0 / x[near]
        x[near] += 1.0
    square = 1.0 / (x * x)
    series = square * (
        1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132)))
    )
    return value + np.log(x) - 0.5 / x - series
