"""Predictions of two classifiers, and their joint table by its definition."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(0)
N, NX, NY, NZ = 40, 3, 4, 5
X = RNG.dirichlet(np.ones(NX), N)
Y = RNG.dirichlet(np.ones(NY), N)
SOFT = RNG.dirichlet(np.ones(NZ), N)
HARD = RNG.integers(0, NZ, N)
WEIGHTS = RNG.random(N)
MASK = RNG.random(N) < 0.7


def by_definition(z, weights=None, mask=None):
    soft = np.eye(NZ)[z] if z.ndim == 1 else z
    w = np.ones(N) if weights is None else weights
    w = w * (1.0 if mask is None else mask)
    return np.einsum("i,ix,iy,iz->xyz", w, X, Y, soft) / w.sum()


CASES = [
    {},
    {"weights": WEIGHTS},
    {"mask": MASK},
    {"weights": WEIGHTS, "mask": MASK},
]
