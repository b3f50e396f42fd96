"""The union information of several sources: bounds, identities, and what it refuses."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from many_tables import FAMILIES, SHAPES, Table, each_source

import fastpid
from fastpid.information import entropy, mutual_information


def check_certificate(p: Table, u: fastpid.UnionInformation) -> None:
    """Recompute both bounds in numpy."""
    n = p.ndim - 1
    each = each_source(p, n)
    exponents: Any = 0.0
    for i, lam in enumerate(u.potentials):
        exponents = exponents + np.expand_dims(lam, [j for j in range(n) if j != i])
    assert np.exp(exponents).sum(axis=-1).max() <= 1.0 + 1e-12
    dual = sum((a * lam).sum() for a, lam in zip(each, u.potentials, strict=True))
    lower = (entropy(each[0].sum(axis=0), unit="nats") + dual) / np.log(2.0)
    # An inequality may have closed the bracket before the solve did.
    assert lower <= u.upper + 1e-12
    assert u.lower == pytest.approx(max(lower, *u.mi), abs=1e-12)
    q = u.coupling()
    assert q.shape == p.shape
    assert q.min() >= 0.0
    for given, kept in zip(each, each_source(q, n), strict=True):
        assert kept == pytest.approx(given, abs=1e-13)
    attained = mutual_information(q.reshape(-1, p.shape[-1]))
    assert attained >= u.lower - 1e-11
    assert min(attained, u.mi.sum()) <= u.upper + 1e-8


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_certificate_holds_on_hostile_tables(family: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(family) + sum(shape))
    for _ in range(4):
        p = FAMILIES[family](rng, shape)
        u = fastpid.union_information(each_source(p, len(shape) - 1), on_failure="raise")
        assert 0.0 <= u.gap <= 1e-9
        assert u.lower >= u.mi.max() - 1e-12
        assert u.upper <= u.mi.sum() + 1e-12
        assert u.upper <= mutual_information(p.reshape(-1, shape[-1])) + 1e-9
        check_certificate(p, u)


@pytest.mark.parametrize("family", ["dense", "spiky", "empirical", "function"])
def test_cvxpy_agrees(family: str) -> None:
    pytest.importorskip("cvxpy")
    rng = np.random.default_rng(3)
    for shape in [(3, 2, 3, 3), (2, 2, 2, 2), (2, 2, 2, 2, 3)]:
        each = each_source(FAMILIES[family](rng, shape), len(shape) - 1)
        u = fastpid.union_information(each)
        assert fastpid.reference.cvx_union_information(each) == pytest.approx(u.value, abs=2e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_sources_are_those_of_decompose_marginals(family: str) -> None:
    p = FAMILIES[family](np.random.default_rng(1), (4, 3, 3))
    each = each_source(p, 2)
    u, d = fastpid.union_information(each), fastpid.decompose_marginals(*each)
    assert (u.lower, u.upper) == (d.lower, d.upper)
    assert u.method == d.method
    # The kernel of many sources on the same problem, a source that says nothing beside them.
    p_z = each[0].sum(axis=0)
    three = fastpid.union_information([*each, np.outer([0.3, 0.7], p_z)])
    assert three.lower <= d.upper + 1e-12
    assert three.upper >= d.lower - 1e-12


@pytest.mark.parametrize("shape", [(3, 2, 4, 2), (3, 2, 4, 3)], ids=str)
def test_the_order_of_sources_and_of_symbols_does_not_matter(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    each = each_source(FAMILIES["spiky"](rng, shape), 3)
    u = fastpid.union_information(each)
    for order in itertools.permutations(range(3)):
        shuffled = [rng.permutation(each[i]) for i in order]
        other = fastpid.union_information(shuffled)
        assert other.value == pytest.approx(u.value, abs=1e-9)


def test_binary_targets_agree_with_the_interior_point() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        each = each_source(FAMILIES["spiky"](rng, (3, 2, 4, 3, 2)), 4)
        closed = fastpid.union_information(each)
        newton = fastpid.union_information(each, method="newton")
        assert closed.method == "exact"
        assert closed.gap <= 1e-12
        assert closed.lower <= newton.upper + 1e-12
        assert newton.lower <= closed.upper + 1e-12


def test_a_thousand_sources_of_a_binary_target() -> None:
    rng = np.random.default_rng(5)
    channels = rng.dirichlet(np.ones(10), (1000, 2)).transpose(0, 2, 1)
    each = list(channels * np.array([0.3, 0.7]))
    u = fastpid.union_information(each)
    assert u.converged
    assert u.gap <= 1e-11
    # Doubling a source adds nothing, nor does merging two of its symbols.
    assert fastpid.union_information([*each, each[0]]).value == pytest.approx(u.value, abs=1e-11)
    garbled = np.vstack([each[0][:1] + each[0][1:2], each[0][2:]])
    assert fastpid.union_information([*each, garbled]).value == pytest.approx(u.value, abs=1e-11)


def test_mirror_descent_and_the_proxy_bracket_the_same() -> None:
    each = each_source(FAMILIES["dense"](np.random.default_rng(6), (3, 3, 3, 3)), 3)
    best = fastpid.union_information(each)
    descent = fastpid.union_information(each, method="gradient", tol=1e-4)
    assert descent.method == "gradient"
    assert descent.converged
    proxy = fastpid.union_information(each, method="proxy")
    assert proxy.status == "bracket"
    for other in (descent, proxy):
        assert other.lower <= best.upper
        assert other.upper >= best.lower
        assert other.gap > best.gap


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (2, 2, 3, 2)], ids=str)
def test_batches_are_singles_and_threads_change_nothing(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(7)
    tables = np.stack([FAMILIES["spiky"](rng, shape) for _ in range(2000)])
    each = each_source(tables, 3)
    batch = fastpid.union_information(each, threads=1)
    assert batch == fastpid.union_information(each, threads=4)
    assert batch.shape == (2000,)
    for i in (0, 17, 1999):
        single = fastpid.union_information([a[i] for a in each])
        assert single == batch[i]
        for ours, theirs in zip(single.potentials, batch[i].potentials, strict=True):
            assert np.array_equal(ours, theirs)
    assert batch[:6].coupling().shape == (6, *shape)
    assert pickle.loads(pickle.dumps(batch[3])) == batch[3]
    assert batch[3] != batch[4]


def test_leading_axes_are_broadcast() -> None:
    rng = np.random.default_rng(8)
    fixed = each_source(FAMILIES["dense"](rng, (2, 2, 2, 3)), 3)
    p_z = fixed[0].sum(axis=0)
    many = rng.dirichlet(np.ones(2), (5, 3)).transpose(0, 2, 1) * p_z
    batch = fastpid.union_information([fixed[0], fixed[1], many])
    assert batch.shape == (5,)
    assert batch[2] == fastpid.union_information([fixed[0], fixed[1], many[2]])


def test_counts_are_normalised_when_asked() -> None:
    each = each_source(FAMILIES["empirical"](np.random.default_rng(9), (3, 3, 3, 3)), 3)
    counts = fastpid.union_information([50.0 * a for a in each], normalize=True)
    assert counts.value == pytest.approx(fastpid.union_information(each).value, abs=1e-9)


def test_single_precision_is_brought_to_one_target() -> None:
    each = each_source(FAMILIES["dense"](np.random.default_rng(10), (3, 3, 3, 3)), 3)
    single = fastpid.union_information([a.astype(np.float32) for a in each])
    assert single.converged
    assert single.value == pytest.approx(fastpid.union_information(each).value, abs=1e-5)


GOOD = [np.full((2, 3), 1 / 6)] * 3


@pytest.mark.parametrize(
    ("marginals", "error", "words"),
    [
        ([], ValueError, "0 sources"),
        (GOOD[:1], ValueError, "1 source; pass two or more"),
        (np.stack(GOOD), TypeError, r"pass list\(marginals\)"),
        ([*GOOD, np.full((2, 2), 0.25)], ValueError, r"marginals\[3\] has 2"),
        ([*GOOD, np.full(3, 1 / 3)], ValueError, r"marginals\[3\] must have at least 2 axes"),
        ([GOOD[0], -GOOD[0]], ValueError, r"marginals\[1\]\[0, 0\] = .* is negative"),
        ([GOOD[0], 2 * GOOD[0]], ValueError, r"marginals\[1\] sums to 2.*normalize=True"),
        ([GOOD[0], np.full((2, 3), np.nan)], ValueError, r"marginals\[1\]\[0, 0\] is NaN"),
        (
            [*GOOD, np.add(GOOD[0], [[0.1, 0.0, -0.1]])],
            ValueError,
            r"marginals\[0\] has p\(z=0\) = 0.333.* marginals\[3\] has 0.533.*differ by 0.2",
        ),
        (
            [np.stack([GOOD[0]] * 2), np.stack([GOOD[0]] * 3)],
            ValueError,
            r"do not go together: their shapes are \(2, 2, 3\), \(3, 2, 3\)",
        ),
    ],
)
def test_bad_marginals_are_refused(marginals: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fastpid.union_information(marginals)


def test_too_many_tuples_are_refused_and_closed_forms_are_not() -> None:
    rng = np.random.default_rng(11)
    each = list(rng.dirichlet(np.ones(9), (10, 3)).transpose(0, 2, 1) / 3.0)
    with pytest.raises(
        ValueError,
        match=r"more than 1e\+08 .*closed form.*fewer sources.*pairs .*decompose_posteriors",
    ):
        fastpid.union_information(each)
    with pytest.raises(ValueError, match="3 target symbols"):
        fastpid.union_information(each, method="exact")
    binary = [a[:, :2] * 1.5 for a in each]
    assert fastpid.union_information(binary).converged
    with pytest.raises(ValueError, match="are formed: ask for fewer sources"):
        fastpid.union_information(binary).coupling()


def test_problems_that_stay_open_are_reported() -> None:
    each = each_source(FAMILIES["dense"](np.random.default_rng(12), (3, 3, 3, 3)), 3)
    with pytest.warns(fastpid.ConvergenceWarning, match="the union information: .*max_iter"):
        u = fastpid.union_information(each, max_iter=2)
    assert u.status == "max_iterations"
    assert u.lower <= fastpid.union_information(each).value <= u.upper
    with pytest.raises(fastpid.ConvergenceError) as caught:
        fastpid.union_information(each, max_iter=2, on_failure="raise")
    assert caught.value.result == u


@pytest.mark.parametrize("targets", [2, 3])
def test_potentials_are_the_derivative(targets: int) -> None:
    rng = np.random.default_rng(13)
    each = each_source(FAMILIES["dense"](rng, (3, 2, 3, targets)), 3)
    u = fastpid.union_information(each, tol=1e-12, on_failure="ignore")
    step = 1e-6
    for i, lam in enumerate(u.potentials):
        direction = rng.normal(size=each[i].shape) * each[i]
        direction -= each[i] * direction.sum(axis=0) / each[i].sum(axis=0)  # p(z) stays
        moved = [
            fastpid.union_information(
                [a + sign * step * direction if k == i else a for k, a in enumerate(each)],
                tol=1e-12,
                on_failure="ignore",
            ).value
            for sign in (1.0, -1.0)
        ]
        slope = (moved[0] - moved[1]) / (2.0 * step)
        assert slope == pytest.approx((direction * lam).sum() / np.log(2.0), abs=2e-5)


def test_a_bad_problem_of_a_batch_is_told_of_and_spoils_no_other() -> None:
    rng = np.random.default_rng(8)
    each = each_source(np.stack([FAMILIES["dense"](rng, (2, 3, 2, 3)) for _ in range(5)]), 3)
    good = fastpid.union_information(each)
    each[1][1] *= -1.0
    each[0][3] = each[0][3][:, ::-1]
    words = r"marginals\[1\]\[1, 0, 0\] = .* is negative .*2 of 5 problems are invalid"
    with pytest.warns(fastpid.ConvergenceWarning, match=words):
        u = fastpid.union_information(each)
    for k in (0, 2, 4):
        assert u[k] == good[k]
        assert np.array_equal(u.coupling()[k], good.coupling()[k])
    for k in (1, 3):
        assert np.isnan([u[k].lower, u[k].upper, *u[k].mi]).all()
        assert all(np.isnan(lam).all() for lam in u[k].potentials)
        assert np.isnan(u[k].coupling()).all()
        assert u[k].status == "invalid"
    with pytest.raises(ValueError, match=words):
        fastpid.union_information(each, on_failure="raise")
    with pytest.raises(ValueError, match=r"marginals\[0\]\[0\] has p\(z="):
        fastpid.union_information([a[3:4] for a in each])


def test_a_source_that_loses_its_light_symbols_limits_what_the_others_couple() -> None:
    # At the default tolerance source 0 is left with one symbol, which has less mass at z = 0 than
    # the others' symbols: a coupling that gave it all of theirs proved too small an upper bound.
    light, rare, heavy = 1.09390653e-11, 3.80850628e-07, 4.08520870e-14
    most = 1.0 - rare - light
    each = [
        np.array([[light - heavy, most, rare], [heavy, 0.0, 0.0]]),
        np.array([[0.0, 0.0, rare], [light, most, 0.0]]),
        np.array([[light, most, 0.0], [0.0, 0.0, rare]]),
    ]
    coarse = fastpid.union_information(each)
    fine = fastpid.union_information(each, tol=1e-15, on_failure="ignore")
    assert fine.lower <= coarse.upper + 1e-14
    assert coarse.lower <= fine.upper + 1e-14
    q = coarse.coupling()
    for i, a in enumerate(each):
        assert np.abs(q.sum(axis=tuple(k for k in range(3) if k != i)) - a).max() <= 1e-15
