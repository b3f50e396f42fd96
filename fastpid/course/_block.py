"""What was found at some of the places of a course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid.course._correction import Test, in_step, standardize
from fastpid.estimation._intervals import Errors
from fastpid.estimation._wanted import Wanted

Array = NDArray[np.float64]


class Block(NamedTuple):
    """What was found at some of the places; values by name, (n_places,)."""

    plug_in: dict[str, Array]
    corrected: dict[str, Array]
    gap: Array
    errors: Errors | None
    null_means: dict[str, Array]
    #: By atom: of every null hypothesis.
    tests: dict[str, list[Test]]
    largest_gap: float
    solved_to_tol: bool

    def drawn(self, name: str) -> Array:
        """Return the errors of a value, (n_bootstrap, n_places)."""
        assert self.errors is not None
        return np.asarray(self.errors.drawn[name])

    def least(self, atom: str) -> Array:
        """Return what an atom is at least, be its bias that of a kink or not."""
        assert self.errors is not None
        return np.asarray(self.corrected[atom] + np.minimum(self.errors.kink[atom], 0.0))


def block_of(
    wanted: Wanted,
    plug_in: dict[str, Array],
    corrected: dict[str, Array],
    gap: Array,
    errors: Errors | None,
    drawn: Mapping[str, Mapping[str, Array]],
    smooth: Mapping[str, str],
    largest_gap: float,
    solved_to_tol: bool,
) -> Block:
    """Return a block, with its tests.

    Parameters
    ----------
    drawn : mapping
        Values (n_draws, n_places) by name, under every null hypothesis.
    smooth : mapping of str to str
        The null hypotheses whose surrogates are less smooth than the data, and those whose are not.
    largest_gap : float
        Values that are closer are ties.
    """
    tests: dict[str, list[Test]] = {atom: [] for atom in wanted.nulls}
    means: dict[str, list[Array]] = {atom: [] for atom in wanted.nulls}
    for atom, kinds in wanted.nulls.items():
        for kind in kinds:
            z = standardize(plug_in[atom], drawn[kind][atom], largest_gap)
            same = smooth.get(kind)
            tests[atom].append(Test(z, in_step(z, drawn[same][atom]) if same else z))
            means[atom].append(drawn[kind][atom].mean(axis=0))
    null_means = {atom: np.max(each, axis=0) for atom, each in means.items()}
    return Block(plug_in, corrected, gap, errors, null_means, tests, largest_gap, solved_to_tol)
