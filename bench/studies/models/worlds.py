"""Two views of latent symbols, whose decomposition is known.

Every view is a frozen random network of its latent symbols, beside nuisance directions of three
times its size, all of it rotated at random: what says something of the target has the smaller
variance. The target is a function of the latent symbols, replaced by a uniform one in a tenth of
the samples. The views say of their symbols all there is to know, so that the truth is that of the
table of symbols.

In the mixture, views are Gaussian around a centre for each class, those of y closer together. For
the class y is x with more noise, so that it has no unique information, and the truth follows from
the informations: means over a great many samples, whose posteriors are known.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from scipy.special import entr, softmax

ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")
NOISE = 0.1
WORLDS = ("redundant", "unique", "exclusive or", "mixed", "mixture")


class Sample(NamedTuple):
    """Two views and the target, and the posteriors of both and of the pair where known."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    posteriors: tuple[np.ndarray, ...] = ()


def draw(world: str, n: int, dim: int, classes: int, seed: int, nuisance: bool = True) -> Sample:
    """Return n samples of a world; networks, rotations and samples depend on the seed."""
    rng = np.random.default_rng([WORLDS.index(world), n, dim, classes, seed])
    if world == "mixture":
        return _mixture(n, dim, classes, rng)
    shared, of_x, of_y, replaced = rng.integers(0, classes, (4, n))
    z = target(world, classes, shared, of_x, of_y)
    z = np.where(rng.random(n) < NOISE, z // classes * classes + replaced, z)
    views = [_view(np.stack([shared, own]), classes, dim, nuisance, rng) for own in (of_x, of_y)]
    return Sample(*views, z)


def target(
    world: str, classes: int, shared: np.ndarray, of_x: np.ndarray, of_y: np.ndarray
) -> np.ndarray:
    """Return what the target would be without noise."""
    if world == "redundant":
        return shared
    if world == "unique":
        return of_x
    exclusive = (of_x + of_y) % classes
    return exclusive if world == "exclusive or" else exclusive + classes * shared


def _view(
    symbols: np.ndarray, classes: int, dim: int, nuisance: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return a network of two layers of symbols (2, n), with nuisance directions, rotated."""
    latent = np.concatenate([np.eye(classes)[each] for each in symbols], axis=1)
    n, width = latent.shape
    inner = np.tanh(2.0 * latent @ rng.normal(size=(width, dim)))
    informed = np.tanh(inner @ rng.normal(size=(dim, dim // 2)) / np.sqrt(dim))
    informed = informed + 0.1 * rng.normal(size=informed.shape)
    scale = 3.0 if nuisance else 0.1
    view = np.concatenate([informed, scale * rng.normal(size=(n, dim - dim // 2))], axis=1)
    rotation = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    return view @ rotation


def _mixture(n: int, dim: int, classes: int, rng: np.random.Generator) -> Sample:
    z = rng.integers(0, classes, n)
    centres = [distance * np.eye(classes, dim) for distance in (2.0, 1.5)]
    views = [each[z] + rng.normal(size=(n, dim)) for each in centres]
    logits = [view @ each.T for view, each in zip(views, centres, strict=True)]
    posteriors = tuple(softmax(each, axis=1) for each in (*logits, logits[0] + logits[1]))
    rotations = [np.linalg.qr(rng.normal(size=(dim, dim)))[0] for _ in views]
    return Sample(*(v @ r for v, r in zip(views, rotations, strict=True)), z, posteriors)


@functools.cache
def truth(world: str, classes: int) -> dict[str, float]:
    """Return the atoms, in bits."""
    if world == "mixture":
        many = _mixture(400_000, classes, classes, np.random.default_rng(0))
        mi_x, mi_y, mi_xy = (
            float(np.log2(classes) - entr(rows).sum(axis=1).mean() / np.log(2.0))
            for rows in many.posteriors
        )
        values = (mi_y, mi_x - mi_y, 0.0, mi_xy - mi_x)
        return dict(zip(ATOMS, values, strict=True))
    # Only the symbols that the target depends on.
    known = 1.0 - NOISE + NOISE / classes
    spread = NOISE / classes
    entropy = -known * np.log2(known) - (classes - 1) * spread * np.log2(spread)
    said = float(np.log2(classes) - entropy)
    atoms = dict.fromkeys(ATOMS, 0.0)
    if world == "mixed":
        # The noise replaces the exclusive or alone.
        return {**atoms, "redundancy": float(np.log2(classes)), "synergy": said}
    where = {"redundant": "redundancy", "unique": "unique_x", "exclusive or": "synergy"}
    return {**atoms, where[world]: said}
