"""decompose_marginals(): the marginals are all that decompose() needs, but for I(X, Y; Z)."""

from __future__ import annotations

import subprocess
import sys

import hostile
import numpy as np
import pytest
from certificate import check_potentials
from families import FAMILIES, LARGE_SHAPES, SHAPES, table
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid import ConvergenceError, ConvergenceWarning, Status
from fastpid.information import mutual_information

METHODS = ("auto", "proxy", "gradient", "newton")
tables = st.builds(
    table,
    st.sampled_from(sorted(FAMILIES)),
    st.sampled_from(SHAPES),
    st.integers(0, 2**32 - 1),
)


def marginals(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return p.sum(axis=-2), p.sum(axis=-3)


def kernels_marginals(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums that the kernel makes of a table or a batch of them, bit for bit."""
    solution = fastpid.decompose(p, method="proxy", on_failure="ignore")._solution
    batch = p.shape[:-3]
    return tuple(m.reshape(batch + m.shape[1:]) for m in (solution._p_xz, solution._p_yz))


def same_bits(left: object, right: object) -> bool:
    return np.asarray(left).tobytes() == np.asarray(right).tobytes()


def check_same(d: fastpid.Decomposition, e: fastpid.Decomposition) -> bool:
    """Compare a table's answer with its marginals', bit for bit; return whether mi_xy was no help.

    Only I(X, Y; Z) may make the table's bracket the narrower one.
    """
    assert same_bits(d.mi_x, e.mi_x)
    assert same_bits(d.mi_y, e.mi_y)
    assert np.isnan(e.mi_xy)
    assert np.isnan(e.synergy)
    if e.upper > d.mi_xy:
        assert d.upper <= d.mi_xy
        return False
    for name in ("lower", "upper", "redundancy", "unique_x", "unique_y", "iterations"):
        assert same_bits(getattr(d, name), getattr(e, name)), name
    assert (d.status, d.method) == (e.status, e.method)
    assert all(map(same_bits, d.potentials, e.potentials))
    assert same_bits(d.coupling(), e.coupling())
    return True


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_bits_of_decompose(family: str, method: str) -> None:
    options = {"method": method, "max_iter": 60, "on_failure": "ignore"}
    unhelped = 0
    for shape in (*SHAPES, *LARGE_SHAPES[:2]):
        p = table(family, shape, 1)
        d = fastpid.decompose(p, **options)
        e = fastpid.decompose_marginals(*kernels_marginals(p), **options)
        unhelped += check_same(d, e)
    assert unhelped > 0


def test_the_bits_of_decompose_for_counts_and_for_the_exact_method() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, (4, 5, 3))
    d = fastpid.decompose(counts, normalize=True)
    assert check_same(d, fastpid.decompose_marginals(*marginals(counts), normalize=True))
    p = table("dense", (6, 5, 2), 0)
    d = fastpid.decompose(p, method="exact")
    assert check_same(d, fastpid.decompose_marginals(*kernels_marginals(p), method="exact"))


@given(p=tables)
@settings(max_examples=150, deadline=None)
def test_marginals_summed_by_numpy(p: np.ndarray) -> None:
    """Rounding in the sums is no difference in p(z): nothing is rescaled for it."""
    a, b = marginals(p)
    d = fastpid.decompose(p)
    e = fastpid.decompose_marginals(a, b, mi_xy=d.mi_xy)
    assert e.lower <= d.upper + 1e-12
    assert d.lower <= e.upper + 1e-12
    for name in ("redundancy", "unique_x", "unique_y", "synergy"):
        assert getattr(e, name) == pytest.approx(getattr(d, name), abs=1e-9 + 1e-12)
    assert e.mi_xy == pytest.approx(d.mi_xy, abs=1e-15)
    assert same_bits(e._solution._p_xz[0], a)
    assert same_bits(e._solution._p_yz[0], b)
    check_potentials(p, e)


def test_any_table_with_these_marginals_has_the_same_union_information() -> None:
    """The reference solver sees the coupling that is independent given the target."""
    pytest.importorskip("cvxpy")
    for seed in range(5):
        a, b = marginals(table("spiky 0.3", (3, 4, 3), seed))
        p_z = np.where(a.sum(axis=0) > 0, a.sum(axis=0), 1.0)
        independent = a[:, None, :] * b[None, :, :] / p_z
        expected = fastpid.reference.cvx_pid(independent / independent.sum())
        d = fastpid.decompose_marginals(a, b)
        for name in ("redundancy", "unique_x", "unique_y"):
            assert getattr(d, name) == pytest.approx(getattr(expected, name), abs=1e-6)


def test_the_coupling_has_the_marginals_and_the_information() -> None:
    a, b = marginals(table("dense", (5, 4, 6), 3))
    d = fastpid.decompose_marginals(a, b)
    q = d.coupling()
    assert q.shape == (5, 4, 6)
    assert q.min() >= 0.0
    np.testing.assert_allclose(q.sum(axis=1), a, rtol=0, atol=1e-14)
    np.testing.assert_allclose(q.sum(axis=0), b, rtol=0, atol=1e-14)
    assert mutual_information(q.reshape(20, 6)) <= d.upper + 1e-10


# Batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", sorted(hostile.FAMILIES))
def test_batches_are_singles_whatever_the_threads(family: str) -> None:
    rng = np.random.default_rng(7)
    for shape in ((3, 4, 4), (4, 5, 2), (3, 3, 17)):
        a, b = kernels_marginals(hostile.FAMILIES[family](rng, shape, 6))
        options = {"on_failure": "ignore", "max_iter": 60}
        batch = fastpid.decompose_marginals(a, b, **options)
        other = fastpid.decompose_marginals(a, b, threads=3, **options)
        assert batch == other
        for i, one in enumerate(batch):
            assert one == fastpid.decompose_marginals(a[i], b[i], threads=1, **options)


def test_threads_within_a_large_problem_change_no_bits() -> None:
    rng = np.random.default_rng(2)
    p_z = rng.dirichlet(np.ones(200))
    a = rng.dirichlet(np.full(40, 0.3), 200).T * p_z
    b = rng.dirichlet(np.full(30, 0.3), 200).T * p_z
    one, two = (fastpid.decompose_marginals(a, b, tol=1e-4, threads=n) for n in (1, 2))
    assert one == two
    assert one.converged
    assert all(map(same_bits, one.potentials, two.potentials))


def test_leading_axes_are_broadcast() -> None:
    rng = np.random.default_rng(3)
    p_z = np.array([0.2, 0.3, 0.5])
    a = rng.dirichlet(np.ones(2), 3).T * p_z
    b = np.stack([rng.dirichlet(np.ones(4), 3).T * p_z for _ in range(6)]).reshape(2, 3, 4, 3)
    d = fastpid.decompose_marginals(a, b, mi_xy=2.0)
    assert d.shape == (2, 3)
    assert d[1, 2] == fastpid.decompose_marginals(a, b[1, 2], mi_xy=2.0)
    assert d.coupling().shape == (2, 3, 2, 4, 3)
    assert [part.shape for part in d.potentials] == [(2, 3, 2, 3), (2, 3, 4, 3)]


def test_nothing_of_the_size_of_the_table_is_formed() -> None:
    """300 x 300 x 1,000: marginals of 5 MB, a table of 690."""
    pytest.importorskip("resource")
    program = """
import resource
import numpy as np
import fastpid
rng = np.random.default_rng(0)
p_z = rng.dirichlet(np.ones(1000))
a, b = (np.ascontiguousarray(rng.dirichlet(np.full(300, 0.1), 1000).T * p_z) for _ in "xy")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
d = fastpid.decompose_marginals(a, b, tol=0.05, threads=2)
d.potentials
assert d.converged
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 200.0


# I(X, Y; Z) from elsewhere -------------------------------------------------------------------


def test_mi_xy_gives_the_synergy_and_nothing_else() -> None:
    p = table("dense", (2, 2, 2), 1)
    a, b = marginals(p)
    for unit in ("bits", "nats"):
        total = fastpid.decompose(p, unit=unit).mi_xy
        without = fastpid.decompose_marginals(a, b, method="proxy", unit=unit, on_failure="ignore")
        d = fastpid.decompose_marginals(
            a, b, mi_xy=total, method="proxy", unit=unit, on_failure="ignore"
        )
        assert d.mi_xy == pytest.approx(total, abs=1e-15)
        assert d.synergy == pytest.approx(total - d.union_information, abs=1e-15)
        for name in ("lower", "upper", "redundancy", "unique_x", "unique_y"):
            assert same_bits(getattr(d, name), getattr(without, name))
        assert d.upper > d.mi_xy  # it would have narrowed the bracket


def test_mi_xy_of_a_batch_and_its_errors() -> None:
    p = np.stack([table("dense", (3, 3, 2), seed) for seed in range(4)]).reshape(2, 2, 3, 3, 2)
    a, b = marginals(p)
    d = fastpid.decompose(p)
    e = fastpid.decompose_marginals(a, b, mi_xy=d.mi_xy)
    np.testing.assert_allclose(e.synergy, d.synergy, rtol=0, atol=1e-9)
    assert fastpid.decompose_marginals(a, b, mi_xy=np.float32(0.9)).mi_xy[1, 1] == np.float32(0.9)
    low = d.mi_xy.copy()
    low[1, 0] = d.lower[1, 0] - 2e-6
    text = rf"mi_xy\[1, 0\] = {low[1, 0]:.6f}.* bits is below the union information, .*at least 0"
    with pytest.raises(ValueError, match=text):
        fastpid.decompose_marginals(a, b, mi_xy=low)
    low[1, 0] = d.lower[1, 0] - 0.5e-6
    assert fastpid.decompose_marginals(a, b, mi_xy=low).synergy[1, 0] < 0.0  # and nothing clipped
    for bad, text in (
        (np.nan, "mi_xy=None says that it is not known"),
        (np.inf, "is no information"),
        (-0.1, "is negative"),
        (np.zeros(3), r"mi_xy has shape \(3,\), and the batch of marginals \(2, 2\)"),
        (np.zeros((5, 2, 2)), "one for every entry of the batch"),
    ):
        with pytest.raises(ValueError, match=text):
            fastpid.decompose_marginals(a, b, mi_xy=bad)
    with pytest.raises(TypeError, match="mi_xy must be a real-valued array"):
        fastpid.decompose_marginals(a, b, mi_xy="1")


def test_what_is_not_known_is_said_and_drawn() -> None:
    a, b = marginals(fastpid.gates.and_())
    d = fastpid.decompose_marginals(a, b)
    assert "I(X,Y;Z), and with it the synergy, is not known: pass mi_xy" in repr(d)
    assert "is not known" in d._repr_html_()
    known = fastpid.decompose_marginals(a, b, mi_xy=0.9)
    assert "not known" not in repr(known)
    pytest.importorskip("matplotlib")
    for kind in ("stacked", "dots"):
        axes = d.plot(kind=kind)
        assert np.isfinite(axes.get_ylim()).all()
        axes.figure.canvas.draw()


# What is refused -----------------------------------------------------------------------------

GOOD = marginals(table("dense", (3, 4, 3), 0))


def changed(which: int, index: tuple[int, ...], value: float) -> tuple[np.ndarray, np.ndarray]:
    pair = tuple(m.copy() for m in GOOD)
    pair[which][index] = value
    return pair


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        ((GOOD[0][0], GOOD[1]), r"p_xz must have at least 2 axes \(\.\.\., nx, nz\)"),
        ((GOOD[0], GOOD[1][0]), r"p_yz must have at least 2 axes \(\.\.\., ny, nz\)"),
        ((np.zeros((2, 0)), GOOD[1]), r"p_xz has an empty axis: axis 1 of shape \(2, 0\)"),
        ((GOOD[0], np.zeros((0, 4, 3))), r"p_yz has an empty axis: .*batch is empty"),
        ((GOOD[0][:, :2], GOOD[1]), "p_xz has 2 target symbols and p_yz has 3"),
        (
            (np.stack([GOOD[0]] * 2), np.stack([GOOD[1]] * 3)),
            r"p_xz is a batch of shape \(2,\) and p_yz one of shape \(3,\)",
        ),
        (changed(0, (1, 2), np.nan), r"p_xz\[1, 2\] is NaN"),
        (changed(1, (3, 0), np.inf), r"p_yz\[3, 0\] is inf"),
        (changed(1, (3, 0), -1e-9), r"p_yz\[3, 0\] = -1e-09 is negative"),
        ((GOOD[0] * 1.1, GOOD[1]), "p_xz sums to 1.1, not to 1"),
        ((GOOD[0], GOOD[1] * 2), "p_yz sums to 2, not to 1 .*normalize=True"),
        ((GOOD[0], np.zeros((2, 3))), "p_yz is zero everywhere"),
        ([[[0.5, 0.5]], [[0.5], [0.5, 0.1]]], "p_yz is ragged"),
    ],
)
def test_bad_pairs(pair: tuple[object, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        fastpid.decompose_marginals(*pair)


def test_different_targets_are_refused_with_the_largest_difference() -> None:
    a, b = (m.copy() for m in GOOD)
    a[0] += [3e-6, -1e-6, -2e-6]
    with pytest.raises(
        ValueError, match=r"p_xz has p\(z=0\) = .* but p_yz has .*differ by 3e-06 there"
    ):
        fastpid.decompose_marginals(a, b)
    with pytest.raises(ValueError, match="differ by"):  # of the shares, where both are divided
        fastpid.decompose_marginals(300 * a, 20 * b, normalize=True)
    pairs = np.stack([GOOD[0], a, GOOD[0]]), np.stack([b, b, b])
    with pytest.warns(ConvergenceWarning, match=r"p_xz\[1\] has p\(z=0\).*\[1 of 3 tables are inv"):
        d = fastpid.decompose_marginals(*pairs, mi_xy=[1.0, np.nan, 1.0])
    assert d.status.tolist() == ["converged", "invalid", "converged"]
    assert np.isnan(d.redundancy[1])
    assert np.isnan(d.mi_xy[1])
    with pytest.raises(ValueError, match="differ by"):
        fastpid.decompose_marginals(*pairs, on_failure="raise")


def test_almost_the_same_target_is_made_the_same() -> None:
    """A result between those of either p(z), and the same whichever source comes first."""
    p = table("dense", (3, 4, 3), 0)
    a, b = (m.astype(np.float32) for m in marginals(p))
    d = fastpid.decompose_marginals(a, b)
    e = fastpid.decompose_marginals(b, a)
    assert d.converged
    assert d.union_information == pytest.approx(fastpid.decompose(p).union_information, abs=1e-6)
    assert d.union_information == pytest.approx(e.union_information, abs=1e-9)
    q = d.coupling()
    np.testing.assert_allclose(q.sum(axis=1), a, rtol=1e-6)
    np.testing.assert_allclose(q.sum(axis=0), b, rtol=1e-6)
    p_xz, p_yz = d._solution._p_xz[0], d._solution._p_yz[0]
    np.testing.assert_allclose(p_xz.sum(axis=0), p_yz.sum(axis=0), rtol=1e-14)


def test_bad_types_and_what_tables_are_told() -> None:
    a, b = GOOD
    for pair in ((a + 0j, b), (a, b + 0j)):
        with pytest.raises(TypeError, match="must be real; got complex"):
            fastpid.decompose_marginals(*pair)
    with pytest.raises(ValueError, match=r'method="exact" needs .* has 3 target symbols'):
        fastpid.decompose_marginals(a, b, method="exact")
    with pytest.raises(ConvergenceError, match="the table: stopped at the iteration limit") as info:
        fastpid.decompose_marginals(a, b, method="newton", max_iter=1, on_failure="raise")
    assert info.value.result.status == Status.MAX_ITERATIONS
    with pytest.warns(ConvergenceWarning) as warned:
        fastpid.decompose_marginals(a, b, method="newton", max_iter=1)
    assert warned[0].filename == __file__
