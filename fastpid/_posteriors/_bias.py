"""By how much the union information of a sample of posteriors is too large, from its quarters.

I_union is convex in the marginals, and its expectation over samples therefore too large. Where both
sources say the same the excess falls like N^(-1/2), as the larger of two noisy numbers does, and a
quarter of the samples has twice the excess of all; elsewhere it falls like 1/N and is small. So the
excess of all is about that of a quarter less that of all. What the two mutual informations of a
quarter are off by chance is taken out of the comparison: it is the union information less their
mean that is extrapolated, half the sum of the unique informations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Terms
from fastpid._posteriors._source import Source, information
from fastpid._solve.marginals import GivenMarginals
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import solve

Floats = NDArray[np.float64]

PARTS = 4
#: Of the tolerance, for the quarters, whose errors are those of the difference.
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

    `terms` are those of all samples, as symbols or as clusters around the `centres`.
    """
    orders = [rng.permutation(len(source.rows)) for source in sources]
    options = options._replace(tol=_SHARE * options.tol, on_failure="ignore")
    of_parts = []
    for part in range(PARTS):
        marginals = [
            source.part(order[part::PARTS], p_z).marginal(centres)
            for source, order in zip(sources, orders, strict=True)
        ]
        solved = solve(GivenMarginals(*marginals), options)
        union = float(solved.terms.union_information[0])
        of_parts.append(union - 0.5 * sum(map(information, marginals)))
    of_all = float(np.ravel(terms.union_information)[0])
    of_all -= 0.5 * float(np.ravel(terms.mi_x + terms.mi_y)[0])
    return float(np.mean(of_parts)) - of_all
