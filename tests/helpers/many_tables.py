"""Families of tables of several sources: name -> builder(generator, shape)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Builder = Callable[[np.random.Generator, tuple[int, ...]], Table]


def each_source(p: Table, n_sources: int) -> list[Table]:
    """Return p(x_i, z) of every source; leading axes are a batch."""
    axes = range(-1 - n_sources, -1)
    return [p.sum(axis=tuple(a for a in axes if a != axis)) for axis in axes]


def _dirichlet(alpha: float) -> Builder:
    return lambda rng, shape: rng.dirichlet(np.full(np.prod(shape), alpha)).reshape(shape)


def _empirical(rng: np.random.Generator, shape: tuple[int, ...]) -> Table:
    counts = rng.multinomial(50, rng.dirichlet(np.full(np.prod(shape), 0.5)))
    return counts.reshape(shape) / 50.0


def _function(noise: float) -> Builder:
    def build(rng: np.random.Generator, shape: tuple[int, ...]) -> Table:
        p = np.full(shape, noise / shape[-1])
        chosen = rng.integers(0, shape[-1], (*shape[:-1], 1))
        np.put_along_axis(p, chosen, 1.0 - noise + noise / shape[-1], axis=-1)
        return p / p.sum()

    return build


def _copies(rng: np.random.Generator, shape: tuple[int, ...]) -> Table:
    p = 1e-9 * rng.random(shape)
    for n in range(min(shape)):
        p[(n,) * len(shape)] += 1.0
    return p / p.sum()


def _wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Table:
    p: Table = 10.0 ** (-300.0 * rng.random(shape))
    return p / p.sum()


FAMILIES: dict[str, Builder] = {
    "dense": _dirichlet(1.0),
    "spiky": _dirichlet(0.1),
    "spikier": _dirichlet(0.02),
    "empirical": _empirical,
    "function": _function(0.0),
    "function 1e-6": _function(1e-6),
    "function 1e-12": _function(1e-12),
    "copies": _copies,
    "wide": _wide,
}
SHAPES: Sequence[tuple[int, ...]] = [(2, 2, 2, 2), (2, 2, 2, 3), (3, 2, 4, 3), (2, 3, 2, 2, 4)]
