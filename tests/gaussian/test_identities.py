"""What holds whatever the covariance is: symmetries, invariances, inequalities."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_families import FAMILIES, Floats, covariance, transformed

import fastpid
import fastpid.gaussian

SIZES = ((2, 2, 2), (1, 3, 2), (4, 2, 3), (3, 3, 5))
#: Two certified brackets of the same number lie no farther apart.
CLOSE = 2.1e-9


def solve(cov: Floats, sizes: object) -> fastpid.Decomposition:
    return fastpid.gaussian.decompose(cov, sizes, on_failure="raise")


@pytest.mark.parametrize("family", FAMILIES)
def test_atoms_add_up(family: str) -> None:
    rng = np.random.default_rng(11)
    for sizes in SIZES:
        d = fastpid.gaussian.decompose(covariance(family, sizes, rng), sizes, on_failure="ignore")
        assert d.redundancy + d.unique_x == pytest.approx(d.mi_x, abs=1e-12)
        assert d.redundancy + d.unique_y == pytest.approx(d.mi_y, abs=1e-12)
        atoms = d.redundancy + d.unique_x + d.unique_y + d.synergy
        assert atoms == pytest.approx(d.mi_xy, abs=1e-12)
        assert min(d.redundancy, d.unique_x, d.unique_y, d.synergy) >= 0.0


@pytest.mark.parametrize("family", [f for f in FAMILIES if not f.startswith("ill")])
def test_swapping_the_sources_swaps_the_unique_informations(family: str) -> None:
    rng = np.random.default_rng(12)
    for sizes in SIZES:
        m, n, size = sizes
        cov = covariance(family, sizes, rng)
        x, y, z = (list(part) for part in np.split(np.arange(m + n + size), [m, m + n]))
        one, other = solve(cov, (x, y, z)), solve(cov, (y, x, z))
        assert one.unique_x == pytest.approx(other.unique_y, abs=CLOSE)
        assert one.synergy == pytest.approx(other.synergy, abs=CLOSE)
        assert one.coupling().shape == other.coupling().T.shape


@pytest.mark.parametrize("family", [f for f in FAMILIES if not f.startswith("ill")])
def test_invertible_maps_change_nothing(family: str) -> None:
    rng = np.random.default_rng(13)
    for sizes in SIZES:
        cov = covariance(family, sizes, rng)
        other = transformed(cov, sizes, rng, spread=1.0)
        one, mapped = solve(cov, sizes), solve(other, sizes)
        for name in ("redundancy", "unique_x", "unique_y", "synergy"):
            assert getattr(mapped, name) == pytest.approx(getattr(one, name), abs=CLOSE)


def test_units_of_measurement_change_nothing() -> None:
    rng = np.random.default_rng(14)
    cov = covariance("random", (2, 3, 3), rng)
    scale = 10.0 ** rng.uniform(-30, 30, len(cov))
    one, other = solve(cov, (2, 3, 3)), solve(cov * np.outer(scale, scale), (2, 3, 3))
    assert other.union_information == pytest.approx(one.union_information, abs=CLOSE)


def test_noise_on_a_source_takes_information_away() -> None:
    rng = np.random.default_rng(15)
    for _ in range(10):
        cov = covariance("random", (3, 3, 3), rng)
        noisy = cov.copy()
        noisy[:3, :3] += np.diag(rng.uniform(0.1, 2.0, 3))
        one, other = solve(cov, (3, 3, 3)), solve(noisy, (3, 3, 3))
        assert other.mi_x <= one.mi_x
        assert other.union_information <= one.union_information + CLOSE
        assert other.unique_x <= one.unique_x + CLOSE


def test_leaving_variables_out_takes_information_away() -> None:
    rng = np.random.default_rng(16)
    for _ in range(10):
        cov = covariance("random", (3, 3, 3), rng)
        all_of_it = solve(cov, (3, 3, 3))
        less = solve(cov, ([0, 2], [3, 4, 5], [6, 7, 8]))
        assert less.union_information <= all_of_it.union_information + CLOSE
        assert less.unique_x <= all_of_it.unique_x + CLOSE


def test_repeated_variables_change_nothing() -> None:
    rng = np.random.default_rng(17)
    for family in FAMILIES:
        if family.startswith("ill"):
            continue
        cov = covariance(family, (2, 3, 2), rng)
        mix = np.zeros((11, 7))
        mix[:2, :2] = np.eye(2)
        mix[2, :2] = 0.3, -0.7  # a third of X that its two make up
        mix[3:6, 2:5] = np.eye(3)
        mix[6, 2] = 5.0
        mix[7:9, 5:] = np.eye(2)
        mix[9, 5:] = 1.0, 1.0
        # and one of Z that is constant
        repeated = mix @ cov @ mix.T
        one = solve(cov, (2, 3, 2))
        other = solve((repeated + repeated.T) / 2, (3, 4, 4))
        for name in ("redundancy", "unique_x", "unique_y", "synergy"):
            assert getattr(other, name) == pytest.approx(getattr(one, name), abs=CLOSE)
        # What they share under the optimal coupling is made up in the same way.
        shared = other.coupling()
        assert shared[2] == pytest.approx(0.3 * shared[0] - 0.7 * shared[1], abs=1e-9)
        assert shared[:, 3] == pytest.approx(5.0 * shared[:, 0], abs=1e-9)
