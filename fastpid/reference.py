"""An independent solver to validate against: the same quantity as a CVXPY model.

Nothing here touches the compiled kernel. The model is handed to a general-purpose conic solver, and
the certificate around its answer is computed in numpy.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_unit
from fastpid._base.quantities import (
    METHODS,
    NATS_PER_UNIT,
    REFERENCE_METHODS,
    Codes,
    Terms,
    Unit,
)
from fastpid._solve.tables import check_distributions
from fastpid.information import entropy, mutual_information
from fastpid.result import Decomposition, Status

__all__ = ["cvx_pid", "cvx_union_information"]

Array = NDArray[np.float64]

FORMULATIONS = ("compact", "published")
SOLVERS = ("CLARABEL", "SCS", "ECOS", "MOSEK")

#: The tolerances that "compact" passes by default; CLARABEL and MOSEK default to 1e-8.
_TOLERANCES = {
    "SCS": {"eps_abs": 1e-8, "eps_rel": 1e-8},
    "ECOS": {"abstol": 1e-8, "reltol": 1e-8, "feastol": 1e-8},
}

#: Potential where the marginal is zero and the true one is minus infinity.
_FLOOR = -50.0

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
    _require(solver)

    defaults = _TOLERANCES.get(solver, {}) if formulation == "compact" else {}
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
    from fastpid._solve.unions import check_sources  # which `import fastpid` does without

    check_choice("solver", solver, SOLVERS)
    scale = NATS_PER_UNIT[check_unit(unit)]
    batch, checked = check_sources(marginals, normalize=False)
    if batch:
        raise ValueError(
            f"marginals are a batch of shape {batch}; the reference solves one problem at a time"
        )
    _require(solver)
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
            problem.solve(solver=solver, **{**_TOLERANCES.get(solver, {}), **solver_options})
        value = problem.solution.opt_val
    except cp.error.SolverError:
        value = None
    h_z = entropy(each[0].sum(axis=0), unit="nats")
    return float("nan") if value is None else float(h_z + value) / scale


def _require(solver: str) -> None:
    try:
        import cvxpy
    except ImportError as error:
        raise ImportError("cvx_pid needs cvxpy: pip install fastpid[reference]") from error
    installed = cvxpy.installed_solvers()
    if solver not in installed:
        raise ValueError(
            f"solver {solver!r} is not installed (installed: {', '.join(sorted(installed))}); "
            f"pip install {solver.lower()}, or name another solver"
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


@dataclasses.dataclass
class _Model:
    """A CVXPY problem for F = -H(Z | X, Y), and how to read its solution."""

    problem: Any
    offset: float  # what the problem's optimum is above F
    primal: Any  # () -> q, shape of the table, or None
    duals: Any  # () -> (lam, mu), shapes of the marginals, or None


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
    model = (_compact if formulation == "compact" else _published)(p_xz, p_yz)
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
    coupling = _round(np.zeros_like(p) if q is None else np.maximum(q, 0.0), p_xz, p_yz)
    lower, lam, mu = _dual_bound(p_xz, p_yz, duals)
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


def _compact(p_xz: Array, p_yz: Array) -> _Model:
    """Variables q on the cells where both marginals are positive, and r(x, y) = sum_z q."""
    import cvxpy as cp
    from scipy import sparse

    x, y, z = np.nonzero((p_xz > 0)[:, None, :] & (p_yz > 0)[None, :, :])
    cells = np.arange(len(x))

    def selector(groups: NDArray[np.intp]) -> tuple[Any, NDArray[np.intp]]:
        """Sparse matrix that sums cells by group, and the group of each of its rows."""
        names, rows = np.unique(groups, return_inverse=True)
        shape = (len(names), len(cells))
        return sparse.csr_matrix((np.ones(len(cells)), (rows, cells)), shape=shape), names

    nz = p_xz.shape[1]
    sum_xz, at_xz = selector(x * nz + z)
    sum_yz, at_yz = selector(y * nz + z)
    sum_xy, at_xy = selector(x * p_yz.shape[0] + y)

    q = cp.Variable(len(cells))
    r = cp.Variable(len(at_xy))
    match_xz = sum_xz @ q == p_xz.ravel()[at_xz]
    match_yz = sum_yz @ q == p_yz.ravel()[at_yz]
    problem = cp.Problem(
        cp.Minimize(cp.sum(cp.rel_entr(q, sum_xy.T @ r))),
        [match_xz, match_yz, sum_xy @ q == r],
    )

    def primal() -> Array | None:
        if q.value is None:
            return None
        out = np.zeros((p_xz.shape[0], p_yz.shape[0], nz))
        out[x, y, z] = q.value
        return out

    def duals() -> tuple[Array, Array] | None:
        if match_xz.dual_value is None or match_yz.dual_value is None:
            return None
        lam, mu = np.zeros(p_xz.size), np.zeros(p_yz.size)
        # The Lagrangian is f + dual (sum q - marginal): its gradient vanishes at lam = -dual.
        lam[at_xz], mu[at_yz] = -match_xz.dual_value, -match_yz.dual_value
        return lam.reshape(p_xz.shape), mu.reshape(p_yz.shape)

    return _Model(problem, 0.0, primal, duals)


def _published(p_xz: Array, p_yz: Array) -> _Model:
    """Give every target symbol a dense matrix q_z(x, y) and a copy of q(x, y) / nz.

    The copies are means over the target symbols, as in the published code, which lifts the optimum
    by log nz: with sums instead, SCS takes four times as long.
    """
    import cvxpy as cp

    nx, nz = p_xz.shape
    ny = p_yz.shape[0]
    slices = [cp.Variable((nx, ny), nonneg=True) for _ in range(nz)]
    copies = [cp.Variable((nx, ny), nonneg=True) for _ in range(nz)]
    pairs = sum(slices[1:], start=slices[0])
    match_xz = [cp.sum(q, axis=1) == p_xz[:, z] for z, q in enumerate(slices)]
    match_yz = [cp.sum(q, axis=0) == p_yz[:, z] for z, q in enumerate(slices)]
    problem = cp.Problem(
        cp.Minimize(
            cp.sum([cp.sum(cp.rel_entr(q, r)) for q, r in zip(slices, copies, strict=True)])
        ),
        [*match_xz, *match_yz, cp.sum(pairs) == p_xz.sum(), *(r == pairs / nz for r in copies)],
    )

    def primal() -> Array | None:
        if slices[0].value is None:
            return None
        return np.stack([q.value for q in slices], axis=2)

    def duals() -> tuple[Array, Array] | None:
        if match_xz[0].dual_value is None or match_yz[0].dual_value is None:
            return None
        lam = -np.stack([c.dual_value for c in match_xz], axis=1)
        mu = -np.stack([c.dual_value for c in match_yz], axis=1)
        return lam, mu

    return _Model(problem, float(p_xz.sum() * np.log(nz)), primal, duals)


def _round(q: Array, p_xz: Array, p_yz: Array) -> Array:
    """Round q >= 0 to the exact marginals (Altschuler, Weed and Rigollet 2017), for every z."""

    def ratio(wanted: Array, got: Array) -> Array:
        out: Array = np.divide(wanted, got, out=np.zeros_like(got), where=got > 0.0)
        return np.minimum(out, 1.0)

    q = q * ratio(p_xz, q.sum(axis=1))[:, None, :]
    q = q * ratio(p_yz, q.sum(axis=0))[None, :, :]
    missing_x = np.maximum(p_xz - q.sum(axis=1), 0.0)
    missing_y = np.maximum(p_yz - q.sum(axis=0), 0.0)
    mass = missing_x.sum(axis=0)
    # Shares, not the reciprocal of a mass, which may be too large a number.
    share = np.divide(missing_y, mass, out=np.zeros_like(missing_y), where=mass > 0.0)
    out: Array = q + missing_x[:, None, :] * share[None, :, :]
    return out


def _dual_bound(
    p_xz: Array, p_yz: Array, duals: tuple[Array, Array] | None
) -> tuple[float, Array, Array]:
    """Bound F from below by repaired potentials: the solver's, or the closed-form proxy's.

    Subtracting max_y log sum_z exp(lam[x] + mu[y]) from lam[x], and then the like from mu[y], makes
    every constraint hold.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p_z = p_xz.sum(axis=0)
        proxy_lam = np.log(p_xz / p_xz.sum(axis=1, keepdims=True))
        proxy_mu = np.log(p_yz / p_yz.sum(axis=1, keepdims=True) / p_z)
    candidates = [(proxy_lam, proxy_mu)] + ([duals] if duals is not None else [])
    best: tuple[float, Array, Array] | None = None
    for lam, mu in candidates:
        lam = np.where(p_xz > 0, lam, -np.inf)
        mu = np.where(p_yz > 0, mu, -np.inf)
        if not (np.isfinite(lam[p_xz > 0]).all() and np.isfinite(mu[p_yz > 0]).all()):
            continue
        lam = lam - _row_maxima(lam, mu)[:, None]
        mu = mu - _row_maxima(mu, lam)[:, None]
        # Gauge: the largest mu of every target symbol is 0, so every lam is at most 0.
        peak = np.max(mu, axis=0, initial=-np.inf)
        peak = np.where(np.isfinite(peak), peak, 0.0)
        lam = np.where(p_xz > 0, lam + peak, _FLOOR)
        mu = np.where(p_yz > 0, mu - peak, _FLOOR)
        value = float(np.sum(p_xz * lam) + np.sum(p_yz * mu))
        if best is None or value > best[0]:
            best = value, lam, mu
    assert best is not None  # the proxy is always finite on its support
    return best


def _row_maxima(own: Array, other: Array) -> Array:
    """Return max over j of log sum_z exp(own[i, z] + other[j, z]); 0 where a row has no mass.

    Stable for any potentials, a failed solver's too: exp() sees nothing above zero.
    """
    logs = own[:, None, :] + other[None, :, :]
    peak = logs.max(axis=2)
    void = np.isneginf(peak)
    peak = np.where(void, 0.0, peak)
    with np.errstate(divide="ignore"):
        sums = peak + np.log(np.exp(logs - peak[:, :, None]).sum(axis=2))
    worst: Array = np.where(void, -np.inf, sums).max(axis=1)
    return np.where(np.isneginf(worst), 0.0, worst)
