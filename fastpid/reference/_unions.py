"""Several sources by CVXPY: cvx_union_information()."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_unit
from fastpid._base.quantities import NATS_PER_UNIT, Unit
from fastpid._solve.unions import check_sources
from fastpid.information import entropy
from fastpid.reference._solvers import SOLVERS, TOLERANCES, require


def cvx_union_information(
    marginals: Sequence[Any],
    *,
    solver: str = "CLARABEL",
    unit: Unit = "bits",
    **solver_options: Any,
) -> float:
    """Return the union information of several sources as CVXPY finds it, for validation.

    The model is written on the support alone: q on the cells (x_1, ..., x_M, z) whose marginals are
    all positive, and one mass r(x_1, ..., x_M) a tuple of symbols.

    Parameters
    ----------
    marginals : sequence of array_like, each of shape (n_i, nz)
        Probabilities p(x_i, z) of two sources or more.
    solver : {"CLARABEL", "SCS", "ECOS", "MOSEK"}
        The solver that runs, or an error: there is no fallback.
    unit : {"bits", "nats"}
    **solver_options
        Handed to the solver as they are.

    Returns
    -------
    float
        The optimum that the solver reports, as it is: its error is visible. NaN where it has none.

    Raises
    ------
    ImportError
        If cvxpy is not installed (``pip install fastpid[reference]``).
    ValueError
        For an unknown or uninstalled solver, an unknown unit, or marginals that
        :func:`fastpid.union_information` refuses, or of a batch.

    Examples
    --------
    >>> import fastpid
    >>> p = fastpid.gates.giant_bit(3)
    >>> each = [p.sum(axis=(1, 2)), p.sum(axis=(0, 2)), p.sum(axis=(0, 1))]
    >>> round(fastpid.reference.cvx_union_information(each), 6)
    1.0
    """
    check_choice("solver", solver, SOLVERS)
    scale = NATS_PER_UNIT[check_unit(unit)]
    batch, checked = check_sources(marginals, normalize=False)
    if batch:
        raise ValueError(
            f"marginals are a batch of shape {batch}; the reference solves one problem at a time"
        )
    require(solver)
    import cvxpy as cp
    from scipy import sparse

    each = [a[0] for a in checked]
    possible = np.ones((1, each[0].shape[1]), dtype=bool)
    for a in each:
        possible = (possible[:, None, :] & (a > 0)[None]).reshape(-1, a.shape[1])
    tuples, z = np.nonzero(possible)
    symbols = np.unravel_index(tuples, [len(a) for a in each])
    cells = np.arange(len(z))

    def sums(groups: NDArray[np.intp]) -> tuple[Any, NDArray[np.intp]]:
        names, rows = np.unique(groups, return_inverse=True)
        ones = (np.ones(len(cells)), (rows, cells))
        return sparse.csr_matrix(ones, shape=(len(names), len(cells))), names

    q = cp.Variable(len(cells))
    of_tuples, _ = sums(tuples)
    r = cp.Variable(of_tuples.shape[0])
    constraints = [of_tuples @ q == r]
    for a, x in zip(each, symbols, strict=True):
        of_cells, at = sums(x * a.shape[1] + z)
        constraints.append(of_cells @ q == a.ravel()[at])
    problem = cp.Problem(cp.Minimize(cp.sum(cp.rel_entr(q, of_tuples.T @ r))), constraints)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "Solution may be inaccurate" and the like
            problem.solve(solver=solver, **{**TOLERANCES.get(solver, {}), **solver_options})
        value = problem.solution.opt_val
    except cp.error.SolverError:
        value = None
    h_z = entropy(each[0].sum(axis=0), unit="nats")
    return float("nan") if value is None else float(h_z + value) / scale
