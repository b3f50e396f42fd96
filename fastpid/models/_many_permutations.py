"""Whether there is what an atom of several sources takes: held-out scores of labels, permuted.

The hypotheses are those of :func:`fastpid.estimate_many`, judged without a new fit:

* "0": a source says nothing. Its models' scores are then no better than with labels shuffled;
* "0 given 1": a source says nothing beyond another one, and its models' scores are no better than
  with labels shuffled among samples whose posteriors by the other one are alike;
* "all given 0": all together say nothing beyond one of them, which is judged by the scores of the
  joint model.

A coverage atom of a set takes that each of its sources says something beyond each that is not in
it, the redundancy that each says something, the synergy that all together say more than each. The
largest p-value counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fastpid.estimation._many_problem import ManyProblem
from fastpid.models._permutations import alike, logs_of, shuffle_within

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


def takes_of(problem: ManyProblem) -> dict[str, tuple[str, ...]]:
    """Return the hypotheses that each atom takes to be refuted."""
    every = range(problem.n_sources)
    takes = {
        name: tuple(f"{i} given {j}" for i in members for j in every if j not in members)
        or tuple(map(str, every))
        for members, name in problem.atoms.items()
    }
    takes["synergy"] = tuple(f"all given {j}" for j in every)
    return takes


def count_tests(n_sources: int) -> int:
    """Return how many hypotheses there are."""
    return n_sources * (n_sources + 1)


def permute_many(
    posteriors: Sequence[Floats],
    codes: Labels,
    folds: Labels,
    n_permutations: int,
    rng: np.random.Generator,
    advance: Callable[[int], object],
) -> dict[str, float]:
    """Return the p-value of every hypothesis, by its name."""
    *alone, together = (logs_of(rows) for rows in posteriors)
    strata = {str(i): (scores, folds) for i, scores in enumerate(alone)}
    for j, rows in enumerate(posteriors[:-1]):
        within = alike(rows, rng)
        strata |= {f"{i} given {j}": (s, within) for i, s in enumerate(alone) if i != j}
        strata[f"all given {j}"] = (together, within)
    return shuffle_within(strata, codes, n_permutations, rng, advance)
