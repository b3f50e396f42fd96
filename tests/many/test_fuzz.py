"""Thousands of hostile tables of several sources; bench/studies/fuzz/many.py goes on from here."""

from __future__ import annotations

import numpy as np
import pytest
from many_invariants import (
    FAMILIES,
    LARGE_SHAPES,
    SHAPES,
    check_all,
    check_bits,
    check_coupling,
    check_sets,
    draw,
    solve,
)


def assert_none(broken: dict[str, np.ndarray], p: np.ndarray) -> None:
    for what, mask in broken.items():
        assert not mask.any(), f"{what}: {p[np.argmax(mask)].tolist()}"


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_tables_of_several_sources(family: str) -> None:
    seed = sorted(FAMILIES).index(family)
    for number in range(seed % 7, len(SHAPES), 7):
        rng = np.random.default_rng([seed, number])
        p = draw(family, rng, SHAPES[number], 5)
        assert p.shape == (5, *SHAPES[number])
        u, broken = check_all(p, rng)
        assert_none(broken, p)
        assert_none(check_coupling(p, u, 1e-9), p)
        assert_none(check_sets(p, u), p)
        assert_none(check_bits(p[:1], u[:1]), p)


@pytest.mark.parametrize("number", [1, 135, 148])
def test_equal_sources_of_many_tuples_converge(number: int) -> None:
    # Tables of the long run: thousands of tuples have next to no slack, a few of them all the mass.
    rng = np.random.default_rng([3, 1, number])
    p = draw("same_sources", rng, LARGE_SHAPES[number % len(LARGE_SHAPES)], 1)
    u = solve(p, tol=1e-9 * np.log(2.0))
    assert u.converged.all(), u.gap
