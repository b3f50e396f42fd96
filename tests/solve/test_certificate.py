"""The certificate: converged gaps, exact marginals, dual feasibility, on every family of tables."""

from __future__ import annotations

import numpy as np
import pytest
from certificate import check_coupling, check_potentials
from families import FAMILIES, LARGE_SHAPES, SHAPES, table
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid

LN2 = np.log(2.0)


def check_certificate(p: np.ndarray, d: fastpid.Decomposition, tol: float = 1e-9) -> None:
    assert d.status is fastpid.Status.CONVERGED
    assert 0.0 <= d.gap <= tol
    assert d.lower <= d.union_information <= d.upper

    # Primal: a distribution in Delta_P whose information is the upper bound or less.
    assert check_coupling(p, d) <= d.upper + tol
    # Dual: feasible potentials whose value is the lower bound or more.
    assert check_potentials(p, d) >= d.upper - tol - 1e-12


@pytest.mark.parametrize("family", FAMILIES)
@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_every_family_converges_with_its_certificate(
    family: str, shape: tuple[int, int, int], seed: int
) -> None:
    p = table(family, shape, seed)
    check_certificate(p, fastpid.decompose(p, on_failure="raise"))


@pytest.mark.parametrize("shape", LARGE_SHAPES, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_converges_up_to_30x30x10(family: str, shape: tuple[int, int, int]) -> None:
    p = table(family, shape, 7)
    check_certificate(p, fastpid.decompose(p, on_failure="raise"))


def test_50x50x10_dense_reaches_1e_8() -> None:
    p = table("dense", (50, 50, 10), 1)
    check_certificate(p, fastpid.decompose(p, tol=1e-8, on_failure="raise"), tol=1e-8)


@pytest.mark.parametrize("method", ["newton", "exact"])
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    shape=st.sampled_from([(2, 2, 2), (3, 5, 2), (7, 4, 2), (1, 3, 2), (12, 12, 2)]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_binary_target_both_ways(
    method: str, family: str, shape: tuple[int, int, int], seed: int
) -> None:
    p = table(family, shape, seed)
    closed = fastpid.decompose(p, method="exact")
    iterated = fastpid.decompose(p, method="newton", on_failure="raise")
    assert closed.gap <= 1e-13
    assert iterated.lower - 1e-13 <= closed.union_information <= iterated.upper + 1e-13
    check_certificate(p, closed if method == "exact" else iterated)


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    shape=st.sampled_from(SHAPES),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_looser_methods_bracket_the_answer(
    family: str, shape: tuple[int, int, int], seed: int
) -> None:
    p = table(family, shape, seed)
    best = fastpid.decompose(p)
    proxy = fastpid.decompose(p, method="proxy")
    gradient = fastpid.decompose(p, method="gradient", tol=1e-3, on_failure="ignore")
    for loose in (proxy, gradient):
        assert loose.lower <= best.upper + 1e-13
        assert loose.upper >= best.lower - 1e-13
    assert proxy.status in (fastpid.Status.BRACKET, fastpid.Status.CONVERGED)
    # Mirror descent starts from the proxy (of its own tolerance, which the reductions follow).
    start = fastpid.decompose(p, method="proxy", tol=1e-3)
    assert gradient.gap <= start.gap + 1e-13


@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-11])
def test_tolerance_is_respected(tol: float) -> None:
    for seed in range(5):
        d = fastpid.decompose(table("dense", (5, 5, 5), seed), tol=tol, method="newton")
        assert d.converged
        assert d.gap <= tol


def test_proxy_marginals_are_exact_and_conditionally_independent() -> None:
    p = table("dense", (4, 3, 5), 0)
    q = fastpid.decompose(p, method="proxy").coupling()
    p_z = p.sum(axis=(0, 1))
    expected = p.sum(axis=1)[:, None, :] * p.sum(axis=0)[None, :, :] / p_z
    np.testing.assert_allclose(q, expected, atol=1e-15)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("family", ["dense", "empirical 20", "spiky 0.02", "copies 1e-12"])
def test_potentials_support_the_optimum_everywhere(family: str, seed: int) -> None:
    """They bound F from below at *other* tables, symbols included that this one never saw."""
    shape = (4, 4, 3)
    p = table(family, shape, seed)
    p[seed % 4] = 0.0
    if seed % 2:
        p[:, (seed + 1) % 4] = 0.0
    p /= p.sum()
    lam, mu = fastpid.decompose(p, on_failure="ignore").potentials
    assert np.isfinite(lam).all()
    assert np.isfinite(mu).all()
    sums = np.exp(lam[:, None, :] + mu[None, :, :]).sum(axis=-1)
    assert sums.max() <= 1.0 + 1e-12
    other = table("spiky 0.3", shape, seed + 1)
    pz = other.sum(axis=(0, 1))
    bound = (other * (lam[:, None] + mu[None])).sum() - (pz * np.log(pz)).sum()
    assert bound <= fastpid.decompose(other, unit="nats", on_failure="ignore").upper + 1e-9


@pytest.mark.parametrize("signal", [(3, 2), (9, 8)])
def test_potentials_prove_the_lower_bound_of_a_large_table(signal: tuple[int, int]) -> None:
    """Large enough for finer cuts and single precision."""
    p = fastpid.gates.random_soft((110, 105, 100), 3000, signal=signal, rng=0)
    d = fastpid.decompose(p, tol=1e-3, unit="nats", threads=1)
    assert d.converged
    assert (d.method, d.lower) == ("gradient", fastpid.decompose(p, tol=1e-3, unit="nats").lower)
    lam, mu = d.potentials
    assert np.einsum("xz,yz->xy", np.exp(lam), np.exp(mu)).max() <= 1.0 + 1e-12
    pz = p.sum(axis=(0, 1))
    proved = (p.sum(1) * lam).sum() + (p.sum(0) * mu).sum() - (pz * np.log(pz)).sum()
    assert abs(proved - d.lower) < 1e-10
    q = d.coupling()
    np.testing.assert_allclose(q.sum(1), p.sum(1), atol=1e-12)
    np.testing.assert_allclose(q.sum(0), p.sum(0), atol=1e-12)


def test_an_unconverged_answer_has_a_subgradient() -> None:
    """The plane through the lower bound stays below the union information of other tables."""
    p = table("dense", (4, 4, 4), 0)
    d = fastpid.decompose(p, method="proxy", unit="nats")
    lam, mu = d.potentials
    for seed in range(1, 6):
        q = table("dense", (4, 4, 4), seed)
        pz = q.sum(axis=(0, 1))
        below = (q * (lam[:, None] + mu[None])).sum() - (pz * np.log(pz)).sum()
        assert below <= fastpid.decompose(q, unit="nats").lower + 1e-9


def test_binary_target_whose_curves_meet_in_a_point() -> None:
    # Both curves pass through (2996, 3020), reached by different sums.
    x = [[1029, 987], [1020, 991], [962, 983], [1014, 1046], [1017, 951]]
    y = [[985, 992], [1034, 986], [1005, 1063], [1012, 952], [1006, 965]]
    p_xz, p_yz = np.array(x) / 10000, np.array(y) / 10000
    p = p_xz[:, None, :] * p_yz[None, :, :] / p_xz.sum(0)
    counts = np.random.default_rng(0).integers(0, 6, (50_000, 4, 4, 2)).astype(float)
    counts = counts[counts.sum(axis=(1, 2, 3)) > 0]
    for tables in (p, counts):
        d = fastpid.decompose(tables, method="exact", normalize=True)
        assert np.max(d.gap) <= 1e-13
