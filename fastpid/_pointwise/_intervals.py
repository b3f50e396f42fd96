"""What a certificate leaves open of lam[x, z] + mu[y, z], cell by cell.

A coupling q and dual feasible potentials, w = exp(lam + mu), certify the gap

    e = f(q) - (sum a lam + sum b mu) = sum over pairs of q(x, y) D(q(. | x, y) || w(x, y, .)),

every term of which is at least zero, since w sums to one at most. This holds for the potentials at
hand, and for optimal ones with a smaller e: f(q) is the same, their value larger. So for both, by
the log sum inequality, with d(s || w) = s log(s / w) + (1 - s) log((1 - s) / (1 - w)),

1.  d(q(z | x, y) || w(x, y, z)) <= e / q(x, y):  an interval where the coupling has a pair.
2.  log w <= 0 everywhere.
3.  lam and mu are potentials: for every z the intervals are constraints on differences of lam[x]
    and -mu[y], and their tightest consequences are shortest paths. A pair without mass in q gets
    its interval from pairs that have some, wherever a chain of these leads there.
4.  sum p log w >= sum a lam + sum b mu: where no chain does, a cell still cannot be lower than what
    the upper ends of all others leave to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastpid._pointwise._terms import log_or_zero

Floats = NDArray[np.float64]

#: Halvings of an interval of logarithms, down to the last digits.
_HALVINGS = 60


def certified_logs(p: Floats, lam: Floats, mu: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Return bounds on lam + mu over all potentials that are as good as these, or better.

    Parameters
    ----------
    p, q : ndarray (nx, ny, nz)
        The table, and a coupling with its marginals that is next to optimal.
    lam, mu : ndarray (nx, nz), (ny, nz)
        Dual feasible.

    Returns
    -------
    low, high : ndarray (nx, ny, nz)
        Finite where p is positive, but for the lightest of cells.
    """
    a, b = p.sum(axis=1), p.sum(axis=0)
    value = float(np.sum(a * lam) + np.sum(b * mu))
    rounding = _rounding(a.size + b.size)
    # Any coupling proves something, and an optimal one may leave out pairs that another has: the
    # one that makes the sources independent given the target has all.
    proofs = [_of_coupling(coupling, value, rounding) for coupling in (q, _independent(a, b))]
    low, high = np.maximum(*(ends[0] for ends in proofs)), np.minimum(*(ends[1] for ends in proofs))
    for z in range(p.shape[2]):
        # Where a source does not have z there is no potential, and nothing follows.
        has = np.ix_(a[:, z] > 0.0, b[:, z] > 0.0)
        low[..., z][has], high[..., z][has] = _tightest(low[..., z][has], high[..., z][has])
    weighted = np.where(p > 0.0, p * high, 0.0)
    with np.errstate(over="ignore"):
        left = value - rounding - (weighted.sum() - weighted)
        rest = np.divide(left, p, out=np.full_like(p, -np.inf), where=p > 0.0)
    return np.maximum(low, rest), high


def _independent(a: Floats, b: Floats) -> Floats:
    """Return the coupling a(x, z) b(y, z) / p(z)."""
    p_z = b.sum(axis=0)
    given_z = np.divide(b, p_z, out=np.zeros_like(b), where=p_z > 0.0)
    coupling: Floats = a[:, None, :] * given_z[None, :, :]
    return coupling


def _of_coupling(q: Floats, value: float, rounding: float) -> tuple[Floats, Floats]:
    """Return the bounds of 1 and 2 by one coupling, potentials being worth `value`."""
    pairs = q.sum(axis=2)
    posterior = np.divide(q, pairs[..., None], out=np.zeros_like(q), where=pairs[..., None] > 0.0)
    e = max(float(np.sum(q * log_or_zero(posterior))) - value, 0.0) + rounding
    with np.errstate(over="ignore"):  # infinite for the lightest pairs, as for those without mass
        budget = np.divide(e, pairs, out=np.full_like(pairs, np.inf), where=pairs > 0.0)
    return _of_pairs(posterior, budget)


def _rounding(cells: int) -> float:
    """Return by how much sums over so many cells of marginals may err, as the kernel has it."""
    return 4.0 * float(np.finfo(np.float64).eps) * cells * (1.0 + math.log(cells))


def _of_pairs(s: Floats, budget: Floats) -> tuple[Floats, Floats]:
    """Return the least and the largest l <= 0 with d(s || exp(l)) <= budget, per pair of s."""
    t = np.broadcast_to(budget[..., None], s.shape)
    low, high = np.full_like(s, -np.inf), np.zeros_like(s)
    zero, inside, one = (
        mask & np.isfinite(t) for mask in (s <= 0.0, (s > 0.0) & (s < 1.0), s >= 1.0)
    )
    high[zero] = np.log(-np.expm1(-t[zero]))  # d(0 || w) = -log(1 - w)
    low[one] = -t[one]  # d(1 || w) = -log w
    s, t = s[inside], t[inside]

    def within(log_w: Floats) -> NDArray[np.bool_]:
        rest = np.log1p(-s) - np.log(-np.expm1(np.minimum(log_w, -1e-300)))
        divergence: Floats = s * (np.log(s) - log_w) + (1.0 - s) * rest
        return divergence <= t

    # (1 - s) log(1 / (1 - s)) <= s, so that d exceeds t from here down.
    with np.errstate(over="ignore"):
        low[inside] = _last(within, np.log(s), np.log(s) - 1.0 - t / s)
    high[inside] = _last(within, np.log(s), np.zeros_like(s))
    return low, high


def _last(within: Callable[[Floats], NDArray[np.bool_]], inner: Floats, outer: Floats) -> Floats:
    """Return where a condition that holds at `inner` ends on the way to `outer`, from outside."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (inner + outer)
        good = within(middle)
        inner, outer = np.where(good, middle, inner), np.where(good, outer, middle)
    return outer


def _tightest(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return what bounds on u[x] - v[y] for all pairs imply for each: shortest paths (Floyd)."""
    nx, ny = low.shape
    distance = np.full((nx + ny, nx + ny), np.inf)
    distance[:nx, nx:] = high
    distance[nx:, :nx] = -low.T
    np.fill_diagonal(distance, 0.0)
    for k in range(nx + ny):
        np.minimum(distance, distance[:, k, None] + distance[None, k, :], out=distance)
    return -distance[nx:, :nx].T, distance[:nx, nx:]
