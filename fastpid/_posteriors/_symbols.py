"""What becomes a symbol - a sample, or a cluster - and what that proves of all samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Terms
from fastpid._posteriors._clusters import codebook
from fastpid._posteriors._source import Source, information
from fastpid._solve.marginals import GivenMarginals
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import Solved, solve

Floats = NDArray[np.float64]


class Limits(NamedTuple):
    """How many symbols there are if no number is given."""

    most_exact: int  # samples of a source, each of which is a symbol
    fewest: int  # of the first codebook
    most: int  # of the largest one that is tried


LIMITS = Limits(2000, 50, 3500)
#: Of the tolerance, for the solve.
_LEAST_SHARE = 0.25


class Symbols(NamedTuple):
    """The symbols of all sources, and what they lose."""

    centres: Floats | None  # of clusters, None where every sample is a symbol
    marginals: list[Floats]
    full: list[float]  # I(X; Z) and so on of all samples, nats
    lost: list[float]  # of these

    def tolerance(self, tol: float) -> float:
        """Return what the loss leaves of a tolerance; where nothing, what adds little to it."""
        return max(tol - sum(self.lost), _LEAST_SHARE * tol)

    def of(self, members: Sequence[int]) -> Symbols:
        """Return the symbols of some of the sources."""
        return Symbols(
            self.centres,
            [self.marginals[i] for i in members],
            [self.full[i] for i in members],
            [self.lost[i] for i in members],
        )

    def solve(self, options: SolveOptions, *, potentials: bool = False) -> Solved:
        """Return the solution of the symbols of two sources, to what is left of the tolerance."""
        left = options._replace(tol=self.tolerance(options.tol))
        return solve(GivenMarginals(*self.marginals), left, potentials=potentials)

    def details(self, sources: Sequence[Source], scale: float) -> dict[str, Any]:
        """Return what a result tells of them, informations in nats times `scale`."""
        return {
            "n_symbols_x": len(self.marginals[0]),
            "n_symbols_y": len(self.marginals[1]),
            "lost_x": self.lost[0] * scale,
            "lost_y": self.lost[1] * scale,
            "raked_x": sources[0].distance,
            "raked_y": sources[1].distance,
        }

    def bracket(self, terms: Terms) -> Terms:
        """Return the terms of all samples from those of the clusters."""
        lower = np.maximum(terms.lower, max(self.full))
        upper = np.minimum(terms.upper + sum(self.lost), sum(self.full))
        return Terms(self.full[0], self.full[1], np.nan, lower, np.maximum(upper, lower))


def choose_symbols(
    sources: Sequence[Source],
    tol: float,
    n_symbols: int | None,
    rng: np.random.Generator,
    limits: Limits = LIMITS,
) -> Symbols:
    """Return samples as symbols where they are few enough, or else clusters.

    `n_symbols` clusters, or about as few as lose half of `tol`, or the most there may be. Cells of
    a partition of nz - 1 dimensions into k have widths like k^(-1 / (nz - 1)), and lose the square
    of that: so the loss of one codebook says how large the next one has to be.
    """
    full = [source.information() for source in sources]
    most = max(len(source.rows) for source in sources)
    if most <= (limits.most_exact if n_symbols is None else n_symbols):
        marginals = [source.marginal(None) for source in sources]
        return Symbols(None, marginals, full, [0.0] * len(sources))
    rows = np.concatenate([source.rows for source in sources])
    weights = np.concatenate([source.weights for source in sources])
    dimensions = max(rows.shape[1] - 1, 1)
    size = limits.fewest if n_symbols is None else n_symbols
    while True:
        centres = codebook(rows, weights, size, rng)
        marginals = [source.marginal(centres) for source in sources]
        lost = [max(i - information(m), 0.0) for i, m in zip(full, marginals, strict=True)]
        excess = 2.0 * sum(lost) / tol
        if excess <= 1.0 or n_symbols is not None or size == limits.most:
            return Symbols(centres, marginals, full, lost)
        # Exponents are bounded, so that the power of a hopeless excess is a number.
        larger = size * min(excess ** (0.5 * min(dimensions, 20)), 1e6)
        size = min(max(int(1.1 * larger), 2 * size), limits.most)
