"""The union information of Gaussian sources by a conic solver, from the covariance itself.

Z given (X, Y) under a coupling C has a covariance of S_z - S_zs S_s(C)^-1 S_sz at least, and any E
below it in the order of matrices fulfils

    [S_z - E, S_zs; S_sz, S_s(C)] >= 0,

which is linear in E and C. So I_union = 1/2 log det S_z - max 1/2 log det E. Nothing here is
whitened or reduced, and nothing is shared with the kernel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def conic_union(cov: NDArray[np.float64], sizes: tuple[int, int, int]) -> float:
    """Return the union information of one covariance (X, Y, Z in order), in nats."""
    import cvxpy as cp

    m, n, d = sizes
    s = m + n
    error = cp.Variable((d, d), symmetric=True)
    shared = cp.Variable((m, n))
    block = cp.bmat(
        [
            [cov[s:, s:] - error, cov[s:, :m], cov[s:, m:s]],
            [cov[:m, s:], cov[:m, :m], shared],
            [cov[m:s, s:], shared.T, cov[m:s, m:s]],
        ]
    )
    problem = cp.Problem(cp.Maximize(cp.log_det(error)), [block >> 0])
    problem.solve(solver="CLARABEL")
    assert problem.status == "optimal"
    return 0.5 * (float(np.linalg.slogdet(cov[s:, s:])[1]) - float(problem.value))
