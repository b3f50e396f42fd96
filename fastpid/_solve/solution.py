"""The primal and dual solution behind a result, unpacked on demand."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Codes
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.threads import count_threads
from fastpid.result import Status


class KernelSolution:
    """The solution behind a result, solved for again from the marginals when it is asked for.

    The kernel is deterministic, so this is the very solution that was certified; keeping the
    marginals rather than it makes large batches light and p free to be changed.
    """

    def __init__(
        self,
        p_xz: NDArray[np.float64],
        p_yz: NDArray[np.float64],
        codes: NDArray[np.int32],
        batch_shape: tuple[int, ...],
        options: SolveOptions,
    ) -> None:
        self._p_xz = p_xz
        self._p_yz = p_yz
        self._codes = codes
        self._batch_shape = batch_shape
        self._options = options

    def __getitem__(self, key: Any) -> KernelSolution:
        """Return the solutions of part of the batch."""
        rows = np.asarray(np.arange(len(self._p_xz)).reshape(self._batch_shape)[key])
        flat = rows.ravel()
        return KernelSolution(
            self._p_xz[flat], self._p_yz[flat], self._codes[:, flat], rows.shape, self._options
        )

    @functools.cached_property
    def potentials(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The dual solution (lam, mu)."""
        lam, mu = self._solve(coupling=False)[:2]
        return self._batched(lam), self._batched(mu)

    def coupling(self) -> NDArray[np.float64]:
        """Return the primal solution, completed to p's marginals."""
        _, _, s, u, v = self._solve(coupling=True)
        q: NDArray[np.float64] = s[:, :, :, None] * u[:, :, None, :] * v[:, None, :, :]
        # q's marginals are dominated by p's. What is missing is added as a product, per z
        # (Altschuler, Weed and Rigollet 2017), which makes them exact.
        missing_x = np.maximum(self._p_xz - q.sum(axis=2), 0.0)
        missing_y = np.maximum(self._p_yz - q.sum(axis=1), 0.0)
        mass = missing_x.sum(axis=1)
        # Divided by, not multiplied by its reciprocal, which overflows where little is missing.
        share_y = np.zeros_like(missing_y)
        np.divide(missing_y, mass[:, None, :], out=share_y, where=mass[:, None, :] > 0.0)
        q += missing_x[:, :, None, :] * share_y[:, None, :, :]
        return self._batched(q)

    def _batched(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        return array.reshape(self._batch_shape + array.shape[1:])

    def _solve(self, *, coupling: bool) -> tuple[NDArray[np.float64], ...]:
        """Lam, mu, and s, u, v with s u v the dominated coupling; NaN for invalid tables."""
        codes = Codes(*self._codes)
        valid = codes.status != Status.INVALID.code
        nb, nx, nz = self._p_xz.shape
        ny = self._p_yz.shape[1]
        shapes = ((nx, nz), (ny, nz), (nx, ny), (nx, nz), (ny, nz))
        out = tuple(np.full((nb, *shape), np.nan) for shape in shapes)
        threads = count_threads(self._options.threads, nb * nx * ny * nz)
        solved = kernel.solve_marginals(
            self._p_xz[valid],
            self._p_yz[valid],
            self._options.method,
            self._options.tol,
            self._options.max_iter,
            threads,
            coupling,
        )
        for target, part in zip(out, solved, strict=True):
            target[valid] = part
        return out
