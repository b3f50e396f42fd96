"""By how much values vary over samples: resamples of posteriors, of samples or of whole groups.

Models stay as they are. Calibrated posteriors claim what labels confirm, and so vary as that does:
the informations of a resample are those that its labels confirm. Symbols are clusters of
posteriors, few and the same for all resamples; what they lose is the same for all, too, and only
differences from the value of all samples count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from fastpid._posteriors._clusters import assign, codebook, sums_of
from fastpid._posteriors._rake import rake
from fastpid._posteriors._source import information, sums_p_log_p
from fastpid._solve.marginals import GivenMarginals
from fastpid._solve.options import check_options
from fastpid._solve.solve import solve
from fastpid.models._cross_fit import Posteriors
from fastpid.models._informations import along, surprise
from fastpid.models._read import Target

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

CLUSTERS = 40
TOL = 1e-3
#: Resamples solved at a time, between two advances of the progress.
AT_A_TIME = 20


def errors_of_resamples(
    posteriors: Posteriors,
    target: Target,
    groups: Labels | None,
    n_bootstrap: int,
    threads: int | None,
    rng: np.random.Generator,
    advance: Callable[[int], object],
) -> Floats:
    """Return what the vector is off by, of resamples, (n_bootstrap, 4) in nats."""
    n = len(target.codes)
    even = np.full(n, 1.0 / n)
    rows = np.concatenate([posteriors.x, posteriors.y])
    centres = codebook(rows, np.full(2 * n, 0.5 / n), CLUSTERS, rng)
    assigned = [assign(each, centres) for each in posteriors[:2]]
    surprises = np.stack(
        [surprise(f"posteriors_{k}", v, target) for k, v in posteriors._asdict().items()]
    )

    def problem(weights: Floats) -> tuple[list[Floats], Floats, Floats]:
        """Return the marginals of a resample, and what is claimed and confirmed of informations."""
        p_z = np.mean([weights @ each for each in posteriors], axis=0)
        p_z /= p_z.sum()
        marginals = [
            marginal_of(each, weights, labels, p_z, len(centres))
            for each, labels in zip(posteriors[:2], assigned, strict=True)
        ]
        entropy = -float(sums_p_log_p(p_z))
        confirmed = entropy - surprises @ weights
        return marginals, np.array([*map(information, marginals), confirmed[2]]), confirmed

    draws = [even, *resampled_weights(n, groups, n_bootstrap, rng)]
    options = check_options("auto", TOL, None, "nats", threads, False, "ignore")
    vectors = []
    for start in range(0, len(draws), AT_A_TIME):
        problems = [problem(weights) for weights in draws[start : start + AT_A_TIME]]
        given = GivenMarginals(*(np.stack([p[0][i] for p in problems]) for i in (0, 1)))
        unions = np.ravel(solve(given, options).terms.union_information)
        vectors += [along(float(u), *p[1:]) for u, p in zip(unions, problems, strict=True)]
        advance(len(problems))
    return np.stack(vectors[1:]) - vectors[0]


def resampled_weights(
    n: int, groups: Labels | None, n_bootstrap: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield how much each of n samples counts in every resample, of samples or of groups."""
    units = np.arange(n) if groups is None else groups
    n_units = int(units.max()) + 1
    for _ in range(n_bootstrap):
        counts = np.bincount(rng.integers(0, n_units, n_units), minlength=n_units)[units]
        yield counts / counts.sum()


def marginal_of(rows: Floats, weights: Floats, labels: Labels, p_z: Floats, count: int) -> Floats:
    """Return p(cluster, z) of a resample, with a p(z); clusters may be empty."""
    sums, mass = sums_of(rows, weights, labels, count)
    kept = mass > 0.0
    raked = rake("a resample", sums[kept] / mass[kept, None], mass[kept] / mass.sum(), p_z)
    marginal = np.zeros_like(sums)
    marginal[kept] = raked * (mass[kept] / mass.sum())[:, None]
    return marginal
