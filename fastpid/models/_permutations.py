"""Whether there is what an atom takes: held-out scores of labels, permuted, without a new fit.

A source says nothing about the target if its models' scores mean log p(z_i | x_i) are no better
than with labels shuffled. X says nothing beyond Y if scores mean log p(z_i | x_i, y_i) are no
better than with labels shuffled among samples whose posteriors p(z | y) are alike (clusters of some
sixteen samples): what is left of Y within a cluster passes for X, so that clusters must be small.

There may be what an atom takes, and the atom be zero all the same; so each has to be beyond its
errors as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fastpid._posteriors._clusters import assign, codebook
from fastpid.models._cross_fit import Posteriors

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

_SAMPLES_ALIKE = 16
_MOST_CLUSTERS = 300
#: Resamples are not solved more closely.
_LEAST_ERROR = 1e-3
#: What each atom takes; of several p-values the largest counts.
TAKES = {
    "redundancy": ("x", "y"),
    "unique_x": ("x given y",),
    "unique_y": ("y given x",),
    "synergy": ("x given y", "y given x"),
}


def permutation_p_values(
    posteriors: Posteriors,
    codes: Labels,
    folds: Labels,
    n_permutations: int,
    rng: np.random.Generator,
    advance: Callable[[int], object],
) -> dict[str, float]:
    """Return the p-value of what atoms take, by its name."""
    logs = {name: logs_of(rows) for name, rows in posteriors._asdict().items()}
    strata = {
        "x": (logs["x"], folds),
        "y": (logs["y"], folds),
        "x given y": (logs["xy"], alike(posteriors.y, rng)),
        "y given x": (logs["xy"], alike(posteriors.x, rng)),
    }
    return shuffle_within(strata, codes, n_permutations, rng, advance)


def shuffle_within(
    strata: Mapping[str, tuple[Floats, Labels]],
    codes: Labels,
    n_permutations: int,
    rng: np.random.Generator,
    advance: Callable[[int], object],
) -> dict[str, float]:
    """Return p-values by name, of scores (n, nz) against labels shuffled within strata (n,)."""
    found = {}
    for name, (scores, within) in strata.items():
        observed = _score(scores, codes)
        null = np.array(
            [_score(scores, _shuffled(codes, within, rng)) for _ in range(n_permutations)]
        )
        found[name] = (1 + int(np.count_nonzero(null >= observed))) / (1 + n_permutations)
        advance(n_permutations)
    return found


def p_values(
    corrected: Mapping[str, float],
    errors: Mapping[str, float],
    permuted: Mapping[str, float],
    takes: Mapping[str, Sequence[str]] = TAKES,
) -> dict[str, float]:
    """Return the p-value of every atom from its standard error, and from permutations if any."""
    found: dict[str, float] = {}
    for atom in takes:
        error = max(errors[atom], _LEAST_ERROR)
        p = 1.0 - NormalDist(0.0, error).cdf(corrected[atom])
        found[atom] = max([p, *(permuted[name] for name in takes[atom] if permuted)])
    return found


def _score(logs: Floats, codes: Labels) -> float:
    return float(logs[np.arange(len(codes)), codes].mean())


def logs_of(rows: Floats) -> Floats:
    """Return logarithms, of zero minus infinity."""
    with np.errstate(divide="ignore"):
        return np.log(rows)


def alike(rows: Floats, rng: np.random.Generator) -> Labels:
    """Return clusters of samples whose posteriors are alike."""
    count = int(np.clip(len(rows) // _SAMPLES_ALIKE, 1, _MOST_CLUSTERS))
    return assign(rows, codebook(rows, np.full(len(rows), 1.0 / len(rows)), count, rng))


def _shuffled(codes: Labels, within: Labels, rng: np.random.Generator) -> Labels:
    """Return labels shuffled among samples of the same stratum."""
    order, shuffled = (
        np.argsort(within, kind="stable"),
        np.lexsort((rng.random(len(codes)), within)),
    )
    out = np.empty_like(codes)
    out[order] = codes[shuffled]
    return out
