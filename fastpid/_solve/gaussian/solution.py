"""The coupling and the dual solution behind a result, solved for again when they are asked for."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._solve.gaussian.kernel import run_kernel
from fastpid._solve.options import SolveOptions

Floats = NDArray[np.float64]


class GaussianSolution:
    """The solutions of a batch of covariances (count, k, k), which they are solved for from."""

    def __init__(
        self,
        cov: Floats,
        sizes: tuple[int, int, int],
        batch_shape: tuple[int, ...],
        options: SolveOptions,
    ) -> None:
        self._cov = cov
        self._sizes = sizes
        self._batch_shape = batch_shape
        self._options = options

    def __getitem__(self, key: Any) -> GaussianSolution:
        """Return the solutions of part of the batch."""
        rows = np.asarray(np.arange(len(self._cov)).reshape(self._batch_shape)[key])
        return GaussianSolution(self._cov[rows.ravel()], self._sizes, rows.shape, self._options)

    @functools.cached_property
    def _parts(self) -> tuple[Floats, ...]:
        parts = run_kernel(self._cov, self._sizes, self._options, solution=True)[2:]
        return tuple(part.reshape(self._batch_shape + part.shape[1:]) for part in parts)

    @property
    def potentials(self) -> tuple[Floats, Floats]:
        """The dual solution (W, Q)."""
        return self._parts[1], self._parts[2]

    def coupling(self) -> Floats:
        """Return Cov(X, Y) of the optimal coupling."""
        return self._parts[0]
