"""The problem of two sources as CVXPY models."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclasses.dataclass
class Model:
    """A CVXPY problem for F = -H(Z | X, Y), and how to read its solution."""

    problem: Any
    offset: float  # what the problem's optimum is above F
    primal: Any  # () -> q, shape of the table, or None
    duals: Any  # () -> (lam, mu), shapes of the marginals, or None


def compact(p_xz: Array, p_yz: Array) -> Model:
    """Variables q on the cells where both marginals are positive, and r(x, y) = sum_z q."""
    import cvxpy as cp
    from scipy import sparse

    x, y, z = np.nonzero((p_xz > 0)[:, None, :] & (p_yz > 0)[None, :, :])
    cells = np.arange(len(x))

    def selector(groups: NDArray[np.intp]) -> tuple[Any, NDArray[np.intp]]:
        """Sparse matrix that sums cells by group, and the group of each of its rows."""
        names, rows = np.unique(groups, return_inverse=True)
        shape = (len(names), len(cells))
        return sparse.csr_matrix((np.ones(len(cells)), (rows, cells)), shape=shape), names

    nz = p_xz.shape[1]
    sum_xz, at_xz = selector(x * nz + z)
    sum_yz, at_yz = selector(y * nz + z)
    sum_xy, at_xy = selector(x * p_yz.shape[0] + y)

    q = cp.Variable(len(cells))
    r = cp.Variable(len(at_xy))
    match_xz = sum_xz @ q == p_xz.ravel()[at_xz]
    match_yz = sum_yz @ q == p_yz.ravel()[at_yz]
    problem = cp.Problem(
        cp.Minimize(cp.sum(cp.rel_entr(q, sum_xy.T @ r))),
        [match_xz, match_yz, sum_xy @ q == r],
    )

    def primal() -> Array | None:
        if q.value is None:
            return None
        out = np.zeros((p_xz.shape[0], p_yz.shape[0], nz))
        out[x, y, z] = q.value
        return out

    def duals() -> tuple[Array, Array] | None:
        if match_xz.dual_value is None or match_yz.dual_value is None:
            return None
        lam, mu = np.zeros(p_xz.size), np.zeros(p_yz.size)
        # The Lagrangian is f + dual (sum q - marginal): its gradient vanishes at lam = -dual.
        lam[at_xz], mu[at_yz] = -match_xz.dual_value, -match_yz.dual_value
        return lam.reshape(p_xz.shape), mu.reshape(p_yz.shape)

    return Model(problem, 0.0, primal, duals)


def published(p_xz: Array, p_yz: Array) -> Model:
    """Give every target symbol a dense matrix q_z(x, y) and a copy of q(x, y) / nz.

    The copies are means over the target symbols, as in the published code, which lifts the optimum
    by log nz: with sums instead, SCS takes four times as long.
    """
    import cvxpy as cp

    nx, nz = p_xz.shape
    ny = p_yz.shape[0]
    slices = [cp.Variable((nx, ny), nonneg=True) for _ in range(nz)]
    copies = [cp.Variable((nx, ny), nonneg=True) for _ in range(nz)]
    pairs = sum(slices[1:], start=slices[0])
    match_xz = [cp.sum(q, axis=1) == p_xz[:, z] for z, q in enumerate(slices)]
    match_yz = [cp.sum(q, axis=0) == p_yz[:, z] for z, q in enumerate(slices)]
    problem = cp.Problem(
        cp.Minimize(
            cp.sum([cp.sum(cp.rel_entr(q, r)) for q, r in zip(slices, copies, strict=True)])
        ),
        [*match_xz, *match_yz, cp.sum(pairs) == p_xz.sum(), *(r == pairs / nz for r in copies)],
    )

    def primal() -> Array | None:
        if slices[0].value is None:
            return None
        return np.stack([q.value for q in slices], axis=2)

    def duals() -> tuple[Array, Array] | None:
        if match_xz[0].dual_value is None or match_yz[0].dual_value is None:
            return None
        lam = -np.stack([c.dual_value for c in match_xz], axis=1)
        mu = -np.stack([c.dual_value for c in match_yz], axis=1)
        return lam, mu

    return Model(problem, float(p_xz.sum() * np.log(nz)), primal, duals)
