"""Problems in, certified answers out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Codes, Terms
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import SolveOptions
from fastpid._solve.solution import KernelSolution
from fastpid._solve.tables import GivenTables, explain_not_exact, index_of
from fastpid.result import STATUSES, ConvergenceError, ConvergenceWarning, Decomposition, Status

if TYPE_CHECKING:
    from fastpid._solve.given import Given

#: The kernel's number for a table without a closed form, which becomes an exception.
_NOT_EXACT = len(STATUSES)
#: Those that on_failure is about.
FAILED = (Status.MAX_ITERATIONS.code, Status.STALLED.code)


def solve_tables(
    tables: NDArray[np.float64], options: SolveOptions, *, potentials: bool = False
) -> Solved:
    """Run the kernel on checked tables (..., nx, ny, nz), C-contiguous; raises as :func:`solve`."""
    return solve(GivenTables(tables), options, potentials=potentials)


def solve(given: Given, options: SolveOptions, *, potentials: bool = False) -> Solved:
    """Run the kernel on a batch of problems.

    Raises
    ------
    ValueError
        Where no problem holds probabilities, or one does not under ``on_failure="raise"``, or one
        has no closed form under ``method="exact"``.
    """
    solved = Solved(given.batch_shape, options, *given.solve(options, potentials))
    if not solved.clean:
        solved.check(given)
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
        self.clean = not self.codes.status.any()  # every table converged
        self.invalid = ""  # what is said about tables that are not probabilities

    @property
    def terms(self) -> Terms:
        """The terms of every table, in nats."""
        return Terms(*self.term_rows)

    @property
    def codes(self) -> Codes:
        """How the kernel came to them."""
        return Codes(*self.code_rows)

    def widen(self, terms: Terms, options: SolveOptions) -> None:
        """Take the terms of the one problem that this was a part of, whose bracket is wider.

        It has converged if it is within the tolerance of `options`; otherwise, unless it failed
        already, there is no further progress.
        """
        self.options = options
        self.term_rows = np.stack([np.ravel(row) for row in terms[: len(self.term_rows)]])
        status = self.codes.status
        wide = self.terms.gap > options.tol
        status[:] = np.where(wide, np.where(status == 0, Status.STALLED.code, status), 0)
        self.clean = not status.any()

    def check(self, given: Given) -> None:
        """Raise for what cannot be solved; note what report() is to say about invalid tables."""
        status = self.codes.status
        invalid = np.flatnonzero(status == Status.INVALID.code)
        if invalid.size:
            first = int(invalid[0])
            self.invalid = given.explain_invalid(
                first, index_of(first, self.batch_shape), self.options.normalize
            )
            if len(given) > 1:
                self.invalid += f" [{invalid.size} of {len(given)} tables are invalid]"
                self.invalid += given.explain_batch()
            if self.options.on_failure == "raise" or invalid.size == len(given):
                raise ValueError(self.invalid)
        not_exact = np.flatnonzero(status == _NOT_EXACT)
        if not_exact.size:
            first = int(not_exact[0])
            index = index_of(first, self.batch_shape)
            raise ValueError(explain_not_exact(given.target_symbols(first), index))

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
        codes = self.codes
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
        codes, options = self.codes, self.options
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
