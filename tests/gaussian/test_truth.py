"""Systems with known answers, and agreement with an independent solver."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gaussian_families import (
    FAMILIES,
    covariance,
    from_channels,
    gaussian_information,
    scalar_channels,
)
from gaussian_reference import conic_union

import fastpid.gaussian


def test_scalar_targets_have_no_two_unique_informations() -> None:
    rng = np.random.default_rng(1)
    for m, n in ((1, 1), (3, 2), (4, 7)):
        for _ in range(10):
            h_x, h_y = rng.normal(size=(m, 1)), rng.normal(size=(n, 1))
            d = fastpid.gaussian.decompose(from_channels(h_x, h_y), (m, n, 1), unit="nats")
            assert d.mi_x == pytest.approx(0.5 * math.log1p(float(np.sum(h_x**2))), abs=1e-14)
            assert d.mi_y == pytest.approx(0.5 * math.log1p(float(np.sum(h_y**2))), abs=1e-14)
            assert d.union_information == max(d.mi_x, d.mi_y)
            assert min(d.unique_x, d.unique_y) == 0.0
            assert d.method == "exact"
            assert d.gap == 0.0


def test_a_degraded_source_adds_nothing() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        m, n, size = rng.integers(1, 6, 3)
        cov = covariance("degraded", (m, n, size), rng)
        d = fastpid.gaussian.decompose(cov, (m, n, size))
        assert d.method == "exact"
        assert d.unique_y == pytest.approx(0.0, abs=1e-9)
        assert d.redundancy == pytest.approx(d.mi_y, abs=1e-9)


def test_sources_of_different_parts_of_the_target_are_unique() -> None:
    rng = np.random.default_rng(3)
    for size in (2, 3, 6):
        cov = covariance("orthogonal", (3, 4, size), rng)
        d = fastpid.gaussian.decompose(cov, (3, 4, size))
        assert d.redundancy == pytest.approx(0.0, abs=1e-9)
        assert d.union_information == pytest.approx(d.mi_x + d.mi_y, abs=1e-9)


def test_copies_are_redundant() -> None:
    rng = np.random.default_rng(4)
    a = rng.normal(size=(5, 5))
    cov = a @ a.T
    both = np.concatenate([np.arange(3), np.arange(5)])  # X, X again, Z
    d = fastpid.gaussian.decompose(cov[np.ix_(both, both)], (3, 3, 2))
    assert d.mi_xy == pytest.approx(d.mi_x, abs=1e-12)
    assert d.redundancy == pytest.approx(d.mi_x, abs=1e-9)
    assert max(d.unique_x, d.unique_y, d.synergy) <= 1e-9


@pytest.mark.parametrize("gain", [0.1, 1.0, 3.0, 30.0])
def test_two_scalar_sources_at_an_angle(gain: float) -> None:
    for other in (gain, 0.5 * gain, 10.0):
        for angle in np.linspace(0.0, math.pi, 13):
            h_x = np.array([gain, 0.0])
            h_y = other * np.array([math.cos(angle), math.sin(angle)])
            cov, union = scalar_channels(h_x, h_y)
            d = fastpid.gaussian.decompose(cov, (1, 1, 2), unit="nats", tol=1e-11)
            assert d.union_information == pytest.approx(union, abs=1e-10)
            assert d.lower - 1e-12 <= union <= d.upper + 1e-12


def test_informations_are_those_of_determinants() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        m, n, size = (int(i) for i in rng.integers(1, 6, 3))
        cov = covariance("random", (m, n, size), rng)
        x, y, z = np.split(np.arange(m + n + size), [m, m + n])
        d = fastpid.gaussian.decompose(cov, (m, n, size), unit="nats")
        for sources, value in ((x, d.mi_x), (y, d.mi_y), (np.r_[x, y], d.mi_xy)):
            wanted = gaussian_information(cov, list(sources), list(z))
            assert value == pytest.approx(wanted, abs=1e-11)


@pytest.mark.parametrize("family", [f for f in FAMILIES if not f.startswith("ill")])
def test_a_conic_solver_agrees(family: str) -> None:
    pytest.importorskip("cvxpy")
    rng = np.random.default_rng(6)
    for sizes in ((2, 2, 2), (3, 2, 4), (4, 3, 3)):
        cov = covariance(family, sizes, rng)
        d = fastpid.gaussian.decompose(cov, sizes, unit="nats")
        assert d.union_information == pytest.approx(conic_union(cov, sizes), abs=2e-6)
