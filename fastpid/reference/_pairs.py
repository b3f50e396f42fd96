"""Two sources by CVXPY: cvx_pid(), a Decomposition with a certificate of its own."""

from __future__ import annotations

import dataclasses
import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_unit
from fastpid._base.quantities import (
    METHODS,
    REFERENCE_METHODS,
    Codes,
    Terms,
    Unit,
)
from fastpid._solve.tables import check_distributions
from fastpid.information import entropy, mutual_information
from fastpid.reference._certificate import dual_bound, round_to_marginals
from fastpid.reference._models import compact, published
from fastpid.reference._solvers import SOLVERS, TOLERANCES, require
from fastpid.result import Decomposition, Status

Array = NDArray[np.float64]

FORMULATIONS = ("compact", "published")

#: By how much rounding alone may let the bounds cross, in nats.
_ROUNDING = 1e-12


def cvx_pid(
    p: Any,
    *,
    solver: str = "CLARABEL",
    formulation: str = "compact",
    unit: Unit = "bits",
    **solver_options: Any,
) -> Decomposition[Any]:
    """Decompose joint tables with CVXPY, for validation and as a baseline.

    Parameters
    ----------
    p : array_like, shape (..., nx, ny, nz)
        Joint probabilities, the target last; leading axes are a batch, solved one by one.
    solver : {"CLARABEL", "SCS", "ECOS", "MOSEK"}
        The solver that runs, or an error: there is no fallback.
    formulation : {"compact", "published"}
        "compact" has variables on the support alone and one mass r(x, y) per pair of symbols.
        "published" is the formulation of the CVXPY estimator of Liang et al. [1]_: a dense matrix
        of variables and one copy of q(x, y), divided by nz, per target symbol.
    unit : {"bits", "nats"}
    **solver_options
        Handed to the solver as they are. By default its own, except that the compact formulation
        asks SCS and ECOS for 1e-8, which is CLARABEL's default.

    Returns
    -------
    Decomposition
        Its `union_information`, and the atoms with it, is the raw optimum that the solver reports,
        so that its error is visible. `lower` and `upper` are certified nevertheless: from the
        solver's dual variables after repair, and from its primal rounded to exact marginals
        (Altschuler, Weed and Rigollet 2017). `status` is CONVERGED where the solver says "optimal",
        and `details` has "solver", "formulation", "solver_status", "solve_time" (seconds, of the
        whole call to CVXPY) and "solver_time" (what the solver itself says, or None); lists for a
        batch.

    Raises
    ------
    ImportError
        If cvxpy is not installed (``pip install fastpid[reference]``).
    ValueError
        For an unknown or uninstalled solver, an unknown formulation or unit, or a bad table.
    TypeError
        For a `p` that does not hold real numbers.

    References
    ----------
    .. [1] P. P. Liang et al., "Quantifying and modeling multimodal interactions: an information
       decomposition framework", NeurIPS 2023.

    Examples
    --------
    >>> import fastpid
    >>> d = fastpid.reference.cvx_pid(fastpid.gates.and_())
    >>> d.details["solver"], round(d.synergy, 4)
    ('CLARABEL', 0.5)
    """
    check_choice("solver", solver, SOLVERS)
    check_choice("formulation", formulation, FORMULATIONS)
    check_unit(unit)
    tables = check_distributions(p)
    require(solver)

    defaults = TOLERANCES.get(solver, {}) if formulation == "compact" else {}
    options = {**defaults, **solver_options}
    batch_shape = tables.shape[:-3]
    answers = [
        _solve_one(table, solver, formulation, options)
        for table in tables.reshape((-1, *tables.shape[-3:]))
    ]

    def field(name: str) -> Any:
        values = [getattr(answer, name) for answer in answers]
        return values[0] if batch_shape == () else np.array(values).reshape(batch_shape)

    code = len(METHODS) + REFERENCE_METHODS.index(f"cvx_{formulation}")

    def detail(name: str) -> Any:
        values = [getattr(answer, name) for answer in answers]
        return values[0] if batch_shape == () else values

    return Decomposition(
        Terms(*(field(name) for name in Terms._fields)),
        Codes(
            field("iterations"),
            field("status"),
            code if not batch_shape else np.full(batch_shape, code),
        ),
        unit,
        details={
            "solver": solver,
            "formulation": formulation,
            "solver_status": detail("solver_status"),
            "solve_time": detail("solve_time"),
            "solver_time": detail("solver_time"),
        },
        _solution=_ExplicitSolution(
            np.stack([a.coupling for a in answers]).reshape(tables.shape),
            np.stack([a.lam for a in answers]).reshape((*batch_shape, *answers[0].lam.shape)),
            np.stack([a.mu for a in answers]).reshape((*batch_shape, *answers[0].mu.shape)),
        ),
    )


@dataclasses.dataclass
class _ExplicitSolution:
    q: Array
    lam: Array
    mu: Array

    def __getitem__(self, key: Any) -> _ExplicitSolution:
        return _ExplicitSolution(self.q[key], self.lam[key], self.mu[key])

    def coupling(self) -> Array:
        return self.q.copy()

    @property
    def potentials(self) -> tuple[Array, Array]:
        return self.lam, self.mu


@dataclasses.dataclass
class _Answer:
    """One table's answer, in nats."""

    mi_x: float
    mi_y: float
    mi_xy: float
    union: float
    lower: float
    upper: float
    iterations: int
    status: int
    solver_status: str
    solve_time: float
    solver_time: float | None
    coupling: Array
    lam: Array
    mu: Array


def _solve_one(p: Array, solver: str, formulation: str, options: dict[str, Any]) -> _Answer:
    import cvxpy as cp

    p_xz, p_yz = p.sum(axis=1), p.sum(axis=0)
    # A mass M that is one only to single precision: every entropy is M times that of p / M, or
    # the bounds would not belong to one another.
    mass = float(p.sum())
    excess = mass * float(np.log(mass))
    h_z = entropy(p_xz.sum(axis=0), unit="nats") + excess
    mi_x = mutual_information(p_xz, unit="nats") + excess
    mi_y = mutual_information(p_yz, unit="nats") + excess
    mi_xy = mutual_information(p.reshape(-1, p.shape[2]), unit="nats") + excess

    started = time.perf_counter()
    model = (compact if formulation == "compact" else published)(p_xz, p_yz)
    try:
        with warnings.catch_warnings():
            # "Solution may be inaccurate" and the like: the status says so.
            warnings.simplefilter("ignore")
            model.problem.solve(solver=solver, **options)
        # The solver's own objective: cvxpy's problem.value evaluates rel_entr at q, and is infinite
        # where the solver leaves a q of -1e-10.
        value = model.problem.solution.opt_val
        solver_status = str(model.problem.status)
    except cp.error.SolverError as error:
        value, solver_status = None, f"solver error: {error}"
    solve_time = time.perf_counter() - started

    statistics = model.problem.solver_stats
    q = model.primal() if value is not None and np.isfinite(value) else None
    duals = model.duals() if q is not None else None
    coupling = round_to_marginals(np.zeros_like(p) if q is None else np.maximum(q, 0.0), p_xz, p_yz)
    lower, lam, mu = dual_bound(p_xz, p_yz, duals)
    least, most = max(mi_x, mi_y), min(mi_x + mi_y, mi_xy)
    information = mutual_information(coupling.reshape(-1, p.shape[2]), unit="nats") + excess
    lower, upper = max(h_z + lower, least), min(information, most)
    return _Answer(
        mi_x=mi_x,
        mi_y=mi_y,
        mi_xy=mi_xy,
        union=float("nan") if q is None else h_z + float(value) - model.offset,
        # They may cross by rounding; by more would be a bug, which is left to be seen.
        lower=upper if 0.0 < lower - upper <= _ROUNDING else lower,
        upper=upper,
        iterations=int(getattr(statistics, "num_iters", None) or 0),
        status=_status(solver_status, statistics).code,
        solver_status=solver_status,
        solve_time=solve_time,
        solver_time=getattr(statistics, "solve_time", None),
        coupling=coupling,
        lam=lam,
        mu=mu,
    )


_STATUS = {"optimal": Status.CONVERGED, "user_limit": Status.MAX_ITERATIONS}


def _status(solver_status: str, statistics: Any) -> Status:
    extra = getattr(statistics, "extra_stats", None)
    # SCS calls an answer "inaccurate" that it was not given the iterations for.
    if isinstance(extra, dict) and "max_iters" in str(extra.get("info", {}).get("status", "")):
        return Status.MAX_ITERATIONS
    return _STATUS.get(solver_status, Status.STALLED)
