"""By how much the union information of a sample of posteriors is too large, from its quarters.

I_union is convex in the marginals, and its expectation over samples therefore too large, by an
excess E(N) that falls like N^-a. Quarters of the samples show E(N/4) - E(N), which is

    E(N) (4^a - 1).

Where the sources differ a is 1, as of any smooth function. Where both say the same it is less - 1/2
for few classes, as of the larger of two noisy numbers, and less still for many, since two samples
of one distribution over nz - 1 dimensions approach each other slowly. How much less, the posteriors
themselves tell: those of both sources, pooled and dealt out again at random, are samples of two
equal channels, whose true excess is all that they say uniquely, at N and at N/4. Between the two
the factor 1 / (4^a - 1) is interpolated, by the square of how much of the tie's difference the
sources show: not by a derivation, but so that nearly equal channels are not corrected too much.

What the two mutual informations of a sample are off by chance is taken out of every comparison: it
is the union information less their mean that is extrapolated, half the sum of the unique
informations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Terms
from fastpid._posteriors._clusters import codebook
from fastpid._posteriors._source import Source, information, tilted
from fastpid._solve.marginals import GivenMarginals
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import solve

Floats = NDArray[np.float64]

PARTS = 4
#: 1 / (4^a - 1) where the sources differ, and a is 1.
_SMOOTH = 1.0 / (PARTS - 1)
#: So many samples that more clusters than these are made of them have hardly any excess: their ten
#: solves, as large, would take minutes.
_MOST_CLUSTERS = 500
#: Of the tolerance, for the solves here, whose errors are those of the difference.
_SHARE = 0.2


def check_parts(sources: Sequence[Source]) -> None:
    """Refuse samples that are too few to be divided.

    Raises
    ------
    ValueError
        If a quarter of a source's samples does not have as many as there are classes.
    """
    for source in sources:
        samples, classes = source.rows.shape
        if samples < PARTS * max(classes, 2):
            raise ValueError(
                f'bias="extrapolation" divides the samples in quarters, and {source.name} has '
                f"{samples} of them for {classes} classes; pass {PARTS * max(classes, 2)} or more, "
                'or bias="none"'
            )


def excess(
    sources: Sequence[Source],
    p_z: Floats,
    centres: Floats | None,
    terms: Terms,
    options: SolveOptions,
    rng: np.random.Generator,
) -> float:
    """Return the estimated excess of the union information, in nats.

    It is neither negative nor more than what the union information exceeds the larger of both
    mutual informations by. `terms` are those of all samples, as symbols or as clusters around the
    `centres`.
    """
    options = options._replace(tol=_SHARE * options.tol, on_failure="ignore")
    mi_x, mi_y, union = (
        float(np.ravel(term)[0]) for term in (terms.mi_x, terms.mi_y, terms.union_information)
    )
    of_all = union - 0.5 * (mi_x + mi_y)
    if centres is not None and len(centres) > _MOST_CLUSTERS:
        rows = np.concatenate([source.rows for source in sources])
        weights = np.concatenate([source.weights for source in sources])
        centres = codebook(rows, weights, _MOST_CLUSTERS, rng)
        of_all = _unique_share(sources, centres, options)
    most = max(union - max(mi_x, mi_y), 0.0)
    difference = _of_quarters(sources, p_z, centres, options, rng) - of_all
    pooled = _dealt_out(sources, p_z, rng)
    tie = _unique_share(pooled, centres, options)
    tie_difference = _of_quarters(pooled, p_z, centres, options, rng) - tie
    if difference <= 0.0 or tie_difference <= 0.0:
        return min(max(_SMOOTH * difference, 0.0), most)
    likeness = min(difference / tie_difference, 1.0) ** 2
    factor = likeness * tie / tie_difference + (1.0 - likeness) * _SMOOTH
    return min(difference * factor, most)


def _unique_share(
    sources: Sequence[Source], centres: Floats | None, options: SolveOptions
) -> float:
    """Return the union information less the mean of the mutual ones, in nats."""
    marginals = [source.marginal(centres) for source in sources]
    solved = solve(GivenMarginals(*marginals), options)
    union = float(solved.terms.union_information[0])
    return union - 0.5 * sum(map(information, marginals))


def _of_quarters(
    sources: Sequence[Source],
    p_z: Floats,
    centres: Floats | None,
    options: SolveOptions,
    rng: np.random.Generator,
) -> float:
    """Return the mean of that over the quarters of the samples."""
    orders = [rng.permutation(len(source.rows)) for source in sources]
    shares = []
    for part in range(PARTS):
        quarters = [
            source.part(order[part::PARTS], p_z)
            for source, order in zip(sources, orders, strict=True)
        ]
        shares.append(_unique_share(quarters, centres, options))
    return float(np.mean(shares))


def _dealt_out(sources: Sequence[Source], p_z: Floats, rng: np.random.Generator) -> list[Source]:
    """Return two sources as large as these, whose samples are of both, half and half."""
    halves = [np.array_split(rng.permutation(len(source.rows)), 2) for source in sources]
    dealt = []
    for turn in range(2):
        # The larger half of its own, and the smaller half of the other's, or the other way round.
        chosen = [halves[k][(turn + k) % 2] for k in range(2)]
        rows = np.concatenate([s.rows[i] for s, i in zip(sources, chosen, strict=True)])
        weights = np.concatenate([s.weights[i] for s, i in zip(sources, chosen, strict=True)])
        dealt.append(tilted("the posteriors of both", rows, weights, p_z))
    return dealt
