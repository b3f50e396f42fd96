"""Corrections of the bias of plug-in values from a finite sample.

Plug-in mutual information is too large: for N samples, I(X; Z) by about (|X| - 1)(|Z| - 1) / 2N
nats and I(X, Y; Z) by more, which ends in the synergy for the most part. Everything here works on
the vector (mi_x, mi_y, mi_xy, union) in nats, or that of another problem, so that the corrected
atoms still add up to the corrected mutual information. Corrected values may be negative: cutting
them off would bring a bias back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._solve.options import SolveOptions
from fastpid.estimation._occupancy import Occupancy
from fastpid.estimation._problem import PAIRS, Problem
from fastpid.estimation._resampling import Samples, solve_all

BIASES = ("none", "miller_madow", "chao_shen", "qe", "shuffle", "qe_shuffle", "jackknife")
#: Those that extrapolate, and those that take off what shuffled targets show.
EXTRAPOLATED = ("qe", "qe_shuffle")
SHUFFLED = ("shuffle", "qe_shuffle")
#: Those that count cells, as many as independent samples occupy.
OF_INDEPENDENT = ("miller_madow", "chao_shen")

#: How often the samples are divided anew for the extrapolation.
DIVISIONS = 20

#: The error that the gap of a solve may bring into a jackknife, in nats.
_JACKKNIFE_ERROR = 1e-4


def miller_madow(
    vector: NDArray[np.float64], cells: Occupancy, n_effective: float
) -> NDArray[np.float64]:
    """Correct by the numbers of cells that are occupied, or worth that (G. A. Miller 1955).

    An entropy is too small by (occupied cells - 1) / 2N to first order. The union information
    keeps its relative place. Takes one vector (4,), or several (n, 4) with n numbers of cells.
    """
    excess = np.stack(
        [
            cells.xz - cells.x - cells.z + 1,
            cells.yz - cells.y - cells.z + 1,
            cells.xyz - cells.xy - cells.z + 1,
        ],
        axis=-1,
    )
    return union_in_place(vector, vector[..., :3] - excess / (2.0 * n_effective))


def chao_shen(vector: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct by entropies in which cells count for those that were not seen (Chao and Shen 2003).

    Of a cell seen with frequency p, C p is expected, C being the coverage of the sampling; it was
    seen at all with probability 1 - (1 - C p)^N, whose reciprocal it is weighted by (Horvitz and
    Thompson). The union information keeps its relative place.
    """
    n_samples = float(counts.sum())

    def excess(*axes: int) -> float:
        seen = counts.sum(axis=axes)
        seen = seen[seen > 0.0]
        once = min(float(np.count_nonzero(seen == 1.0)), n_samples - 1.0)
        p = seen / n_samples
        expected = (1.0 - once / n_samples) * p
        weighted = expected * np.log(expected) / -np.expm1(n_samples * np.log1p(-expected))
        return float((p * np.log(p)).sum() - weighted.sum())

    x, y, z = excess(1, 2), excess(0, 2), excess(0, 1)
    more = [x + z - excess(1), y + z - excess(0), excess(2) + z - excess()]
    return union_in_place(vector, vector[:3] + more)


def union_in_place(
    vector: NDArray[np.float64], corrected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return corrected (mi_x, mi_y, mi_xy) with a union information.

    That is no combination of entropies of p; it keeps its relative place in the interval that the
    three leave it, [max(mi_x, mi_y), min(mi_x + mi_y, mi_xy)].
    """

    def interval(of: NDArray[np.float64]) -> tuple[Any, Any]:
        x, y, xy = of[..., 0], of[..., 1], of[..., 2]
        return np.maximum(x, y), np.minimum(x + y, xy)

    union = kept_in_place(vector[..., 3], interval(vector), interval(corrected))
    return np.concatenate([corrected, union[..., None]], axis=-1)


def kept_in_place(value: Any, old: tuple[Any, Any], new: tuple[Any, Any]) -> Any:
    """Return what has the place in the interval `new` that `value` has in `old`."""
    low, high = old
    open_ = high > low
    place = np.where(open_, (value - low) / np.where(open_, high - low, 1.0), 0.5)
    low, high = new
    return low + place * (high - low)


def mean_of_parts(
    samples: Samples,
    parts: int,
    seed: np.random.SeedSequence,
    options: SolveOptions,
    advance: Callable[[int], object],
    problem: Problem = PAIRS,
) -> tuple[NDArray[np.float64], float]:
    """Return the average vector over the parts of DIVISIONS random divisions in equal parts.

    Returns
    -------
    mean : ndarray (n_fields, width)
    gap : float
        The largest gap of a solve.
    """
    vectors, gap = solve_all(samples.parts(DIVISIONS, seed, parts), options, advance, problem)
    by_part = vectors.reshape(DIVISIONS, samples.n_fields, parts, vectors.shape[-1])
    return by_part.mean(axis=(0, 2)), gap


def left_in_shuffles(
    bias: str,
    samples: Samples,
    count: int,
    seed: np.random.SeedSequence,
    solve: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return what a correction leaves of shuffled targets, on average over `count` of them.

    Nothing should be left. What is, is the bias of the corrected estimator where the target is
    independent, and more than the bias where it is not. Taking it off is what neuroscientists call
    shuffle subtraction (S. Panzeri et al., Journal of Neurophysiology 98, 2007).
    """
    vectors = [
        correct_resamples(bias, parts, samples, solve)
        for parts in samples.shuffled_parts(count, seed)
    ]
    return np.asarray(by_field(vectors, samples.n_fields).mean(axis=0))


def by_field(vectors: Sequence[NDArray[np.float64]], n_fields: int) -> NDArray[np.float64]:
    """Return vectors (k, width) of some draws after others as one array (n, n_fields, width)."""
    together = np.concatenate(vectors)
    return together.reshape(-1, n_fields, together.shape[-1])


def quadratic_extrapolation(
    whole: NDArray[np.float64], halves: NDArray[np.float64], quarters: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Extrapolate to infinitely many samples from all, halves and quarters of them.

    I(N) = I + b / N + c / N^2 (S. P. Strong et al. 1998) at N, N / 2 and N / 4 gives
    I = (8 I(N) - 6 I(N / 2) + I(N / 4)) / 3.
    """
    return (8.0 * whole - 6.0 * halves + quarters) / 3.0


def root_extrapolation(
    whole: NDArray[np.float64], halves: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Extrapolate from all samples and halves where the bias falls like 1 / sqrt(N).

    It does at a kink: the estimated minimum of two equal informations is below them by what chance
    does to their difference. I(N) = I + b / sqrt(N) at N and N / 2 gives I.
    """
    return whole - (halves - whole) / (math.sqrt(2.0) - 1.0)


#: By how much extrapolation may raise the error of a solve: the weights of the above.
AMPLIFICATION = 5.0


def solves_per_resample(bias: str) -> int:
    """How many tables correct_resamples() solves for a resample, itself included."""
    return 7 if bias in EXTRAPOLATED else 3 if bias == "jackknife" else 1


def correct_resamples(
    bias: str,
    parts: NDArray[np.float64],
    samples: Samples,
    solve: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Correct resamples as the samples are corrected, from one division of each in parts.

    Parameters
    ----------
    bias : str
        Instead of a jackknife, which would leave out every sample of every resample, the
        extrapolation from halves alone: as the jackknife, to first order. What shuffled targets
        show is not taken off.
    parts : ndarray (n, 4, nx, ny, nz)
        The quarters of every resample.
    samples : Samples
        What they are resamples of.
    solve : callable
        From tables (k, nx, ny, nz) to vectors (k, width).

    Returns
    -------
    corrected : ndarray (n, width)
    """
    whole = parts.sum(axis=1)
    vectors = solve(whole)
    if bias == "miller_madow":
        return miller_madow(vectors, samples.occupancy(whole), samples.n_effective)
    if bias == "chao_shen":
        return np.stack([chao_shen(v, t) for v, t in zip(vectors, whole, strict=True)])
    if bias in ("none", "shuffle"):
        return vectors

    def mean(tables: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = solve(tables.reshape(-1, *tables.shape[2:]))
        of_parts: NDArray[np.float64] = flat.reshape(*tables.shape[:2], -1).mean(axis=1)
        return of_parts

    halves = mean(parts[:, 0::2] + parts[:, 1::2])
    if bias == "jackknife":
        return 2.0 * vectors - halves
    return quadratic_extrapolation(vectors, halves, mean(parts))


def jackknife(
    vector: NDArray[np.float64],
    samples: Samples,
    options: SolveOptions,
    advance: Callable[[int], object],
    problem: Problem = PAIRS,
) -> tuple[NDArray[np.float64], float]:
    """Extrapolate from N and N - 1 units: N I - (N - 1) mean of I without one (Quenouille 1956).

    Units are samples, unless these depend on one another. Without approximation: samples in the
    same cell leave the same table. The factor N multiplies errors of the solves, which are
    therefore made tighter.

    Returns
    -------
    corrected : ndarray (n_fields, width)
    gap : float
        The largest gap of a solve.
    """
    n_units = samples.n_units
    tight = options._replace(tol=max(1e-12, min(options.tol, _JACKKNIFE_ERROR / n_units)))
    tables, counts = samples.leave_one_out()
    without, gap = solve_all(tables, tight, advance, problem)
    mean = np.tensordot(counts, by_field([without], samples.n_fields), axes=1) / n_units
    return n_units * vector - (n_units - 1) * mean, gap
