"""decompose(): tables in, certified decompositions out."""

from __future__ import annotations

import functools
import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._base.warn import stacklevel_outside
from fastpid._base.checks import (
    MASS_TOLERANCE,
    METHODS,
    NATS_PER_UNIT,
    check_num_threads_variable,
    check_tables,
    explain_bad_table,
    explain_not_exact,
)
from fastpid.result import ConvergenceError, ConvergenceWarning, Decomposition, Status

__all__ = ["KernelSolution", "Solved", "count_workers", "decompose", "solve"]

#: Status codes of the kernel that never reach a result: they become exceptions.
_NOT_EXACT = 5

#: Below this many table cells a second thread costs more than it saves.
_CELLS_PER_THREAD = 8192


def decompose(p: Any, options: SolveOptions) -> Decomposition:
    """Decompose everything that numpy takes for an array: :func:`fastpid.decompose` for it."""
    solved = solve(check_tables(p), options)
    result = solved.result()
    solved.report("fastpid")
    return result


def solve(
    tables: NDArray[np.float64], options: SolveOptions, *, potentials: bool = False
) -> Solved:
    """Run the kernel on checked tables (..., nx, ny, nz), C-contiguous.

    Raises
    ------
    ValueError
        Where no table holds probabilities, or one does not under ``on_failure="raise"``, or one has
        no closed form under ``method="exact"``.
    """
    batch_shape = tables.shape[:-3]
    batch = tables.reshape((-1, *tables.shape[-3:]))
    workers = count_workers(options.threads, batch.size)
    solved = Solved(
        batch_shape,
        options,
        *kernel.decompose(
            batch,
            options.method,
            options.tol,
            options.max_iter,
            workers,
            options.normalize,
            MASS_TOLERANCE,
            potentials,
        ),
    )
    if not solved.clean:
        solved.refuse(batch)
    return solved


class Solved:
    """What the kernel returned for a batch."""

    def __init__(
        self,
        batch_shape: tuple[int, ...],
        options: SolveOptions,
        informations: NDArray[np.float64],
        codes: NDArray[np.int32],
        p_xz: NDArray[np.float64],
        p_yz: NDArray[np.float64],
        lam: NDArray[np.float64],
        mu: NDArray[np.float64],
    ) -> None:
        self.batch_shape = batch_shape
        self.options = options
        self.informations = informations
        self.codes = codes  # iterations, status, method
        self.p_xz = p_xz
        self.p_yz = p_yz
        self.lam = lam
        self.mu = mu
        self.clean = not codes[1].any()  # every table converged
        self.complaint = ""  # about tables that are not probabilities

    def refuse(self, batch: NDArray[np.float64]) -> None:
        """Raise what raises; keep the words about invalid tables for report()."""
        status = self.codes[1]
        invalid = np.flatnonzero(status == Status.INVALID)
        if invalid.size:
            first = int(invalid[0])
            self.complaint = explain_bad_table(
                batch[first], _index(first, self.batch_shape), self.options.normalize
            )
            if len(batch) > 1:
                self.complaint += f" [{invalid.size} of {len(batch)} tables are invalid]"
            if self.options.on_failure == "raise" or invalid.size == len(batch):
                raise ValueError(self.complaint)
        not_exact = np.flatnonzero(status == _NOT_EXACT)
        if not_exact.size:
            first = int(not_exact[0])
            raise ValueError(explain_not_exact(batch[first], _index(first, self.batch_shape)))

    def result(self) -> Decomposition:
        """Give the numbers their names and units."""
        solution = KernelSolution(self.p_xz, self.p_yz, self.codes, self.batch_shape, self.options)
        if self.batch_shape == ():
            # Python's numbers are quicker than arrays of one.
            mi_x, mi_y, mi_xy, lower, upper = self.informations[:, 0].tolist()
            iterations, status, method = self.codes[:, 0].tolist()
            return Decomposition.from_union(
                mi_x=mi_x,
                mi_y=mi_y,
                mi_xy=mi_xy,
                union_information=0.5 * (lower + upper),
                lower=lower,
                upper=upper,
                iterations=iterations,
                status=Status(status),
                method=METHODS[method],
                unit=self.options.unit,
                solution=solution,
            )
        mi_x, mi_y, mi_xy, lower, upper = self.informations.reshape((5, *self.batch_shape))
        iterations, status, methods = self.codes.reshape((3, *self.batch_shape))
        return Decomposition.from_union(
            mi_x=mi_x,
            mi_y=mi_y,
            mi_xy=mi_xy,
            union_information=0.5 * (lower + upper),
            lower=lower,
            upper=upper,
            iterations=iterations,
            status=status.astype(np.int8),
            method=np.array(METHODS)[methods],
            unit=self.options.unit,
            solution=solution,
        )

    def report(self, *packages: str) -> None:
        """Warn of (or raise about) tables that did not converge, and warn of invalid ones.

        The warning points at the code that called `packages`.
        """
        if self.clean or self.options.on_failure == "ignore":
            return
        iterations, status, _ = self.codes
        level = stacklevel_outside(*packages)
        failed = np.flatnonzero((status == Status.MAX_ITERATIONS) | (status == Status.STALLED))
        if failed.size:
            first = int(failed[0])
            index = _index(first, self.batch_shape)
            where = f"table {list(index)}" if index else "the table"
            unit = self.options.unit
            gap = float(self.informations[4, first] - self.informations[3, first])
            text = (
                f"{where}: {Status(int(status[first])).message} "
                f"(gap {gap / NATS_PER_UNIT[unit]:.2e} {unit}, {int(iterations[first])} iterations)"
            )
            if failed.size > 1:
                text += f" [{failed.size} of {status.size} tables did not converge]"
            if self.options.on_failure == "raise":
                raise ConvergenceError(text, self.result())
            warnings.warn(text, ConvergenceWarning, stacklevel=level)
        if self.complaint:
            warnings.warn(self.complaint, ConvergenceWarning, stacklevel=level)


def _index(flat: int, batch_shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, batch_shape)) if batch_shape else ()


def count_workers(threads: int, cells: int) -> int:
    """How many threads to use: what was asked for (0: all), less if there is too little to do."""
    threads = threads or check_num_threads_variable(os.environ.get("FASTPID_NUM_THREADS")) or 0
    if threads == 0:
        try:
            threads = len(os.sched_getaffinity(0))
        except AttributeError:  # not Linux
            threads = os.cpu_count() or 1
    return max(1, min(threads, cells // _CELLS_PER_THREAD))


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
        _, self._status, self._methods = codes
        self._batch_shape = batch_shape
        self._options = options

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
        scale = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0.0)
        q += missing_x[:, :, None, :] * (missing_y * scale[:, None, :])[:, None, :, :]
        return self._batched(q)

    def _batched(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        return array.reshape(self._batch_shape + array.shape[1:])

    def _solve(self, *, coupling: bool) -> tuple[NDArray[np.float64], ...]:
        """Lam, mu, and s, u, v with s u v the dominated coupling; NaN for invalid tables."""
        valid = self._status != Status.INVALID
        nb, nx, nz = self._p_xz.shape
        ny = self._p_yz.shape[1]
        shapes = ((nx, nz), (ny, nz), (nx, ny), (nx, nz), (ny, nz))
        out = tuple(np.full((nb, *shape), np.nan) for shape in shapes)
        threads = count_workers(self._options.threads, nb * nx * ny * nz)
        options = (self._options.tol, self._options.max_iter, threads, coupling)
        for code in np.unique(self._methods[valid]).tolist():
            rows = np.flatnonzero(valid & (self._methods == code))
            solved = kernel.solve(self._p_xz[rows], self._p_yz[rows], code, *options)
            for target, part in zip(out, solved, strict=True):
                target[rows] = part
        return out
