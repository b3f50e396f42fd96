"""The CVXPY reference: its raw optimum, its certificate, its honesty, its independence."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys

import numpy as np
import pytest
from certificate import check_coupling, check_potentials
from families import FAMILIES, table

import fastpid
from fastpid import gates
from fastpid.reference import cvx_pid
from fastpid.reference._certificate import dual_bound
from fastpid.result import ATOMS

cp = pytest.importorskip("cvxpy")

LN2 = np.log(2.0)


def needs(solver: str) -> object:
    missing = solver not in cp.installed_solvers()
    return pytest.param(solver, marks=pytest.mark.skipif(missing, reason=f"no {solver}"))


def check_certificate(p: np.ndarray, d: fastpid.Decomposition) -> None:
    """Check the bracket from what is behind it, in bits."""
    assert d.lower <= d.upper
    assert d.gap == pytest.approx(d.upper - d.lower, abs=1e-15)
    assert d.upper <= check_coupling(p, d) + 1e-12
    check_potentials(p, d)
    inequalities = max(d.mi_x, d.mi_y), min(d.mi_x + d.mi_y, d.mi_xy)
    assert inequalities[0] - 1e-12 <= d.lower
    assert d.upper <= inequalities[1] + 1e-12


@pytest.mark.parametrize("name", gates.GATES)
def test_gates_have_their_known_atoms(name: str) -> None:
    gate = gates.GATES[name]
    d = cvx_pid(gate.table())
    assert d.status is fastpid.Status.CONVERGED
    for atom in ATOMS:
        assert getattr(d, atom) == pytest.approx(getattr(gate, atom), abs=1e-6)
    check_certificate(gate.table(), d)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(3, 3, 3), (4, 2, 5)], ids=str)
def test_agrees_with_the_kernel_on_every_family(family: str, shape: tuple[int, int, int]) -> None:
    p = table(family, shape, 5)
    d, e = cvx_pid(p), fastpid.decompose(p)
    check_certificate(p, d)
    assert d.lower <= e.upper + 1e-12
    assert e.lower <= d.upper + 1e-12
    if d.converged:
        # The solver's tolerance is on the conic problem: the optimum may be off by some of them.
        assert d.union_information == pytest.approx(e.union_information, abs=2e-6)
        assert d.gap <= 2e-6


def test_most_families_do_converge() -> None:
    """Without this, a reference that always fails would pass the test above."""
    p = np.stack([table(family, (3, 3, 3), 5) for family in FAMILIES])
    d = cvx_pid(p)
    assert np.isfinite(d.union_information).all()
    assert d.converged.mean() > 0.8


@pytest.mark.parametrize("solver", [needs("CLARABEL"), needs("SCS"), needs("ECOS")])
@pytest.mark.parametrize("formulation", ["compact", "published"])
def test_every_solver_and_formulation(solver: str, formulation: str) -> None:
    p = table("dense", (3, 4, 3), 1)
    d = cvx_pid(p, solver=solver, formulation=formulation)
    assert d.converged
    assert d.details["solver"] == solver
    assert d.details["formulation"] == formulation
    assert d.details["solver_status"] == "optimal"
    assert d.details["solve_time"] > 0.0
    assert d.iterations > 0
    loose = solver == "SCS" and formulation == "published"
    error = 1e-3 if loose else 1e-6
    assert d.union_information == pytest.approx(cvx_pid(p).union_information, abs=error)
    assert d.gap <= error
    check_certificate(p, d)


def test_an_optimum_with_q_below_zero_by_rounding_is_not_lost() -> None:
    """Solvers leave a q of -1e-10, where the relative entropy is infinite."""
    for seed in range(10):
        d = cvx_pid(gates.random_dense((3, 3, 3), rng=seed))
        assert d.converged
        assert np.isfinite(d.union_information)
        assert d.gap <= 1e-6


def test_copy_with_100_target_symbols() -> None:
    p = gates.copy(10, 10)
    d = cvx_pid(p)
    assert d.converged
    assert d.union_information == pytest.approx(np.log2(100), abs=1e-6)
    assert d.unique_x == pytest.approx(np.log2(10), abs=1e-6)
    assert d.details["solve_time"] < 5.0
    check_certificate(p, d)


@pytest.mark.parametrize("formulation", ["compact", "published"])
def test_zero_symbols_change_nothing(formulation: str) -> None:
    p = table("dense", (3, 2, 3), 2)
    padded = np.pad(p, ((1, 0), (0, 2), (1, 1)))
    d, e = (cvx_pid(t, formulation=formulation) for t in (p, padded))
    assert e.union_information == pytest.approx(d.union_information, abs=2e-6)
    check_certificate(padded, e)
    q = e.coupling()
    assert q.shape == padded.shape
    assert q[0].sum() == q[:, 2:].sum() == q[:, :, [0, 4]].sum() == 0.0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 3), (3, 1, 2), (3, 2, 1)], ids=str)
def test_single_symbols(shape: tuple[int, int, int]) -> None:
    p = table("dense", shape, 0)
    d = cvx_pid(p)
    assert d.synergy == pytest.approx(0.0, abs=1e-6)
    check_certificate(p, d)


def test_a_mass_of_one_to_single_precision() -> None:
    for mass in (1.0 - 5e-7, 1.0 + 5e-7):
        d, e = cvx_pid(gates.xor() * mass), fastpid.decompose(gates.xor() * mass)
        assert d.mi_xy == pytest.approx(e.mi_xy, abs=1e-12)
        assert d.union_information == pytest.approx(e.union_information, abs=1e-7)
        assert d.lower <= d.upper
        assert d.gap <= 1e-7


def test_batch_is_singles() -> None:
    p = np.stack([table("dense", (2, 3, 3), seed) for seed in range(4)]).reshape(2, 2, 2, 3, 3)
    d = cvx_pid(p)
    assert d.shape == d.status.shape == d.iterations.shape == (2, 2)
    assert d.coupling().shape == p.shape
    assert [part.shape for part in d.potentials] == [(2, 2, 2, 3), (2, 2, 3, 3)]
    for index in np.ndindex(2, 2):
        single = cvx_pid(p[index])
        assert d.union_information[index] == single.union_information
        assert d.gap[index] == single.gap
        np.testing.assert_array_equal(d.coupling()[index], single.coupling())
    json.dumps(d.to_dict())
    json.dumps(single.to_dict())


def test_units() -> None:
    p = table("dense", (3, 3, 3), 0)
    bits, nats = cvx_pid(p), cvx_pid(p, unit="nats")
    for name in (*ATOMS, "mi_x", "mi_y", "mi_xy", "lower", "upper"):
        assert getattr(nats, name) == pytest.approx(getattr(bits, name) * LN2, abs=1e-13)


@pytest.mark.parametrize(
    ("solver", "options"),
    [("CLARABEL", {"max_iter": 2}), ("SCS", {"max_iters": 10})],
)
def test_an_answer_cut_short_says_so_and_is_bracketed_all_the_same(
    solver: str, options: dict[str, int]
) -> None:
    p = table("dense", (3, 3, 3), 0)
    d, e = cvx_pid(p, solver=solver, **options), fastpid.decompose(p)
    assert d.status is fastpid.Status.MAX_ITERATIONS
    assert not d.converged
    assert d.details["solver_status"] != "optimal"
    assert d.lower <= e.upper
    assert e.lower <= d.upper
    # The raw optimum is what the solver had then, and shows how wrong it is.
    assert abs(d.union_information - e.union_information) > 1e-3
    check_certificate(p, d)


def test_a_solver_that_fails_leaves_a_bracket_and_no_optimum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise cp.error.SolverError("it gave up")

    monkeypatch.setattr(cp.Problem, "solve", fail)
    p = table("dense", (3, 3, 3), 0)
    d = cvx_pid(p)
    assert d.status is fastpid.Status.STALLED
    assert "it gave up" in d.details["solver_status"]
    assert np.isnan(d.union_information)
    check_certificate(p, d)
    e = fastpid.decompose(p)
    assert d.lower <= e.union_information <= d.upper


@pytest.mark.parametrize("scale", [1.0, 30.0, 400.0, 1e4])
def test_any_dual_values_are_repaired_to_a_bound(scale: float) -> None:
    p = table("dense", (4, 3, 5), 0)
    p_xz, p_yz = p.sum(axis=1), p.sum(axis=0)
    rng = np.random.default_rng(0)
    duals = scale * rng.normal(size=p_xz.shape), scale * rng.normal(size=p_yz.shape)
    value, lam, mu = dual_bound(p_xz, p_yz, duals)
    assert np.log(np.exp(lam[:, None, :] + mu).sum(axis=2)).max() <= 1e-12
    h_z = -np.sum(p.sum(axis=(0, 1)) * np.log(p.sum(axis=(0, 1))))
    assert (h_z + value) / LN2 <= fastpid.decompose(p).upper + 1e-12


def test_errors_name_the_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    p = gates.xor()
    with pytest.raises(ValueError, match=r"solver must be one of .*CLARABEL.*'GUROBI'"):
        cvx_pid(p, solver="GUROBI")
    with pytest.raises(TypeError, match="solver must be a string"):
        cvx_pid(p, solver=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="formulation must be one of compact, published"):
        cvx_pid(p, formulation="dense")
    with pytest.raises(ValueError, match="unit must be one of"):
        cvx_pid(p, unit="hartleys")
    monkeypatch.setattr(cp, "installed_solvers", lambda: ["CLARABEL"])
    with pytest.raises(ValueError, match=r"solver 'SCS' is not installed"):
        cvx_pid(p, solver="SCS")


def test_a_missing_cvxpy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    with pytest.raises(ImportError, match=r"pip install fastpid\[reference\]"):
        cvx_pid(gates.xor())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda p: p[0], "at least 3 axes"),
        (lambda p: p - 0.1, "is negative"),
        (lambda p: 2.0 * p, "sums to 2"),
        (lambda p: np.where(p > 0, np.nan, 0.0), "is NaN"),
        (lambda p: np.where(p > 0, np.inf, 0.0), "must be finite"),
        (lambda p: np.stack([p, 0.0 * p]), r"p\[1\] is zero everywhere"),
    ],
)
def test_bad_tables(change: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cvx_pid(change(gates.xor()))  # type: ignore[operator]


def test_nothing_compiled_of_ours_is_imported() -> None:
    """Followed through the package's own modules, which may import nothing of it, either."""
    seen: set[str] = set()
    todo = ["fastpid.reference"]
    while todo:
        module = todo.pop()
        seen.add(module)
        for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                assert node.module != "fastpid", "name the submodule"
                names = [node.module or ""]
            todo += [n for n in names if n.startswith("fastpid") and n not in seen]
    assert "fastpid._solve.kernel" not in seen
    assert "fastpid._solve.solve" not in seen
