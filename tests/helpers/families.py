"""Families of tables that the tests draw from: name -> builder(generator, shape)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Builder = Callable[[np.random.Generator, tuple[int, int, int]], Table]


def _dirichlet(alpha: float) -> Builder:
    def build(rng: np.random.Generator, shape: tuple[int, int, int]) -> Table:
        p: Table = rng.dirichlet(np.full(int(np.prod(shape)), alpha)).reshape(shape)
        return p / p.sum()

    return build


def _empirical(samples: int) -> Builder:
    def build(rng: np.random.Generator, shape: tuple[int, int, int]) -> Table:
        truth = rng.dirichlet(np.full(int(np.prod(shape)), 0.5))
        return rng.multinomial(samples, truth).reshape(shape) / samples

    return build


def _function(noise: float) -> Builder:
    """The target a random function of the sources, flipped with probability `noise`."""

    def build(rng: np.random.Generator, shape: tuple[int, int, int]) -> Table:
        nx, ny, nz = shape
        p = np.full(shape, noise / nz)
        p[np.arange(nx)[:, None], np.arange(ny), rng.integers(0, nz, (nx, ny))] += 1.0 - noise
        return p / p.sum()

    return build


def _gate(kind: str, noise: float) -> Builder:
    """A deterministic gate plus uniform noise in every cell."""

    def build(rng: np.random.Generator, shape: tuple[int, int, int]) -> Table:
        nx, ny, nz = shape
        x, y = np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij")
        p = np.zeros(shape)
        if kind == "copies":
            n = np.arange(min(shape))
            p[n, n, n] = 1.0
        else:
            z = (x + y) % nz if kind == "sum" else x % nz
            p[x, y, z] = 1.0
        p = p / p.sum() + noise * rng.random(shape)
        return p / p.sum()

    return build


def _wide(decades: float) -> Builder:
    """Cells spread evenly over so many decades."""

    def build(rng: np.random.Generator, shape: tuple[int, int, int]) -> Table:
        p: Table = 10.0 ** (-decades * rng.random(shape))
        return p / p.sum()

    return build


def _soft(rng: np.random.Generator, shape: tuple[int, int, int]) -> Table:
    """Predictions of two noisy classifiers, accumulated over 500 samples."""
    nx, ny, nz = shape
    z = rng.integers(0, nz, 500)

    def predictions(n: int, signal: float) -> Table:
        logits = rng.normal(size=(len(z), n))
        logits[np.arange(len(z)), z % n] += signal
        odds = np.exp(1.5 * logits)
        return odds / odds.sum(axis=1, keepdims=True)

    p = np.einsum("ix,iy,iz->xyz", predictions(nx, 3.0), predictions(ny, 2.0), np.eye(nz)[z])
    return p / p.sum()


FAMILIES: dict[str, Builder] = {
    "dense": _dirichlet(1.0),
    "spiky 0.3": _dirichlet(0.3),
    "spiky 0.1": _dirichlet(0.1),
    "spiky 0.02": _dirichlet(0.02),
    "empirical 20": _empirical(20),
    "empirical 500": _empirical(500),
    "function 1e-2": _function(1e-2),
    "function 1e-6": _function(1e-6),
    "function 1e-12": _function(1e-12),
    "sum 1e-12": _gate("sum", 1e-12),
    "sum 1e-9": _gate("sum", 1e-9),
    "sum 1e-6": _gate("sum", 1e-6),
    "unique 1e-12": _gate("unique", 1e-12),
    "copies 1e-12": _gate("copies", 1e-12),
    "copies 1e-9": _gate("copies", 1e-9),
    "copies 1e-6": _gate("copies", 1e-6),
    "wide 9": _wide(9.0),
    "wide 300": _wide(300.0),
    "soft": _soft,
}

SHAPES = [(1, 4, 3), (4, 1, 3), (2, 2, 2), (2, 2, 3), (3, 3, 3), (4, 6, 3), (6, 3, 5), (5, 4, 8)]
LARGE_SHAPES = [(10, 10, 10), (20, 20, 10), (12, 25, 6), (30, 30, 10)]


def table(family: str, shape: tuple[int, int, int], seed: int) -> Table:
    """Return one table of a family, the same for the same seed."""
    return FAMILIES[family](np.random.default_rng(seed), shape)
