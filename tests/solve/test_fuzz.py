"""Tens of thousands of hostile tables, checked against what must hold of any.

bench/studies/fuzz/fuzz.py goes on where this stops.
"""

from __future__ import annotations

import numpy as np
import pytest
from hostile import FAMILIES, SHAPES
from invariants import (
    WAYS,
    check_answers,
    check_bits,
    check_coupling,
    check_effort,
    check_gradients,
    check_potentials,
    check_reference,
    check_scale,
    crossing,
    rounding,
    solve,
    transformations,
)

TOL = 1e-9
EACH = 16  # tables of a shape and family


def assert_none(broken: dict[str, np.ndarray], p: np.ndarray) -> None:
    for what, mask in broken.items():
        assert not mask.any(), f"{what}: {p[np.argmax(mask)].tolist()}"


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_tables(family: str) -> None:
    seed = sorted(FAMILIES).index(family)
    for number, shape in enumerate(SHAPES):
        rng = np.random.default_rng([seed, number])
        p = FAMILIES[family](rng, shape, EACH)
        assert p.shape == (EACH, *shape)
        d = solve(p)
        assert_none(check_answers(d, TOL), p)
        assert_none(check_effort(d), p)
        assert_none(check_potentials(p, d), p)
        assert_none(check_coupling(p, d, TOL), p)
        for way in WAYS:
            few = p[:2]
            other = solve(few, **way)
            assert_none(check_answers(other, way.get("tol", TOL)), few)
            assert_none({str(way): ~(crossing(d[:2], other) <= 2.0 * rounding(p))}, few)
            assert_none(check_potentials(few, other), few)
            assert_none(check_coupling(few, other, way.get("tol", TOL), np.inf), few)
        for name, other in transformations(p, rng):
            assert_none({name: ~(crossing(d, solve(other)) <= 2.0 * rounding(other))}, p)
        assert_none(check_scale(p, rng, TOL), p)
        if number % 4 == seed % 4:  # a second thread wants ten thousand cells
            assert_none(check_bits(p[:1], d[:1]), p)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_of_hostile_tables(family: str) -> None:
    pytest.importorskip("torch")
    seed = sorted(FAMILIES).index(family)
    for number, shape in enumerate(SHAPES):
        p = FAMILIES[family](np.random.default_rng([seed, number, 1]), shape, 4)
        assert_none(check_gradients(p, solve(p), TOL), p)


@pytest.mark.parametrize("family", FAMILIES)
def test_another_solver_on_hostile_tables(family: str) -> None:
    pytest.importorskip("cvxpy")
    p = FAMILIES[family](np.random.default_rng(0), (3, 2, 3), 1)
    assert_none(check_reference(p, solve(p)), p)
