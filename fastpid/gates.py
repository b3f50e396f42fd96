"""Canonical distributions with known decompositions, and seeded random families.

Every table has shape (nx, ny, nz), the target last, and sums to one. :data:`GATES` names the
canonical ones with their BROJA atoms in closed form. The derivations use two facts about the union
information I_union of Bertschinger et al. (Entropy 16, 2014):

* It depends on a source only through its channel from the target, so where both sources have the
  same channel (or where X's can be garbled into Y's), I_union = I(X; Z): nothing of Y is unique.
* Where p alone has its two pairwise marginals, I_union = I(X, Y; Z): no synergy.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.random import RNG

__all__ = [
    "GATES",
    "Gate",
    "and_",
    "and_of",
    "copy",
    "copy_of",
    "dyadic",
    "giant_bit",
    "imperfect_rdn",
    "noisy",
    "or_",
    "parity",
    "pw_unq",
    "random_dense",
    "random_empirical",
    "random_function",
    "random_soft",
    "random_spiky",
    "rdn",
    "rdn_xor",
    "sum_",
    "triadic",
    "unq",
    "xor",
]

Table = NDArray[np.float64]


def _from_function(z_of: Callable[[int, int], int], nz: int) -> Table:
    """Two independent uniform bits and a target that is a function of them."""
    p = np.zeros((2, 2, nz))
    for x in range(2):
        for y in range(2):
            p[x, y, z_of(x, y)] = 0.25
    return p


def and_() -> Table:
    """Return Z = X and Y for independent uniform bits, shape (2, 2, 2)."""
    return _from_function(lambda x, y: x & y, 2)


def or_() -> Table:
    """Return Z = X or Y for independent uniform bits, shape (2, 2, 2)."""
    return _from_function(lambda x, y: x | y, 2)


def xor() -> Table:
    """Return Z = X xor Y for independent uniform bits, shape (2, 2, 2)."""
    return _from_function(lambda x, y: x ^ y, 2)


def sum_() -> Table:
    """Return Z = X + Y for independent uniform bits, shape (2, 2, 3)."""
    return _from_function(lambda x, y: x + y, 3)


def unq() -> Table:
    """Return Z = (X, Y) for independent uniform bits, shape (2, 2, 4)."""
    return copy()


def rdn() -> Table:
    """Return X = Y = Z, one uniform bit, shape (2, 2, 2)."""
    p = np.zeros((2, 2, 2))
    p[0, 0, 0] = p[1, 1, 1] = 0.5
    return p


def copy(nx: int = 2, ny: int = 2, p_xy: ArrayLike | None = None) -> Table:
    """Return Z = (X, Y), one target symbol per pair.

    Parameters
    ----------
    nx, ny : int
        Numbers of symbols; ignored if `p_xy` is given.
    p_xy : array_like, shape (nx, ny), optional
        The joint distribution of the sources; by default uniform.

    Returns
    -------
    ndarray, shape (nx, ny, nx * ny)

    Raises
    ------
    ValueError
        If `p_xy` is not a matrix, or nx or ny is not positive.
    """
    if p_xy is None:
        if nx < 1 or ny < 1:
            raise ValueError(f"nx and ny must be positive; got {nx} and {ny}")
        sources = np.full((nx, ny), 1.0 / (nx * ny))
    else:
        sources = np.asarray(p_xy, dtype=np.float64)
        if sources.ndim != 2:
            raise ValueError(f"p_xy must be a matrix (nx, ny); got shape {sources.shape}")
    p = np.zeros((*sources.shape, sources.size))
    np.put_along_axis(
        p, np.arange(sources.size).reshape(*sources.shape, 1), sources[..., None], axis=2
    )
    return p


def rdn_xor() -> Table:
    """Return X = (R, A), Y = (R, B), Z = (R, A xor B) for uniform bits, shape (4, 4, 4)."""
    p = np.zeros((4, 4, 4))
    for r in range(2):
        for a in range(2):
            for b in range(2):
                p[2 * r + a, 2 * r + b, 2 * r + (a ^ b)] = 0.125
    return p


def imperfect_rdn(flip: float = 0.001) -> Table:
    """Return Z = X, a uniform bit, and Y = X but for a mass `flip` at (x, y) = (0, 1).

    Raises
    ------
    ValueError
        Unless 0 <= flip <= 0.5.
    """
    if not 0.0 <= flip <= 0.5:
        raise ValueError(f"flip must lie in [0, 0.5]; got {flip}")
    p = np.zeros((2, 2, 2))
    p[0, 0, 0] = 0.5 - flip
    p[0, 1, 0] = flip
    p[1, 1, 1] = 0.5
    return p


def pw_unq() -> Table:
    """Return the pointwise unique gate: one source knows the target bit, the other draws a blank.

    Shape (3, 3, 2); symbol 0 of a source is the blank (Finn and Lizier, Entropy 20, 2018).
    """
    p = np.zeros((3, 3, 2))
    for z in range(2):
        p[0, z + 1, z] = p[z + 1, 0, z] = 0.25
    return p


def dyadic() -> Table:
    """Return three variables of which every two share a bit: X = (A, B), Y = (B, C), Z = (C, A).

    Shape (4, 4, 4). No entropy of any of its variables tells it from :func:`triadic` (James and
    Crutchfield, Entropy 19, 2017), but the decomposition does: each source knows a bit of its own.
    """
    p = np.zeros((4, 4, 4))
    for a, b, c in itertools.product(range(2), repeat=3):
        p[2 * a + b, 2 * b + c, 2 * c + a] = 0.125
    return p


def triadic() -> Table:
    """Return three variables that share a bit and have even parity in their second bits.

    Shape (4, 4, 4); X = (W, A), Y = (W, B), Z = (W, A xor B). That is :func:`rdn_xor`, named here
    for its part beside :func:`dyadic`.
    """
    return rdn_xor()


def _of_bits(n_sources: int, nz: int, z_of: Callable[[tuple[int, ...]], int]) -> Table:
    """Independent uniform bits and a target that is a function of them."""
    if not 2 <= n_sources <= 12:
        raise ValueError(f"n_sources must lie between 2 and 12; got {n_sources}")
    p = np.zeros((2,) * n_sources + (nz,))
    for bits in itertools.product(range(2), repeat=n_sources):
        p[(*bits, z_of(bits))] = 0.5**n_sources
    return p


def parity(n_sources: int = 3) -> Table:
    """Return the parity of independent uniform bits, shape (2, ..., 2, 2): one bit of synergy.

    Any fewer of the sources know nothing.

    Parameters
    ----------
    n_sources : int
        M, from 2 to 12.

    Raises
    ------
    ValueError
        Unless 2 <= n_sources <= 12, as for the other gates of many sources.
    """
    return _of_bits(n_sources, 2, lambda bits: sum(bits) % 2)


def and_of(n_sources: int = 3) -> Table:
    """Return whether all of some independent uniform bits are one, shape (2, ..., 2, 2).

    All sources have the same channel, so they share all that one says of the target,
    I(X_i; Z) = h(2^-M) - h(2^(1-M)) / 2 with h the entropy of a bit, and the rest is synergy.

    Parameters
    ----------
    n_sources : int
        M, from 2 to 12.

    Raises
    ------
    ValueError
        For another number of sources.
    """
    return _of_bits(n_sources, 2, lambda bits: int(all(bits)))


def copy_of(n_sources: int = 3) -> Table:
    """Return independent uniform bits and their copy, shape (2, ..., 2, 2^M).

    Every source alone knows a bit.

    Parameters
    ----------
    n_sources : int
        M, from 2 to 12.

    Raises
    ------
    ValueError
        For another number of sources.
    """
    return _of_bits(n_sources, 2**n_sources, lambda bits: int("".join(map(str, bits)), 2))


def giant_bit(n_sources: int = 3) -> Table:
    """Return one uniform bit that all sources and the target are, shape (2, ..., 2).

    One bit of redundancy.

    Parameters
    ----------
    n_sources : int
        M, from 2 to 12.

    Raises
    ------
    ValueError
        For another number of sources.
    """
    if not 2 <= n_sources <= 12:
        raise ValueError(f"n_sources must lie between 2 and 12; got {n_sources}")
    p = np.zeros((2,) * (n_sources + 1))
    for bit in range(2):
        p[(bit,) * (n_sources + 1)] = 0.5
    return p


@dataclass(frozen=True)
class Gate:
    """A canonical distribution and its BROJA decomposition in bits.

    Attributes
    ----------
    name, description : str
    table : callable
        Returns the table (nx, ny, nz), the target last.
    redundancy, unique_x, unique_y, synergy : float
        The exact atoms, in bits.
    """

    name: str
    description: str
    table: Callable[[], Table]
    redundancy: float = 0.0
    unique_x: float = 0.0
    unique_y: float = 0.0
    synergy: float = 0.0


def _h(p: float) -> float:
    """Binary entropy in bits."""
    return float(-p * np.log2(p) - (1.0 - p) * np.log2(1.0 - p))


_CORRELATED = ((0.4, 0.1), (0.1, 0.4))
_FLIP = 0.001
# What Y leaves open of Z: only y = 1, of mass 1/2 + flip, and there z = 0 with flip / (1/2 + flip).
_IMPERFECT = (0.5 + _FLIP) * _h(_FLIP / (0.5 + _FLIP))

_ALL = (
    # The same channel twice, I(X;Z) = H(Z) - H(Z|X) = h(1/4) - 1/2, and I(X,Y;Z) = H(Z) = h(1/4).
    Gate("AND", "Z = X and Y", and_, redundancy=_h(0.25) - 0.5, synergy=0.5),
    Gate("OR", "Z = X or Y", or_, redundancy=_h(0.25) - 0.5, synergy=0.5),
    # I(X;Z) = I(Y;Z) = 0, so I_union <= I(X;Z) + I(Y;Z) = 0.
    Gate("XOR", "Z = X xor Y", xor, synergy=1.0),
    # The marginals determine p, and COPY has I(X;Z) = H(X), I(Y;Z) = H(Y), I(X,Y;Z) = H(X,Y).
    Gate("UNQ", "Z = (X, Y), independent", unq, unique_x=1.0, unique_y=1.0),
    Gate(
        "COPY",
        "Z = (X, Y), correlated",
        lambda: copy(p_xy=_CORRELATED),
        redundancy=1.0 - _h(0.2),
        unique_x=_h(0.2),
        unique_y=_h(0.2),
    ),
    Gate("RDN", "X = Y = Z", rdn, redundancy=1.0),
    # Both sources know R and nothing of A xor B.
    Gate("RDNXOR", "a shared bit and a xor", rdn_xor, redundancy=1.0, synergy=1.0),
    # X determines Z, so it can be garbled into Y: I_union = I(X;Z) = 1.
    Gate(
        "IMPERFECTRDN",
        "Z = X, Y a noisy copy",
        imperfect_rdn,
        redundancy=1.0 - _IMPERFECT,
        unique_x=_IMPERFECT,
    ),
    # X says only A of the target (C, A), Y only C, and the pairwise marginals determine p(x, y, z).
    Gate("DYADIC", "every two share a bit", dyadic, unique_x=1.0, unique_y=1.0),
    # The same channel twice: blank with probability 1/2, the target otherwise.
    Gate("PWUNQ", "one source knows, the other is blank", pw_unq, redundancy=0.5, synergy=0.5),
    # The same channel twice, I(X;Z) = H(Z) - H(Y) = 3/2 - 1, and I(X,Y;Z) = H(Z) = 3/2.
    Gate("SUM", "Z = X + Y", sum_, redundancy=0.5, synergy=1.0),
)

GATES: Mapping[str, Gate] = MappingProxyType({gate.name: gate for gate in _ALL})
"""The canonical distributions by name."""


def _normalized(p: Table) -> Table:
    out: Table = p / p.sum()
    return out


def _shape(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be three positive numbers (nx, ny, nz); got {shape}")
    return shape


def random_dense(shape: tuple[int, int, int], rng: RNG = None) -> Table:
    """Return a table drawn uniformly from the simplex, Dirichlet(1).

    Parameters
    ----------
    shape : tuple (nx, ny, nz)
    rng : int, SeedSequence, Generator or BitGenerator, optional

    Raises
    ------
    ValueError
        If `shape` is not three positive numbers.
    """
    return random_spiky(shape, 1.0, rng)


def random_spiky(shape: tuple[int, int, int], alpha: float = 0.1, rng: RNG = None) -> Table:
    """Return a table drawn from a symmetric Dirichlet(`alpha`); the smaller alpha, the spikier.

    Parameters
    ----------
    shape : tuple (nx, ny, nz)
    alpha : float
        More than 0.
    rng : int, SeedSequence, Generator or BitGenerator, optional

    Raises
    ------
    ValueError
        If `shape` is not three positive numbers, or alpha not positive.
    """
    if not alpha > 0.0:
        raise ValueError(f"alpha must be positive; got {alpha}")
    cells = int(np.prod(_shape(shape)))
    p = np.random.default_rng(rng).dirichlet(np.full(cells, alpha))
    return _normalized(p.reshape(shape))


def random_empirical(shape: tuple[int, int, int], n_samples: int, rng: RNG = None) -> Table:
    """Return the frequencies of `n_samples` draws from a Dirichlet(0.5) table: many exact zeros.

    Parameters
    ----------
    shape : tuple (nx, ny, nz)
    n_samples : int
    rng : int, SeedSequence, Generator or BitGenerator, optional

    Raises
    ------
    ValueError
        If `shape` is not three positive numbers, or n_samples not positive.
    """
    if n_samples < 1:
        raise ValueError(f"n_samples must be positive; got {n_samples}")
    random = np.random.default_rng(rng)
    truth = random.dirichlet(np.full(int(np.prod(_shape(shape))), 0.5))
    return random.multinomial(n_samples, truth).reshape(shape) / n_samples


def random_function(shape: tuple[int, int, int], noise: float = 0.0, rng: RNG = None) -> Table:
    """Return Z = f(X, Y) for uniform sources and a random f, redrawn with probability `noise`.

    Parameters
    ----------
    shape : tuple (nx, ny, nz)
    noise : float
        From 0 to 1.
    rng : int, SeedSequence, Generator or BitGenerator, optional

    Raises
    ------
    ValueError
        If `shape` is not three positive numbers, or noise not in [0, 1].
    """
    if not 0.0 <= noise <= 1.0:
        raise ValueError(f"noise must lie in [0, 1]; got {noise}")
    nx, ny, nz = _shape(shape)
    z = np.random.default_rng(rng).integers(0, nz, (nx, ny))
    p = np.full(shape, noise / nz)
    p[np.arange(nx)[:, None], np.arange(ny), z] += 1.0 - noise
    return p / (nx * ny)


def random_soft(
    shape: tuple[int, int, int],
    n_samples: int = 1000,
    signal: tuple[float, float] = (4.5, 3.0),
    rng: RNG = None,
) -> Table:
    """Return the soft table of two noisy classifiers over `n_samples` labelled samples.

    The mean over samples labelled z of probs_x[x] probs_y[y], the probabilities being softmax
    of noise with `signal` added at the label (modulo the number of symbols).

    Parameters
    ----------
    shape : tuple (nx, ny, nz)
    n_samples : int
    signal : tuple of two float
        How well the first and the second classifier know the label.
    rng : int, SeedSequence, Generator or BitGenerator, optional

    Raises
    ------
    ValueError
        If `shape` is not three positive numbers, or n_samples not positive.
    """
    if n_samples < 1:
        raise ValueError(f"n_samples must be positive; got {n_samples}")
    nx, ny, nz = _shape(shape)
    random = np.random.default_rng(rng)
    labels = random.integers(0, nz, n_samples)

    def predict(symbols: int, strength: float) -> Table:
        logits = random.normal(scale=1.5, size=(n_samples, symbols))
        logits[np.arange(n_samples), labels % symbols] += strength
        odds = np.exp(logits)
        probabilities: Table = odds / odds.sum(axis=1, keepdims=True)
        return probabilities

    probs_x, probs_y = predict(nx, signal[0]), predict(ny, signal[1])
    p = np.zeros(shape)
    for z in range(nz):
        chosen = labels == z
        p[:, :, z] = probs_x[chosen].T @ probs_y[chosen]
    return _normalized(p)


def noisy(p: ArrayLike, noise: float, rng: RNG = None) -> Table:
    """Return `p` with uniform noise of up to `noise` added to every cell, divided by its sum.

    Parameters
    ----------
    p : array_like
    noise : float
        0 or more.
    rng : int, SeedSequence, Generator or BitGenerator, optional

    Raises
    ------
    ValueError
        If noise is negative.
    """
    if noise < 0.0:
        raise ValueError(f"noise must not be negative; got {noise}")
    table = np.asarray(p, dtype=np.float64)
    return _normalized(table + noise * np.random.default_rng(rng).random(table.shape))
