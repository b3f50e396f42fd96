"""The bracket is proved by what the result hands out, on hostile systems, too."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_families import (
    FAMILIES,
    Floats,
    Sizes,
    covariance,
    exact_information,
    from_channels,
    gaussian_information,
    least_eigenvalue,
)
from scipy.linalg import sqrtm

import fastpid.gaussian

TOL = 1e-9


def lower_bound(cov: Floats, sizes: Sizes, w: Floats, q: Floats) -> float:
    """Evaluate the bound of a W and a Q as the documentation writes it, in nats."""
    m, n, d = sizes
    s = m + n
    x, y, z = slice(0, m), slice(m, s), slice(s, None)
    w_x, w_y = w[:, :m], w[:, m:]
    p = w_x.T @ q @ w_y
    to_z = np.linalg.inv(cov[z, z])

    def root(a: slice) -> Floats:
        out: Floats = np.real(sqrtm(cov[a, a] - cov[a, z] @ to_z @ cov[z, a]))
        return out

    error = cov[z, z] - 2 * w @ cov[:s, z] + w_x @ cov[x, x] @ w_x.T + w_y @ cov[y, y] @ w_y.T
    shared = float(np.sum(p * (cov[x, z] @ to_z @ cov[z, y])))
    nuclear = float(np.linalg.norm(root(x) @ p @ root(y), "nuc"))
    log_dets = np.linalg.slogdet(q)[1] + np.linalg.slogdet(cov[z, z])[1]
    return 0.5 * float(log_dets + d - np.trace(q @ error) - 2 * shared - 2 * nuclear)


@pytest.mark.parametrize("family", [f for f in FAMILIES if not f.startswith("ill")])
def test_potentials_and_coupling_prove_the_bracket(family: str) -> None:
    rng = np.random.default_rng(7)
    for sizes in ((2, 2, 2), (1, 4, 3), (5, 3, 2), (3, 4, 6)):
        cov = covariance(family, sizes, rng)
        m, n, _ = sizes
        d = fastpid.gaussian.decompose(cov, sizes, unit="nats", tol=TOL)
        # The square root of a matrix that is nearly singular loses half of the digits.
        assert lower_bound(cov, sizes, *d.potentials) >= d.lower - 2e-7
        coupling = d.coupling()
        assert coupling.shape == (m, n)
        joined = cov.copy()
        joined[:m, m : m + n], joined[m : m + n, :m] = coupling, coupling.T
        assert np.linalg.eigvalsh(joined)[0] >= -1e-12 * np.trace(joined)
        # Where the noises become the same, determinants see a matrix that is nearly singular.
        pulled = joined + 1e-9 * np.diag(np.diag(joined))
        rows = list(range(len(cov)))
        assert gaussian_information(pulled, rows[: m + n], rows[m + n :]) <= d.upper + 1e-6


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("spread", [0.0, 2.0, 4.0])
def test_hostile_systems_reach_the_tolerance(family: str, spread: float) -> None:
    rng = np.random.default_rng(8)
    for _ in range(60):
        m, n, size = (int(i) for i in rng.integers(1, 11, 3))
        cov = covariance(family, (m, n, size), rng, spread)
        least = least_eigenvalue(cov)
        if least < 1e-13:  # may be refused
            continue
        d = fastpid.gaussian.decompose(cov, (m, n, size), unit="nats", tol=TOL, on_failure="ignore")
        assert max(d.mi_x, d.mi_y) <= d.lower <= d.upper <= min(d.mi_x + d.mi_y, d.mi_xy)
        # What rounding leaves open is part of the gap, and beyond tol only where the matrix is
        # nearly singular.
        assert d.gap <= TOL + 10.0 * np.finfo(float).eps / least
        assert d.converged == (d.gap <= TOL)


@pytest.mark.parametrize("family", ["random", "ill", "ill, nearly equal"])
@pytest.mark.parametrize("spread", [0.0, 2.0])
def test_rounding_is_what_it_is_said_to_be(family: str, spread: float) -> None:
    rng = np.random.default_rng(18)
    for _ in range(15):
        m, n, size = (int(i) for i in rng.integers(1, 6, 3))
        cov = covariance(family, (m, n, size), rng, spread)
        x, y, z = (list(part) for part in np.split(np.arange(len(cov)), [m, m + n]))
        d = fastpid.gaussian.decompose(cov, (m, n, size), unit="nats", on_failure="ignore")
        rounding = 4.0 * np.finfo(float).eps / least_eigenvalue(cov) + 1e-13
        for value, sources in ((d.mi_x, x), (d.mi_y, y), (d.mi_xy, [*x, *y])):
            assert abs(value - exact_information(cov, sources, z)) <= rounding


def test_few_steps_give_bounds_that_hold() -> None:
    rng = np.random.default_rng(9)
    cov = covariance("nearly equal", (4, 4, 4), rng)
    known = fastpid.gaussian.decompose(cov, (4, 4, 4))
    for steps in range(1, 8):
        d = fastpid.gaussian.decompose(cov, (4, 4, 4), max_iter=steps, on_failure="ignore")
        assert d.lower <= known.upper
        assert d.upper >= known.lower
        assert d.iterations <= steps
        assert d.converged or d.status == "max_iterations"


def test_what_a_failure_does() -> None:
    cov = covariance("nearly equal", (4, 4, 4), np.random.default_rng(10))
    with pytest.warns(fastpid.ConvergenceWarning, match="1 iterations"):
        fastpid.gaussian.decompose(cov, (4, 4, 4), max_iter=1)
    with pytest.raises(fastpid.ConvergenceError) as caught:
        fastpid.gaussian.decompose(cov, (4, 4, 4), max_iter=1, on_failure="raise")
    assert caught.value.result.gap > TOL


def test_a_nearly_singular_covariance_says_what_rounding_leaves_open() -> None:
    h_x, h_y = np.array([[1e5, 1.0]]), np.array([[1.0, 1e5]])
    cov = from_channels(h_x, h_y)
    with pytest.warns(fastpid.ConvergenceWarning, match="eigenvalue of .*e-11.*leaves that much"):
        d = fastpid.gaussian.decompose(cov, (1, 1, 2))
    assert TOL < d.gap < 1e-4
    assert fastpid.gaussian.decompose(cov, (1, 1, 2), tol=1e-4).converged
