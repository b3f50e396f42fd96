"""The posteriors of one source, and the informations of marginals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._posteriors._clusters import assign, sums_of
from fastpid._posteriors._rake import rake

Floats = NDArray[np.float64]


class Source(NamedTuple):
    """The posteriors of one source, with the p(z) of both."""

    rows: Floats  # (n, nz)
    weights: Floats  # (n,), which sum to one
    distance: float = 0.0  # of their mean, as they came, from p(z)
    name: str = ""

    def information(self) -> float:
        """Return I(X; Z) in nats."""
        rows = self.weights @ sums_p_log_p(self.rows)
        return float(rows - sums_p_log_p(self.weights @ self.rows))

    def part(self, chosen: NDArray[np.intp], p_z: Floats) -> Source:
        """Return some of the samples, with the p(z) of all."""
        return tilted(f"a quarter of {self.name}", self.rows[chosen], self.weights[chosen], p_z)

    def marginal(self, centres: Floats | None) -> Floats:
        """Return p(x, z), a symbol being a sample, or a cluster that is not empty."""
        return self.coded(centres)[1]

    def coded(self, centres: Floats | None) -> tuple[NDArray[np.intp], Floats]:
        """Return the symbol of every sample, and p(x, z)."""
        if centres is None:
            return np.arange(len(self.rows)), self.rows * self.weights[:, None]
        labels = assign(self.rows, centres)
        sums, mass = sums_of(self.rows, self.weights, labels, len(centres))
        kept = mass > 0.0
        return (np.cumsum(kept) - 1)[labels], sums[kept]


def tilted(name: str, rows: Floats, weights: Floats, p_z: Floats) -> Source:
    """Return a source of rows of any weights, tilted to p(z)."""
    weights = weights / weights.sum()
    return Source(rake(name, rows, weights, p_z), weights, 0.0, name)


def information(marginal: Floats) -> float:
    """Return the mutual information of p(x, z) in nats."""
    of_rows = sums_p_log_p(marginal).sum() - sums_p_log_p(marginal.sum(axis=1))
    return float(of_rows - sums_p_log_p(marginal.sum(axis=0)))


def sums_p_log_p(p: Floats) -> Floats:
    """Return sums of p log p along the last axis."""
    logs = np.log(p, out=np.zeros_like(p), where=p > 0.0)
    sums: Floats = np.einsum("...z,...z->...", p, logs)
    return sums
