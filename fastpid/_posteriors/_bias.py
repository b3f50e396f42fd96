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

What the mutual informations of a sample are off by chance is taken out of every comparison: it is
the union information less their mean that is extrapolated, of two sources half the sum of the
unique informations. Any number of sources are treated as two are; dealt out, each gets an equal
part of the samples of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import METHODS, Method
from fastpid._many import union_information
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
#: Of three sources and more, so many that tuples of them have no more cells than this.
_MOST_CELLS = 100_000
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
    mi: Sequence[float],
    union: float,
    options: SolveOptions,
    rng: np.random.Generator,
) -> float:
    """Return the estimated excess of the union information, in nats.

    It is neither negative nor more than what the union information exceeds the largest of the
    mutual informations by. These, `mi` and `union`, are those of all samples in nats, as symbols or
    as clusters around the `centres`.
    """
    options = options._replace(tol=_SHARE * options.tol, on_failure="ignore")
    of_all = union - sum(mi) / len(mi)
    most_clusters = _most_clusters(len(sources), len(p_z))
    if centres is not None and len(centres) > most_clusters:
        rows = np.concatenate([source.rows for source in sources])
        weights = np.concatenate([source.weights for source in sources])
        centres = codebook(rows, weights, most_clusters, rng)
        of_all = _unique_share(sources, centres, options)
    most = max(union - max(mi), 0.0)
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
    return _union(marginals, options) - sum(map(information, marginals)) / len(marginals)


def _union(marginals: Sequence[Floats], options: SolveOptions) -> float:
    """Return the union information in nats."""
    if len(marginals) == 2:
        solved = solve(GivenMarginals(*marginals), options)
        return float(solved.terms.union_information[0])
    found = union_information(
        marginals,
        method=cast(Method, METHODS[options.method]),
        tol=options.tol,
        max_iter=options.max_iter or None,
        unit="nats",
        threads=options.threads or None,
        on_failure="ignore",
    )
    return float(found.value)


def _most_clusters(sources: int, classes: int) -> int:
    if sources == 2 or classes == 2:
        return _MOST_CLUSTERS
    return max(int((_MOST_CELLS / classes) ** (1.0 / sources)), 2)


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
    """Return sources as large as these, whose samples are of all of them in equal parts."""
    count = len(sources)
    parts = [np.array_split(rng.permutation(len(source.rows)), count) for source in sources]
    dealt = []
    for turn in range(count):
        # Parts differ by a sample: of every source another one, so that sizes even out.
        chosen = [parts[k][(turn + k) % count] for k in range(count)]
        rows = np.concatenate([s.rows[i] for s, i in zip(sources, chosen, strict=True)])
        weights = np.concatenate([s.weights[i] for s, i in zip(sources, chosen, strict=True)])
        dealt.append(tilted("the posteriors of all", rows, weights, p_z))
    return dealt
