"""Hostile tables of several sources, and what must hold of the answer to any of them. In nats."""

from __future__ import annotations

from typing import Any

import hostile
import numpy as np
from invariants import SLACK, WAYS, Broken, Tables
from many_tables import each_source

import fastpid
from fastpid.information import mutual_information

#: Three to five sources: what goes into the kernel's lanes, and what does not.
SHAPES: list[tuple[int, ...]] = [
    *((2, 2, 2, 2), (3, 2, 2, 3), (2, 2, 2, 3), (3, 3, 3, 3), (2, 3, 4, 3), (4, 4, 4, 4)),
    *((5, 5, 5, 5), (3, 2, 2, 6), (2, 2, 2, 13), (2, 2, 2, 2, 3), (3, 3, 3, 3, 3)),
    *((2, 2, 2, 2, 2, 3), (3, 2, 2, 3, 2, 2), (8, 7, 6, 4)),
]
#: Up to 10^4 tuples of symbols, for bench/studies/fuzz/many.py alone.
LARGE_SHAPES: list[tuple[int, ...]] = [
    *((10, 10, 10, 10), (22, 21, 21, 5), (31, 31, 10, 3), (46, 18, 12, 8), (10, 10, 10, 10, 4)),
    *((6, 6, 6, 6, 6), (5, 5, 5, 5, 5, 3), (6, 6, 6, 6, 7, 4)),
]
FAMILIES = [*hostile.FAMILIES, "nearly_equal_channels"]


def draw(family: str, rng: np.random.Generator, shape: tuple[int, ...], count: int) -> Tables:
    """Draw tables: of two sources, the second one taken for all the others together; or new."""
    if family == "nearly_equal_channels":
        return _nearly_equal_channels(rng, shape, count)
    pair = (shape[0], int(np.prod(shape[1:-1])), shape[-1])
    return hostile.FAMILIES[family](rng, pair, count).reshape(count, *shape)


def _nearly_equal_channels(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> Tables:
    """Sources whose channels are one but for a relative error between 1e-13 and a tenth."""
    *sizes, nz = shape
    size = max(sizes)
    base = rng.dirichlet(np.ones(size), (count, nz))
    error = 10.0 ** rng.uniform(-13.0, -1.0, (count, 1, 1))
    p = rng.dirichlet(np.ones(nz), count).reshape(count, *(1 for _ in sizes), nz)
    for axis, n in enumerate(sizes):
        channel = base[:, :, :n] * np.abs(1.0 + error * rng.standard_normal((count, nz, n)))
        channel = hostile.shares(channel, axis=-1).transpose(0, 2, 1)
        others = tuple(1 + k for k in range(len(sizes)) if k != axis)
        p = p * np.expand_dims(channel, others)
    return hostile.shares(p, axis=tuple(range(1, p.ndim)))


def solve(p: Tables, **options: Any) -> fastpid.UnionInformation:
    """Solve for the union information of all sources."""
    options = {"unit": "nats", "on_failure": "ignore", "threads": 1, **options}
    return fastpid.union_information(each_source(p, p.ndim - 2), **options)


def rounding(p: Tables) -> float:
    """Return how far bounds that meet may cross (docs/theory.md)."""
    cells = sum(p.shape[1:-1]) * p.shape[-1]
    return float(4.0 * np.finfo(float).eps * cells * (1.0 + np.log(cells)))


def check_answers(p: Tables, u: fastpid.UnionInformation, tol: float) -> Broken:
    """Check the numbers against one another and against the information inequalities."""
    joint = p.reshape(len(p), -1, p.shape[-1])
    joint = mutual_information(hostile.shares(joint, axis=(1, 2)), unit="nats")
    least, most = u.mi.max(axis=0), u.mi.sum(axis=0)
    axes = tuple(range(1, p.ndim))
    return {
        "not finite": ~np.isfinite([u.lower, u.upper, *u.mi]).all(axis=0),
        "bounds in the wrong order": ~(u.lower <= u.upper),
        "beyond the information inequalities": ~((least <= u.lower) & (u.upper <= most + SLACK)),
        "above what all say together": ~(u.lower <= joint * p.sum(axis=axes) + SLACK),
        "converged is not gap <= tol": u.converged != (u.gap <= tol),
    }


def check_effort(u: fastpid.UnionInformation) -> Broken:
    """Check that a default call comes close, where rounding keeps it from converging."""
    return {"far from converged": ~(u.gap <= 1e-7)}


def crossing(one: fastpid.UnionInformation, other: fastpid.UnionInformation) -> Any:
    """Return how far two brackets of the same number lie apart; negative where they overlap."""
    return np.maximum(one.lower - other.upper, other.lower - one.upper)


def check_potentials(p: Tables, u: fastpid.UnionInformation) -> Broken:
    """Check that the potentials are feasible and prove the lower bound."""
    sources = p.ndim - 2
    value = np.zeros(len(p))
    log = np.zeros((len(p),) + (1,) * sources + p.shape[-1:])
    finite = np.ones(len(p), dtype=bool)
    for i, (lam, of_source) in enumerate(zip(u.potentials, each_source(p, sources), strict=True)):
        finite &= np.isfinite(lam).all(axis=(1, 2))
        value += (of_source * lam).sum(axis=(1, 2))
        log = log + np.expand_dims(lam, tuple(1 + k for k in range(sources) if k != i))
    largest = np.exp(log).sum(axis=-1).reshape(len(p), -1).max(axis=1)
    p_z = p.sum(axis=tuple(range(1, 1 + sources)))
    mass = p_z.sum(axis=1, keepdims=True)
    value -= (p_z * np.log(np.where(p_z > 0.0, p_z / mass, 1.0))).sum(axis=1)
    theirs = u.lower > u.mi.max(axis=0)
    return {
        "potentials not finite": ~finite,
        "potentials infeasible": ~(largest <= 1.0 + SLACK),
        "potentials prove more than lower": ~(value <= u.lower + SLACK),
        "potentials prove less than lower": theirs & ~(value >= u.lower - SLACK - rounding(p)),
    }


def check_coupling(p: Tables, u: fastpid.UnionInformation, tol: float) -> Broken:
    """Check that the coupling has the marginals of p and comes near the upper bound."""
    q = u.coupling()
    sources = p.ndim - 2
    pairs = zip(each_source(q, sources), each_source(p, sources), strict=True)
    off = np.max([np.abs(a - b).max(axis=(1, 2)) for a, b in pairs], axis=0)
    axes = tuple(range(1, q.ndim))
    shares = hostile.shares(q, axis=axes).reshape(len(q), -1, q.shape[-1])
    information = mutual_information(shares, unit="nats") * p.sum(axis=axes)
    near = information <= u.upper + 2 * tol
    return {
        "coupling not finite": ~np.isfinite(q.reshape(len(q), -1)).all(axis=1),
        "marginals of the coupling": ~(off <= 1e-14),
        "coupling above upper": u.converged & ~near,
        "coupling below lower": ~(information >= u.lower - SLACK),
    }


def check_sets(p: Tables, u: fastpid.UnionInformation) -> Broken:
    """Check that the sets of sources fit together, and their pairs decompose()."""
    sources = p.ndim - 2
    options: dict[str, Any] = {"unit": "nats", "on_failure": "ignore", "threads": 1}
    d = fastpid.decompose_many(p, n_sources=sources, **options)
    everything = np.full(len(p), True)
    monotone, pairs = everything.copy(), everything.copy()
    for subset in d.subsets:
        low, high = d.bounds(subset)
        for i in subset:
            rest = tuple(j for j in subset if j != i)
            if rest:
                monotone &= (d.bounds(rest)[0] <= low) & (d.bounds(rest)[1] <= high)
        if len(subset) == 2:
            left = tuple(1 + k for k in range(sources) if k not in subset)
            alone = fastpid.decompose(p.sum(axis=left), **options)
            other = d.pairs[subset]
            pairs &= np.maximum(alone.lower - other.upper, other.lower - alone.upper) <= SLACK
    low, high = d.bounds()
    atoms = sum(d.coverage.values()) + d.synergy
    return {
        "sets are not monotone": ~monotone,
        "pairs are not those of decompose": ~pairs,
        "the set of all is not the union": ~(
            np.maximum(low - u.upper, u.lower - high) <= SLACK + rounding(p)
        ),
        "synergy below zero": ~(d.synergy >= -SLACK),
        "atoms do not add up": ~(np.abs(atoms - d.mi_joint) <= SLACK),
    }


def check_bits(p: Tables, u: fastpid.UnionInformation) -> Broken:
    """Check that one table alone, and with two threads, gives the same bits."""

    def differ(other: fastpid.UnionInformation, k: int, at: int) -> bool:
        same = (u.lower[k], u.upper[k]) == (other.lower[at], other.upper[at])
        lams = zip(u.potentials, other.potentials, strict=True)
        return not (same and all((a[k] == b[at]).all() for a, b in lams))

    large = np.concatenate([p] * (1 + 20_000 // p.size))  # a second thread wants so many cells
    threads = solve(large, threads=2)
    return {
        "other bits alone": np.array([differ(solve(p[k : k + 1]), k, 0) for k in range(len(p))]),
        "other bits with two threads": np.array([differ(threads, k, k) for k in range(len(p))]),
    }


def changed(p: Tables, rng: np.random.Generator) -> dict[str, Tables]:
    """Return tables with the same union information, and ones in which it can but rise."""
    order = 1 + rng.permutation(p.ndim - 2)
    permuted = p
    for axis in range(1, p.ndim):
        permuted = np.take(permuted, rng.permutation(p.shape[axis]), axis=axis)
    return {
        "sources in another order": p.transpose(0, *order, p.ndim - 1),
        "symbols in another order": permuted,
    }


def merged(p: Tables) -> Tables:
    """Make one source of the last two, which says what they do and more."""
    return p.reshape(*p.shape[:-3], -1, p.shape[-1])


def check_all(p: Tables, rng: np.random.Generator, tol: float = 1e-9) -> tuple[Any, Broken]:
    """Solve tables and check them; returns the answers, and what they broke."""
    u = solve(p)
    broken = {**check_answers(p, u, tol), **check_effort(u), **check_potentials(p, u)}
    slack = 2.0 * rounding(p) + 1e-15
    for name, other in changed(p, rng).items():
        broken[name] = ~(crossing(u, solve(other)) <= slack)
    broken["more than its sources merged"] = ~(u.lower <= solve(merged(p)).upper + slack)
    way = WAYS[rng.integers(len(WAYS))]
    other = solve(p, **way)
    broken[str(way)] = ~(crossing(u, other) <= slack)
    for what, mask in {
        **check_answers(p, other, way.get("tol", tol)),
        **check_potentials(p, other),
    }.items():
        broken[what] = broken[what] | mask
    return u, broken
