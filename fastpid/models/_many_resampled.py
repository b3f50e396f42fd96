"""By how much values of any number of sources vary over samples, models staying as they are.

As :mod:`fastpid.models._resampled` has it of two: symbols are a few clusters of posteriors, the
informations of a resample are those that its labels confirm, and only differences count. A union
information differs, to first order, by what its potentials say of the labels less the posteriors:
the derivative by p(x_i, z) is lam_i.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._many import UnionInformation, union_information
from fastpid._posteriors._clusters import assign, codebook
from fastpid._posteriors._source import sums_p_log_p
from fastpid.estimation._many_problem import ManyProblem
from fastpid.models._informations import surprise
from fastpid.models._many_informations import vector_of
from fastpid.models._read import Target
from fastpid.models._resampled import AT_A_TIME, CLUSTERS, TOL, marginal_of, resampled_weights

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

#: Cells of the tuples of clusters: some hundredths of a second for the sets of a resample.
_CELLS = 20_000


class _Resample(NamedTuple):
    weights: Floats
    marginals: list[Floats]  # (clusters, nz) of each source
    by_labels: list[Floats]
    confirmed: Floats  # (M + 1,)


def errors_of_many(
    posteriors: Sequence[Floats],
    names: Sequence[str],
    target: Target,
    groups: Labels | None,
    problem: ManyProblem,
    n_bootstrap: int,
    threads: int | None,
    rng: np.random.Generator,
    advance: Callable[[int], object],
) -> Floats:
    """Return what the vector is off by, of resamples, (n_bootstrap, width) in nats."""
    n, classes = posteriors[0].shape
    sources = posteriors[:-1]
    even = np.full(n, 1.0 / n)
    rows = np.concatenate(sources)
    count = _clusters(len(sources), classes)
    centres = codebook(rows, np.full(len(rows), 1.0 / len(rows)), count, rng)
    assigned = [assign(each, centres) for each in sources]
    surprises = np.stack(
        [surprise(name, rows, target) for name, rows in zip(names, posteriors, strict=True)]
    )
    shape = (len(centres), classes)

    def resample(weights: Floats) -> _Resample:
        p_z = np.mean([weights @ each for each in posteriors], axis=0)
        p_z /= p_z.sum()
        return _Resample(
            weights,
            [
                marginal_of(each, weights, symbols, p_z, len(centres))
                for each, symbols in zip(sources, assigned, strict=True)
            ],
            [_labelled(symbols, target.codes, shape, weights) for symbols in assigned],
            -float(sums_p_log_p(p_z)) - surprises @ weights,
        )

    draws = [even, *resampled_weights(n, groups, n_bootstrap, rng)]
    vectors = []
    for start in range(0, len(draws), AT_A_TIME):
        some = [resample(weights) for weights in draws[start : start + AT_A_TIME]]
        solved = {
            members: union_information(
                [np.stack([r.marginals[i] for r in some]) for i in members],
                tol=TOL,
                unit="nats",
                threads=threads,
                on_failure="ignore",
            )
            for members in problem.subsets
            if len(members) > 1
        }
        for place, each in enumerate(some):
            unions = {
                members: _confirmed(found, place, [_of(each, i) for i in members])
                for members, found in solved.items()
            }
            vectors.append(vector_of(problem, unions, each.confirmed))
        advance(len(some))
    return np.stack(vectors[1:]) - vectors[0]


def _of(resample: _Resample, source: int) -> Floats:
    """Return what labels say of a source's symbols less what posteriors do."""
    difference: Floats = resample.by_labels[source] - resample.marginals[source]
    return difference


def _confirmed(found: UnionInformation, place: int, differences: Sequence[Floats]) -> float:
    shifts = (
        _said(lam[place], difference)
        for lam, difference in zip(found.potentials, differences, strict=True)
    )
    return float(found.value[place]) + sum(shifts)


def _labelled(
    symbols: NDArray[np.intp],
    codes: NDArray[np.intp],
    shape: tuple[int, ...],
    weights: Floats,
) -> Floats:
    """Return p(symbol, z) by the labels of samples, of weights that sum to one."""
    cells = np.ravel_multi_index((symbols, codes), shape)
    found: Floats = np.bincount(cells, weights, int(np.prod(shape))).astype(np.float64)
    return found.reshape(shape)


def _said(potentials: Floats, marginal: Floats) -> float:
    """Return what potentials say of a p(symbol, z), or of a difference of two, in nats."""
    finite = np.isfinite(potentials)  # where they are not, there is no mass
    return float((potentials[finite] * marginal[finite]).sum())


def _clusters(sources: int, classes: int) -> int:
    if classes == 2:  # a closed form
        return CLUSTERS
    return int(np.clip((_CELLS / classes) ** (1.0 / sources), 4, CLUSTERS))
