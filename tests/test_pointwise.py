"""pointwise(): averages, definitions, intervals against other solvers, samples."""

from __future__ import annotations

import itertools
import math

import hostile
import numpy as np
import pytest
from families import FAMILIES, LARGE_SHAPES, SHAPES, table
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid import gates
from fastpid._base.quantities import ATOMS, QUANTITIES

tables = st.builds(
    table,
    st.sampled_from(sorted(FAMILIES)),
    st.sampled_from(SHAPES),
    st.integers(0, 2**32 - 1),
)


@pytest.mark.parametrize("family", ["dense", "spiky 0.3", "spiky 0.1", "empirical 500", "soft"])
@pytest.mark.parametrize("shape", [*SHAPES, *LARGE_SHAPES])
def test_averages_are_the_atoms_on_random_tables(family: str, shape: tuple[int, int, int]) -> None:
    for unit in ("bits", "nats"):
        result = fastpid.pointwise(table(family, shape, 5), unit=unit, on_failure="ignore")
        d = result.decomposition
        for name in QUANTITIES:
            assert abs(result.average(name) - getattr(d, name)) <= 1e-10 + d.gap


@given(p=tables)
@settings(max_examples=150, deadline=None)
def test_averages_differ_by_the_slack_alone(p: np.ndarray) -> None:
    result = fastpid.pointwise(p)
    d = result.decomposition
    for name in ("mi_x", "mi_y", "mi_xy"):
        assert result.average(name) == pytest.approx(getattr(d, name), abs=1e-12)
    for name, sign in (("redundancy", 1), ("unique_x", -1), ("unique_y", -1), ("synergy", 1)):
        off = result.average(name) - getattr(d, name)
        assert off == pytest.approx(sign * result.slack, abs=1e-12)
    assert 0.5 * d.gap - 1e-12 <= result.slack
    assert result.slack <= 1e-10 + 0.5 * d.gap + 1e-12


@given(p=tables)
@settings(max_examples=60, deadline=None)
def test_cells_add_up_as_atoms_do(p: np.ndarray) -> None:
    result = fastpid.pointwise(p)
    seen = p > 0.0
    for name in QUANTITIES:
        assert np.isnan(getattr(result, name)[~seen]).all()
        assert np.isfinite(getattr(result, name)[seen]).all()
    r, x, y, s = (getattr(result, name)[seen] for name in ATOMS)
    scale = 1e-12 * (1.0 + abs(r) + abs(x) + abs(y) + abs(s))
    assert (abs(r + x - result.mi_x[seen]) <= scale).all()
    assert (abs(r + y - result.mi_y[seen]) <= scale).all()
    assert (abs(r + x + y + s - result.mi_xy[seen]) <= scale).all()


def test_mutual_informations_are_their_definitions() -> None:
    p = table("empirical 20", (3, 4, 3), 0)
    result = fastpid.pointwise(p)
    for x, y, z in itertools.product(range(3), range(4), range(3)):
        if p[x, y, z] == 0.0:
            continue
        p_z = math.fsum(p[:, :, z].ravel())
        for name, posterior in (
            ("mi_x", math.fsum(p[x, :, z]) / math.fsum(p[x].ravel())),
            ("mi_y", math.fsum(p[:, y, z]) / math.fsum(p[:, y].ravel())),
            ("mi_xy", p[x, y, z] / math.fsum(p[x, y])),
        ):
            value = getattr(result, name)[x, y, z]
            assert value == pytest.approx(math.log2(posterior / p_z), abs=1e-13)


def test_known_gates() -> None:
    xor = fastpid.pointwise(gates.xor())
    seen = gates.xor() > 0.0
    np.testing.assert_allclose(xor.synergy[seen], 1.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(xor.redundancy[seen], 0.0, rtol=0, atol=1e-12)
    # x = y = z: every cell is redundant, and as surprising as its symbol.
    p = np.zeros((2, 2, 2))
    p[0, 0, 0], p[1, 1, 1] = 0.25, 0.75
    same = fastpid.pointwise(p)
    assert same.redundancy[0, 0, 0] == pytest.approx(2.0)
    assert same.redundancy[1, 1, 1] == pytest.approx(-math.log2(0.75))


@pytest.mark.parametrize("family", sorted(hostile.FAMILIES))
def test_batches_are_singles_and_hostile_tables_are_fine(family: str) -> None:
    rng = np.random.default_rng(3)
    for shape in ((3, 4, 4), (4, 5, 2), (2, 2, 33)):
        p = hostile.FAMILIES[family](rng, shape, 4).reshape(2, 2, *shape)
        batch = fastpid.pointwise(p, on_failure="ignore")
        assert batch.shape == (2, 2)
        for i, row in enumerate(batch):
            for j, one in enumerate(row):
                assert one == fastpid.pointwise(p[i, j], on_failure="ignore", threads=1)
                low, high = one.interval("union_information")
                seen = p[i, j] > 0.0
                value = one.union_information[seen]
                assert (low[seen] <= value + 1e-9 * (1.0 + abs(value))).all()
                assert (value <= high[seen] + 1e-9 * (1.0 + abs(value))).all()
        assert np.array_equal(batch.average("synergy")[1, 0], batch[1, 0].average("synergy"))


# Intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["dense", "spiky 0.3", "spiky 0.1", "empirical 20", "soft"])
@pytest.mark.parametrize("shape", [(2, 2, 3), (3, 3, 3), (4, 6, 3), (5, 4, 8)])
def test_what_better_solves_find_lies_in_the_intervals(
    family: str, shape: tuple[int, int, int]
) -> None:
    p = table(family, shape, 2)
    seen = p > 0.0
    best = fastpid.pointwise(p, tol=1e-13, on_failure="ignore")
    widths = []
    for method, tol in (("proxy", 1e-9), ("gradient", 1e-3), ("newton", 1e-3), ("newton", 1e-10)):
        result = fastpid.pointwise(p, method=method, tol=tol, on_failure="ignore")
        for atom in ATOMS:
            low, high = result.interval(atom)
            value = getattr(best, atom)
            assert (low <= value + 1e-9)[seen].all()
            assert (value <= high + 1e-9)[seen].all()
            assert np.isnan(low[~seen]).all()
        widths.append(np.median((high - low)[seen]))
    assert widths[-1] < 1e-2  # and they say something
    assert widths[-1] < 0.1 * widths[-2] or widths[-1] < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_no_potentials_as_good_lie_outside(seed: int) -> None:
    """The extremes of every cell over all such potentials, as convex programmes."""
    cp = pytest.importorskip("cvxpy")
    p = table("spiky 0.3", (2, 3, 2), seed)
    a, b = p.sum(axis=1), p.sum(axis=0)
    result = fastpid.pointwise(p, method="newton", tol=1e-2, unit="nats", on_failure="ignore")
    lam, mu = result.decomposition.potentials
    least = float((a * lam).sum() + (b * mu).sum())
    low, high = result.interval("union_information")
    h = -np.log(np.where(p.sum(axis=(0, 1)) > 0, p.sum(axis=(0, 1)), 1.0))
    u, v = cp.Variable(a.shape), cp.Variable(b.shape)
    feasible = [cp.log_sum_exp(u[x] + v[y]) <= 0 for x in range(2) for y in range(3)]
    feasible += [cp.sum(cp.multiply(a, u)) + cp.sum(cp.multiply(b, v)) >= least]
    cells = np.argwhere(p > 1e-3)
    for x, y, z in cells[:4]:
        for sense, end in ((cp.Maximize, high), (cp.Minimize, low)):
            problem = cp.Problem(sense(u[x, z] + v[y, z]), feasible)
            problem.solve(solver="CLARABEL")
            assert problem.status in ("optimal", "optimal_inaccurate")
            extreme = problem.value + h[z]
            outside = extreme - end[x, y, z] if sense is cp.Maximize else end[x, y, z] - extreme
            assert outside <= 1e-5


def test_intervals_where_the_optimum_is_sparse() -> None:
    """Optimal couplings of an exclusive or may leave out half of the pairs that the table has."""
    p = gates.xor()
    for epsilon in (0.0, 1e-6, 1e-3):
        q = (1.0 - epsilon) * p
        q[0, 0, 0] += epsilon
        result = fastpid.pointwise(q)
        seen = q > 0.0
        low, high = result.interval("synergy")
        assert (high - low)[seen].max() < 2.0 * np.sqrt(epsilon) + 1e-4


def test_intervals_are_open_where_nothing_connects() -> None:
    """z = x = y but for one light cell, between two parts of the optimum's support.

    There lam and mu of either part may move against each other, as far as the cell's mass, which
    counts for next to nothing, and the constraint of its own pair allow.
    """
    p = np.zeros((2, 2, 3))
    p[0, 0, 0] = p[1, 1, 1] = 0.499
    p[0, 1, 2] = 0.002
    result = fastpid.pointwise(p)
    low, high = result.interval("union_information")
    assert (high - low)[0, 0, 0] < 1e-3
    assert np.isfinite(low[p > 0.0]).all()


def test_intervals_of_chains() -> None:
    """A pair without mass gets lam[0] + mu[0] = (lam[0] + mu[1]) - (lam[1] + mu[1]) + ..."""
    from fastpid._pointwise._intervals import _tightest

    low = np.array([[-np.inf, -1.0, -np.inf], [-2.0, -3.0, -np.inf]])
    high = np.array([[np.inf, -0.9, np.inf], [-1.8, -2.7, np.inf]])
    tight_low, tight_high = _tightest(low, high)
    assert tight_low[0, 0] == pytest.approx(-1.0 + 2.7 - 2.0)
    assert tight_high[0, 0] == pytest.approx(-0.9 + 3.0 - 1.8)
    assert (tight_low[:, 2] == -np.inf).all()
    assert (tight_high[:, 2] == np.inf).all()


# Samples -------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
X = RNG.normal(size=600)
Y = RNG.choice(["a", "b", "c"], 600)
Z = np.where((X > 0) ^ (Y == "b"), "high", "low")


def test_an_estimate_has_a_row_for_every_sample() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"number": X, "letter": Y, "label": Z})
    e = fastpid.estimate(
        *("number", "letter", "label"),
        data=frame,
        bins={"number": 4},
        n_bootstrap=0,
        n_permutations=0,
        ci="none",
        rng=0,
    )
    result = e.pointwise()
    assert result.decomposition == e.decomposition
    rows = result.of("number", "letter", "label", data=frame)
    assert len(rows) == len(frame)
    for atom in ATOMS:
        plug_in = getattr(e.decomposition, atom)
        assert rows[atom].mean() == pytest.approx(plug_in, abs=1e-9)
    assert rows.equals(result.of(X, Y, Z))
    cells = result.to_frame()
    assert list(cells.index.names) == ["number", "letter", "label"]
    assert cells["p"].sum() == pytest.approx(1.0)
    assert (cells["p"] * cells["synergy"]).sum() == pytest.approx(result.average("synergy"))
    one = rows.iloc[0]
    code = np.flatnonzero([lo <= X[0] < hi for lo, hi in e.table.labels[0]])[0]
    assert cells.loc[(repr(e.table.labels[0][code]), Y[0], Z[0])]["synergy"] == one["synergy"]
    best = result.top("synergy", 3)
    assert best["synergy"].tolist() == sorted(cells["synergy"])[:-4:-1]
    assert (best["low"] <= best["synergy"] + 1e-9).all()
    assert (best["synergy"] <= best["high"] + 1e-9).all()


def test_samples_of_arrays_missing_values_and_unseen_cells() -> None:
    pytest.importorskip("pandas")
    result = fastpid.pointwise(gates.and_())
    x, y = np.array([0, 1, 1]), np.array([1, 1, 0])
    rows = result.of(x, y, x & y)
    assert rows["synergy"].tolist() == result.synergy[x, y, x & y].tolist()
    assert result.of([0], [0], [1]).isna().to_numpy()[0, 1:].all()  # seen by nobody
    table = fastpid.joint.from_samples(
        ["a", None, "b", "a"], [0, 1, 1, 0], [0, 1, 0, 1], missing="category"
    )
    assert np.isfinite(fastpid.pointwise(table).of([None], [1], [1])["redundancy"][0])
    for samples, text in (
        (([0, 2], [0, 1], [0, 0]), r"x has 1 values of unseen categories .*the first 2"),
        (([0, 1], [0], [0, 0]), "the columns differ in length"),
        (([0, None], [0, 1], [0, 0]), "missing values in 1 of 2 rows"),
    ):
        with pytest.raises(ValueError, match=text):
            result.of(*samples)
    with pytest.raises(ValueError, match="index it first"):
        fastpid.pointwise(np.full((2, 2, 2, 2), 0.125)).of([0], [0], [0])
    with pytest.raises(TypeError, match="x is the string 'x'"):
        result.of("x", [0], [0])


def test_predictions_have_cells_too() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), (2, 400))
    z = rng.integers(0, 3, 400)
    e = fastpid.estimate_predictions(*probabilities, z, n_bootstrap=0, n_permutations=0, ci="none")
    result = e.pointwise()
    assert result.average("unique_x") == pytest.approx(e.decomposition.unique_x, abs=1e-9)


# The result ----------------------------------------------------------------------------------


def test_the_result_prints_compares_and_is_indexed() -> None:
    p = np.stack([table("dense", (2, 3, 2), seed) for seed in range(3)])
    batch, one = fastpid.pointwise(p), fastpid.pointwise(p[1])
    assert "PointwiseDecomposition of 2 x 3 x 2, 12 cells with mass (bits)" in repr(one)
    assert "averages are the atoms to" in repr(one)
    assert "a batch of shape (3,) of 2 x 3 x 2" in repr(batch)
    assert "&lt;" not in one._repr_html_()
    assert len(batch) == 3
    assert bool(one)
    assert batch[1] == one
    assert list(batch) == [batch[0], batch[1], batch[2]]
    assert batch[1:].shape == (2,)
    assert batch != one
    for call in (lambda: len(one), lambda: one[0], lambda: iter(one)):
        with pytest.raises(TypeError, match="one table"):
            call()
    pytest.importorskip("pandas")
    frame = batch.to_frame()
    assert list(frame.index.names) == ["batch_0", "x", "y", "z"]
    assert frame.loc[(1, 0, 2, 1)]["synergy"] == one.synergy[0, 2, 1]


def test_normalisation_and_invalid_tables() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (3, 3, 2))
    of_counts = fastpid.pointwise(counts, normalize=True)
    of_shares = fastpid.pointwise(counts / counts.sum())
    np.testing.assert_allclose(of_counts.synergy, of_shares.synergy, rtol=0, atol=1e-4)
    assert of_counts.p.sum() == pytest.approx(1.0)
    assert of_counts.average("mi_xy") == pytest.approx(of_counts.decomposition.mi_xy, abs=1e-12)
    broken = np.stack([gates.and_(), -gates.and_(), np.full((2, 2, 2), np.nan)])
    with pytest.warns(fastpid.ConvergenceWarning, match=r"p\[1"):
        batch = fastpid.pointwise(broken)
    assert batch[0] == fastpid.pointwise(gates.and_())
    assert np.isnan(batch.synergy[1:]).all()
    assert np.isnan(batch.average("synergy")[1:]).all()
    assert np.isnan(batch.interval("synergy")[0][1:]).all()
    assert "averages" in repr(batch)


def test_bad_calls() -> None:
    with pytest.raises(ValueError, match=r"p sums to 0.8, not to 1"):
        fastpid.pointwise(np.full((2, 2, 2), 0.1))
    with pytest.raises(ValueError, match="p must have at least 3 axes"):
        fastpid.pointwise(np.full((2, 2), 0.25))
    with pytest.raises(fastpid.ConvergenceError):
        fastpid.pointwise(
            table("dense", (4, 4, 4), 0), method="newton", max_iter=1, on_failure="raise"
        )
    result = fastpid.pointwise(gates.and_())
    with pytest.raises(ValueError, match="name must be one of"):
        result.interval("mi_x")
    with pytest.raises(ValueError, match="name must be one of"):
        result.average("gap")
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"pointwise.. takes arrays"):
        fastpid.pointwise(torch.full((2, 2, 2), 0.125))
