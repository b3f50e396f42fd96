"""Covariances in, certified answers out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Codes, Terms
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.gaussian.covariances import explain_bad_covariance, least_share
from fastpid._solve.gaussian.kernel import run_kernel
from fastpid._solve.gaussian.result import GaussianDecomposition
from fastpid._solve.gaussian.sizes import Variables
from fastpid._solve.gaussian.solution import GaussianSolution
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import FAILED
from fastpid._solve.tables import index_of
from fastpid.result import STATUSES, ConvergenceError, ConvergenceWarning, Status

Floats = NDArray[np.float64]


def solve_covariances(
    cov: Floats, variables: Variables, options: SolveOptions, *, solution: bool = False
) -> SolvedGaussian:
    """Run the kernel on checked covariances (..., k, k), C-contiguous.

    Raises
    ------
    ValueError
        Where no matrix is a covariance of finite information, or one is not under
        ``on_failure="raise"``.
    """
    batch = cov.reshape((-1, *cov.shape[-2:]))
    terms, codes, *parts = run_kernel(batch, variables.sizes, options, solution=solution)
    solved = SolvedGaussian(cov.shape[:-2], batch, variables, options, terms, codes, parts)
    if not solved.clean:
        solved.check()
    return solved


class SolvedGaussian:
    """What the kernel returned for a batch: rows of terms and codes, and the solution if wanted."""

    def __init__(
        self,
        batch_shape: tuple[int, ...],
        cov: Floats,
        variables: Variables,
        options: SolveOptions,
        terms: Floats,
        codes: NDArray[np.int32],
        parts: list[Floats],
    ) -> None:
        self.batch_shape = batch_shape
        self.cov = cov
        self.variables = variables
        self.options = options
        self.term_rows = terms
        self.code_rows = codes
        self.parts = parts
        self.clean = not Codes(*codes).status.any()  # every one converged
        self.invalid = ""  # what is said about matrices that are no covariances

    def check(self) -> None:
        """Raise for what cannot be solved; note what report() is to say about the rest."""
        invalid = np.flatnonzero(Codes(*self.code_rows).status == Status.INVALID.code)
        if not invalid.size:
            return
        first = int(invalid[0])
        index = index_of(first, self.batch_shape)
        self.invalid = explain_bad_covariance(self.cov[first], index, self.variables)
        if len(self.cov) > 1:
            self.invalid += f" [{invalid.size} of {len(self.cov)} covariances are refused]"
        if self.options.on_failure == "raise" or invalid.size == len(self.cov):
            raise ValueError(self.invalid)

    def result(self) -> GaussianDecomposition[Any]:
        """Return the answers as a GaussianDecomposition."""
        if self.batch_shape == ():
            terms = Terms(*self.term_rows[:, 0].tolist())
            codes = Codes(*self.code_rows[:, 0].tolist())
        else:
            terms = Terms(*self.term_rows.reshape((-1, *self.batch_shape)))
            codes = Codes(*self.code_rows.reshape((-1, *self.batch_shape)))
        solution = GaussianSolution(self.cov, self.variables.sizes, self.batch_shape, self.options)
        return GaussianDecomposition(terms, codes, self.options.result_unit, _solution=solution)

    def report(self, *packages: str) -> None:
        """Warn of (or raise about) covariances that did not converge, and warn of invalid ones."""
        if self.clean or self.options.on_failure == "ignore":
            return
        codes = Codes(*self.code_rows)
        failed = np.flatnonzero(np.isin(codes.status, FAILED))
        level = stacklevel_outside(*packages)
        if failed.size:
            text = self._describe_failure(int(failed[0]))
            if failed.size > 1:
                text += f" [{failed.size} of {len(self.cov)} covariances did not converge]"
            if self.options.on_failure == "raise":
                raise ConvergenceError(text, self.result())
            warnings.warn(text, ConvergenceWarning, stacklevel=level)
        if self.invalid:
            warnings.warn(self.invalid, ConvergenceWarning, stacklevel=level)

    def _describe_failure(self, first: int) -> str:
        codes, options = Codes(*self.code_rows), self.options
        index = index_of(first, self.batch_shape)
        where = f"covariance {list(index)}" if index else "the covariance"
        gap = float(Terms(*self.term_rows).gap[first])
        text = (
            f"{where}: {STATUSES[codes.status[first]].message} "
            f"(gap {gap * options.scale:.2e} {options.unit}, {int(codes.iterations[first])} "
            "iterations)"
        )
        share = least_share(self.cov[first])
        if share * gap < 64.0 * np.finfo(float).eps:
            text += (
                f"; the correlation matrix has an eigenvalue of {share:.1e}, and its own rounding "
                "leaves that much open"
            )
        return text
