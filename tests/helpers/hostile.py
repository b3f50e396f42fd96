"""Families of tables that are hard on a solver, drawn by the thousand.

Each takes a generator, a shape (nx, ny, nz) and a count, and returns (count, nx, ny, nz).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tables = NDArray[np.float64]
Shape = tuple[int, int, int]
Family = Callable[[np.random.Generator, Shape, int], Tables]

#: Binary, square, wide and tall; targets on both sides of what goes into the kernel's lanes.
SHAPES: list[Shape] = [
    *((2, 2, 2), (3, 2, 2), (4, 5, 2), (9, 2, 2), (1, 4, 3), (4, 1, 3), (3, 4, 1), (2, 2, 3)),
    *((3, 3, 3), (2, 5, 4), (5, 2, 5), (3, 4, 4), (4, 4, 3), (6, 6, 6), (3, 3, 8), (2, 3, 16)),
    *((3, 3, 17), (2, 2, 33), (2, 24, 3), (24, 2, 3), (12, 11, 4), (7, 5, 10)),
]

FAMILIES: dict[str, Family] = {}


def shares(weights: Tables, axis: Any = (-3, -2, -1)) -> Tables:
    """Divide by the sum along `axis`; equal shares where it is zero."""
    total = weights.sum(axis=axis, keepdims=True)
    axes = np.atleast_1d(axis)
    equal = 1.0 / np.prod([weights.shape[a] for a in axes])
    return np.divide(weights, total, out=np.full_like(weights, equal), where=total > 0.0)


def _family(build: Family) -> Family:
    """Enter a builder of weights as a family of tables that sum to one."""

    def tables(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
        return shares(build(rng, shape, count))

    FAMILIES[build.__name__] = tables
    return tables


def _decades(rng: np.random.Generator, count: int, low: float, high: float) -> Tables:
    """One power of ten per table."""
    return 10.0 ** rng.uniform(low, high, (count, 1, 1, 1))


def _channel(rng: np.random.Generator, *shape: int, alpha: float = 1.0) -> Tables:
    """Distributions along the last axis."""
    return shares(rng.standard_gamma(alpha, shape), axis=-1)


def _counts(rng: np.random.Generator, weights: Tables, low: int, high: int) -> Tables:
    """Samples of the tables, between `low` and `high` of each."""
    count = len(weights)
    flat = shares(weights).reshape(count, -1)
    flat /= flat.sum(axis=1, keepdims=True)
    samples = rng.integers(low, high, count, endpoint=True)
    return rng.multinomial(samples, flat).reshape(weights.shape).astype(float)


def _one_hot(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """A random target symbol for every pair of source symbols."""
    nx, ny, nz = shape
    return np.eye(nz)[rng.integers(0, nz, (count, nx, ny))]


def _cells(shape: Shape, of_x: Any, of_y: Any, of_z: Any) -> Tables:
    """Ones in the cells named."""
    table = np.zeros(shape)
    table[of_x, of_y, of_z] = 1.0
    return table


def _noisy(rng: np.random.Generator, tables: Tables, count: int, low: float = -16.0) -> Tables:
    """The tables, weighted cell by cell, under noise from `low` decades to a tenth."""
    noise = rng.random((count, *tables.shape[-3:]))
    weights = rng.uniform(0.5, 1.5, noise.shape)
    return tables * weights + _decades(rng, count, low, -1.0) * noise


@_family
def dense(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return rng.standard_exponential((count, *shape))


@_family
def spiky(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return rng.standard_gamma(10.0 ** rng.uniform(-2.0, 0.0, (count, 1, 1, 1)), (count, *shape))


@_family
def near_equal_posteriors(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    nx, ny, nz = shape
    posterior = _channel(rng, count, 1, 1, nz)
    bend = 1.0 + _decades(rng, count, -16.0, -2.0) * rng.standard_normal((count, *shape))
    return rng.random((count, nx, ny, 1)) * posterior * np.abs(bend)


@_family
def independent(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    nx, ny, nz = shape
    product = (
        _channel(rng, count, nx)[:, :, None, None]
        * _channel(rng, count, ny)[:, None, :, None]
        * _channel(rng, count, nz)[:, None, None, :]
    )
    return product * (1.0 + _decades(rng, count, -17.0, -1.0) * rng.random((count, *shape)))


@_family
def disconnected(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Two or three components of the support that share no symbol."""
    of_x, of_y, of_z = (rng.integers(0, 3, (count, n)) for n in shape)
    same_xy = of_x[:, :, None, None] == of_y[:, None, :, None]
    return rng.random((count, *shape)) * (
        same_xy & (of_x[:, :, None, None] == of_z[:, None, None, :])
    )


@_family
def blocks(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Components of very different weight that leak into one another."""
    place = [np.arange(n) * 2 // max(n, 2) for n in shape]
    inside = (place[0][:, None, None] == place[1][:, None]) & (place[0][:, None, None] == place[2])
    weight = np.where(place[0][:, None, None] == 0, 1.0, _decades(rng, count, -14.0, 0.0))
    return (inside * weight + _decades(rng, count, -17.0, -3.0)) * rng.random((count, *shape))


@_family
def skewed_counts(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    nx, ny, _ = shape
    weights = rng.standard_gamma(0.3, (count, *shape))
    weights *= rng.standard_gamma(0.3, (count, nx, 1, 1))
    weights *= rng.standard_gamma(0.3, (count, 1, ny, 1))
    return _counts(rng, weights, 20, 500)


@_family
def sparse_counts(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return _counts(rng, rng.standard_gamma(0.5, (count, *shape)), 3, 40)


@_family
def rich_counts(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return _counts(rng, rng.standard_exponential((count, *shape)), 1000, 10**6)


@_family
def zipf(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    weights = rng.random((count, *shape)) ** rng.integers(0, 6, (count, 1, 1, 1))
    for axis, n in enumerate(shape, start=1):
        ranks = np.arange(1.0, n + 1.0).reshape([n if a == axis else 1 for a in range(4)])
        weights *= ranks ** -rng.uniform(1.0, 4.0, (count, 1, 1, 1))
    return weights


@_family
def ties(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return rng.integers(0, rng.integers(2, 5, (count, 1, 1, 1)), (count, *shape)).astype(float)


@_family
def nothing_but_equal_cells(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return (rng.random((count, *shape)) < rng.random((count, 1, 1, 1))).astype(float)


@_family
def tiny_cells(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    tiny = rng.choice([1e-300, 1e-290, 1e-200, 1e-155, 1e-100], (count, *shape))
    return np.where(rng.random((count, *shape)) < 0.4, tiny, rng.random((count, *shape)))


@_family
def subnormal_cells(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    tiny = rng.integers(0, 2000, (count, *shape)) * 5e-324
    return np.where(rng.random((count, *shape)) < 0.4, tiny, rng.random((count, *shape)))


@_family
def one_heavy_cell(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    weights = rng.random((count, *shape)) * _decades(rng, count, -20.0, -1.0)
    cell = rng.integers(0, int(np.prod(shape)), count)
    weights.reshape(count, -1)[np.arange(count), cell] = 1.0
    return weights


@_family
def low_rank(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    of_x, of_y, of_z = (_channel(rng, count, 2, n, alpha=0.3) for n in shape)
    weight = rng.random((count, 2))
    return np.einsum("cr,crx,cry,crz->cxyz", weight, of_x, of_y, of_z)


@_family
def split_symbol(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """A symbol of Y is another one's share, of some part in 10^14 or more."""
    tables = spiky(rng, shape, count)
    part = _decades(rng, count, -14.0, -0.3)[..., 0]
    tables[:, :, 0] = tables[:, :, -1] * part
    return tables


@_family
def nearly_merged_symbols(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Two symbols of X agree but for a relative error about the one within which they merge."""
    tables = dense(rng, shape, count)
    bend = _decades(rng, count, -16.0, -6.0)[..., 0] * rng.standard_normal((count, *shape[1:]))
    tables[:, 0] = tables[:, -1] * rng.random((count, 1, 1)) * np.abs(1.0 + bend)
    return tables


@_family
def same_sources(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    same = np.eye(shape[0], shape[1])[:, :, None]
    return (same + _decades(rng, count, -18.0, -6.0)) * rng.standard_gamma(0.5, (count, *shape))


@_family
def nearly_a_function(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return _noisy(rng, _one_hot(rng, shape, count), count)


@_family
def a_function(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return _one_hot(rng, shape, count) * rng.random((count, *shape[:2], 1))


@_family
def nearly_a_sum(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    x, y = np.indices(shape[:2])
    return _noisy(rng, _cells(shape, x, y, (x + y) % shape[2]), count)


@_family
def nearly_unique(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    x, y = np.indices(shape[:2])
    return _noisy(rng, _cells(shape, x, y, x % shape[2]), count)


@_family
def nearly_a_copy(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Z all but names the pair of X and Y."""
    nx, ny, nz = shape
    z = np.arange(nz)
    return _noisy(rng, _cells(shape, z % nx, z // nx % ny, z), count)


@_family
def nearly_three_copies(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    n = np.arange(max(shape))
    return _noisy(rng, _cells(shape, n % shape[0], n % shape[1], n % shape[2]), count)


@_family
def permutations(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Every symbol of X meets one of Y and one of Z, each time others."""
    tables = np.zeros((count, *shape))
    x = np.arange(shape[0])
    row = np.arange(count)[:, None]
    for _ in range(2):
        y, z = (rng.random((count, max(shape))).argsort(axis=1) % n for n in shape[1:])
        tables[row, x, y[:, x], z[:, x]] += rng.random((count, len(x)))
    return tables


@_family
def markov_chain(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Y - X - Z, up to noise."""
    nx, ny, nz = shape
    of_x = _channel(rng, count, nx, ny, alpha=0.4)[..., None]
    exact = of_x * _channel(rng, count, nx, 1, nz, alpha=0.4)
    return exact * (1.0 + _decades(rng, count, -17.0, -4.0) * rng.random((count, *shape)))


@_family
def common_cause(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """X - Z - Y, where the proxy starts at an end of the line of couplings."""
    nx, ny, nz = shape
    of_x = _channel(rng, count, nz, nx, alpha=0.4)
    of_y = _channel(rng, count, nz, ny, alpha=0.4)
    return np.einsum("cz,czx,czy->cxyz", rng.random((count, nz)), of_x, of_y)


@_family
def nearly_ordered(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Y's channel is a garbling of X's, or was before it was bent a little."""
    nx, ny, nz = shape
    of_z = _channel(rng, count, nz, nx, alpha=0.7)
    garbled = of_z @ _channel(rng, count, nx, ny, alpha=0.7)
    garbled *= 1.0 + _decades(rng, count, -17.0, -3.0)[..., 0] * rng.random(garbled.shape)
    return np.einsum("cz,czx,czy->cxyz", rng.random((count, nz)), of_z, garbled)


@_family
def soft_predictions(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """What two classifiers of different skill say about 30 samples."""
    nx, ny, nz = shape
    z = rng.integers(0, nz, (count, 30))

    def predicted(n: int, sharpness: float) -> Tables:
        odds = np.exp(sharpness * (rng.standard_normal((count, 30, n)) + 2.0 * np.eye(n)[z % n]))
        return shares(odds, axis=-1)

    return np.einsum("cix,ciy,ciz->cxyz", predicted(nx, 4.0), predicted(ny, 1.0), np.eye(nz)[z])


@_family
def nearly_uniform(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Nothing is known but through the sign of x + y + z: synergy alone, and little of it."""
    x, y, z = np.indices(shape)
    return 1.0 + _decades(rng, count, -9.0, -0.1) * (-1.0) ** (x + y + z)


@_family
def zero_symbols(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    tables = rng.standard_exponential((count, *shape))
    for axis, n in enumerate(shape, start=1):
        dims = [n if a == axis else 1 for a in range(4)]
        tables *= (rng.random((count, n)) < 0.6).reshape(count, *dims[1:])
    return tables


@_family
def rare_symbols(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    tables = rng.standard_exponential((count, *shape))
    for axis, n in enumerate(shape, start=1):
        dims = [n if a == axis else 1 for a in range(4)]
        tables *= (10.0 ** -(12.0 * rng.random((count, n)) ** 3)).reshape(count, *dims[1:])
    return tables


@_family
def few_decades(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return 10.0 ** (-rng.uniform(2.0, 40.0, (count, 1, 1, 1)) * rng.random((count, *shape)))


@_family
def all_decades(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    return 10.0 ** rng.uniform(-307.0, 0.0, (count, *shape))


def inexact_total(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """Sums off one by up to 1e-7, as after single precision."""
    return dense(rng, shape, count) * (1.0 + rng.uniform(-1e-7, 1e-7, (count, 1, 1, 1)))


def mixture(rng: np.random.Generator, shape: Shape, count: int) -> Tables:
    """A table of one family, and some of another's."""
    first, second = rng.choice(_PURE, 2)
    share = _decades(rng, count, -15.0, -0.3)
    tables = FAMILIES[first](rng, shape, count) * (1.0 - share)
    return shares(tables + FAMILIES[second](rng, shape, count) * share)


FAMILIES["inexact_total"] = inexact_total
_PURE = sorted(FAMILIES)
FAMILIES["mixture"] = mixture
