"""Tables in, certified answers out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import MASS_TOLERANCE, Codes, Terms
from fastpid._base.warn import stacklevel_outside
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.solution import KernelSolution
from fastpid._solve.tables import explain_bad_table, explain_many_sources, explain_not_exact
from fastpid._solve.threads import count_threads
from fastpid.result import STATUSES, ConvergenceError, ConvergenceWarning, Decomposition, Status

#: The kernel's number for a table without a closed form, which becomes an exception.
_NOT_EXACT = len(STATUSES)
#: Those that on_failure is about.
FAILED = (Status.MAX_ITERATIONS.code, Status.STALLED.code)


def solve_tables(
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
    solved = Solved(
        batch_shape,
        options,
        *kernel.solve_tables(
            batch,
            options.method,
            options.tol,
            options.max_iter,
            count_threads(options.threads, batch.size),
            options.normalize,
            MASS_TOLERANCE,
            potentials,
        ),
    )
    if not solved.clean:
        solved.check(batch)
    return solved


class Solved:
    """What the kernel returned for a batch: rows of terms and codes, marginals, potentials."""

    def __init__(
        self,
        batch_shape: tuple[int, ...],
        options: SolveOptions,
        terms: NDArray[np.float64],
        codes: NDArray[np.int32],
        p_xz: NDArray[np.float64],
        p_yz: NDArray[np.float64],
        lam: NDArray[np.float64],
        mu: NDArray[np.float64],
    ) -> None:
        self.batch_shape = batch_shape
        self.options = options
        self.term_rows = terms
        self.code_rows = codes
        self.p_xz = p_xz
        self.p_yz = p_yz
        self.lam = lam
        self.mu = mu
        self.clean = not Codes(*codes).status.any()  # every table converged
        self.invalid = ""  # what is said about tables that are not probabilities

    @property
    def terms(self) -> Terms:
        """The terms of every table, in nats."""
        return Terms(*self.term_rows)

    def check(self, batch: NDArray[np.float64]) -> None:
        """Raise for what cannot be solved; note what report() is to say about invalid tables."""
        status = Codes(*self.code_rows).status
        invalid = np.flatnonzero(status == Status.INVALID.code)
        if invalid.size:
            first = int(invalid[0])
            self.invalid = explain_bad_table(
                batch[first], index_of(first, self.batch_shape), self.options.normalize
            )
            if len(batch) > 1:
                self.invalid += f" [{invalid.size} of {len(batch)} tables are invalid]"
                self.invalid += explain_many_sources(batch, self.batch_shape)
            if self.options.on_failure == "raise" or invalid.size == len(batch):
                raise ValueError(self.invalid)
        not_exact = np.flatnonzero(status == _NOT_EXACT)
        if not_exact.size:
            first = int(not_exact[0])
            raise ValueError(explain_not_exact(batch[first], index_of(first, self.batch_shape)))

    def result(self) -> Decomposition[Any]:
        """Return the answers as a Decomposition."""
        if self.batch_shape == ():
            # Python's numbers are quicker than arrays of one.
            terms = Terms(*self.term_rows[:, 0].tolist())
            codes = Codes(*self.code_rows[:, 0].tolist())
        else:
            terms = Terms(*self.term_rows.reshape((-1, *self.batch_shape)))
            codes = Codes(*self.code_rows.reshape((-1, *self.batch_shape)))
        solution = KernelSolution(
            self.p_xz, self.p_yz, self.code_rows, self.batch_shape, self.options
        )
        return Decomposition(terms, codes, self.options.result_unit, _solution=solution)

    def report(self, *packages: str) -> None:
        """Warn of (or raise about) tables that did not converge, and warn of invalid ones.

        The warning points at the code that called `packages`.
        """
        if self.clean or self.options.on_failure == "ignore":
            return
        codes = Codes(*self.code_rows)
        failed = np.flatnonzero(np.isin(codes.status, FAILED))
        if failed.size:
            text = self._describe_failure(int(failed[0]), failed.size)
            if self.options.on_failure == "raise":
                raise ConvergenceError(text, self.result())
            warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel_outside(*packages))
        if self.invalid:
            level = stacklevel_outside(*packages)
            warnings.warn(self.invalid, ConvergenceWarning, stacklevel=level)

    def _describe_failure(self, first: int, count: int) -> str:
        codes, options = Codes(*self.code_rows), self.options
        index = index_of(first, self.batch_shape)
        where = f"table {list(index)}" if index else "the table"
        gap = float(self.terms.gap[first]) * options.scale
        text = (
            f"{where}: {STATUSES[codes.status[first]].message} "
            f"(gap {gap:.2e} {options.unit}, {int(codes.iterations[first])} iterations)"
        )
        if count > 1:
            text += f" [{count} of {codes.status.size} tables did not converge]"
        return text


def index_of(flat: int, batch_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return where a table stands in its batch."""
    return tuple(int(i) for i in np.unravel_index(flat, batch_shape)) if batch_shape else ()
