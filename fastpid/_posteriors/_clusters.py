"""A codebook for posteriors: clusters that lose little of what they say about the target.

Let X' be the cluster of X. Of a partition into clusters c the lost information is

    I(X; Z) - I(X'; Z) = sum_i w_i D(f_i || mean of c(i)),

so that the partition that loses least is that of k-means with the relative entropy for a distance,
whose centres are means (Banerjee et al. 2005; the information bottleneck's hard assignments). One
codebook serves both sources: the same posterior is then the same symbol for both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

#: The codebook is learnt from so many rows; all rows are assigned to it.
_MOST_ROWS = 100_000
_SEEDING_ROWS = 10_000
_SWEEPS = 12
#: Distances held at a time.
_BLOCK = 2**23
#: A class that no row of a cluster holds possible is this improbable there.
_LEAST = 1e-30


def codebook(rows: Floats, weights: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return the centres of clusters of rows (n, nz): `count`, or as many as rows differ."""
    if len(rows) > _MOST_ROWS:
        chosen = rng.choice(len(rows), _MOST_ROWS, replace=False)
        rows, weights = rows[chosen], weights[chosen]
    centres = _seed(rows, weights, count, rng)
    for _ in range(_SWEEPS):
        sums, mass = sums_of(rows, weights, assign(rows, centres), len(centres))
        kept = mass > 0.0
        centres[kept] = sums[kept] / mass[kept, None]
    return centres


def assign(rows: Floats, centres: Floats) -> Labels:
    """Return the closest centre of every row: the one with the largest sum of f log c."""
    # Which centre is chosen costs accuracy, never the proof: single precision will do.
    logs = np.log(np.maximum(centres, _LEAST)).T.astype(np.float32)
    labels = np.empty(len(rows), dtype=np.intp)
    step = max(1, _BLOCK // len(centres))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        labels[part] = (rows[part].astype(np.float32) @ logs).argmax(axis=1)
    return labels


def sums_of(rows: Floats, weights: Floats, labels: Labels, count: int) -> tuple[Floats, Floats]:
    """Return the weighted sums of the rows of every cluster, and its weight."""

    def add(values: Floats) -> Floats:
        return np.bincount(labels, values, count).astype(np.float64)

    return np.stack([add(weights * column) for column in rows.T], axis=1), add(weights)


def _seed(rows: Floats, weights: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return rows drawn one after the other, in proportion to what the ones before lose of them."""
    if len(rows) > _SEEDING_ROWS:
        chosen = rng.choice(len(rows), _SEEDING_ROWS, replace=False)
        rows, weights = rows[chosen], weights[chosen]
    own = np.sum(rows * np.log(np.maximum(rows, _LEAST)), axis=1)
    centres = np.empty((count, rows.shape[1]))
    lost = np.full(len(rows), np.inf)
    chances = weights
    for k in range(count):
        centres[k] = rows[rng.choice(len(rows), p=chances / chances.sum())]
        lost = np.minimum(lost, np.maximum(own - rows @ np.log(np.maximum(centres[k], _LEAST)), 0))
        chances = weights * lost
        if not chances.any():  # fewer distinct rows than clusters
            return centres[: k + 1]
    return centres
