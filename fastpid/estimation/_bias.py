"""Corrections of the bias of plug-in values from a finite sample.

Plug-in mutual information is too large: for N samples, I(X; Z) by about (|X| - 1)(|Z| - 1) / 2N
nats and I(X, Y; Z) by more, which ends in the synergy for the most part. Everything here works on
the vector (mi_x, mi_y, mi_xy, union) in nats, so that the corrected atoms still add up to the
corrected mutual information. Corrected values may be negative: cutting them off would bring a bias
back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._solve.options import SolveOptions
from fastpid.estimation._resampling import Resampler, solve_all

BIASES = ("none", "miller_madow", "qe", "shuffle", "jackknife")

#: How often the samples are divided anew for the extrapolation.
DIVISIONS = 20

#: The error that the gap of a solve may bring into a jackknife, in nats.
_JACKKNIFE_ERROR = 1e-4


class Occupancy(NamedTuple):
    """How many cells samples fall into, or are worth, in a table and in each of its marginals."""

    x: float
    y: float
    z: float
    xy: float
    xz: float
    yz: float
    xyz: float


def occupied_cells(table: NDArray[np.float64]) -> Occupancy:
    """Count the cells (nx, ny, nz) that are not empty."""

    def occupied(*axes: int) -> int:
        return int(np.count_nonzero(table.any(axis=axes) if axes else table))

    return Occupancy(
        x=occupied(1, 2),
        y=occupied(0, 2),
        z=occupied(0, 1),
        xy=occupied(2),
        xz=occupied(1),
        yz=occupied(0),
        xyz=occupied(),
    )


def miller_madow(
    vector: NDArray[np.float64], cells: Occupancy, n_effective: float
) -> NDArray[np.float64]:
    """Correct by the numbers of cells that are occupied (G. A. Miller 1955).

    An entropy is too small by (occupied cells - 1) / 2N to first order. The union information is
    no combination of entropies of p; it keeps its relative place in the interval that the three
    mutual-information values leave it, [max(mi_x, mi_y), min(mi_x + mi_y, mi_xy)].
    """
    excess = np.array(
        [
            cells.xz - cells.x - cells.z + 1,
            cells.yz - cells.y - cells.z + 1,
            cells.xyz - cells.xy - cells.z + 1,
        ]
    )
    corrected = vector[:3] - excess / (2.0 * n_effective)

    def interval(of: NDArray[np.float64]) -> tuple[float, float]:
        return max(of[0], of[1]), min(of[0] + of[1], of[2])

    low, high = interval(vector[:3])
    place = (vector[3] - low) / (high - low) if high > low else 0.5
    low, high = interval(corrected)
    return np.append(corrected, low + place * (high - low))


def quadratic_extrapolation(
    vector: NDArray[np.float64],
    resampler: Resampler,
    seed: np.random.SeedSequence,
    options: SolveOptions,
    advance: Callable[[int], object],
) -> tuple[NDArray[np.float64], float]:
    """Extrapolate to infinitely many samples from all, halves and quarters of them.

    I(N) = I + b / N + c / N^2 (S. P. Strong et al. 1998) at N, N / 2 and N / 4 gives
    I = (8 I(N) - 6 I(N / 2) + I(N / 4)) / 3; halves and quarters are averages over DIVISIONS random
    divisions of the samples.

    Returns
    -------
    corrected : ndarray (4,)
    gap : float
        The largest gap of a solve.
    """
    halves_seed, quarters_seed = seed.spawn(2)
    halves, gap_2 = solve_all(resampler.parts(DIVISIONS, halves_seed, 2), options, advance)
    quarters, gap_4 = solve_all(resampler.parts(DIVISIONS, quarters_seed, 4), options, advance)
    return _extrapolate(vector, halves.mean(axis=0), quarters.mean(axis=0)), max(gap_2, gap_4)


def _extrapolate(
    whole: NDArray[np.float64], halves: NDArray[np.float64], quarters: NDArray[np.float64]
) -> NDArray[np.float64]:
    return (8.0 * whole - 6.0 * halves + quarters) / 3.0


#: By how much extrapolation may raise the error of a solve: the weights of the above.
AMPLIFICATION = 5.0


def solves_per_resample(bias: str) -> int:
    """How many tables correct_resamples() solves for a resample, itself included."""
    return {"qe": 7, "jackknife": 3}.get(bias, 1)


def correct_resamples(
    bias: str,
    parts: NDArray[np.float64],
    n_effective: float,
    shuffled: NDArray[np.float64],
    solve: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Correct resamples as the samples are corrected, from one division of each in parts.

    Parameters
    ----------
    bias : str
        Instead of a jackknife, which would leave out every sample of every resample, the
        extrapolation from halves alone: as the jackknife, to first order.
    parts : ndarray (n, 4, nx, ny, nz)
        The quarters of every resample.
    shuffled : ndarray (4,)
        The vector under shuffled targets, for "shuffle".
    solve : callable
        From tables (k, nx, ny, nz) to vectors (k, 4).

    Returns
    -------
    corrected : ndarray (n, 4)
    """
    whole = parts.sum(axis=1)
    vectors = solve(whole)
    if bias == "miller_madow":
        pairs = zip(vectors, whole, strict=True)
        return np.stack([miller_madow(v, occupied_cells(t), n_effective) for v, t in pairs])
    if bias == "shuffle":
        return vectors - shuffled
    if bias == "none":
        return vectors

    def mean(tables: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = solve(tables.reshape(-1, *tables.shape[2:]))
        of_parts: NDArray[np.float64] = flat.reshape(*tables.shape[:2], 4).mean(axis=1)
        return of_parts

    halves = mean(parts[:, 0::2] + parts[:, 1::2])
    if bias == "jackknife":
        return 2.0 * vectors - halves
    return _extrapolate(vectors, halves, mean(parts))


def jackknife(
    vector: NDArray[np.float64],
    resampler: Resampler,
    options: SolveOptions,
    advance: Callable[[int], object],
) -> tuple[NDArray[np.float64], float]:
    """Extrapolate from N and N - 1 samples: N I - (N - 1) mean of I without one (Quenouille 1956).

    Without approximation: samples in the same cell leave the same table. The factor N multiplies
    errors of the solves, which are therefore made tighter.

    Returns
    -------
    corrected : ndarray (4,)
    gap : float
        The largest gap of a solve.
    """
    n_samples = len(resampler.cells)
    tight = options._replace(tol=max(1e-12, min(options.tol, _JACKKNIFE_ERROR / n_samples)))
    tables, counts = resampler.leave_one_out()
    without, gap = solve_all(tables, tight, advance)
    mean = counts @ without / n_samples
    return n_samples * vector - (n_samples - 1) * mean, gap
