"""Brackets hold the truth and nothing is NaN, where they once did not."""

from __future__ import annotations

import numpy as np
import pytest
from certificate import check_coupling, check_potentials

import fastpid
from fastpid.information import mutual_information

#: Tables that the interior point loses: after a symbol was split, and of 200 skewed samples.
SPLIT = [
    [
        [9.081610316516721e-07, 0, 0, 0],
        [0, 0.4651580338630156, 8.667277880230282e-10, 4.651584990215146e-07],
        [0, 4.052852e-10, 4.492134360729196e-09, 4.0528559e-16],
        [0.002203538733784514, 1.571266133e-09, 2.342729307091099e-09, 1.5712677e-15],
        [1.4229032773e-09, 1.0213973570180383e-09, 0, 1.0213984e-15],
    ],
    [
        [0, 0, 0.10931428382341611, 0],
        [0.00623, 0, 0, 0],
        [0, 0.3058953220855768, 0, 3.058956279812048e-07],
        [0, 1.570595686711839e-09, 7.8980084125e-15, 1.57059726e-15],
        [0.111196219, 0, 3.1171040450043647e-09, 0],
    ],
]
SKEWED = [
    [[28, 37, 9, 16], [41, 11, 0, 5], [10, 0, 0, 0]],
    [[3, 14, 1, 3], [0, 0, 0, 0], [1, 0, 0, 0]],
    [[15, 4, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]],
]
#: Counts on which the interior point runs away once it is past rounding.
BEYOND_ROUNDING = [
    [[[8, 3], [0, 1]], [[7, 0], [0, 7]]],
    [[[8, 0], [6, 0]], [[6, 1], [6, 5]]],
    [[[1, 2], [0, 1], [2, 1]], [[0, 0], [0, 0], [0, 0]]],
    [[[1, 1], [64, 8], [2, 1]]],
]


def normalised(table: list) -> np.ndarray:
    p = np.array(table, dtype=float)
    return p / p.sum()


@pytest.mark.parametrize("tol", [1e-13, 1e-14, 1e-15, 1e-16, 1e-18, 1e-100, 1e-300])
@pytest.mark.parametrize("method", ["newton", "gradient", "auto"])
@pytest.mark.parametrize("table", [*BEYOND_ROUNDING, SKEWED, SPLIT])
def test_no_tolerance_makes_a_bracket_false(table: list, method: str, tol: float) -> None:
    p = normalised(table)
    d = fastpid.decompose(p, method=method, tol=tol, max_iter=200, on_failure="ignore")
    best = fastpid.decompose(p)
    assert np.isfinite(
        [d.lower, d.upper, *(getattr(d, atom) for atom in fastpid.result.ATOMS)]
    ).all()
    assert d.lower - 1e-13 <= best.upper
    assert d.upper + 1e-13 >= best.lower
    assert d.gap >= 0.0
    assert d.converged == (d.gap <= tol)
    check_potentials(p, d)
    check_coupling(p, d)


@pytest.mark.parametrize("table", [SPLIT, SKEWED])
def test_auto_goes_on_with_mirror_descent_where_the_interior_point_fails(table: list) -> None:
    p = normalised(table)
    d = fastpid.decompose(p, tol=1e-6, on_failure="raise")
    assert check_coupling(p, d) <= d.upper + 1e-6
    assert check_potentials(p, d) >= d.lower - 1e-6
    # In a batch, in lanes beside tables of the same shape, too.
    other = np.random.default_rng(0).dirichlet(np.ones(p.size)).reshape(p.shape)
    batch = fastpid.decompose(np.stack([other, p, other, p]), tol=1e-6, on_failure="raise")
    assert batch.lower[1] == batch.lower[3] == d.lower
    assert batch.upper[1] == batch.upper[3] == d.upper


def test_the_coupling_of_a_binary_target_attains_the_upper_bound() -> None:
    rng = np.random.default_rng(5)
    for trial in range(400):
        nx, ny = rng.integers(1, 12, 2)
        if trial % 4 == 0:
            p = rng.dirichlet(np.full(nx * ny * 2, 0.3)).reshape(nx, ny, 2)
        elif trial % 4 == 1:  # ties
            p = rng.multinomial(40, rng.dirichlet(np.full(nx * ny * 2, 0.3))).reshape(nx, ny, 2)
        elif trial % 4 == 2:  # Y a garbling of X: the hull is X's curve
            a = rng.dirichlet(np.ones(nx * 2)).reshape(nx, 2)
            p = np.einsum("xz,xy->xyz", a, rng.dirichlet(np.ones(ny), size=nx))
        else:
            p = 10.0 ** rng.uniform(-300, 0, (nx, ny, 2))
        p = p / p.sum()
        d = fastpid.decompose(p)
        assert d.method == "exact"
        assert check_coupling(p, d) == pytest.approx(d.upper, abs=1e-13)


def test_the_coupling_is_finite_where_cells_are_subnormal() -> None:
    p = np.array([[[0.5, 0.5]], [[1e-320, 0.0]]])
    q = fastpid.decompose(p).coupling()
    np.testing.assert_allclose(q, p, rtol=0, atol=1e-300)


def test_the_address_of_a_table_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    for nz in (2, 3, 15, 16, 17, 33):
        p = rng.dirichlet(np.ones(9 * nz)).reshape(3, 3, nz)
        expected = fastpid.decompose(p)
        memory = np.empty(p.size + 8)
        for offset in range(8):
            moved = memory[offset : offset + p.size].reshape(p.shape)
            moved[...] = p
            d = fastpid.decompose(moved)
            assert (d.lower, d.upper) == (expected.lower, expected.upper)
        batch = fastpid.decompose(np.stack([p] * 9), threads=1)
        assert set(batch.lower.tolist()) == {expected.lower}


def test_the_interior_point_is_not_tried_where_it_would_take_gigabytes() -> None:
    """One symbol of X with 12,000 target symbols has a block of 12,000 x 12,000 numbers."""
    rng = np.random.default_rng(1)
    p = np.zeros((2, 3, 12000))
    p[0] = rng.dirichlet(np.full(12000, 0.1), size=3)
    p[1] = rng.dirichlet(np.full(12000, 0.1), size=3) * (rng.random((3, 12000)) < 0.5)
    p /= p.sum()
    d = fastpid.decompose(p, max_iter=3, on_failure="ignore")
    assert d.method == "gradient"


def test_information_of_the_coupling_exceeds_upper_by_less_than_the_gap_of_the_solve() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        p = rng.dirichlet(np.full(36, 0.5)).reshape(3, 4, 3)
        d = fastpid.decompose(p)
        q = d.coupling().reshape(12, 3)
        assert float(mutual_information(q)) <= d.upper + 1e-12
