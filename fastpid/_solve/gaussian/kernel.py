"""The call of the kernel that covariances go through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.threads import count_threads

Floats = NDArray[np.float64]


def run_kernel(
    cov: Floats, sizes: tuple[int, int, int], options: SolveOptions, *, solution: bool
) -> tuple[Floats, NDArray[np.int32], Floats, Floats, Floats]:
    """Solve a batch (count, k, k): terms, codes and, if wanted, coupling, W and Q."""
    # The work in a covariance of k rows is as that in a table of some k^3 cells.
    threads = count_threads(options.threads, cov.size * cov.shape[-1])
    return kernel.solve_gaussian(cov, *sizes, options.tol, options.max_iter, threads, solution)
